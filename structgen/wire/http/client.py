"""HTTP requests: the port that the steps of a flow are performed on.

HTTP libraries are loaded with the first request. A transport keeps idle connections in a free list
(see `pool`). If the package aiohttp is installed, async calls go over it.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from importlib.util import find_spec
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from structgen.errors import ConfigurationError, RequestTimeoutError
from structgen.flow.ports import Stream
from structgen.values import Reply, Request
from structgen.wire.endpoint import KeyFunction
from structgen.wire.http.body import HttpStream, aread_reply, read_reply
from structgen.wire.http.connections import AiohttpConnection, AsyncConnection, Connection
from structgen.wire.http.errors import raise_from_client, raise_translated
from structgen.wire.http.library import HttpLibrary, http_library
from structgen.wire.http.pool import AsyncFreeList, FreeList, LoopFreeLists, aclose_idle, close_idle
from structgen.wire.http.responses import ACCEPTED, EVENT_STREAM, Response, UserResponse
from structgen.wire.http.settings import proxy_for, within

_Connections: TypeAlias = FreeList[Connection]
_AnyAsync: TypeAlias = AsyncConnection | AiohttpConnection
_AsyncConnections: TypeAlias = AsyncFreeList[_AnyAsync]


class HttpTransport:
    """Sends requests to one server, from any number of threads and event loops.

    It implements `HttpPort`. Redirects are not followed: they are answers with their status. A
    process that is forked gets connections of its own.

    Args:
        base_url: The server's address, with the path before "chat/completions".
        headers: Headers of every request, such as the key's. They are never shown.
        query: The query of every request's URL, such as "api-version=2026-05-01".
        key: Gives the key of each request, if a function knows it.
        http_client: Your own `httpx.Client` or `httpx.AsyncClient` (or httpx2's), which is used
            with its proxies, certificates and limits; you close it. Without one, proxies and
            certificates come from the environment (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE).
        http2: Whether to send many requests over one connection. It needs the package h2.
        max_connections: How many requests may be in flight at a time; others wait their turn.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        *,
        query: str = "",
        key: KeyFunction | None = None,
        http_client: Any = None,
        http2: bool = False,
        max_connections: int = 512,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        # For messages, so without credentials.
        self._server = urlsplit(self.base_url).netloc.rpartition("@")[2]
        self._headers = {
            "user-agent": "structgen",
            **(headers or {}),
        }
        self._query = query
        self._key = key
        self._client = http_client
        self._http2 = http2
        self._max_connections = max_connections
        self._start()
        _transports.add(self)

    def __repr__(self) -> str:
        return f"HttpTransport({self._server!r})"

    def _start(self) -> None:
        self._closed = False
        self._connections: _Connections = FreeList(
            lambda: Connection(self._library, self.base_url, self._http2),
            self._max_connections,
            shared=self._http2,
        )
        self._loops: LoopFreeLists[_AnyAsync] = LoopFreeLists(self._new_loop_connections)
        # A transport that is dropped without being closed leaves nothing open.
        self._finalizer = weakref.finalize(self, close_idle, self._connections)

    @cached_property
    def _library(self) -> HttpLibrary:
        return http_library()

    # ---- sync

    def send(self, request: Request, timeout: float | None) -> Reply:
        """Send a request and read its whole answer.

        Args:
            request: The request to send.
            timeout: Seconds to wait for a free connection, for the first byte, and for the whole
                body; None for no limit.

        Raises:
            TransportError: If no answer came in time, or the connection failed.
            ConfigurationError: If the transport is closed, or the request cannot be sent.
        """
        response, release = self._respond(self._complete(request), timeout)
        try:
            return read_reply(response, self._server, timeout)
        finally:
            response.close()
            release()

    def open(self, request: Request, timeout: float | None) -> Stream:
        """Send a request and return its answer as a stream.

        Args:
            request: The request to send.
            timeout: Seconds to wait for a free connection, for the first byte, and for each
                piece; None for no limit.

        Returns:
            The stream. The body of an error is read whole, into `reply`.

        Raises:
            TransportError: If no answer came in time, or the connection failed.
            ConfigurationError: If the transport is closed, or the request cannot be sent.
        """
        response, release = self._respond(self._complete(request), timeout)
        stream = self._stream(response, release, timeout)
        if not 200 <= response.status < 300:
            try:
                stream.reply = read_reply(response, self._server, timeout)
            finally:
                stream.close()
        return stream

    def _respond(
        self, request: Request, timeout: float | None
    ) -> tuple[Response, Callable[[], None]]:
        """A response whose body is still to come, and what releases its connection."""
        if self._client is not None:
            try:
                built = self._client_request(request, timeout, is_async=False)
                response = self._client.send(built, stream=True)
                return UserResponse(response), _release_nothing
            except Exception as error:
                raise_from_client(error, self._server, timeout)
        self._check_open()
        connections = self._connections
        connection = connections.take(timeout)
        if connection is None:
            raise self._all_busy(timeout)
        release = partial(self._release, connections, connection)
        try:
            return connection.respond(request, timeout), release
        except BaseException as error:
            release()
            raise_translated(error, self._server, timeout)

    def _release(self, connections: _Connections, connection: Connection) -> None:
        connections.give(connection)
        if self._closed:
            self.close()

    def close(self) -> None:
        """Close the idle connections now, and those in use when their answers end.

        Connections of an event loop are closed by `aclose`, or when the loop ends.
        """
        self._closed = True
        close_idle(self._connections)

    # ---- async

    async def asend(self, request: Request, timeout: float | None) -> Reply:
        """Do what `send` does, without blocking the event loop."""
        response, release = await self._arespond(await self._acomplete(request), timeout)
        try:
            return await aread_reply(response, self._server, timeout)
        finally:
            await response.aclose()
            await release()

    async def aopen(self, request: Request, timeout: float | None) -> Stream:
        """Do what `open` does, without blocking the event loop."""
        response, release = await self._arespond(await self._acomplete(request), timeout)
        stream = self._stream(response, release, timeout)
        if not 200 <= response.status < 300:
            try:
                stream.reply = await aread_reply(response, self._server, timeout)
            finally:
                await stream.aclose()
        return stream

    async def _arespond(
        self, request: Request, timeout: float | None
    ) -> tuple[Response, Callable[[], Awaitable[None]]]:
        if self._client is not None:
            try:
                built = self._client_request(request, timeout, is_async=True)
                answer = self._client.send(built, stream=True)
                return UserResponse(await within(answer, timeout)), _arelease_nothing
            except Exception as error:
                raise_from_client(error, self._server, timeout)
        connections, connection = await self._atake(timeout)
        release = partial(self._arelease, connections, connection)
        try:
            return await within(connection.arespond(request, timeout), timeout), release
        except BaseException as error:
            await release()
            raise_translated(error, self._server, timeout)

    @cached_property
    def _has_aiohttp(self) -> bool:
        """Whether async calls go over aiohttp, which speaks no HTTP/2 and to few proxies."""
        if self._http2 or proxy_for(self.base_url) is not None:
            return False
        return find_spec("aiohttp") is not None

    async def _atake(self, timeout: float | None) -> tuple[_AsyncConnections, _AnyAsync]:
        self._check_open()
        connections = await self._loops.current()
        connection = await connections.take(timeout)
        if connection is None:
            raise self._all_busy(timeout)
        return connections, connection

    def _new_loop_connections(self) -> _AsyncConnections:
        shared = self._http2 or self._has_aiohttp
        return AsyncFreeList(self._new_async_connection, self._max_connections, shared=shared)

    def _new_async_connection(self) -> _AnyAsync:
        if self._has_aiohttp:
            return AiohttpConnection(self._library, self.base_url)
        return AsyncConnection(self._library, self.base_url, self._http2)

    async def _arelease(self, connections: _AsyncConnections, connection: _AnyAsync) -> None:
        connections.give(connection)
        if self._closed:
            await aclose_idle(connections)

    async def aclose(self) -> None:
        """Do what `close` does, also for the connections of the running event loop."""
        self.close()
        await self._loops.aclose()

    # ---- shared

    def _stream(
        self, response: Response, release: Callable[[], Any], timeout: float | None
    ) -> HttpStream:
        return HttpStream(response, release, server=self._server, timeout=timeout)

    def _complete(self, request: Request) -> Request:
        """The request with the headers and the query of every request."""
        return self._with_shared(request, self._key.headers() if self._key else {})

    async def _acomplete(self, request: Request) -> Request:
        return self._with_shared(request, await self._key.aheaders() if self._key else {})

    def _with_shared(self, request: Request, key: Mapping[str, str]) -> Request:
        path = request.path
        if self._query:
            path += f"{'&' if '?' in path else '?'}{self._query}"
        # A packed stream would wait at each proxy until there is enough to pack.
        coding = "identity" if request.headers.get("accept") == EVENT_STREAM else ACCEPTED
        headers = {"accept-encoding": coding, **self._headers, **key, **request.headers}
        return replace(request, path=path, headers=headers)

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigurationError(
                "The client is closed.", hint="Make a new one, or leave its `with` block later."
            )

    def _client_request(self, request: Request, timeout: float | None, *, is_async: bool) -> Any:
        """The request, built by the caller's own client (httpx's or httpx2's)."""
        if hasattr(self._client, "aclose") is not is_async:
            raise ConfigurationError(
                "`http_client` is a sync client, but the call is async."
                if is_async
                else "`http_client` is an async client, but the call is sync.",
                hint="Give Client an httpx.Client, and AsyncClient an httpx.AsyncClient.",
            )
        return self._client.build_request(
            request.method,
            f"{self.base_url}/{request.path}",
            content=request.body,
            headers=dict(request.headers),
            timeout=timeout,
        )

    def _all_busy(self, timeout: float | None) -> RequestTimeoutError:
        return RequestTimeoutError(
            f"All {self._max_connections} connections were busy for {timeout} s.",
            hint="Raise `timeout` or `max_connections`, or send fewer requests at once.",
        )


def _release_nothing() -> None:
    """The connections of the caller's client are its own to release."""


async def _arelease_nothing() -> None:
    _release_nothing()


# ---- forks ---------------------------------------------------------------------------

_transports: weakref.WeakSet[HttpTransport] = weakref.WeakSet()
_inherited: list[Any] = []
"""The parent's connections, which a child keeps from being collected and so closed."""


def _after_fork() -> None:
    """Give the transports of a child process connections of their own.

    The child must neither use nor close those of its parent.
    """
    for transport in _transports:
        transport._finalizer.detach()
        _inherited.append((transport._connections, transport._loops))
        transport._start()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
