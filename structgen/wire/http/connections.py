"""Connections of httpcore and of aiohttp. All of them share one TLS context."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from structgen.values import Request
from structgen.wire.http.library import HttpLibrary, tls_for, url_of
from structgen.wire.http.responses import AiohttpResponse, CoreResponse
from structgen.wire.http.settings import KEEP_ALIVE, connect_timeout, proxy_for, whole_timeout

_SOCKS: Final = (b"socks5", b"socks5h")


class Connection:
    """One connection of httpcore for threads; with HTTP/2, one that all threads share.

    Args:
        library: The library.
        base_url: The server's address.
        http2: Whether HTTP/2 may be spoken.
    """

    def __init__(self, library: HttpLibrary, base_url: str, http2: bool) -> None:
        self._library, self._base_url = library, base_url
        core = self._core = import_module(library.core)
        # The requests of a shared connection end at different times.
        self._clock = None if http2 else _Clock()
        backend = None if self._clock is None else _Backend(core, self._clock)
        kinds = core.ConnectionPool, core.HTTPProxy, core.SOCKSProxy
        self._pool = _pool(library, base_url, http2, kinds, backend)

    def respond(self, request: Request, timeout: float | None) -> CoreResponse:
        """Send a request, and give its answer once the headers have come.

        Args:
            request: The request.
            timeout: Seconds until the headers are there; None for no limit.
        """
        own = _core_request(self._core, self._library, self._base_url, request, timeout)
        whole = whole_timeout(timeout)
        if self._clock is None or whole is None:
            return CoreResponse(self._pool.handle_request(own))
        self._clock.ends_at = time.monotonic() + whole
        try:
            return CoreResponse(self._pool.handle_request(own))
        finally:
            self._clock.ends_at = None

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()


class AsyncConnection:
    """As `Connection`, for an event loop. Its caller bounds the time of a whole call."""

    def __init__(self, library: HttpLibrary, base_url: str, http2: bool) -> None:
        self._library, self._base_url = library, base_url
        core = self._core = import_module(library.core)
        kinds = core.AsyncConnectionPool, core.AsyncHTTPProxy, core.AsyncSOCKSProxy
        self._pool = _pool(library, base_url, http2, kinds, None)

    async def arespond(self, request: Request, timeout: float | None) -> CoreResponse:
        """Do as `Connection.respond` does."""
        own = _core_request(self._core, self._library, self._base_url, request, timeout)
        return CoreResponse(await self._pool.handle_async_request(own))

    async def aclose(self) -> None:
        """Close the connection."""
        await self._pool.aclose()


class AiohttpConnection:
    """One session of aiohttp for all requests of an event loop: it opens connections as needed.

    Args:
        library: The library whose certificates are trusted.
        base_url: The server's address.
    """

    def __init__(self, library: HttpLibrary, base_url: str) -> None:
        import aiohttp

        self._base_url = base_url
        connector = aiohttp.TCPConnector(
            limit=0,
            ssl=tls_for(library, base_url) or True,
            keepalive_timeout=KEEP_ALIVE,
        )
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )
        self._timeouts: dict[float | None, Any] = {}

    async def arespond(self, request: Request, timeout: float | None) -> AiohttpResponse:
        """Do as `Connection.respond` does."""
        answer = await self._session.request(
            request.method,
            f"{self._base_url}/{request.path}",
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
            timeout=self._limits(timeout),
        )
        return AiohttpResponse(answer)

    def _limits(self, timeout: float | None) -> Any:
        import aiohttp

        found = self._timeouts.get(timeout)
        if found is None:
            found = aiohttp.ClientTimeout(
                total=None, sock_connect=connect_timeout(timeout), sock_read=timeout
            )
            if len(self._timeouts) < _TIMEOUTS_KEPT:
                self._timeouts[timeout] = found
        return found

    async def aclose(self) -> None:
        """Close the session and its connections."""
        await self._session.close()


_TIMEOUTS_KEPT: Final = 64


# ---- httpcore ------------------------------------------------------------------------------------


def _pool(
    library: HttpLibrary, base_url: str, http2: bool, kinds: tuple[Any, Any, Any], backend: Any
) -> Any:
    """A pool of one connection: direct, through a proxy, or through a SOCKS proxy."""
    direct, through_proxy, through_socks = kinds
    count = None if http2 else 1
    settings: dict[str, Any] = {
        "ssl_context": tls_for(library, base_url),
        "max_connections": count,
        "max_keepalive_connections": count,
        "keepalive_expiry": KEEP_ALIVE,
        "http2": http2,
        "network_backend": backend,
    }
    address = proxy_for(base_url)
    if address is None:
        return direct(**settings)
    proxy = import_module(library.name).Proxy(address)
    url = import_module(library.core).URL(
        scheme=proxy.url.raw_scheme,
        host=proxy.url.raw_host,
        port=proxy.url.port,
        target=proxy.url.raw_path,
    )
    if url.scheme in _SOCKS:
        return through_socks(proxy_url=url, proxy_auth=proxy.raw_auth, **settings)
    return through_proxy(
        proxy_url=url, proxy_auth=proxy.raw_auth, proxy_headers=proxy.headers.raw, **settings
    )


def _core_request(
    core: Any, library: HttpLibrary, base_url: str, request: Request, timeout: float | None
) -> Any:
    """The request as httpcore has it."""
    url, host = url_of(library, base_url, request.path)
    headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
    if "host" not in request.headers:
        headers.insert(0, (b"Host", host))
    headers.append((b"Content-Length", str(len(request.body)).encode()))
    return core.Request(
        request.method,
        url,
        headers=headers,
        content=request.body,
        extensions={"timeout": _timeouts(timeout)},
    )


def _timeouts(timeout: float | None) -> Mapping[str, float | None]:
    connect = connect_timeout(timeout)
    return {"connect": connect, "read": timeout, "write": timeout, "pool": timeout}


# ---- the end of the headers ----------------------------------------------------------------------


class _Clock:
    """When the headers of the current request must have come; None after they have."""

    ends_at: float | None = None

    def left(self, timeout: float | None, error: type[Exception]) -> float | None:
        """The seconds that a step may take."""
        if self.ends_at is None:
            return timeout
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise error
        return left if timeout is None else min(left, timeout)


class _Backend:
    """httpcore's own way to the network, with a clock: its timeouts bound single steps, so that
    headers which come byte by byte would never end.
    """

    def __init__(self, core: Any, clock: _Clock) -> None:
        self._inner, self._core, self._clock = core.SyncBackend(), core, clock

    def connect_tcp(self, *args: Any, **options: Any) -> _Network:
        return _Network(self._inner.connect_tcp(*args, **options), self._core, self._clock)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Network:
    """A stream of bytes to a server, with a clock.

    httpcore writes the headers and the body of a request apart. They are sent together, when the
    answer is to be read: that is one packet and one call of the system less.
    """

    def __init__(self, inner: Any, core: Any, clock: _Clock) -> None:
        self._inner, self._core, self._clock = inner, core, clock
        self._unsent: list[bytes] = []
        self._write_timeout: float | None = None
        self.close, self.get_extra_info = inner.close, inner.get_extra_info

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent.append(buffer)
        self._write_timeout = timeout

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            together = b"".join(self._unsent)
            self._unsent.clear()
            # A server that refuses a request may answer and close before it has read all of it.
            with suppress(self._core.WriteError):
                self._inner.write(together, self._write_timeout)
        left = self._clock.left(timeout, self._core.ReadTimeout)
        found: bytes = self._inner.read(max_bytes, left)
        return found

    def start_tls(self, *args: Any, **options: Any) -> _Network:
        return _Network(self._inner.start_tls(*args, **options), self._core, self._clock)
