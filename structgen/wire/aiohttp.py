"""One whole answer over an aiohttp session, with nothing between: a third of the work of an httpx call on top of it.

Used where no proxy stands between and nothing is streamed; see `transport`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from structgen.values import Reply, Request
from structgen.wire.http_errors import CONNECT, checked


async def answer(
    session: Any, base_url: str, headers: Mapping[str, str], request: Request, timeout: float | None
) -> Reply:
    """Send a request and take the whole answer. `timeout`: seconds to the first byte, and to the last. Raises aiohttp's errors."""
    import aiohttp

    ends_at = None if timeout is None else time.monotonic() + timeout
    limits = aiohttp.ClientTimeout(
        total=None,
        sock_connect=CONNECT if timeout is None else min(timeout, CONNECT),
        sock_read=timeout,
    )
    async with session.request(
        request.method,
        f"{base_url}/{request.path}",
        data=request.body,
        headers={**headers, **request.headers},
        allow_redirects=False,
        timeout=limits,
    ) as response:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            parts.append(part)
            size = checked(size + len(part), ends_at)
        found = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.raw_headers
        }
        return Reply(response.status, found, b"".join(parts))


def proxy_of(base_url: str) -> str | None:
    """The proxy the environment names for this server, if it does."""
    from urllib.request import (
        getproxies,
        proxy_bypass,
    )  # slow to import, and only needed with the first connection

    parts = urlsplit(base_url)
    proxies = getproxies()
    url = proxies.get(parts.scheme) or proxies.get("all")
    return url if url and not proxy_bypass(parts.hostname or "") else None
