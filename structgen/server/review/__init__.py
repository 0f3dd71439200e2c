"""A local page on which people accept, correct and reject extracted records."""
