"""Read the text of a file that is one document."""
