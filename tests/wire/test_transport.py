"""HTTP over real sockets: errors are typed, and connections are reused, bounded and closed."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import pytest

from structgen import errors
from structgen.flow.drive import aperform, perform
from structgen.options import Options
from structgen.testing import FAULTS, FaultyServer, Served, completion, events
from structgen.values import Request
from structgen.wire.exchange import exchange
from structgen.wire.http import library as http_library
from structgen.wire.http.client import HttpTransport
from structgen.wire.http.library import LIBRARIES
from structgen.wire.http.library import http_library as chosen_library
from structgen.wire.http.pool import AsyncFreeList, FreeList
from tests.wire.parts import chat_request, link, options, outcome, streamed, text_of

REQUEST = Request("POST", "chat/completions", {"content-type": "application/json"}, b"{}")


@pytest.fixture(params=["sync httpx", "sync httpx2", "async httpx", "async httpx2", "aiohttp"])
def drive(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Performs a flow on a thread, and on an event loop over httpcore and over aiohttp."""
    way, _, library = request.param.partition(" ")
    if library:
        chosen = tuple(one for one in LIBRARIES if one.name == library)
        monkeypatch.setattr(http_library, "LIBRARIES", chosen)
    if way == "sync":
        return perform
    if way == "async":
        monkeypatch.setitem(sys.modules, "aiohttp", None)
    return lambda flow: asyncio.run(aperform(flow))


@pytest.mark.parametrize(
    ("fault", "kind", "sent", "timeout"),
    [
        ("reset", errors.ConnectionFailedError, True, 60.0),
        ("cut", errors.ConnectionFailedError, True, 60.0),
        ("silent", errors.RequestTimeoutError, True, 1.0),
        ("drip", errors.RequestTimeoutError, True, 1.0),
    ],
)
def test_what_breaks_on_the_way_is_typed_and_says_whether_it_was_sent(
    drive: Any, fault: str, kind: Any, sent: bool, timeout: float
) -> None:
    bounded = options(max_retries=0, timeout=timeout)
    with FaultyServer(fault) as server, pytest.raises(errors.TransportError) as caught:
        drive(exchange(link(server.base_url), chat_request(), bounded))
    assert type(caught.value) is kind
    assert caught.value.sent is sent
    assert caught.value.hint


def test_a_server_that_is_not_there_was_sent_nothing(drive: Any) -> None:
    with FaultyServer("answer") as server:
        gone = server.base_url
    with pytest.raises(errors.ConnectionFailedError) as caught:
        drive(exchange(link(gone), chat_request(), options(max_retries=0)))
    assert caught.value.sent is False
    assert "127.0.0.1" in str(caught.value)


def test_a_name_that_does_not_resolve_is_typed(drive: Any) -> None:
    with pytest.raises(errors.ConnectionFailedError) as caught:
        drive(
            exchange(link("http://no-such-host.invalid/v1"), chat_request(), options(max_retries=0))
        )
    assert caught.value.sent is False


@pytest.mark.parametrize("fault", ["stream-cut", "stream-no-end", "stream-malformed"])
def test_a_stream_that_breaks_is_typed(drive: Any, fault: str) -> None:
    with FaultyServer(fault) as server, pytest.raises(errors.StreamBrokenError):
        drive(streamed(link(server.base_url), chat_request(stream=True), options(max_retries=0)))


def test_a_redirect_is_an_answer_and_not_followed(drive: Any) -> None:
    with FaultyServer("redirect") as server, pytest.raises(errors.APIError) as caught:
        drive(exchange(link(server.base_url), chat_request(), options(max_retries=0)))
    assert caught.value.status_code == 308


def test_after_a_failure_the_next_try_goes_through(drive: Any) -> None:
    with FaultyServer("reset", "busy", "wait-seconds", "answer") as server:
        assert (
            drive(exchange(link(server.base_url), chat_request(), options(max_retries=3))).text
            == "Paris"
        )
    assert len(server.requests) == 4


def test_a_stream_is_tried_again_until_its_first_piece(drive: Any) -> None:
    with FaultyServer("stream-unframed", "stream-stopped", "busy", "stream") as server:
        assert (
            text_of(
                drive(
                    streamed(
                        link(server.base_url), chat_request(stream=True), options(max_retries=3)
                    )
                )
            )
            == "Paris"
        )


def test_the_bytes_of_a_stream_may_come_one_by_one(drive: Any) -> None:
    with FaultyServer("stream-drip") as server:
        assert (
            text_of(
                drive(
                    streamed(
                        link(server.base_url), chat_request(stream=True), options(timeout=60.0)
                    )
                )
            )
            == "Paris"
        )


def test_gzip_is_read(drive: Any) -> None:
    import gzip

    zipped = Served(headers={"content-encoding": "gzip"}, body=gzip.compress(completion("Paris")))
    with FaultyServer(zipped) as server:
        assert drive(exchange(link(server.base_url), chat_request(), options())).text == "Paris"


def test_headers_go_with_every_request_and_are_never_shown() -> None:
    with FaultyServer("answer") as server:
        transport = HttpTransport(server.base_url, {"authorization": "Bearer gsk_secret"})
        transport.send(REQUEST, 60)
        assert server.requests[0].headers["authorization"] == "Bearer gsk_secret"
        assert server.requests[0].headers["user-agent"].startswith("structgen")
        assert "gsk_secret" not in repr(transport) + repr(
            vars(server.requests[0]) if hasattr(server.requests[0], "__dict__") else ""
        )
        transport.close()


def test_credentials_in_an_address_are_never_shown() -> None:
    transport = HttpTransport("http://user:secret@127.0.0.1:1/v1")
    with pytest.raises(errors.ConnectionFailedError) as caught:
        transport.send(REQUEST, 60)
    assert "secret" not in repr(transport) + str(caught.value) + repr(caught.value)


def test_the_body_of_an_error_to_a_stream_is_bounded_too(drive: Any) -> None:
    drip = Served(status=500, pieces=[b"x"] * 200, pause=0.05)
    with FaultyServer(drip) as server, pytest.raises(errors.RequestTimeoutError):
        drive(
            streamed(
                link(server.base_url),
                chat_request(stream=True),
                options(max_retries=0, timeout=0.3),
            )
        )


def test_a_header_that_http_cannot_carry_is_a_configuration_error() -> None:
    with FaultyServer("answer") as server, pytest.raises(errors.ConfigurationError):
        HttpTransport(server.base_url, {"x-bad": "a\nb"}).send(REQUEST, 5)


# ---- connections ---------------------------------------------------------------------


class Counting(FaultyServer):
    """Counts connections, and the most requests in flight."""

    accepted = 0
    flying = 0
    most = 0

    def _serve(self, connection: Any) -> None:
        with self._lock:
            self.accepted += 1
        super()._serve(connection)

    def _answer(self, connection: Any, served: Served) -> bool:
        with self._lock:
            self.flying += 1
            self.most = max(self.most, self.flying)
        try:
            return super()._answer(connection, served)
        finally:
            with self._lock:
                self.flying -= 1


@pytest.fixture
def counting() -> Iterator[Counting]:
    with Counting(Served(body=completion("Paris"), delay=0.01)) as server:
        yield server


def test_one_connection_serves_calls_one_after_the_other(counting: Counting) -> None:
    transport = HttpTransport(counting.base_url)
    for _ in range(20):
        transport.send(REQUEST, 60)
    transport.close()
    assert counting.accepted == 1


def test_a_streams_connection_is_used_again() -> None:
    with Counting("stream") as server:
        way = link(server.base_url)
        for _ in range(5):
            perform(streamed(way, chat_request(stream=True), options()))
    assert server.accepted == 1


def test_threads_share_a_bounded_number_of_connections(counting: Counting) -> None:
    transport = HttpTransport(counting.base_url, max_connections=3)
    threads = [
        threading.Thread(target=lambda: [transport.send(REQUEST, 60) for _ in range(5)])
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    transport.close()
    assert len(counting.requests) == 60
    assert counting.most <= 3
    assert counting.accepted <= 3


@pytest.mark.parametrize("over_aiohttp", [False, True])
def test_a_thousand_concurrent_calls_on_one_client_all_succeed(
    counting: Counting, over_aiohttp: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not over_aiohttp:
        monkeypatch.setitem(sys.modules, "aiohttp", None)
    transport = HttpTransport(counting.base_url, max_connections=50)

    async def main() -> list[Any]:
        return await asyncio.gather(*(transport.asend(REQUEST, 600) for _ in range(1000)))

    assert {reply.status for reply in asyncio.run(main())} == {200}
    assert counting.most <= 50


def test_who_gets_no_turn_in_time_is_told_so() -> None:
    with FaultyServer("silent") as server:
        transport = HttpTransport(server.base_url, max_connections=1)
        waiting = threading.Thread(target=lambda: outcome(lambda: transport.send(REQUEST, None)))
        waiting.start()
        while not server.requests:
            time.sleep(0.001)
        with pytest.raises(errors.RequestTimeoutError) as caught:
            transport.send(REQUEST, 0.05)
        assert caught.value.sent is False
    waiting.join()  # the server's end is the end of its answer
    transport.close()


@pytest.mark.parametrize("over_aiohttp", [False, True])
def test_a_transport_serves_one_event_loop_after_another(
    counting: Counting, over_aiohttp: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections end with their loop: nothing is left open, and nothing warns."""
    if not over_aiohttp:
        monkeypatch.setitem(sys.modules, "aiohttp", None)
    transport = HttpTransport(counting.base_url)
    for _ in range(3):
        assert asyncio.run(transport.asend(REQUEST, 60)).status == 200
        gc.collect()
    assert counting.accepted == 3
    assert not transport._loops


def test_a_cancelled_call_gives_its_place_back() -> None:
    with FaultyServer("silent", "answer") as server:
        transport = HttpTransport(server.base_url, max_connections=1)

        async def main() -> int:
            first = asyncio.create_task(transport.asend(REQUEST, 30))
            while not server.requests:
                await asyncio.sleep(0.01)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            return (await transport.asend(REQUEST, 60)).status

        assert asyncio.run(main()) == 200


def test_an_abandoned_stream_gives_its_place_back() -> None:
    with FaultyServer(Served(pieces=events("Paris" * 100), pause=0.01), "answer") as server:
        way = link(HttpTransport(server.base_url, max_connections=1))
        from structgen.chat.api import Chat

        with Chat(way, "m", options()).completions.create(
            messages=[{"role": "user", "content": "hi"}], stream=True
        ) as stream:
            next(stream)
        assert perform(exchange(way, chat_request(), options())).text == "Paris"


def test_a_closed_transport_says_so(counting: Counting) -> None:
    transport = HttpTransport(counting.base_url)
    transport.send(REQUEST, 60)
    transport.close()
    with pytest.raises(errors.ConfigurationError, match="closed"):
        transport.send(REQUEST, 60)
    with pytest.raises(errors.ConfigurationError, match="closed"):
        asyncio.run(transport.asend(REQUEST, 60))


def _in_child(transport: HttpTransport, results: Any) -> None:
    results.put(outcome(lambda: transport.send(REQUEST, 60).status))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_has_connections_of_its_own(counting: Counting) -> None:
    transport = HttpTransport(counting.base_url)
    transport.send(REQUEST, 60)
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_in_child, args=(transport, results))
    child.start()
    assert results.get(timeout=600) == 200
    child.join(600)
    assert transport.send(REQUEST, 60).status == 200
    transport.close()
    assert counting.accepted == 2


# ---- the caller's own client ---------------------------------------------------------


@pytest.mark.parametrize("family", [httpx, httpx2])
def test_a_client_of_the_callers_is_used_and_left_open(family: Any) -> None:
    with (
        FaultyServer("answer", "stream", "reset", "silent") as server,
        family.Client(headers={"x-mine": "1"}) as client,
    ):
        way = link(
            HttpTransport(server.base_url, {"authorization": "Bearer k"}, http_client=client)
        )
        assert perform(exchange(way, chat_request(), options())).text == "Paris"
        assert text_of(perform(streamed(way, chat_request(stream=True), options()))) == "Paris"
        assert (
            outcome(lambda: perform(exchange(way, chat_request(), options(max_retries=0))))[0]
            is errors.ConnectionFailedError
        )
        assert (
            outcome(
                lambda: perform(exchange(way, chat_request(), options(max_retries=0, timeout=0.2)))
            )[0]
            is errors.RequestTimeoutError
        )
        assert not client.is_closed
    assert {request.headers["x-mine"] for request in server.requests} == {"1"}
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer k"}


@pytest.mark.parametrize("family", [httpx, httpx2])
def test_an_async_client_of_the_callers_is_used(family: Any) -> None:
    async def main(base_url: str) -> str:
        async with family.AsyncClient() as client:
            way = link(HttpTransport(base_url, http_client=client))
            deltas = await aperform(streamed(way, chat_request(stream=True), options()))
            return str((await aperform(exchange(way, chat_request(), options()))).text) + text_of(
                deltas
            )

    with FaultyServer("stream", "answer") as server:
        assert asyncio.run(main(server.base_url)) == "ParisParis"


def test_the_wrong_kind_of_client_is_an_error() -> None:
    transport = HttpTransport("http://127.0.0.1:1/v1", http_client=httpx.AsyncClient())
    with pytest.raises(errors.ConfigurationError, match="async"):
        transport.send(REQUEST, 1)


def test_http2_shares_one_connection() -> None:
    """With a server of HTTP/1.1 alone, the client falls back, on its one transport."""
    with FaultyServer("answer") as server:
        transport = HttpTransport(server.base_url, http2=True)
        assert transport.send(REQUEST, 60).status == 200
        assert asyncio.run(transport.asend(REQUEST, 60)).status == 200
        transport.close()


# ---- the free list -------------------------------------------------------------------


def test_the_last_used_is_handed_out_first() -> None:
    numbers = iter(range(9))
    free: FreeList[int] = FreeList(lambda: next(numbers), 3)
    first, second = free.take(None), free.take(None)
    assert (first, second) == (0, 1)
    free.give(0)
    free.give(1)
    assert free.take(None) == 1
    assert free.drain() == [0]


def test_no_more_than_the_limit_are_out() -> None:
    free: FreeList[object] = FreeList(object, 1)
    thing = free.take(None)
    assert thing is not None
    assert free.take(0.01) is None
    free.give(thing)
    assert free.take(0.01) is thing


def test_a_place_is_not_lost_when_making_fails() -> None:
    def make() -> object:
        raise OSError

    free: FreeList[object] = FreeList(make, 1)
    for _ in range(3):
        with pytest.raises(OSError):
            free.take(0.01)

    async def main() -> None:
        afree: AsyncFreeList[object] = AsyncFreeList(make, 1)
        for _ in range(3):
            with pytest.raises(OSError):
                await afree.take(0.01)

    asyncio.run(main())


def test_all_faults_have_a_reply_that_parses_as_http() -> None:
    assert all(
        served.head.startswith(b"HTTP/1.1 ") and served.head.endswith(b"\r\n\r\n")
        for served in FAULTS.values()
    )
    assert isinstance(Options(), Options)


# ---- the library ---------------------------------------------------------------------


def test_httpx2_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    newest_first = sorted(LIBRARIES, key=lambda library: library.python, reverse=True)
    monkeypatch.setattr(http_library, "LIBRARIES", tuple(newest_first))
    assert chosen_library().name == "httpx2"
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "httpx2", None)
        assert chosen_library().name == "httpx"
    with monkeypatch.context() as old:
        old.setattr(sys, "version_info", (3, 10, 0))
        assert chosen_library().name == "httpx"


# ---- packed bodies -------------------------------------------------------------------


def _packed(coding: str, body: bytes) -> Served:
    wbits = {"gzip": 31, "deflate": 15, "raw": -15}[coding]
    packer = zlib.compressobj(wbits=wbits)
    name = "deflate" if coding == "raw" else coding
    return Served(headers={"content-encoding": name}, body=packer.compress(body) + packer.flush())


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw"])
def test_packed_answers_are_read(drive: Any, coding: str) -> None:
    with FaultyServer(_packed(coding, completion("Paris"))) as server:
        assert drive(exchange(link(server.base_url), chat_request(), options())).text == "Paris"


def test_a_short_answer_that_unpacks_to_much_is_refused_before_it_fills_the_memory(
    drive: Any,
) -> None:
    with FaultyServer(_packed("gzip", b" " * (64 << 20))) as server:
        tracemalloc.start()
        with pytest.raises(errors.ConnectionFailedError, match="longer than"):
            drive(exchange(link(server.base_url), chat_request(), options(max_retries=0)))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 80 << 20


@pytest.mark.parametrize(("coding", "body"), [("br", b"x"), ("gzip", b"no gzip"), ("gzip", b"")])
def test_an_encoding_that_cannot_be_read_is_typed(drive: Any, coding: str, body: bytes) -> None:
    served = Served(headers={"content-encoding": coding}, body=body)
    with FaultyServer(served) as server, pytest.raises(errors.StructgenError):
        drive(exchange(link(server.base_url), chat_request(), options(max_retries=0)))


def test_whole_answers_may_be_packed_and_streams_may_not(drive: Any) -> None:
    with FaultyServer("answer", "stream") as server:
        way = link(server.base_url)
        drive(exchange(way, chat_request(), options()))
        drive(streamed(way, chat_request(stream=True), options()))
    asked = [request.headers["accept-encoding"] for request in server.requests]
    assert asked == ["gzip, deflate", "identity"]
