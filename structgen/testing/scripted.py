"""Ports that answer from a script: no model, no network, no time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from structgen.errors import StructgenError
from structgen.options import Options
from structgen.values import Answer, JsonSchema, Message, Reply, Request

Line: TypeAlias = "str | Reply | Sequence[bytes] | StructgenError | Callable[[Request], Line]"
"""What a scripted transport does for one request: give a completion with this text (whole or as
events, as the request asks), give this reply or these pieces of a stream, raise this error, or do
what the function gives."""

_ONE_AT_A_TIME = threading.Lock()
"""Held to take a line of a script: votes and parts are asked about on threads. All scripts share
it, so that they can be copied."""
_ENVELOPE = {"id": "chatcmpl-1", "created": 1, "model": "scripted"}


def completion(text: str | None, *, finish_reason: str = "stop", **message: Any) -> bytes:
    """Write the body of a Chat Completions answer.

    Args:
        text: The model's text; None for none.
        finish_reason: Why the answer ends.
        **message: Further members of the answer's message, such as `refusal`.
    """
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": finish_reason,
    }
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    return _json({**_ENVELOPE, "object": "chat.completion", "choices": [choice], "usage": usage})


def events(
    text: str, *, size: int = 4, finish_reason: str | None = "stop", done: bool = True
) -> list[bytes]:
    """Write an answer as server-sent events, one event a piece.

    Args:
        text: The model's text.
        size: Characters of each event.
        finish_reason: Why the answer ends; None leaves the last event out.
        done: Whether the end marker is sent.
    """
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += ({"content": text[at : at + size]} for at in range(0, len(text), size))
    pieces = [_event({"index": 0, "delta": delta, "finish_reason": None}) for delta in deltas]
    if finish_reason:
        pieces.append(_event({"index": 0, "delta": {}, "finish_reason": finish_reason}))
    return [*pieces, b"data: [DONE]\n\n"] if done else pieces


def _event(choice: dict[str, Any]) -> bytes:
    return (
        b"data: "
        + _json({**_ENVELOPE, "object": "chat.completion.chunk", "choices": [choice]})
        + b"\n\n"
    )


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class ScriptedModel:
    """An `EnginePort` that gives the next answer of its script, the last one again and again.

    Args:
        *answers: A text, an `Answer`, or an error to raise.
    """

    name = "scripted"

    def __init__(self, *answers: str | Answer | StructgenError) -> None:
        self._answers = answers
        self.asked: list[Sequence[Message]] = []
        """The messages of every question, in order."""

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        """Give the next answer of the script."""
        with _ONE_AT_A_TIME:
            self.asked.append(messages)
            answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        if isinstance(answer, StructgenError):
            raise answer
        if isinstance(answer, Answer):
            return answer
        return Answer(text=answer, finish_reason="stop", model=self.name)

    async def agenerate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        """Do as `generate` does."""
        return self.generate(messages, schema, options, document)

    def close(self) -> None:
        """Do nothing: nothing is open."""

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""


class ScriptedTransport:
    """An `HttpPort` that does the next line of its script, the last one again and again.

    Args:
        *lines: What to do for each request: see `Line`.
    """

    base_url = "http://scripted/v1"

    def __init__(self, *lines: Line) -> None:
        self._lines = lines
        self.requests: list[Request] = []
        """What was sent, in order."""

    def send(self, request: Request, timeout: float | None) -> Reply:
        """Do the next line of the script, and give the whole reply."""
        reply, pieces = self._next(request)
        return Reply(reply.status, reply.headers, b"".join(pieces))

    async def asend(self, request: Request, timeout: float | None) -> Reply:
        """Do as `send` does."""
        return self.send(request, timeout)

    def open(self, request: Request, timeout: float | None) -> ScriptedStream:
        """Do the next line of the script, and give the reply as a stream."""
        reply, pieces = self._next(request)
        return ScriptedStream(reply, pieces)

    async def aopen(self, request: Request, timeout: float | None) -> ScriptedStream:
        """Do as `open` does."""
        return self.open(request, timeout)

    def close(self) -> None:
        """Do nothing: nothing is open."""

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def _next(self, request: Request) -> tuple[Reply, Sequence[bytes]]:
        with _ONE_AT_A_TIME:
            self.requests.append(request)
            line = self._lines[min(len(self.requests), len(self._lines)) - 1]
        while callable(line):
            line = line(request)
        if isinstance(line, StructgenError):
            raise line
        if isinstance(line, Reply):
            return line, [line.body]
        if isinstance(line, str):
            streamed = b'"stream":true' in request.body
            return Reply(200, {}, b""), events(line) if streamed else [completion(line)]
        return Reply(200, {}, b""), line


class ScriptedStream:
    """A `Stream` over given pieces."""

    def __init__(self, reply: Reply, pieces: Iterable[bytes]) -> None:
        self.reply = reply if reply.status != 200 else Reply(200, reply.headers, b"")
        self._pieces = iter([piece for piece in pieces if piece] if reply.status == 200 else [])

    def read(self) -> bytes:
        """Give the next piece; `b""` at the end."""
        return next(self._pieces, b"")

    async def aread(self) -> bytes:
        """Do as `read` does."""
        return self.read()

    def close(self) -> None:
        """Drop the rest."""
        self._pieces = iter([])

    async def aclose(self) -> None:
        """Drop the rest."""
        self.close()
