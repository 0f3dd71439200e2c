"""The files of `structgen init`: a target, gold and commands, guessed from a sample of data."""
