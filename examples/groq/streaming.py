"""The answer as it is written. With Groq's SDK: `from groq import Groq` and `client = Groq()`."""

import structgen

client = structgen.Client("groq:llama-3.3-70b-versatile")

stream = client.chat.completions.create(
    messages=[
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Explain the importance of fast language models"},
    ],
    model="llama-3.3-70b-versatile",
    temperature=0.5,
    max_completion_tokens=1024,
    top_p=1,
    stop=None,
    stream=True,
)

for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="")
