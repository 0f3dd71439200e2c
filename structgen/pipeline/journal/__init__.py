"""The journal of a job: its file, what is in it, and what can be read from it at any time."""
