"""Wire formats: pure functions and rows of facts."""
