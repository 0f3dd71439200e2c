"""A server that speaks Chat Completions as Groq does, over the engine in this process."""
