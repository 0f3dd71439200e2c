"""JSON, of no particular shape.

With Groq's SDK: `from groq import Groq` and `client = Groq()`.
"""

import json

import structgen

client = structgen.Client("groq:openai/gpt-oss-20b")

chat_completion = client.chat.completions.create(
    model="openai/gpt-oss-20b",
    messages=[
        {
            "role": "system",
            "content": "Classify the sentiment of the review. Answer in JSON: "
            '{"sentiment": "positive" or "negative"}.',
        },
        {"role": "user", "content": "It broke on the second day, and nobody answered my letters."},
    ],
    response_format={"type": "json_object"},
)

print(json.loads(chat_completion.choices[0].message.content or ""))
