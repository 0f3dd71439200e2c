"""JSON of a given schema.

With Groq's SDK: `from groq import Groq` and `client = Groq()`.
"""

import json

import structgen

client = structgen.Client("groq:openai/gpt-oss-20b")

response = client.chat.completions.create(
    model="openai/gpt-oss-20b",
    messages=[
        {"role": "system", "content": "Extract what the review says about the product."},
        {
            "role": "user",
            "content": "The UltraSound headphones are worth every cent. "
            "Five stars, 4.5 of them for the noise cancelling.",
        },
    ],
    response_format={
        "type": "json_schema",
        "json_schema": {
            "name": "product_review",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {
                    "product_name": {"type": "string"},
                    "rating": {"type": "number"},
                    "sentiment": {"type": "string", "enum": ["positive", "negative", "neutral"]},
                },
                "required": ["product_name", "rating", "sentiment"],
                "additionalProperties": False,
            },
        },
    },
)

print(json.loads(response.choices[0].message.content or ""))
