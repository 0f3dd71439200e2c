"""Settings of HTTP connections that need no HTTP library: timeouts and proxies."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

CONNECT_TIMEOUT: Final = 20.0
"""The greatest number of seconds to connect. It is generous, since an event loop that is busy sees
a finished handshake late."""

KEEP_ALIVE: Final = 15.0
"""Seconds that an idle connection stays open."""


def connect_timeout(timeout: float | None) -> float:
    """Compute the seconds to connect in.

    Args:
        timeout: Seconds for the whole try; None for no limit.
    """
    return CONNECT_TIMEOUT if timeout is None else min(timeout, CONNECT_TIMEOUT)


def proxy_for(base_url: str) -> str | None:
    """Find the proxy that the environment names for a server (HTTPS_PROXY, NO_PROXY ...).

    Args:
        base_url: The server's address.

    Returns:
        The proxy's URL; None to connect directly.
    """
    # Slow to import, and needed only for the first connection.
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(base_url)
    proxies = getproxies()
    url = proxies.get(parts.scheme) or proxies.get("all")
    return url if url and not proxy_bypass(parts.hostname or "") else None
