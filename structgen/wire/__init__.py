"""Talking to a server: wire formats, providers, retries, HTTP."""
