"""From a path, a URL or an open file to its bytes, and what they are."""
