"""The messages that ask a model for a record, and how they are laid out."""
