"""Where the SDKs answer wrongly or not at all, measured side by side with structgen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import groq
import openai
import pytest

from structgen import Client, errors
from structgen.errors import ServerError, StreamBrokenError
from structgen.testing import FAULTS, FaultyServer, Served, completion, events

HELLO = [{"role": "user", "content": "hi"}]
SDKS = ["groq", "openai"]


def sdk(provider: str, server: FaultyServer, **members: Any) -> Any:
    if provider == "groq":
        return groq.Groq(
            api_key="k",
            base_url=server.base_url.removesuffix("/v1"),
            **{"max_retries": 0, **members},
        )
    return openai.OpenAI(api_key="k", base_url=server.base_url, **{"max_retries": 0, **members})


def theirs(provider: str, served: str | Served, stream: bool = False) -> Any:
    """What the SDK gives, or the exception it raises."""
    with FaultyServer(served) as server, sdk(provider, server) as client:
        try:
            answer = client.chat.completions.create(messages=HELLO, model="m", stream=stream)
            return list(answer) if stream else answer
        except Exception as error:
            return error


def ours(provider: str, served: str | Served, stream: bool = False) -> Any:
    with (
        FaultyServer(served) as server,
        Client(f"{provider}:m", base_url=server.base_url, api_key="k", max_retries=0) as client,
    ):
        try:
            answer: Any = client.chat.completions.create(messages=HELLO, stream=stream)
            return list(answer) if stream else answer
        except errors.StructgenError as error:
            return error


def words(chunks: Any) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


NO_JSON = Served(headers={"content-type": "text/plain"}, body=b"It works!")
BOM = Served(pieces=[b"\xef\xbb\xbf" + events("Paris")[1], *events("Paris")[2:]])
BAD_UTF8 = Served(pieces=[b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n', *events("x")])


class Hole(NamedTuple):
    """What a server does, how the SDKs take it, and what structgen gives."""

    name: str
    served: str | Served
    stream: bool
    taken_as: Callable[[Any], bool]
    """Whether the SDK's answer, or its exception, shows the hole."""
    right: type[errors.StructgenError] | str
    """The error that structgen raises, or the text that it reads."""


def is_a(kind: type) -> Callable[[Any], bool]:
    return lambda got: isinstance(got, kind)


HOLES = [
    Hole("200 with an error", "error-in-200", False, lambda got: got.choices is None, ServerError),
    Hole("200 without choices", "no-choices", False, lambda got: got.choices == [], ServerError),
    Hole("200 without JSON", NO_JSON, False, is_a(str), ServerError),
    Hole(
        "a stream without an end",
        "stream-no-end",
        True,
        lambda got: words(got) == "Par",
        StreamBrokenError,
    ),
    Hole("x_groq.error", "stream-stopped", True, is_a(list), ServerError),
    Hole("an unframed error", "stream-unframed", True, lambda got: got == [], ServerError),
    Hole(
        "broken JSON in a stream",
        "stream-malformed",
        True,
        is_a(json.JSONDecodeError),
        StreamBrokenError,
    ),
    Hole(
        "no blank line at the end",
        "stream-no-blank-line",
        True,
        lambda got: got[-1].choices[0].finish_reason is None,
        "Paris",
    ),
    Hole("a byte order mark", BOM, True, lambda got: words(got) != "Paris", "Paris"),
    Hole("a whole answer to a stream", "answer", True, lambda got: words(got) == "", "Paris"),
    Hole("invalid UTF-8", BAD_UTF8, True, is_a(UnicodeDecodeError), StreamBrokenError),
]


@pytest.mark.parametrize("provider", SDKS)
@pytest.mark.parametrize("hole", HOLES, ids=lambda hole: hole.name)
def test_a_hole_of_the_sdks(provider: str, hole: Hole) -> None:
    answer = theirs(provider, hole.served, hole.stream)
    assert hole.taken_as(answer), "the SDK has closed this hole"
    got = ours(provider, hole.served, hole.stream)
    if isinstance(hole.right, str):
        assert words(got) == hole.right
    else:
        assert type(got) is hole.right


@pytest.mark.parametrize("provider", SDKS)
@pytest.mark.parametrize("fault", ["stream-error-event", "stream-error-data"])
def test_what_the_sdks_do_well_is_done_as_well(provider: str, fault: str) -> None:
    """An error event: an APIError on both sides, after what came before it."""
    assert isinstance(theirs(provider, fault, True), (groq.APIError, openai.APIError))
    assert isinstance(ours(provider, fault, True), errors.APIError)


@pytest.mark.parametrize("ending", [b"\r", b"\r\n", b"\n"])
def test_line_endings_and_comments_are_read_alike(ending: bytes) -> None:
    stream = b"".join([b": keep-alive\n\n", *events("Paris é🗼", size=1)]).replace(b"\n", ending)
    served = Served(pieces=[stream[at : at + 3] for at in range(0, len(stream), 3)])
    assert words(theirs("groq", served, True)) == words(ours("groq", served, True)) == "Paris é🗼"


def test_a_custom_event_name_is_no_chunk_of_a_mixed_up_shape() -> None:
    """Groq gives a chunk with the members `data` and `event`; ours reads it like any event."""
    named = [
        piece.replace(b"data:", b"event: token\ndata:", 1) for piece in events("Paris", done=False)
    ]
    served = Served(pieces=[*named, b"data: [DONE]\n\n"])
    strange = theirs("groq", served, True)
    assert all(chunk.choices is None for chunk in strange)
    assert words(ours("groq", served, True)) == "Paris"


@pytest.mark.parametrize("asked", ["retry-after", "retry-after-ms"])
def test_a_long_retry_after_is_ignored_by_groq_and_reported_here(
    asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told to wait for more than a minute, Groq's SDK asks again after half a second.

    Ours waits, or says at once that the wait is too long.
    """
    seconds = {"retry-after": "130", "retry-after-ms": "130000"}[asked]
    late = Served(status=429, headers={asked: seconds}, body=FAULTS["wait-seconds"].body)
    slept: list[float] = []
    with (
        FaultyServer(late, "answer") as server,
        sdk("groq", server, max_retries=1) as client,
        monkeypatch.context() as patch,
    ):
        patch.setattr(time, "sleep", slept.append)
        assert client.chat.completions.create(messages=HELLO, model="m").choices
    assert len(slept) == 1
    assert slept[0] < 1
    with (
        FaultyServer(late, "answer") as server,
        Client("groq:m", base_url=server.base_url, api_key="k") as ours_,
    ):
        with pytest.raises(errors.TotalTimeoutError) as caught:
            ours_.chat.completions.create(messages=HELLO, total_timeout=20.0)
        assert caught.value.wait is not None
        assert caught.value.wait >= 130
        assert len(server.requests) == 1


@pytest.mark.parametrize("fault", ["wait-in-words", "wait-reset"])
def test_waits_that_the_sdk_does_not_read_are_read(fault: str) -> None:
    with (
        FaultyServer(fault) as server,
        Client("groq:m", base_url=server.base_url, api_key="k", max_retries=0) as client,
    ):
        with pytest.raises(errors.RateLimitError) as caught:
            client.chat.completions.create(messages=HELLO)
        assert caught.value.retry_after == pytest.approx(0.05)


@pytest.mark.parametrize("fault", ["flex-full", "rejected-output"])
def test_failures_that_pass_and_that_the_sdk_gives_up_on(fault: str) -> None:
    with (
        FaultyServer(fault, "answer") as server,
        sdk("groq", server, max_retries=2) as client,
        pytest.raises(groq.APIStatusError),
    ):
        client.chat.completions.create(messages=HELLO, model="m")
    with (
        FaultyServer(fault, "answer") as server,
        Client("groq:m", base_url=server.base_url, api_key="k") as ours_,
    ):
        assert ours_.chat.completions.create(messages=HELLO).choices[0].message.content == "Paris"


def test_the_sdk_has_no_bound_on_a_dripping_answer_and_ours_has() -> None:
    """Each byte within the SDK's `timeout`; ours bounds the try as a whole."""
    drip = Served(
        pieces=[*(bytes([byte]) for byte in completion("Paris")[:40]), completion("Paris")[40:]],
        pause=0.05,
    )
    with FaultyServer(drip) as server, sdk("groq", server, timeout=1.5) as client:
        assert client.chat.completions.create(messages=HELLO, model="m").choices
    with (
        FaultyServer(drip) as server,
        Client(
            "groq:m", base_url=server.base_url, api_key="k", timeout=1.5, max_retries=0
        ) as ours_,
    ):
        with pytest.raises(errors.RequestTimeoutError):
            ours_.chat.completions.create(messages=HELLO)


def test_errors_have_their_facts_as_attributes() -> None:
    """Groq's exceptions hold them in `body["error"]` only; 413, 424 and 498 have no class there."""
    their = theirs("groq", "wait-seconds")
    our = ours("groq", "wait-seconds")
    assert not hasattr(their, "code")
    assert (our.code, our.type, our.status_code, our.retry_after) == (
        "rate_limit_exceeded",
        "tokens",
        429,
        0.05,
    )
    assert type(theirs("groq", "too-large")) is groq.APIStatusError
    assert type(ours("groq", "too-large")) is errors.BadRequestError
