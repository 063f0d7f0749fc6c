"""The function libraries of the Kubernetes dialect, a module each; every one has OVERLOADS."""
