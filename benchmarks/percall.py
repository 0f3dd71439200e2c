"""Client CPU of one call, in each dialect: structgen, plain httpx with `model_validate_json`, SDKs.

All of them ask the same loopback server. `python -m benchmarks percall chat anthropic` asks in
these dialects only.

Goals for `structgen extract`, to plain httpx: 0.85 for an answer of 332 bytes, 1.0 for 50 kB.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import httpx

from benchmarks._dialects import Dialect, chosen
from benchmarks._loopback import loopback
from benchmarks._measure import interleaved, ratios
from benchmarks._report import Report
from benchmarks._sdks import sdks_of
from structgen import Client
from structgen.testing import ScriptedTransport

TEXT = (
    "The quarterly report of the Acme group names Ada Byron and the product Analytical Engine. " * 5
)
MESSAGES: Any = [
    {"role": "system", "content": "Extract the record."},
    {"role": "user", "content": TEXT},
]
PAYLOADS = (("small", 200), ("50k", 60))
"""Payloads, and calls a round of each."""


def main(names: list[str] | None = None) -> dict[str, Any]:
    """Print a table, and return the ratios to plain httpx.

    Args:
        names: The dialects; all of them if there are none.
    """
    figures: dict[str, Any] = {}
    with loopback() as server:
        for dialect in chosen(names):
            for payload, calls in PAYLOADS:
                times = interleaved(_variants(dialect, f"{server}/{payload}"), calls=calls)
                found = {
                    "us": {name: round(time) for name, time in times.items()},
                    "ratio": ratios(times, "httpx"),
                }
                figures[f"{dialect.name} {payload}"] = found
                print(dialect.name, payload, found)
    figures["retry machinery on success, us"] = _success()
    return figures


def _variants(dialect: Dialect, server: str) -> dict[str, Any]:
    schema = Report.model_json_schema()
    body, bare = dialect.body(TEXT, schema), dialect.body(TEXT)
    url = dialect.url(server)
    plain = httpx.Client()
    ours = Client(dialect.spec, base_url=f"{server}{dialect.base_path}", api_key="k")
    response_format = {
        "type": "json_schema",
        "json_schema": {"name": "Report", "strict": True, "schema": schema},
    }

    def httpx_call() -> Report:
        reply = plain.post(url, json=body)
        reply.raise_for_status()
        return Report.model_validate_json(dialect.text(reply.json()))

    def chat_call() -> Any:
        answer = ours.chat.completions.create(messages=MESSAGES, response_format=response_format)
        return answer.choices[0].message.content

    def extract_call() -> Any:
        return ours.extract(Report, TEXT)

    variants: dict[str, Any] = {
        "httpx": httpx_call,
        "structgen chat": chat_call,
        "structgen extract": extract_call,
    }
    for sdk in sdks_of(dialect.name):
        client = sdk.client(server)
        variants[f"{sdk.name} create"] = partial(sdk.create, client, body)
        if sdk.parse:
            variants[f"{sdk.name} parse"] = partial(sdk.parse, client, bare)
    return variants


def _success() -> float:
    """Microseconds that retries, timeouts and records add to a call that succeeds.

    That is the time of an exchange less that of building its request and reading its answer.
    """
    from structgen.flow.drive import perform
    from structgen.options import Options
    from structgen.wire.dialect import ChatRequest
    from structgen.wire.exchange import exchange
    from structgen.wire.link import Link
    from structgen.wire.providers import capabilities

    caps = capabilities("vllm", "m")
    port = ScriptedTransport("Paris")
    link = Link(port=port, caps=caps)
    chat_request = ChatRequest(model="m", messages=MESSAGES)
    options = Options(timeout=5.0)

    def bare_call() -> object:
        http_request = caps.dialect.build(chat_request, caps)
        return caps.dialect.parse(port.send(http_request, 5.0), caps, None)

    def exchange_call() -> object:
        return perform(exchange(link, chat_request, options))

    times = interleaved({"bare": bare_call, "exchange": exchange_call}, calls=3000)
    return round(times["exchange"] - times["bare"], 2)


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
