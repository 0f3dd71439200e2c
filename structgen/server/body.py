"""Read the body of a request: within its time and size, unpacked, without a byte order mark."""

from __future__ import annotations

import asyncio
import codecs
import zlib
from typing import Final

from starlette.requests import Request

from structgen.errors import BadRequestError
from structgen.server.members import TYPE

MAX_SECONDS: Final = 60.0
"""Seconds in which a body has to come."""

_WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 47}
"""The codings that are unpacked, with the `wbits` that zlib reads them with. Either header is found
for "deflate", because some clients send gzip under that name."""


async def read_body(request: Request, limit: int, seconds: float = MAX_SECONDS) -> bytes:
    """Read the body of a request.

    Args:
        request: The request.
        limit: Bytes that it may have, unpacked.
        seconds: Seconds in which it has to come.

    Raises:
        BadRequestError: If it is too long (413) or too slow (408), or cannot be unpacked (400, or
            415 for an unknown coding).
    """
    try:
        packed = await asyncio.wait_for(_received(request, limit), seconds)
    except asyncio.TimeoutError:
        raise _refusal("The body of the request took too long.", 408, "request_timeout") from None
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    body = packed if coding in ("", "identity") else _unpacked(packed, coding, limit)
    return body.removeprefix(codecs.BOM_UTF8)


async def _received(request: Request, limit: int) -> bytes:
    """The body as it was sent. It is refused as soon as it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large()
    return bytes(body)


def _unpacked(packed: bytes, coding: str, limit: int) -> bytes:
    if coding not in _WINDOWS:
        raise _refusal(
            f"The content encoding {coding[:32]!r} is not supported. Use gzip, or none.",
            415,
            "unsupported_encoding",
        )
    unpacker = zlib.decompressobj(_WINDOWS[coding])
    try:
        body = unpacker.decompress(packed, limit + 1)
    except zlib.error:
        raise _refusal(f"The body of the request is not valid {coding}.", 400, None) from None
    if len(body) > limit:
        raise _too_large()
    if not unpacker.eof:
        raise _refusal(f"The body of the request is cut: its {coding} has no end.", 400, None)
    return body


def _too_large() -> BadRequestError:
    return _refusal("Request Entity Too Large", 413, "request_too_large")


def _refusal(message: str, status: int, code: str | None) -> BadRequestError:
    return BadRequestError(message, status_code=status, type=TYPE, code=code)
