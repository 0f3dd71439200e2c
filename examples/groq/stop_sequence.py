"""An answer that ends before a given text.

With Groq's SDK: `from groq import Groq` and `client = Groq()`.
"""

import structgen

client = structgen.Client("groq:openai/gpt-oss-20b")

chat_completion = client.chat.completions.create(
    messages=[
        {"role": "system", "content": "You are a helpful assistant."},
        {
            "role": "user",
            "content": 'Count to 10. Your response must begin with "1, ". example: 1, 2, 3, ...',
        },
    ],
    model="openai/gpt-oss-20b",
    temperature=0.5,
    max_completion_tokens=1024,
    top_p=1,
    stop=", 6",
    stream=False,
)

print(chat_completion.choices[0].message.content)
