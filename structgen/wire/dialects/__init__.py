"""Wire formats: each is pure functions from requests to bytes and from bytes to answers."""
