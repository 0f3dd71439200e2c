"""Client CPU to read a streamed answer in events of four characters.

It compares structgen's chunks with groq, openai and plain decoding over httpx (`iter_lines` and
`json.loads`). Goal: at most 1.5 times plain decoding.
"""

from __future__ import annotations

import json
from typing import Any

import groq
import httpx
import openai

from benchmarks._loopback import loopback
from benchmarks._measure import interleaved, ratios
from structgen import Client

MESSAGES: Any = [{"role": "user", "content": "Go on."}]


def main() -> dict[str, Any]:
    """Print a table; return the figures."""
    figures: dict[str, Any] = {}
    with loopback() as server:
        for payload, calls in (("2k", 8), ("20k", 2)):
            times = interleaved(_variants(f"{server}/{payload}"), calls=calls, warm=2, rounds=5)
            figures[payload] = {
                "us": {name: round(time) for name, time in times.items()},
                "ratio": ratios(times, "httpx sse"),
            }
            print(payload, figures[payload])
    return figures


def _variants(url: str) -> dict[str, Any]:
    plain = httpx.Client()
    ours = Client("vllm:m", base_url=f"{url}/v1")
    theirs = groq.Groq(api_key="k", base_url=url)
    openais = openai.OpenAI(api_key="k", base_url=f"{url}/v1")

    def sse() -> str:
        parts = []
        body = {"model": "m", "messages": MESSAGES, "stream": True}
        with plain.stream("POST", f"{url}/v1/chat/completions", json=body) as reply:
            for line in reply.iter_lines():
                if line.startswith("data: {"):
                    parts.append(json.loads(line[6:])["choices"][0]["delta"].get("content") or "")
        return "".join(parts)

    def of(client: Any) -> Any:
        def read() -> str:
            stream = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

        return read

    return {"httpx sse": sse, "structgen": of(ours), "groq": of(theirs), "openai": of(openais)}
