"""A server of all dialects on loopback for the benchmarks: fixed answers, as fast as Python goes.

`python -m benchmarks._loopback` runs it in a process of its own and prints its port. The paths are
those of the dialects after a payload, such as `/PAYLOAD/v1/chat/completions`. PAYLOAD is one of
PAYLOADS, or one of them with a latency in milliseconds and a fault, such as `small@20` or
`small@20!500:10`, by which 10 % of the answers have the status 500. A request for a stream is
answered in events of four characters, one HTTP chunk each.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

from benchmarks._dialects import Dialect, dialect_of
from benchmarks._report import report

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


def _whole_reply(dialect: Dialect, text: str) -> bytes:
    body = json.dumps(dialect.whole(text))
    head = f"{_HEAD}content-type: application/json\r\ncontent-length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


def _streamed_reply(dialect: Dialect, text: str) -> bytes:
    framed = map(dialect.frame, dialect.events(text))
    chunks = "".join(f"{len(one):x}\r\n{one}\r\n" for one in framed)
    head = f"{_HEAD}content-type: {dialect.stream_type}\r\ntransfer-encoding: chunked"
    return f"{head}\r\n\r\n{chunks}0\r\n\r\n".encode()


@cache
def _reply(payload: str, path: str, streamed: bool) -> bytes:
    write = _streamed_reply if streamed else _whole_reply
    return write(dialect_of(path), report(PAYLOADS[payload]))


def _refusal(status: int) -> bytes:
    body = json.dumps({"error": {"message": "Not now", "type": "server_error"}})
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()


class _Server(asyncio.Protocol):
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
            _, first, path = head.split(b" ", 2)[1].decode().split("/", 2)
            asks_in_body = b'"stream":true' in body or b'"stream": true' in body
            named, _, fault = first.partition("!")
            payload, _, latency = named.partition("@")
            answer = _reply(payload, path, asks_in_body or ":stream" in path)
            if fault and self.draw.random() * 100 < int(fault.partition(":")[2]):
                answer = _refusal(int(fault.partition(":")[0]))
            if latency:
                asyncio.get_running_loop().call_later(
                    int(latency) / 1000, self.transport.write, answer
                )
            else:
                self.transport.write(answer)


async def _serve() -> None:
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
