"""The answer as it is written.

With Groq's SDK: `from groq import Groq` and `client = Groq()`.
"""

import structgen

client = structgen.Client("groq:openai/gpt-oss-20b")

stream = client.chat.completions.create(
    messages=[
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Explain the importance of fast language models"},
    ],
    model="openai/gpt-oss-20b",
    temperature=0.5,
    max_completion_tokens=1024,
    top_p=1,
    stop=None,
    stream=True,
)

for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="")
