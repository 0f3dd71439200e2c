"""A Chat Completions server on loopback for the benchmarks: fixed answers, as fast as Python goes.

`python -m benchmarks._loopback` runs it in a process of its own and prints its port. The paths are
`/PAYLOAD/v1/chat/completions`; PAYLOAD is one of PAYLOADS, or one of them with a latency in
milliseconds and a fault, such as `small@20` or `small@20!500:10`, by which 10 % of the answers have
the status 500. A request with `"stream":true` is answered in events of four
characters, one HTTP chunk each.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

from pydantic import BaseModel


class Address(BaseModel):
    street: str
    city: str
    country: str
    postal_code: str


class Entity(BaseModel):
    name: str
    kind: Literal["person", "organisation", "product", "place"]
    confidence: float
    start: int
    end: int
    aliases: list[str]
    address: Address | None


class Report(BaseModel):
    """The record that the answers hold."""

    title: str
    language: Literal["en", "de", "fr"]
    entities: list[Entity]


def report(size: int) -> str:
    """Write a Report as JSON text.

    Args:
        size: The least length, in bytes.
    """
    draw = random.Random(7)
    entities: list[Entity] = []
    while True:
        found = Report(
            title="Quarterly report of the Acme group", language="en", entities=entities
        ).model_dump_json()
        if len(found) >= size:
            return found
        count = len(entities)
        address = Address(
            street=f'{draw.randint(1, 200)} Main "Old" Street',
            city="Berlin",
            country="DE",
            postal_code="10115",
        )
        entities.append(
            Entity(
                name=f"Ada Byron {count}",
                kind="person",
                confidence=round(draw.random(), 3),
                start=count * 37,
                end=count * 37 + 11,
                aliases=["A. Byron", "Byron"][: draw.randint(0, 2)],
                address=address if draw.random() < 0.6 else None,
            )
        )


PAYLOADS = {"small": 320, "2k": 2_000, "20k": 20_000, "50k": 50_000, "200k": 200_000}

_HEAD = "\r\n".join(
    [
        "HTTP/1.1 200 OK",
        "date: Sat, 21 Nov 2026 18:00:00 GMT",
        "server: loopback",
        "x-request-id: req_0123456789abcdef",
        "x-ratelimit-limit-requests: 10000",
        "x-ratelimit-limit-tokens: 2000000",
        "x-ratelimit-remaining-requests: 9999",
        "x-ratelimit-remaining-tokens: 1999000",
        "x-ratelimit-reset-requests: 6ms",
        "x-ratelimit-reset-tokens: 30ms",
        "openai-processing-ms: 312",
        "vary: Origin",
        "",
    ]
)
"""The head of every answer, as long as a real server's."""
_USAGE = {"prompt_tokens": 100, "completion_tokens": 84, "total_tokens": 184}


def _whole_reply(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            "usage": _USAGE,
        }
    )
    head = f"{_HEAD}content-type: application/json\r\ncontent-length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


def _streamed_reply(text: str) -> bytes:
    def event(delta: dict[str, Any], finish_reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return json.dumps(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "m",
                "choices": [choice],
            }
        )

    deltas = [
        event({"role": "assistant", "content": ""}),
        *(event({"content": text[at : at + 4]}) for at in range(0, len(text), 4)),
    ]
    framed = [f"data: {line}\n\n" for line in (*deltas, event({}, "stop"), "[DONE]")]
    chunks = "".join(f"{len(one):x}\r\n{one}\r\n" for one in framed)
    head = f"{_HEAD}content-type: text/event-stream\r\ntransfer-encoding: chunked"
    return f"{head}\r\n\r\n{chunks}0\r\n\r\n".encode()


def _refusal(status: int) -> bytes:
    body = json.dumps({"error": {"message": "Not now", "type": "server_error"}})
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()


class _Server(asyncio.Protocol):
    answers: ClassVar[dict[tuple[bytes, bool], bytes]] = {}
    draw: ClassVar[random.Random] = random.Random(5)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            streamed = b'"stream":true' in body or b'"stream": true' in body
            named, _, fault = head.split(b"/", 2)[1].partition(b"!")
            payload, _, latency = named.partition(b"@")
            answer = self.answers[payload, streamed]
            if fault and self.draw.random() * 100 < int(fault.partition(b":")[2]):
                answer = _refusal(int(fault.partition(b":")[0]))
            if latency:
                asyncio.get_running_loop().call_later(
                    int(latency) / 1000, self.transport.write, answer
                )
            else:
                self.transport.write(answer)


async def _serve() -> None:
    for name, size in PAYLOADS.items():
        text = report(size)
        _Server.answers[name.encode(), False] = _whole_reply(text)
        _Server.answers[name.encode(), True] = _streamed_reply(text)
    server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def loopback() -> Iterator[str]:
    """Run the server, and give its address: `http://127.0.0.1:PORT`."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._loopback"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
