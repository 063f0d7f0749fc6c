"""Terraform's functions, a module for each subject; registry.py has them all by name."""
