"""Open HTTP responses, read alike: those of httpcore, of aiohttp, and of a client of the user's.

A body that is packed is unpacked in small pieces, so that a short one that unpacks to gigabytes is
found out before it fills the memory.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, Protocol

from structgen.errors import ConnectionFailedError
from structgen.values import shorten

ACCEPTED: Final = "gzip, deflate"
"""The content encodings in which whole answers may come, as a header."""

EVENT_STREAM: Final = "text/event-stream"
"""The media type of streamed answers, which come as they are."""

_WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 47}
"""The encodings that are unpacked, with the `wbits` that zlib reads them with. Either header is
found for "deflate", because some servers send gzip under that name."""
_RAW: Final = -15
"""The `wbits` of "deflate" without its header, as other servers send it."""
_PIECE: Final = 1 << 16
"""Bytes of an unpacked piece at most."""


class Response(Protocol):
    """A response whose headers have come and whose body is still to be read."""

    status: int
    """The HTTP status."""
    headers: dict[str, str]
    """The headers, with names in lower case."""

    def pieces(self) -> Iterator[bytes]:
        """Read the body, unpacked."""
        ...

    def apieces(self) -> AsyncIterator[bytes]:
        """Do what `pieces` does, without blocking the event loop."""
        ...

    def close(self) -> None:
        """Free the connection, whether the body was read to its end or not."""
        ...

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        ...


def _headers_of(raw: Any) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


class CoreResponse:
    """A response of httpcore or httpcore2."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self._packed: Any = None
        self.status: int = response.status
        self.headers = _headers_of(response.headers)

    def pieces(self) -> Iterator[bytes]:
        """Read the body, unpacked."""
        unpacker = _unpacker_for(self.headers)
        packed = iter(self._response.stream)
        return packed if unpacker is None else _Unpacked(packed, unpacker)

    def apieces(self) -> AsyncIterator[bytes]:
        """Do what `pieces` does, without blocking the event loop."""
        unpacker = _unpacker_for(self.headers)
        self._packed = aiter(self._response.stream)
        return self._packed if unpacker is None else _AsyncUnpacked(self._packed, unpacker)

    def close(self) -> None:
        """Free the connection."""
        self._response.close()

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        if self._packed is not None:
            await self._packed.aclose()  # a generator that is left open outlives its event loop
        await self._response.aclose()


class AiohttpResponse:
    """A response of aiohttp."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.status: int = response.status
        self.headers = _headers_of(response.raw_headers)

    def pieces(self) -> Iterator[bytes]:
        """Raise: aiohttp is for event loops alone."""
        raise TypeError

    def apieces(self) -> AsyncIterator[bytes]:
        """Read the body, unpacked."""
        unpacker = _unpacker_for(self.headers)
        packed: AsyncIterator[bytes] = self._response.content.iter_any()
        return packed if unpacker is None else _AsyncUnpacked(packed, unpacker)

    def close(self) -> None:
        """Free the connection."""
        self._response.release()

    async def aclose(self) -> None:
        """Do as `close` does."""
        self.close()


class UserResponse:
    """A response of the user's own client of httpx or httpx2, which unpacks it itself."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.status: int = response.status_code
        self.headers = _headers_of(response.headers.raw)
        self._unpacked: Any = None

    def pieces(self) -> Iterator[bytes]:
        """Read the body, unpacked."""
        found: Iterator[bytes] = self._response.iter_bytes()
        return found

    def apieces(self) -> AsyncIterator[bytes]:
        """Do what `pieces` does, without blocking the event loop."""
        self._unpacked = self._response.aiter_bytes()
        found: AsyncIterator[bytes] = self._unpacked
        return found

    def close(self) -> None:
        """Free the connection."""
        self._response.close()

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        if self._unpacked is not None:
            await self._unpacked.aclose()
        await self._response.aclose()


# ---- packed bodies -------------------------------------------------------------------------------


class _Unpacker:
    """Unpacks a body that comes in pieces.

    Args:
        coding: Its content encoding.
    """

    def __init__(self, coding: str) -> None:
        self._zlib = zlib.decompressobj(_WINDOWS[coding])
        self._may_lack_header = coding == "deflate"

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """Unpack the next bytes, piece by piece.

        Raises:
            zlib.error: If they are not packed this way.
        """
        while True:
            piece = self._decompress(packed)
            if piece:
                yield piece
            packed = self._zlib.unconsumed_tail
            if not packed and len(piece) < _PIECE:
                return

    def _decompress(self, packed: bytes) -> bytes:
        try:
            return self._zlib.decompress(packed, _PIECE)
        except zlib.error:
            if not self._may_lack_header:
                raise
            self._zlib = zlib.decompressobj(_RAW)
            return self._zlib.decompress(packed, _PIECE)
        finally:
            self._may_lack_header = False


def _unpacker_for(headers: dict[str, str]) -> _Unpacker | None:
    """What unpacks a body; None if it is not packed."""
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        return None
    if coding not in _WINDOWS:
        raise ConnectionFailedError(
            f"The answer has the content encoding {shorten(coding, 32)!r}, for which nobody asked.",
            sent=True,
            hint="Check the server, and the proxies before it.",
        )
    return _Unpacker(coding)


class _Unpacked(Iterator[bytes]):
    """The pieces of a packed body, unpacked."""

    def __init__(self, packed: Iterator[bytes], unpacker: _Unpacker) -> None:
        self._packed, self._unpacker = packed, unpacker
        self._pieces: Iterator[bytes] = iter(())

    def __next__(self) -> bytes:
        while (piece := next(self._pieces, None)) is None:
            self._pieces = self._unpacker.feed(next(self._packed))
        return piece


class _AsyncUnpacked(AsyncIterator[bytes]):
    """As `_Unpacked`, for an event loop."""

    def __init__(self, packed: AsyncIterator[bytes], unpacker: _Unpacker) -> None:
        self._packed, self._unpacker = packed, unpacker
        self._pieces: Iterator[bytes] = iter(())

    async def __anext__(self) -> bytes:
        while (piece := next(self._pieces, None)) is None:
            self._pieces = self._unpacker.feed(await anext(self._packed))
        return piece
