"""The libraries that run a model in this process."""
