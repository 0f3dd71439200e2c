"""Read the rows of a file, one module for each kind of file."""
