"""One question on an event loop.

With Groq's SDK: `from groq import AsyncGroq` and `client = AsyncGroq()`.
"""

import asyncio

import structgen


async def main() -> None:
    client = structgen.AsyncClient("groq:openai/gpt-oss-20b")

    chat_completion = await client.chat.completions.create(
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Explain the importance of fast language models"},
        ],
        model="openai/gpt-oss-20b",
        temperature=0.5,
        max_completion_tokens=1024,
        top_p=1,
        stop=None,
        stream=False,
    )

    print(chat_completion.choices[0].message.content)


asyncio.run(main())
