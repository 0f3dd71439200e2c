"""Laws 6 and 7: sync and async are one, and every answer ends in a typed result or error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen import errors
from structgen.flow.drive import aperform, aperform_stream, perform, perform_stream
from structgen.flow.steps import Emit, Flow, Sleep
from structgen.options import Options
from structgen.testing import FAULTS, FaultyServer, ScriptedTransport, Served, completion, events
from structgen.values import Answer, Reply, Request
from structgen.wire.dialects.chat_completions import CHAT_COMPLETIONS
from structgen.wire.exchange import exchange
from structgen.wire.providers import PROVIDERS, capabilities
from structgen.wire.rate_limits import Pacer, RateLimits
from tests.wire.parts import both, chat_request, link, options, outcome, streamed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "message", "code", "x"]), inner)
    ),
    max_leaves=8,
)


def almost(good: Any) -> st.SearchStrategy[Any]:
    """A good answer with any part of it replaced by any JSON."""

    def spoiled(draw: st.DrawFn) -> Any:
        copy = json.loads(json.dumps(good))
        node, path = copy, list[Any]()
        while (
            isinstance(node, (dict, list))
            and node
            and draw(st.booleans() if path else st.just(True))
        ):
            path.append(
                (
                    node,
                    draw(
                        st.sampled_from(
                            sorted(node) if isinstance(node, dict) else list(range(len(node)))
                        )
                    ),
                )
            )
            node = node[path[-1][1]]
        parent, key = path[-1]
        parent[key] = draw(JSON)
        return copy

    return st.composite(spoiled)()


WHOLE = json.loads(
    completion(
        "Paris",
        reasoning="r",
        tool_calls=[{"id": "1", "function": {"name": "f", "arguments": "{}"}}],
    )
)
CHUNK = json.loads(events("Paris")[1].removeprefix(b"data: "))
ERROR = {
    "error": {
        "message": "m",
        "type": "t",
        "code": "c",
        "param": None,
        "failed_generation": "{",
        "status_code": 400,
    }
}
ANYTHING = almost(WHOLE) | almost(CHUNK) | almost(ERROR) | JSON
BODIES = (
    st.binary(max_size=40)
    | ANYTHING.map(lambda value: json.dumps(value).encode())
    | st.sampled_from([b"", b"null", b"[DONE]", completion("x")])
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "retry-after-ms", "x-should-retry", "x-request-id"])
    | st.sampled_from([f"x-ratelimit-{part}-tokens" for part in ("limit", "remaining", "reset")]),
    st.text(max_size=6) | st.sampled_from(["0.001", "1ms", "true", "0", "100"]),
)
STATUSES = st.sampled_from(
    [200, 206, 301, 400, 401, 404, 413, 422, 429, 498, 500, 503, 599]
) | st.integers(100, 999)
REPLIES = st.builds(Reply, STATUSES, HEADERS, BODIES)
FAILURES = st.sampled_from(
    [
        errors.ConnectionFailedError("x"),
        errors.RequestTimeoutError("x", sent=True),
        errors.StreamBrokenError("x", sent=True),
    ]
)
PIECES = st.lists(
    st.sampled_from(
        [
            *events("Pa"),
            b"\n",
            b"\n\n",
            b"event: error\n",
            b": c\n\n",
            b"error: {}\n",
            b"data: [DONE]\n\n",
            b"\xef\xbb\xbf",
        ]
    )
    | BODIES.map(lambda body: b"data: " + body + b"\n\n")
    | st.binary(max_size=12),
    max_size=8,
)
PROVIDER = st.sampled_from(PROVIDERS)
CHAT_PROVIDER = st.sampled_from(
    [one for one in PROVIDERS if capabilities(one, "m").dialect is CHAT_COMPLETIONS]
)
"""The providers whose messages are sent as they are."""
LINES = st.lists(REPLIES | FAILURES | PIECES, min_size=1, max_size=5)


class Quick:
    """A port's flow with its waits left out, so that a server may ask for any."""

    def __init__(self, flow: Flow[Any]) -> None:
        self._flow = flow

    def send(self, value: Any) -> Any:
        step = self._flow.send(value)
        return self.send(None) if isinstance(step, Sleep) else step

    def throw(self, error: BaseException) -> Any:
        step = self._flow.throw(error)
        return self.send(None) if isinstance(step, Sleep) else step

    def close(self) -> None:
        self._flow.close()


def checked(
    make: Callable[[ScriptedTransport], Flow[Any]], *lines: Any
) -> tuple[Any, list[list[Request]]]:
    """The outcome over this script, typed and the same both ways; and what each driver sent."""
    ports: list[ScriptedTransport] = []

    def fresh() -> Any:
        ports.append(ScriptedTransport(*lines))
        return Quick(make(ports[-1]))

    got = both(fresh)
    assert isinstance(got, (Answer, list)) or issubclass(got[0], errors.StructgenError)
    return got, [port.requests for port in ports]


@settings(max_examples=400, deadline=None)
@given(LINES, PROVIDER)
def test_any_answers_end_in_a_typed_result_or_error(lines: list[Any], provider: str) -> None:
    limits = RateLimits(tokens_per_minute=1e6)
    _, sent = checked(
        lambda port: exchange(link(port, provider, pacer=Pacer(limits)), chat_request(), options()),
        *lines,
    )
    assert len(sent[0]) <= 3
    assert sent[0] == sent[1]


@settings(max_examples=400, deadline=None)
@given(LINES, PROVIDER)
def test_any_streams_end_in_a_typed_result_or_error(lines: list[Any], provider: str) -> None:
    got, sent = checked(
        lambda port: streamed(link(port, provider), chat_request(stream=True), options()), *lines
    )
    if isinstance(got, list):
        assert any(delta.done or delta.finish_reason for delta in got)
    assert len(sent[0]) <= 3
    assert sent[0] == sent[1]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.integers(1, 7), st.data())
def test_a_stream_cut_into_any_pieces_is_the_same(
    text: str, size: int, data: st.DataObject
) -> None:
    stream = b"".join(events(text, size=size))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [
        stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
    ]
    got, _ = checked(
        lambda port: streamed(link(port), chat_request(stream=True), options()), pieces
    )
    assert "".join(delta.text or "" for delta in got) == text


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["role", "content", "x"]), st.text(max_size=20), min_size=1
        ),
        max_size=3,
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.floats(0, 2),
            "seed": st.integers(),
            "max_tokens": st.integers(1, 99),
        },
    ),
    CHAT_PROVIDER,
    st.booleans(),
)
def test_sync_and_async_send_the_same_bytes(
    messages: Any, members: Any, provider: str, stream: bool
) -> None:
    question = chat_request(messages=messages, options=Options(**members), stream=stream)
    make: Any = streamed if stream else exchange
    _, (first, second) = checked(
        lambda port: make(link(port, provider), question, options()), "Paris"
    )
    assert first == second
    assert [json.loads(request.body)["messages"] for request in first] == [messages]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fault", sorted(set(FAULTS) - {"silent", "drip", "stream-drip", "wait-an-hour"})
)
def test_over_real_sockets_too(fault: str, stream: bool) -> None:
    """Bytes on the wire, and results, are the same for both drivers, whatever the server does."""
    make: Any = streamed if stream else exchange
    with FaultyServer(fault) as server:
        way = link(server.base_url)
        sync = outcome(
            lambda: perform(make(way, chat_request(stream=stream), options(max_retries=1)))
        )
        on_loop = outcome(
            lambda: asyncio.run(
                aperform(make(way, chat_request(stream=stream), options(max_retries=1)))
            )
        )
    if isinstance(
        sync, tuple
    ):  # an error's message may quote the HTTP library, of which there are two
        assert issubclass(sync[0], errors.StructgenError)
        assert on_loop[0] is sync[0]
    else:
        assert on_loop == sync
    assert len({request.body for request in server.requests}) == 1
    assert len(server.requests) % 2 == 0


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([200, 400, 500]), st.integers(0, 60), st.booleans())
def test_any_bytes_over_real_sockets_cut_anywhere(
    data: bytes, status: int, cut: int, stream: bool
) -> None:
    served = (
        Served(status=status, pieces=[data[:cut] or b" ", data[cut:] or b" "])
        if stream
        else Served(status=status, body=data)
    )
    make: Any = streamed if stream else exchange
    with FaultyServer(served) as server:
        way = link(server.base_url)
        got = outcome(
            lambda: perform(
                make(way, chat_request(stream=stream), options(max_retries=0, timeout=20.0))
            )
        )
    assert isinstance(got, (Answer, list)) or issubclass(got[0], errors.StructgenError)


def test_both_drivers_yield_what_a_flow_emits_and_end_it_when_they_are_ended() -> None:
    closed = []

    def flow() -> Flow[str]:
        try:
            for number in range(3):
                yield Emit(number)
            return "end"
        finally:
            closed.append(True)

    async def main() -> list[Any]:
        return [value async for value in aperform_stream(flow())]

    assert list(perform_stream(flow())) == asyncio.run(main()) == [0, 1, 2]
    assert perform(flow()) == asyncio.run(aperform(flow())) == "end"
    run = perform_stream(flow())
    next(run)
    run.close()
    assert len(closed) == 5
