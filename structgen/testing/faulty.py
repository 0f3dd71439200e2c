"""A real HTTP server on loopback that misbehaves as told: on a thread, without any package."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from types import TracebackType
from typing import IO, Final, Literal

from typing_extensions import Self

from structgen.testing.scripted import completion, events
from structgen.values import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One answer of a `FaultyServer`."""

    status: int = 200
    """HTTP status."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers besides those of the body."""
    body: bytes = b""
    """The body, sent with its length."""
    pieces: Sequence[bytes] = ()
    """The body in pieces, each sent as a chunk."""
    pause: float = 0.0
    """Seconds before each piece."""
    delay: float = 0.0
    """Seconds before anything is sent."""
    end: Literal["whole", "cut", "reset"] = "whole"
    """`cut`: the connection is closed halfway. `reset`: it is reset instead of an answer."""

    @property
    def head(self) -> bytes:
        """The status line and the headers, as sent."""
        kind = "text/event-stream" if self.pieces else "application/json"
        framing = (
            {"transfer-encoding": "chunked"}
            if self.pieces
            else {"content-length": str(len(self.body))}
        )
        headers = {"content-type": kind, **framing, **self.headers}
        lines = (f"{name}: {value}\r\n" for name, value in headers.items())
        return "".join((f"HTTP/1.1 {self.status} X\r\n", *lines, "\r\n")).encode()


def _error(
    status: int,
    message: str,
    *,
    code: str | int | None = None,
    kind: str | None = None,
    **headers: str,
) -> Served:
    body = error_body(message, code=code, kind=kind)
    return Served(
        status=status,
        body=body,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def error_body(
    message: str,
    *,
    code: str | int | None = None,
    kind: str | None = None,
    generation: str | None = None,
) -> bytes:
    """Write the body of an error answer, in the shape of Groq and OpenAI.

    Args:
        message: What went wrong.
        code: The server's code.
        kind: The server's type.
        generation: The model's text that the server rejected.
    """
    members = {"message": message, "type": kind, "code": code, "failed_generation": generation}
    return json.dumps(
        {"error": {name: value for name, value in members.items() if value is not None}}
    ).encode()


_LATE = (
    "Rate limit reached for model `m` on tokens per minute (TPM): "
    "Limit 8000, Used 7900, Requested 900."
)

FAULTS: Final[Mapping[str, Served]] = {
    "answer": Served(body=completion("Paris")),
    "stream": Served(pieces=events("Paris")),
    # told to wait, in every form in use
    "wait-seconds": _error(
        429, _LATE, code="rate_limit_exceeded", kind="tokens", retry_after="0.05"
    ),
    "wait-milliseconds": _error(
        429, _LATE, code="rate_limit_exceeded", kind="tokens", retry_after_ms="50"
    ),
    "wait-date": _error(
        429,
        _LATE,
        code="rate_limit_exceeded",
        kind="tokens",
        retry_after=formatdate(0, usegmt=True),
    ),
    "wait-reset": _error(
        429, _LATE, kind="tokens", x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="50ms"
    ),
    "wait-in-words": _error(429, f"{_LATE} Please try again in 50ms.", kind="tokens"),
    "wait-an-hour": _error(
        429, _LATE, code="rate_limit_exceeded", kind="tokens", retry_after="3600"
    ),
    # other errors
    "busy": _error(503, "The server is overloaded."),
    "broken": _error(500, "Internal error"),
    "flex-full": _error(498, "capacity exceeded", code="capacity_exceeded"),
    "too-large": _error(
        413,
        "Request too large for model `m` on tokens per minute (TPM): Limit 8000, Requested 9000.",
    ),
    "unauthorised": _error(
        401, "Invalid API Key", code="invalid_api_key", kind="invalid_request_error"
    ),
    "no-model": _error(
        404, "The model `m` does not exist", code="model_not_found", kind="invalid_request_error"
    ),
    "rejected-output": Served(
        status=400,
        body=error_body(
            "Failed to generate JSON.",
            code="json_validate_failed",
            generation='{"name": "Ada", "age": ',
        ),
    ),
    "page": Served(
        status=502,
        headers={"content-type": "text/html"},
        body=b"<html><title>502 Bad Gateway</title></html>",
    ),
    "error-in-200": Served(body=error_body("Provider returned error", code=502)),
    # answers that are none
    "no-json": Served(body=b"It works!"),
    "nothing": Served(),
    "no-choices": Served(body=b'{"id":"x","object":"chat.completion","choices":[]}'),
    "null-content": Served(body=completion(None)),
    "refusal": Served(body=completion(None, refusal="I can't help with that.")),
    "truncated": Served(body=completion('{"name": "Ad', finish_reason="length")),
    "cut": Served(body=completion("Paris"), end="cut"),
    "reset": Served(end="reset"),
    "silent": Served(body=completion("Paris"), delay=30.0),
    "drip": Served(pieces=[bytes([byte]) for byte in completion("Paris")], pause=0.05),
    "redirect": Served(
        status=308, headers={"location": "https://example.invalid/v1/chat/completions"}
    ),
    # streams
    "stream-error-event": Served(
        pieces=[
            *events("Par", finish_reason=None, done=False),
            b"event: error\ndata: "
            + error_body(
                "Tool call validation failed",
                code="tool_use_failed",
                kind="invalid_request_error",
                generation="{}",
            )
            + b"\n\n",
        ]
    ),
    "stream-error-data": Served(
        pieces=[
            *events("Par", finish_reason=None, done=False),
            b"data: " + error_body("out of memory") + b"\n\n",
        ]
    ),
    "stream-stopped": Served(
        pieces=[b'data: {"x_groq":{"id":"req_1","error":"over capacity"},"choices":[]}\n\n']
    ),
    "stream-unframed": Served(pieces=[error_body("model is loading", code=503)]),
    "stream-malformed": Served(
        pieces=[*events("Par", finish_reason=None, done=False), b'data: {"choices": [{"delta"\n\n']
    ),
    "stream-no-end": Served(pieces=events("Par", finish_reason=None, done=False)),
    "stream-no-blank-line": Served(pieces=[b"".join(events("Paris", done=False)).rstrip(b"\n")]),
    "stream-cut": Served(pieces=events("Paris"), end="cut"),
    "stream-drip": Served(
        pieces=[bytes([byte]) for byte in b"".join(events("Paris"))], pause=0.001
    ),
}
"""The misbehaviours by name, and the two good answers they can be mixed with."""


class FaultyServer:
    """A server that answers from a script, the last line again and again. A context manager.

    Args:
        *script: One line for each request: a name in `FAULTS`, a `Served`, or a function that gives
            one of them for the request.
    """

    def __init__(self, *script: str | Served | Callable[[Request], str | Served]) -> None:
        self._script = script
        self._lock = threading.Lock()
        self.requests: list[Request] = []
        """What came, with names of headers in lower case."""
        self.base_url = ""
        """The server's address, which ends in /v1."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with (
            connection,
            contextlib.suppress(OSError, ValueError),
            connection.makefile("rb") as lines,
        ):
            while not self._ended.is_set() and (first := lines.readline()):
                method, path, _ = first.decode().split(" ", 2)
                headers = dict(_headers(lines))
                body = lines.read(int(headers.get("content-length", 0)))
                request = Request(method, path, headers, body)
                with self._lock:
                    self.requests.append(request)
                    served = self._script[min(len(self.requests), len(self._script)) - 1]
                if callable(served):
                    served = served(request)
                if not self._answer(
                    connection, FAULTS[served] if isinstance(served, str) else served
                ):
                    return

    def _answer(self, connection: socket.socket, served: Served) -> bool:
        """Send one answer; False when the connection is over with it."""
        if served.delay and self._ended.wait(served.delay):
            return False
        if served.end == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        cut = served.end == "cut"
        connection.sendall(
            served.head + (served.body[: len(served.body) // 2] if cut else served.body)
        )
        for piece in served.pieces[: len(served.pieces) // 2] if cut else served.pieces:
            if served.pause:
                time.sleep(served.pause)
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        if served.pieces and not cut:
            connection.sendall(b"0\r\n\r\n")
        return not cut


def _headers(lines: IO[bytes]) -> list[tuple[str, str]]:
    pairs = []
    while line := lines.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        pairs.append((name.lower(), value.strip()))
    return pairs
