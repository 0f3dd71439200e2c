"""The protocols that perform the steps of a flow: implement one to bring a transport or an engine.

Every method has a twin for asyncio whose name begins with `a`. The twin does the same work without
blocking the event loop. A port that is used from `Client` alone may let its twins raise, and the
other way round for `AsyncClient`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from structgen.options import Options
from structgen.values import Answer, JsonSchema, Message, Reply, Request


class Stream(Protocol):
    """The body of an HTTP response that is still arriving."""

    reply: Reply
    """Status and headers. `body` is the whole body if the status is not 200, else empty."""

    def read(self) -> bytes:
        """Wait for the next bytes of the body.

        Returns:
            What has arrived, at least one byte; `b""` at the end, and again on each later call.

        Raises:
            TransportError: If the connection breaks or the timeout passes. Nothing else is raised.
        """
        ...

    async def aread(self) -> bytes:
        """Do what `read` does, without blocking the event loop."""
        ...

    def close(self) -> None:
        """Free the connection, whether the body was read to its end or not. Never raise.

        It may be called more than once.
        """
        ...

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        ...


class TextStream(Protocol):
    """An answer of an engine in this process that is still being written."""

    answer: Answer | None
    """None until `read` has returned `""`; then the whole answer, with the same text."""

    def read(self) -> str:
        """Wait for the next piece of the answer.

        Returns:
            Text, at least one character; `""` at the end, and again on each later call. Once a
            value was ended early to keep the answer valid, pieces are `CutText`.

        Raises:
            EngineError: If the engine fails. Nothing else is raised.
        """
        ...

    async def aread(self) -> str:
        """Do what `read` does, without blocking the event loop."""
        ...

    def close(self) -> None:
        """Stop writing as soon as possible, if the answer has not ended. Never raise.

        It may be called more than once.
        """
        ...

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        ...


class HttpPort(Protocol):
    """Sends requests to one server: an HTTP transport, or a script in a test.

    It sends each request once. Retries, waits and rate limits are decided by the flow. Several
    threads or tasks may call it at the same time.
    """

    def send(self, request: Request, timeout: float | None) -> Reply:
        """Send a request and wait for the whole response.

        Args:
            request: What to send. `path` is relative to the base URL that the port was made with.
            timeout: The seconds this request may take; None for no limit.

        Returns:
            The response, whatever its status: an error status is a reply, not an exception.

        Raises:
            TransportError: If no response came. `sent` says whether the server may have
                processed the request. Nothing else is raised.
        """
        ...

    async def asend(self, request: Request, timeout: float | None) -> Reply:
        """Do what `send` does, without blocking the event loop."""
        ...

    def open(self, request: Request, timeout: float | None) -> Stream:
        """Send a request and return as soon as the headers of the response are there.

        Args:
            request: What to send, as for `send`.
            timeout: The seconds to wait for the headers, and then for each piece of the body;
                None for no limit.

        Returns:
            The open response. If its status is not 200, the body has been read already.

        Raises:
            TransportError: If no response came. Nothing else is raised.
        """
        ...

    async def aopen(self, request: Request, timeout: float | None) -> Stream:
        """Do what `open` does, without blocking the event loop."""
        ...

    def close(self) -> None:
        """Close the connections. The client that owns the port calls it once, at its own end."""
        ...

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        ...


class EnginePort(Protocol):
    """Answers in this process: an engine that decodes under a grammar, or a script in a test."""

    @property
    def name(self) -> str:
        """The engine's name, shown to people in guarantees and attempts."""
        ...

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        """Answer a conversation.

        Args:
            messages: The conversation, in the form of Chat Completions.
            schema: The compiled JSON Schema that the answer must follow; None for free text.
            options: The options of the call. `timeout` is the seconds this answer may take.
            document: The text that values marked `x-verbatim` in the schema must be copied from;
                None if the schema marks none.

        Returns:
            The whole answer. `finish_reason` is "length" if it was cut at `max_tokens`. List in
            `shortened` what was ended early to keep the answer valid.

        Raises:
            EngineError: If there is no answer. Nothing else is raised.
        """
        ...

    async def agenerate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        """Do what `generate` does, without blocking the event loop."""
        ...

    def close(self) -> None:
        """Free the model. The client that owns the port calls it once, at its own end."""
        ...

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        ...


@runtime_checkable
class TextPort(Protocol):
    """An engine that can also hand out its answer while it writes. Implement it beside EnginePort.

    An engine without it works too: a streamed call then gives its answer in one piece.
    """

    def stream(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> TextStream:
        """Begin to answer a conversation, and return at once.

        Args:
            messages: As for `EnginePort.generate`.
            schema: As for `EnginePort.generate`.
            options: As for `EnginePort.generate`.
            document: As for `EnginePort.generate`.

        Returns:
            The answer that is being written. Its `read` raises what `generate` would raise.
        """
        ...
