"""Client CPU to read a streamed answer in events of four characters, in each dialect.

It compares structgen's chunks with the SDKs and with plain decoding over httpx (`iter_lines` and
`json.loads`). `python -m benchmarks streaming chat anthropic` asks in these dialects only. Goal: at
most 1.5 times plain decoding.
"""

from __future__ import annotations

from typing import Any

import httpx

from benchmarks._dialects import Dialect, chosen
from benchmarks._loopback import loopback
from benchmarks._measure import interleaved, ratios
from benchmarks._sdks import Sdk, sdks_of
from structgen import Client

MESSAGES: Any = [{"role": "user", "content": "Go on."}]
PAYLOADS = (("2k", 8), ("20k", 2))
"""Payloads, and calls a round of each."""


def main(names: list[str] | None = None) -> dict[str, Any]:
    """Print a table; return the figures.

    Args:
        names: The dialects; all of them if there are none.
    """
    figures: dict[str, Any] = {}
    with loopback() as server:
        for dialect in chosen(names):
            for payload, calls in PAYLOADS:
                variants = _variants(dialect, f"{server}/{payload}")
                times = interleaved(variants, calls=calls, warm=2, rounds=5)
                found = {
                    "us": {name: round(time) for name, time in times.items()},
                    "ratio": ratios(times, "httpx sse"),
                }
                figures[f"{dialect.name} {payload}"] = found
                print(dialect.name, payload, found)
    return figures


def _variants(dialect: Dialect, server: str) -> dict[str, Any]:
    plain = httpx.Client()
    ours = Client(dialect.spec, base_url=f"{server}{dialect.base_path}", api_key="k")
    url, body = dialect.url(server, stream=True), dialect.body("Go on.", stream=True)

    def sse() -> str:
        with plain.stream("POST", url, json=body) as reply:
            return "".join(dialect.pieces(reply.iter_lines()))

    def chunks() -> str:
        stream = ours.chat.completions.create(messages=MESSAGES, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)

    def of(sdk: Sdk) -> Any:
        client = sdk.client(server)
        return lambda: "".join(piece or "" for piece in sdk.stream(client, body))

    variants: dict[str, Any] = {"httpx sse": sse, "structgen": chunks}
    variants |= {sdk.name: of(sdk) for sdk in sdks_of(dialect.name)}
    texts = {name: read() for name, read in variants.items()}
    assert len(set(texts.values())) == 1, "the variants read different texts"
    return variants
