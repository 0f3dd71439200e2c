"""The command line: one file for each command, and a table of them in `main`."""
