"""Checks of a value: patterns, formats, violations in plain words."""
