"""Assay's own functions, beyond the Kubernetes dialect: pure, and at home with unknown values."""
