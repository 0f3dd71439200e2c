"""The columns of an output, and their types."""
