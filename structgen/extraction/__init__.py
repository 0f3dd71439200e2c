"""One call: the prompt, the attempts, the modes, the stream."""
