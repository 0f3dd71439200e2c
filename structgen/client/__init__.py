"""Clients, and the functions of the default one. Their public path is `structgen`."""
