"""HTTP: the port that flows are performed on. The only file that knows httpx.

A transport keeps single-connection httpx transports in a free list (`pool`) that share one TLS context, so that nothing is looked
through and nothing waits inside httpx. With the package httpx-aiohttp installed, async calls go over aiohttp. httpx is loaded with
the first request.
"""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Mapping
from functools import cached_property, lru_cache, partial
from importlib.util import find_spec
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from structgen.errors import (
    ConfigurationError,
    ConnectionFailedError,
    RequestTimeoutError,
    StreamBrokenError,
    StructgenError,
)
from structgen.flow.ports import Stream
from structgen.values import Reply, Request
from structgen.wire.aiohttp import answer, proxy_of
from structgen.wire.http_errors import CONNECT, checked, mapped
from structgen.wire.pool import AsyncFreeList, FreeList

_KEEP_ALIVE: Final = 15.0


class HttpTransport:
    """An HttpPort over httpx: one server, from any number of threads and event loops; it survives a fork.

    `headers` go with every request and are never shown. `http_client`: the caller's own `httpx.Client` or `httpx.AsyncClient` (or
    httpx2's), used with its proxies, certificates and limits instead of connections of ours; the caller closes it. Without one,
    proxies and certificates come from the environment (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE). `http2`: many requests over one
    connection (needs the package h2). `max_connections`: requests in flight at a time; the others wait for their turn.

    A `timeout` bounds the wait for a turn, for the first byte, and for the whole body (within one read); of an open stream, the
    wait for each piece. Redirects are not followed: they are answers with their status.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        *,
        http_client: Any = None,
        http2: bool = False,
        max_connections: int = 512,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._server = urlsplit(self.base_url).netloc.rpartition("@")[
            2
        ]  # without credentials, for messages
        self._headers = {"user-agent": "structgen", **(headers or {})}
        self._client = http_client
        self._http2 = http2
        self._limit = max_connections
        self._start()
        _living.add(self)

    def __repr__(self) -> str:
        return f"HttpTransport({self._server!r})"

    def _start(self) -> None:
        self._closed = False
        self._lanes: FreeList[Any] = FreeList(
            partial(_lane, self.base_url, self._http2), self._limit, shared=self._http2
        )
        self._loops: dict[
            asyncio.AbstractEventLoop, tuple[AsyncFreeList[Any], AsyncGenerator[None, None]]
        ] = {}
        self._end = weakref.finalize(
            self, _close_idle, self._lanes
        )  # a transport that is dropped unclosed leaves nothing open

    # ---- sync

    def send(self, request: Request, timeout: float | None) -> Reply:
        response, done = self._answer(request, timeout)
        try:
            return self._whole(response, timeout)
        finally:
            response.close()
            done()

    def open(self, request: Request, timeout: float | None) -> Stream:
        response, done = self._answer(request, timeout)
        stream = _HttpStream(self, response, done, timeout)
        if response.status_code != 200:
            try:
                stream.reply = self._whole(response, timeout)
            finally:
                stream.close()
        return stream

    def _whole(self, response: Any, timeout: float | None) -> Reply:
        ends_at = None if timeout is None else time.monotonic() + timeout
        parts: list[bytes] = []
        size = 0
        try:
            for part in response.iter_bytes():
                parts.append(part)
                size = checked(size + len(part), ends_at)
        except Exception as error:
            self._raise(error, timeout)
        return _reply(response, b"".join(parts))

    def _answer(self, request: Request, timeout: float | None) -> tuple[Any, Callable[[], None]]:
        """An httpx.Response whose body is still to come, and what ends the use of its connection."""
        if self._client is not None:
            try:
                return self._client.send(
                    self._of_theirs(request, timeout, sync=True), stream=True
                ), _nothing
            except Exception as error:
                self._raise(error, timeout)
        self._check_open()
        lane = (lanes := self._lanes).take(timeout)
        if lane is None:
            raise self._no_turn(timeout)
        try:
            return lane.handle_request(self._of_ours(request, timeout)), lambda: self._give(
                lanes, lane
            )
        except BaseException as error:
            self._give(lanes, lane)
            self._raise(error, timeout)

    def _give(self, lanes: FreeList[Any], lane: Any) -> None:
        lanes.give(lane)
        if self._closed:
            self.close()

    def close(self) -> None:
        """Close the idle connections now, those in use when their answer ends. Connections of event loops want `aclose`."""
        self._closed = True
        _close_idle(self._lanes)

    # ---- async

    async def asend(self, request: Request, timeout: float | None) -> Reply:
        if self._direct:
            lanes, lane = await self._take(timeout)
            try:
                return await answer(lane.client, self.base_url, self._headers, request, timeout)
            except Exception as error:
                self._raise(error, timeout)
            finally:
                await self._agive(lanes, lane)
        response, done = await self._aanswer(request, timeout)
        try:
            return await self._awhole(response, timeout)
        finally:
            await response.aclose()
            await done()

    async def aopen(self, request: Request, timeout: float | None) -> Stream:
        response, done = await self._aanswer(request, timeout)
        stream = _HttpStream(self, response, done, timeout)
        if response.status_code != 200:
            try:
                stream.reply = await self._awhole(response, timeout)
            finally:
                await stream.aclose()
        return stream

    async def _awhole(self, response: Any, timeout: float | None) -> Reply:
        ends_at = None if timeout is None else time.monotonic() + timeout
        parts: list[bytes] = []
        size = 0
        try:
            async for part in response.aiter_bytes():
                parts.append(part)
                size = checked(size + len(part), ends_at)
        except Exception as error:
            self._raise(error, timeout)
        return _reply(response, b"".join(parts))

    async def _aanswer(
        self, request: Request, timeout: float | None
    ) -> tuple[Any, Callable[[], Any]]:
        if self._client is not None:
            try:
                return await self._client.send(
                    self._of_theirs(request, timeout, sync=False), stream=True
                ), _anothing
            except Exception as error:
                self._raise(error, timeout)
        lanes, lane = await self._take(timeout)
        try:
            return await lane.handle_async_request(
                self._of_ours(request, timeout)
            ), lambda: self._agive(lanes, lane)
        except BaseException as error:
            await self._agive(lanes, lane)
            self._raise(error, timeout)

    @cached_property
    def _direct(self) -> bool:
        """Do whole answers come over aiohttp, without httpx between?"""
        return self._client is None and self._over_aiohttp and proxy_of(self.base_url) is None

    @cached_property
    def _over_aiohttp(self) -> bool:
        return not self._http2 and find_spec("httpx_aiohttp") is not None

    async def _take(self, timeout: float | None) -> tuple[AsyncFreeList[Any], Any]:
        lanes = await self._open_async_lanes()
        lane = await lanes.take(timeout)
        if lane is None:
            raise self._no_turn(timeout)
        return lanes, lane

    async def _open_async_lanes(self) -> AsyncFreeList[Any]:
        self._check_open()
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            make = (
                partial(_aiohttp_lane, self.base_url)
                if self._over_aiohttp
                else partial(_async_lane, self.base_url, self._http2)
            )
            lanes: AsyncFreeList[Any] = AsyncFreeList(
                make, self._limit, shared=self._http2 or self._over_aiohttp
            )
            keeper = self._keeper(loop, lanes)
            self._loops[loop] = lanes, keeper
            await anext(keeper)
        return self._loops[loop][0]

    async def _keeper(
        self, loop: asyncio.AbstractEventLoop, lanes: AsyncFreeList[Any]
    ) -> AsyncGenerator[None, None]:
        """Closes the connections of an event loop: on `aclose`, and when the loop shuts down its asynchronous generators, as
        `asyncio.run` does at its end."""
        try:
            yield
        finally:
            self._loops.pop(loop, None)
            for lane in lanes.drain():
                await lane.aclose()

    async def _agive(self, lanes: AsyncFreeList[Any], lane: Any) -> None:
        lanes.give(lane)
        if self._closed:
            for idle in lanes.drain():
                await idle.aclose()

    async def aclose(self) -> None:
        """As `close`, for the connections of the running event loop too."""
        self.close()
        if here := self._loops.get(asyncio.get_running_loop()):
            await here[1].aclose()

    # ---- shared

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigurationError(
                "The client is closed.", hint="Make a new one, or leave the `with` block later."
            )

    def _of_ours(self, request: Request, timeout: float | None) -> Any:
        import httpx

        limits = {
            "connect": CONNECT if timeout is None else min(timeout, CONNECT),
            "read": timeout,
            "write": timeout,
            "pool": timeout,
        }
        return httpx.Request(
            request.method,
            _url(self.base_url, request.path),
            headers=[
                (name.encode(), value.encode())
                for name, value in {**self._headers, **request.headers}.items()
            ],
            content=request.body,
            extensions={"timeout": limits},
        )

    def _of_theirs(self, request: Request, timeout: float | None, *, sync: bool) -> Any:
        """The request, made by the caller's own client (httpx or httpx2)."""
        if hasattr(self._client, "aclose") is sync:
            raise ConfigurationError(
                f"`http_client` is {'an async' if sync else 'a sync'} client, the call is not.",
                hint="Give Client an httpx.Client, AsyncClient an httpx.AsyncClient.",
            )
        return self._client.build_request(
            request.method,
            f"{self.base_url}/{request.path}",
            content=request.body,
            headers={**self._headers, **request.headers},
            timeout=timeout,
        )

    def _no_turn(self, timeout: float | None) -> RequestTimeoutError:
        return RequestTimeoutError(
            f"All {self._limit} connections were busy for {timeout} s.",
            hint="Raise `timeout` or `max_connections`, or ask fewer at once.",
        )

    def _raise(self, error: BaseException, timeout: float | None) -> NoReturn:
        """Our error for one of httpx's (or aiohttp's below it); what is no library's goes on as it is."""
        if isinstance(error, StructgenError) or not isinstance(error, Exception):
            raise error
        raise mapped(error, self._server, timeout) from error


class _HttpStream:
    """A `flow.Stream` over an httpx.Response."""

    def __init__(
        self,
        transport: HttpTransport,
        response: Any,
        done: Callable[[], Any],
        timeout: float | None,
    ) -> None:
        self.reply = _reply(response, b"")
        self._transport, self._response, self._timeout = transport, response, timeout
        self._done: Callable[[], Any] | None = done
        self._parts: Any = None
        self._plain = (
            transport._client is None and "content-encoding" not in self.reply.headers
        )  # nothing to unpack

    def read(self) -> bytes:
        if self._done is None:
            return b""
        if self._parts is None:
            self._parts = (
                iter(self._response.stream) if self._plain else self._response.iter_bytes()
            )
        try:
            return next(self._parts, b"")
        except Exception as error:
            self._broken(error)

    async def aread(self) -> bytes:
        if self._done is None:
            return b""
        if self._parts is None:
            self._parts = (
                aiter(self._response.stream) if self._plain else self._response.aiter_bytes()
            )
        try:
            part: bytes = await anext(self._parts, b"")
        except Exception as error:
            self._broken(error)
        return part

    def close(self) -> None:
        if self._done is not None:
            done, self._done = self._done, None
            self._response.close()
            done()

    async def aclose(self) -> None:
        if self._done is not None:
            done, self._done = self._done, None
            try:
                if self._parts is not None:
                    await self._parts.aclose()
                await self._response.aclose()
            finally:
                await done()

    def _broken(self, error: Exception) -> NoReturn:
        try:
            self._transport._raise(error, self._timeout)
        except ConnectionFailedError as failed:
            raise StreamBrokenError(
                f"The stream broke off: {failed.message}", sent=True, hint="Ask again."
            ) from error


def _lane_options(base_url: str, http2: bool) -> dict[str, Any]:
    import httpx

    one = None if http2 else 1
    limits = httpx.Limits(
        max_connections=one, max_keepalive_connections=one, keepalive_expiry=_KEEP_ALIVE
    )
    return {"verify": _tls(base_url), "http2": http2, "limits": limits, "proxy": proxy_of(base_url)}


def _lane(base_url: str, http2: bool) -> Any:
    import httpx

    return httpx.HTTPTransport(**_lane_options(base_url, http2))


def _async_lane(base_url: str, http2: bool) -> Any:
    import httpx

    return httpx.AsyncHTTPTransport(**_lane_options(base_url, http2))


def _aiohttp_lane(base_url: str) -> Any:
    import aiohttp
    import httpx
    from httpx_aiohttp import AiohttpTransport

    tls, proxy = _tls(base_url), proxy_of(base_url)
    connector = aiohttp.TCPConnector(limit=0, ssl=tls, keepalive_timeout=_KEEP_ALIVE)
    session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    return AiohttpTransport(verify=tls, client=session, proxy=httpx.Proxy(proxy) if proxy else None)


def _close_idle(lanes: FreeList[Any]) -> None:
    for lane in lanes.drain():
        lane.close()


def _nothing() -> None:
    """What ends the use of a connection that is not ours."""


async def _anothing() -> None:
    _nothing()


def _reply(response: Any, body: bytes) -> Reply:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in response.headers.raw
    }
    return Reply(response.status_code, headers, body)


@lru_cache(maxsize=256)
def _url(base_url: str, path: str) -> Any:
    import httpx

    try:
        return httpx.URL(f"{base_url}/{path}")
    except httpx.InvalidURL as error:
        raise ConfigurationError(
            f"The base URL is no URL: {error}.", hint="Give http(s)://host[:port]/path."
        ) from error


@lru_cache(maxsize=1)
def _context() -> Any:
    """One TLS context for all connections: it takes tens of milliseconds and a megabyte to make."""
    import httpx

    return httpx.create_ssl_context()


def _tls(base_url: str) -> Any:
    return _context() if base_url.startswith("https") or proxy_of(base_url) else False


_living: weakref.WeakSet[HttpTransport] = weakref.WeakSet()
_inherited: list[Any] = []


def _after_fork() -> None:
    """A child must neither use nor close its parent's connections: it forgets them, and keeps them from being collected."""
    for transport in _living:
        transport._end.detach()
        _inherited.append((transport._lanes, transport._loops))
        transport._start()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
