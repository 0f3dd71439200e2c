"""A total timeout ends a call in whatever phase it is, under its own name."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from structgen import errors
from structgen.flow.drive import aperform, perform
from structgen.testing import FaultyServer
from structgen.wire.exchange import exchange, exchange_stream
from tests.wire.parts import chat_request, link, options, streamed

NO_TIMEOUT = options(timeout=None)
"""So that nothing but the total timeout can end a call."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"


@contextmanager
def dripping(at_once: bytes, piece: bytes) -> Iterator[str]:
    """A server that sends some bytes at once, and then a piece every 30 ms for ever."""
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            with suppress(OSError):  # nobody came for a while, or the client has left
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(at_once)
                    while not ended.wait(0.03):
                        connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            ended.set()
            thread.join()


def soon() -> float:
    """The end of a total timeout that a busy machine, too, reaches with the request sent."""
    return time.monotonic() + 1.5


@pytest.fixture(params=["sync", "async", "aiohttp"])
def drive(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    way: Any = perform
    if request.param != "sync":
        way = lambda flow: asyncio.run(aperform(flow))  # noqa: E731
    if request.param == "async":
        monkeypatch.setitem(sys.modules, "aiohttp", None)
    with FaultyServer("answer") as server:  # the first call loads the HTTP library
        way(exchange(link(server.base_url), chat_request(), options()))
    return way


# The servers drip for ever: without the bound, these calls would not end.


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("piece", [b"x", b"x-more: 1\r\n"])
def test_headers_that_drip_end_at_the_timeout(drive: Any, piece: bytes, stream: bool) -> None:
    opts = options(max_retries=0, timeout=1.0)
    with dripping(HEAD, piece) as url, pytest.raises(errors.RequestTimeoutError) as caught:
        way = link(url)
        drive(
            streamed(way, chat_request(stream=True), opts)
            if stream
            else exchange(way, chat_request(), opts)
        )
    assert caught.value.sent


def test_a_total_timeout_that_ends_in_the_headers_is_named(drive: Any) -> None:
    with dripping(HEAD, b"x") as url, pytest.raises(errors.TotalTimeoutError) as caught:
        drive(exchange(link(url), chat_request(), NO_TIMEOUT, soon()))
    assert caught.value.sent
    assert len(caught.value.attempts) == 1


def test_a_total_timeout_that_ends_in_the_body_is_named(drive: Any) -> None:
    with dripping(HEAD + b"\r\n", b" ") as url, pytest.raises(errors.TotalTimeoutError) as caught:
        drive(exchange(link(url), chat_request(), NO_TIMEOUT, soon()))
    assert "total_timeout" in str(caught.value)


def test_a_stream_of_comments_ends_at_the_total_timeout(drive: Any) -> None:
    with dripping(HEAD + b"\r\n", b": wait\n\n") as url, pytest.raises(errors.TotalTimeoutError):
        way, asked = link(url), chat_request(stream=True)
        drive(exchange_stream(way, asked, NO_TIMEOUT, lambda delta: [delta], soon()))
