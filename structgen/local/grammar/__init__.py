"""A compiled schema as a grammar."""
