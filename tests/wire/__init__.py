"""The wire: events, dialects, retries, transport, the chat surface."""
