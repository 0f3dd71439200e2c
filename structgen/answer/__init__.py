"""What a model wrote, read: a value, or why it is none. No I/O."""
