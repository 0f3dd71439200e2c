"""What `structgen init` writes: a target, gold and commands, guessed from a sample of data."""
