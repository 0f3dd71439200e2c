"""From a source schema to one that a schema language holds."""
