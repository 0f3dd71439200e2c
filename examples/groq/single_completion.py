"""One question, one answer. With Groq's SDK: `from groq import Groq` and `client = Groq()`."""

import structgen

client = structgen.Client("groq:llama-3.3-70b-versatile")

chat_completion = client.chat.completions.create(
    messages=[
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Explain the importance of fast language models"},
    ],
    model="llama-3.3-70b-versatile",
)

print(chat_completion.choices[0].message.content)
