"""The laws of the wire, for every dialect: typed for any bytes, cut and order; sync is async."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen import Client, errors
from structgen.errors import StructgenError
from structgen.options import Options
from structgen.testing import ScriptedTransport
from structgen.values import Answer, Reply
from structgen.wire.exchange import exchange
from structgen.wire.providers import capabilities
from tests.wire.dialects.parts import SERVERS, Said, Server
from tests.wire.dialects.test_requests import CONVERSATION, PARAMETERS
from tests.wire.parts import chat_request, link, options, streamed
from tests.wire.test_laws import FAILURES, HEADERS, JSON, STATUSES, almost, checked

SAID = st.builds(
    Said,
    text=st.none() | st.text(max_size=30),
    finish_reason=st.sampled_from(["stop", "length", "content_filter", "error", "another_word"]),
    refusal=st.none() | st.text(min_size=1, max_size=9),
    reasoning=st.none() | st.text(min_size=1, max_size=30),
    calls=st.lists(
        st.tuples(
            st.sampled_from(["call_1", "call_2"]),
            st.sampled_from(["find", "send"]),
            st.dictionaries(st.sampled_from(["x", "y"]), JSON, min_size=1).map(json.dumps),
        ),
        max_size=2,
        unique_by=lambda call: call[0],
    ).map(tuple),
    size=st.integers(1, 7),
)
"""Anything that a model may say."""
FULL = Said("Paris", reasoning="So.", calls=(("call_1", "find", '{"x":1}'),))
FORM = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
EACH = pytest.mark.parametrize("server", SERVERS, ids=[server.provider for server in SERVERS])


def way(server: Server, port: ScriptedTransport) -> Any:
    return link(port, server.provider)


def bodies(server: Server) -> st.SearchStrategy[bytes]:
    """Bodies of answers and errors with any part replaced by any JSON, and any bytes."""
    objects = almost(json.loads(server.whole(FULL))) | JSON
    objects |= almost(json.loads(server.error(400, "m").body))
    for event in server.events(FULL):
        if (line := event.partition(b"data: ")[2].strip() or event).startswith(b"{"):
            objects |= almost(json.loads(line))
    good = SAID.map(server.whole)
    return good | objects.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)


def streams(server: Server) -> st.SearchStrategy[list[bytes]]:
    """Events in any order, spoiled ones and any bytes among them."""
    framed = bodies(server).map(lambda body: b"data: " + body.replace(b"\n", b" ") + b"\n\n")
    unframed = bodies(server).map(lambda body: body + b"\n")
    good = st.sampled_from([*server.events(FULL), server.event_error("overloaded")])
    noise = st.sampled_from([b"\n", b": c\n\n", b"event: error\n", b"data: [DONE]\n\n"])
    return st.lists(good | noise | framed | unframed | st.binary(max_size=12), max_size=9)


@EACH
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_answers_end_in_a_typed_result_or_error(server: Server, data: st.DataObject) -> None:
    replies = st.builds(Reply, STATUSES, HEADERS, bodies(server))
    lines = data.draw(st.lists(replies | FAILURES | streams(server), min_size=1, max_size=4))
    got, sent = checked(lambda port: exchange(way(server, port), chat_request(), options()), *lines)
    assert len(sent[0]) <= 3
    assert sent[0] == sent[1]
    if isinstance(got, Answer):
        assert json.loads(json.dumps(got.raw))["choices"][0]["message"]["role"] == "assistant"


@EACH
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_streams_end_in_a_typed_result_or_error(server: Server, data: st.DataObject) -> None:
    replies = st.builds(Reply, STATUSES, HEADERS, bodies(server))
    lines = data.draw(st.lists(streams(server) | FAILURES | replies, min_size=1, max_size=4))
    got, sent = checked(
        lambda port: streamed(way(server, port), chat_request(stream=True), options()), *lines
    )
    if isinstance(got, list):
        assert any(delta.done or delta.finish_reason for delta in got)
    assert len(sent[0]) <= 3
    assert sent[0] == sent[1]


@EACH
@settings(max_examples=60, deadline=None)
@given(said=SAID, data=st.data())
def test_a_stream_says_what_the_whole_answer_says_wherever_it_is_cut(
    server: Server, said: Said, data: st.DataObject
) -> None:
    stream = b"".join(server.events(said))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    ends = zip([0, *cuts], [*cuts, len(stream)], strict=True)
    pieces = [stream[start:end] for start, end in ends]
    deltas, _ = checked(
        lambda port: streamed(way(server, port), chat_request(stream=True), options()), pieces
    )
    whole, _ = checked(
        lambda port: exchange(way(server, port), chat_request(), options()),
        Reply(200, {}, server.whole(said)),
    )
    if not isinstance(whole, Answer):
        assert deltas[0] is whole[0]
        return
    told = {
        "text": "".join(delta.text or "" for delta in deltas),
        "reasoning": "".join(delta.reasoning or "" for delta in deltas),
        "refusal": "".join(delta.refusal or "" for delta in deltas),
        "finish_reason": [one.finish_reason for one in deltas if one.finish_reason],
        "calls": calls_in(deltas),
    }
    assert told == {
        "text": whole.text or "",
        "reasoning": whole.reasoning or "",
        "refusal": whole.refusal or "",
        "finish_reason": [whole.finish_reason],
        "calls": [
            (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in whole.tool_calls
        ],
    }


def calls_in(deltas: list[Any]) -> list[tuple[Any, ...]]:
    """The calls of a stream, put together by their index as the SDKs do it."""
    found: dict[int, list[Any]] = {}
    for part in (part for delta in deltas for part in delta.tool_calls):
        call = found.setdefault(part["index"], [None, None, ""])
        call[0] = call[0] or part.get("id")
        call[1] = call[1] or part["function"].get("name")
        call[2] += part["function"].get("arguments") or ""
    return [(id_, name, json.loads(arguments)) for id_, name, arguments in found.values()]


@EACH
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_stream_without_its_end_is_broken(server: Server, data: st.DataObject) -> None:
    events = server.events(Said("Paris and Rome"))
    kept = events[: data.draw(st.integers(1, len(events) - server.ends))]
    got, _ = checked(
        lambda port: streamed(way(server, port), chat_request(stream=True), options(max_retries=0)),
        kept,
    )
    assert got[0] is errors.StreamBrokenError


@EACH
@settings(max_examples=40, deadline=None)
@given(
    messages=st.lists(
        st.fixed_dictionaries(
            {
                "role": st.sampled_from(["system", "user", "assistant"]),
                "content": st.text(max_size=20),
            }
        ),
        min_size=1,
        max_size=4,
    ),
    members=st.fixed_dictionaries({}, optional={"max_tokens": st.integers(1, 99)}),
    stream=st.booleans(),
)
def test_sync_and_async_send_the_same_bytes(
    server: Server, messages: Any, members: Any, stream: bool
) -> None:
    question = chat_request(messages=messages, options=Options(**members), stream=stream)
    make: Any = streamed if stream else exchange
    _, (first, second) = checked(
        lambda port: make(way(server, port), question, options()), server.line(Said("Paris"))
    )
    assert first == second
    texts = server.texts(json.loads(first[0].body))
    assert "".join(text for _, text in texts if text) == "".join(one["content"] for one in messages)


@EACH
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (403, errors.AuthenticationError),
        (404, errors.NotFoundError),
        (413, errors.BadRequestError),
        (429, errors.RateLimitError),
        (500, errors.ServerError),
        (503, errors.ServerError),
        (529, errors.ServerError),
    ],
)
def test_an_error_body_is_a_typed_error(
    server: Server, status: int, wanted: type[StructgenError], stream: bool
) -> None:
    make: Any = streamed if stream else exchange
    got, sent = checked(
        lambda port: make(way(server, port), chat_request(stream=stream), options()),
        server.error(status, "Something is wrong."),
    )
    assert got[0] is wanted
    assert "Something is wrong." in got[1]
    assert len(sent[0]) == (3 if status == 429 or status >= 500 else 1)


@EACH
def test_a_failure_in_a_stream_is_tried_again_before_the_first_word_only(server: Server) -> None:
    events = server.events(Said("Paris and Rome"))
    late = [*events[: -server.ends], server.event_error("Too many at once.")]
    early = [server.event_error("Too many at once.")]
    make = lambda port: streamed(way(server, port), chat_request(stream=True), options())  # noqa: E731
    got, sent = checked(make, early, events)
    assert "".join(delta.text or "" for delta in got) == "Paris and Rome"
    assert len(sent[0]) == 2
    got, sent = checked(make, late, events)
    assert got[0] is errors.ServerError
    assert "Too many at once." in got[1]
    assert len(sent[0]) == 1


SPOILED_MESSAGES = almost(json.loads(json.dumps(CONVERSATION)))
SPOILED_PARAMETERS = almost(
    {**PARAMETERS, "stop": ["."], "reasoning_effort": "low", "response_format": FORM, "user": "me"}
)


@EACH
@settings(max_examples=150, deadline=None)
@given(messages=SPOILED_MESSAGES, members=SPOILED_PARAMETERS, stream=st.booleans())
def test_any_request_is_built_or_refused_with_a_usage_error(
    server: Server, messages: Any, members: dict[str, Any], stream: bool
) -> None:
    caps = capabilities(server.provider, "m")
    for given_messages, given_members in ((messages, {}), (CONVERSATION, members)):
        question = chat_request(messages=given_messages, members=given_members, stream=stream)
        try:
            request = caps.dialect.build(question, caps)
        except errors.UsageError as error:
            assert error.hint
        else:
            assert json.loads(request.body)


@pytest.mark.parametrize("member", ["type", "index"])
def test_members_of_another_kind_end_no_stream_in_a_raw_exception(member: str) -> None:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search"}
    start = {"type": "content_block_start", "index": 1, "content_block": {**block, "type": []}}
    other = {"type": "content_block_start", "index": 1, "content_block": block}
    delta = {"type": "content_block_delta", "index": [], "delta": {"type": "text_delta"}}
    sent = [start] if member == "type" else [other, delta]
    events = [b"data: " + json.dumps(one).encode() + b"\n\n" for one in sent]
    client = Client("anthropic:claude", api_key="k", transport=ScriptedTransport(events))
    with pytest.raises(StructgenError):
        list(
            client.chat.completions.create(messages=[{"role": "user", "content": "x"}], stream=True)
        )
