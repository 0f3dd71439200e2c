"""Connections of httpx and aiohttp. All of them share one TLS context."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from structgen.errors import ConfigurationError
from structgen.wire.http_settings import KEEP_ALIVE, proxy_for


def sync_connection(base_url: str, http2: bool) -> Any:
    """Open an httpx transport of one connection, or of one HTTP/2 connection for all."""
    import httpx

    return httpx.HTTPTransport(**_connection_settings(base_url, http2))


def async_connection(base_url: str, http2: bool) -> Any:
    """As `sync_connection`, for an event loop."""
    import httpx

    return httpx.AsyncHTTPTransport(**_connection_settings(base_url, http2))


def _connection_settings(base_url: str, http2: bool) -> dict[str, Any]:
    import httpx

    count = None if http2 else 1
    pool_limits = httpx.Limits(
        max_connections=count, max_keepalive_connections=count, keepalive_expiry=KEEP_ALIVE
    )
    return {
        "verify": _tls(base_url),
        "http2": http2,
        "limits": pool_limits,
        "proxy": proxy_for(base_url),
    }


def aiohttp_connection(base_url: str) -> Any:
    """One session for all requests of an event loop: aiohttp opens connections as it needs them."""
    import aiohttp
    import httpx
    from httpx_aiohttp import AiohttpTransport

    tls, proxy = _tls(base_url), proxy_for(base_url)
    connector = aiohttp.TCPConnector(limit=0, ssl=tls, keepalive_timeout=KEEP_ALIVE)
    session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    return AiohttpTransport(verify=tls, client=session, proxy=httpx.Proxy(proxy) if proxy else None)


@lru_cache(maxsize=256)
def url_of(base_url: str, path: str) -> Any:
    """Give the URL of a path below a server's address, as httpx has it."""
    import httpx

    try:
        return httpx.URL(f"{base_url}/{path}")
    except httpx.InvalidURL as error:
        raise ConfigurationError(
            f"The base URL is not a URL: {error}.", hint="Give http(s)://host[:port]/path."
        ) from error


@lru_cache(maxsize=1)
def _tls_context() -> Any:
    """One TLS context for all connections: it takes tens of milliseconds and a megabyte to make."""
    import httpx

    return httpx.create_ssl_context()


def _tls(base_url: str) -> Any:
    return _tls_context() if base_url.startswith("https") or proxy_for(base_url) else False
