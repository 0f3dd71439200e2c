"""Decoding under a grammar, token by token."""
