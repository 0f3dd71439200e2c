"""HTTP: clients, connections, and what goes wrong with them."""
