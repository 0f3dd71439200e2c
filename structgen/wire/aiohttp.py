"""Whole answers over an aiohttp session, without httpx between them.

That saves two thirds of the work of an httpx call on top of the same session. It is used if there
is no proxy and nothing is streamed; see `HttpTransport`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from structgen.values import Reply, Request
from structgen.wire.http_body import BodyBuffer, headers_of
from structgen.wire.http_settings import connect_timeout, whole_timeout


async def send_over_aiohttp(
    session: Any, base_url: str, request: Request, timeout: float | None
) -> Reply:
    """Send a request and read its whole answer.

    Args:
        session: An `aiohttp.ClientSession`.
        base_url: The server's address.
        request: The request to send.
        timeout: Seconds to the last byte; None for no limit.

    Raises:
        aiohttp.ClientError: If the connection fails; the caller translates it.
        TimeoutError: If the time is over.
    """
    buffer = BodyBuffer(timeout)
    async with session.request(
        request.method,
        f"{base_url}/{request.path}",
        data=request.body,
        headers=request.headers,
        allow_redirects=False,
        timeout=_limits(timeout),
    ) as response:
        async for part in response.content.iter_any():
            buffer.add(part)
        return Reply(response.status, headers_of(response.raw_headers), buffer.joined())


@lru_cache(maxsize=64)
def _limits(timeout: float | None) -> Any:
    """The limits of a request, as aiohttp takes them."""
    import aiohttp

    # The total counts too: headers that come byte by byte never keep a read waiting.
    return aiohttp.ClientTimeout(
        total=whole_timeout(timeout),
        sock_connect=connect_timeout(timeout),
        sock_read=timeout,
    )
