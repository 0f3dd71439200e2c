"""Client CPU of one call: structgen, plain httpx with `model_validate_json`, groq and openai.

All of them ask the same loopback server.

Goal: at most 0.8 of plain httpx, for answers of 332 bytes and of 50 kB.
"""

from __future__ import annotations

import json
from typing import Any

import groq
import httpx
import openai

from benchmarks._loopback import Report, loopback
from benchmarks._measure import interleaved, ratios
from structgen import Client
from structgen.testing import ScriptedTransport

TEXT = (
    "The quarterly report of the Acme group names Ada Byron and the product Analytical Engine. " * 5
)
MESSAGES: Any = [
    {"role": "system", "content": "Extract the record."},
    {"role": "user", "content": TEXT},
]


def main() -> dict[str, Any]:
    """Print a table, and return the ratios to plain httpx."""
    figures: dict[str, Any] = {}
    with loopback() as server:
        for payload, calls in (("small", 200), ("50k", 60)):
            times = interleaved(_variants(f"{server}/{payload}/v1"), calls=calls)
            figures[payload] = {
                "us": {name: round(time) for name, time in times.items()},
                "ratio": ratios(times, "httpx"),
            }
            print(payload, figures[payload])
    figures["retry machinery on success, us"] = _success()
    return figures


def _variants(base_url: str) -> dict[str, Any]:
    schema = {
        "type": "json_schema",
        "json_schema": {"name": "Report", "strict": True, "schema": Report.model_json_schema()},
    }
    body = {"model": "m", "messages": MESSAGES, "response_format": schema}
    plain = httpx.Client()
    ours = Client("vllm:m", base_url=base_url)
    theirs: Any = groq.Groq(api_key="k", base_url=base_url.removesuffix("/v1"))
    openais: Any = openai.OpenAI(api_key="k", base_url=base_url)

    def httpx_call() -> Report:
        reply = plain.post(f"{base_url}/chat/completions", json=body)
        reply.raise_for_status()
        return Report.model_validate_json(reply.json()["choices"][0]["message"]["content"])

    def chat_call() -> Any:
        answer = ours.chat.completions.create(messages=MESSAGES, response_format=schema)
        return answer.choices[0].message.content

    def groq_call() -> Any:
        return theirs.chat.completions.create(**body).choices[0].message.content

    def openai_call() -> Any:
        return openais.chat.completions.create(**body).choices[0].message.content

    def extract_call() -> Any:
        return ours.extract(Report, TEXT)

    def openai_parse() -> Any:
        answer = openais.chat.completions.parse(
            model="m", messages=MESSAGES, response_format=Report
        )
        return answer.choices[0].message.parsed

    return {
        "httpx": httpx_call,
        "structgen chat": chat_call,
        "structgen extract": extract_call,
        "groq create": groq_call,
        "openai create": openai_call,
        "openai parse": openai_parse,
    }


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
