"""One question, one answer.

With Groq's SDK: `from groq import Groq` and `client = Groq()`.
"""

import structgen

client = structgen.Client("groq:openai/gpt-oss-20b")

chat_completion = client.chat.completions.create(
    messages=[
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Explain the importance of fast language models"},
    ],
    model="openai/gpt-oss-20b",
)

print(chat_completion.choices[0].message.content)
