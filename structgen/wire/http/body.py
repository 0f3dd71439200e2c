"""Bodies of HTTP responses: read whole, within a time and a size, or as a stream."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final, NoReturn

from structgen.errors import ConnectionFailedError, StreamBrokenError
from structgen.values import Reply
from structgen.wire.http.errors import raise_translated
from structgen.wire.http.responses import Response

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


def read_reply(response: Response, server: str, timeout: float | None) -> Reply:
    """Read the whole body of a response.

    Args:
        response: An open response.
        server: The server's host and port, for messages.
        timeout: Seconds from now in which the body must be whole; None for no limit.

    Raises:
        TransportError: If the connection breaks, the time is over, or the body is too large.
    """
    buffer = BodyBuffer(timeout)
    try:
        for part in response.pieces():
            buffer.add(part)
    except Exception as error:
        raise_translated(error, server, timeout)
    return Reply(response.status, response.headers, buffer.joined())


async def aread_reply(response: Response, server: str, timeout: float | None) -> Reply:
    """Do what `read_reply` does, without blocking the event loop."""
    buffer = BodyBuffer(timeout)
    try:
        async for part in response.apieces():
            buffer.add(part)
    except Exception as error:
        raise_translated(error, server, timeout)
    return Reply(response.status, response.headers, buffer.joined())


class HttpStream:
    """A `flow.ports.Stream` over an open response.

    Args:
        response: The response.
        release: Gives the response's connection back; a coroutine function for an event loop.
        server: The server's host and port, for messages.
        timeout: The seconds that each wait for a piece was given.
    """

    def __init__(
        self,
        response: Response,
        release: Callable[[], Awaitable[None] | None],
        *,
        server: str,
        timeout: float | None,
    ) -> None:
        self.reply = Reply(response.status, response.headers, b"")
        self._response, self._server, self._timeout = response, server, timeout
        self._release: Callable[[], Any] | None = release
        self._pieces: Iterator[bytes] | None = None
        self._apieces: AsyncIterator[bytes] | None = None

    def read(self) -> bytes:
        """Wait for the next bytes of the body; `b""` at its end."""
        if self._release is None:
            return b""
        try:
            if self._pieces is None:
                self._pieces = self._response.pieces()
            return next(self._pieces, b"")
        except Exception as error:
            self._raise_broken(error)

    async def aread(self) -> bytes:
        """Do what `read` does, without blocking the event loop."""
        if self._release is None:
            return b""
        try:
            if self._apieces is None:
                self._apieces = self._response.apieces()
            return await anext(self._apieces, b"")
        except Exception as error:
            self._raise_broken(error)

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
