"""Forms: one record, filled in over a conversation."""
