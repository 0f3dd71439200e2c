"""Bodies of HTTP responses: read whole, within a time and a size, or as a stream.

The responses are httpx's (or httpx2's); nothing here imports them.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn

from structgen.errors import ConnectionFailedError, StreamBrokenError
from structgen.values import Reply
from structgen.wire.http_errors import raise_translated

MAX_BODY: Final = 32 * 1024 * 1024
"""The greatest size of a whole body, in bytes, so that no server can fill the memory."""


class BodyBuffer:
    """Collects a body that comes in pieces.

    Args:
        timeout: Seconds from now in which the body must be whole; None for no limit.
    """

    def __init__(self, timeout: float | None) -> None:
        self._ends_at = None if timeout is None else time.monotonic() + timeout
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        """Add the next piece.

        Args:
            part: The bytes that came.

        Raises:
            ConnectionFailedError: If the body is larger than MAX_BODY.
            TimeoutError: If the time is over.
        """
        self._parts.append(part)
        self._size += len(part)
        if self._size > MAX_BODY:
            raise ConnectionFailedError(
                f"The answer is longer than {MAX_BODY} bytes.",
                sent=True,
                hint="Check that `base_url` is the address of the server's API.",
            )
        if self._ends_at is not None and time.monotonic() > self._ends_at:
            raise TimeoutError

    def joined(self) -> bytes:
        """Return the bytes that came so far."""
        return b"".join(self._parts)


def read_reply(response: Any, server: str, timeout: float | None) -> Reply:
    """Read the whole body of a response.

    Args:
        response: An open `httpx.Response`.
        server: The server's host and port, for messages.
        timeout: Seconds from now in which the body must be whole; None for no limit.

    Raises:
        TransportError: If the connection breaks, the time is over, or the body is too large.
    """
    buffer = BodyBuffer(timeout)
    try:
        for part in response.iter_bytes():
            buffer.add(part)
    except Exception as error:
        raise_translated(error, server, timeout)
    return reply_of(response, buffer.joined())


async def aread_reply(response: Any, server: str, timeout: float | None) -> Reply:
    """Do what `read_reply` does, without blocking the event loop."""
    buffer = BodyBuffer(timeout)
    try:
        async for part in response.aiter_bytes():
            buffer.add(part)
    except Exception as error:
        raise_translated(error, server, timeout)
    return reply_of(response, buffer.joined())


def reply_of(response: Any, body: bytes) -> Reply:
    """Make a Reply of an `httpx.Response`, with lower-case header names.

    Args:
        response: The response.
        body: Its body, as far as it is known.
    """
    return Reply(response.status_code, headers_of(response.headers.raw), body)


def headers_of(raw: Any) -> dict[str, str]:
    """Decode the headers of a response, with lower-case names.

    Args:
        raw: Pairs of bytes, as httpx and aiohttp have them.
    """
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


class HttpStream:
    """A `flow.ports.Stream` over an `httpx.Response`.

    Args:
        response: The open response.
        release: Gives the response's connection back; a coroutine function for an event loop.
        server: The server's host and port, for messages.
        timeout: The seconds that each wait for a piece was given.
        own_connection: Whether the connection is ours. Then a body without content encoding is
            read past httpx's decoders.
    """

    def __init__(
        self,
        response: Any,
        release: Callable[[], Awaitable[None] | None],
        *,
        server: str,
        timeout: float | None,
        own_connection: bool,
    ) -> None:
        self.reply = reply_of(response, b"")
        self._response, self._server, self._timeout = response, server, timeout
        self._release: Callable[[], Any] | None = release
        self._pieces: Any = None
        self._undecoded = own_connection and "content-encoding" not in self.reply.headers

    def read(self) -> bytes:
        """Wait for the next bytes of the body; `b""` at its end."""
        if self._release is None:
            return b""
        if self._pieces is None:
            response = self._response
            self._pieces = iter(response.stream) if self._undecoded else response.iter_bytes()
        try:
            return next(self._pieces, b"")
        except Exception as error:
            self._raise_broken(error)

    async def aread(self) -> bytes:
        """Do what `read` does, without blocking the event loop."""
        if self._release is None:
            return b""
        if self._pieces is None:
            response = self._response
            self._pieces = aiter(response.stream) if self._undecoded else response.aiter_bytes()
        try:
            piece: bytes = await anext(self._pieces, b"")
        except Exception as error:
            self._raise_broken(error)
        return piece

    def close(self) -> None:
        """Free the connection, whether the body was read to its end or not."""
        if self._release is not None:
            release, self._release = self._release, None
            self._response.close()
            release()

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        if self._release is not None:
            release, self._release = self._release, None
            try:
                if self._pieces is not None:
                    await self._pieces.aclose()
                await self._response.aclose()
            finally:
                await release()

    def _raise_broken(self, error: Exception) -> NoReturn:
        try:
            raise_translated(error, self._server, self._timeout)
        except ConnectionFailedError as failed:
            raise StreamBrokenError(
                f"The stream broke off: {failed.message}", sent=True, hint="Ask again."
            ) from error
