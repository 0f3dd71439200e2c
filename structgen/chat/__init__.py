"""Chat Completions, as the Groq and OpenAI SDKs have it."""
