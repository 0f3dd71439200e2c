"""Two-way maps between a value and what a schema language can hold."""
