"""What a project decides of its scans: its configuration file, and who owns what."""
