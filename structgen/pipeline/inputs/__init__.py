"""Where the documents of a job come from."""
