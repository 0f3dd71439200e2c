"""Server-sent events, by the WHATWG format and beyond it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen.errors import StreamBrokenError
from structgen.wire.sse import MAX_EVENT, Decoder, Event


def decoded(stream: bytes, cuts: list[int] | None = None) -> list[Event]:
    decoder, events, start = Decoder(), [], 0
    for cut in [*sorted(cut for cut in cuts or () if cut <= len(stream)), len(stream)]:
        events += decoder.feed(stream[start:cut])
        start = cut
    return events + decoder.close()


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_ending_ends_a_line(end: bytes) -> None:
    events = decoded(end.join([b"data: a", b"data:b", b"", b"event: x", b"data: c", b"", b""]))
    assert events == [Event(b"a\nb"), Event(b"c", "x")]


def test_comments_ids_and_retry_lines_say_nothing() -> None:
    assert decoded(b": keep-alive\nid: 7\nretry: 10\ndata: a\n\n: more\n\n") == [Event(b"a")]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert decoded(b"\xef\xbb\xbfdata: a\n\n") == [Event(b"a")]


def test_the_last_event_needs_no_blank_line() -> None:
    assert decoded(b"data: a\n\ndata: b") == [Event(b"a"), Event(b"b")]


def test_a_field_without_a_colon_has_an_empty_value() -> None:
    assert decoded(b"data\ndata\n\n") == [Event(b"\n")]


def test_an_event_without_data_is_none() -> None:
    assert decoded(b"event: ping\n\ndata: a\n\n") == [Event(b"a")]


def test_only_one_space_after_the_colon_is_dropped() -> None:
    assert decoded(b"data:  a \n\n") == [Event(b" a ")]


def test_a_document_without_framing_is_one_event() -> None:
    assert decoded(b'{"error": {"message": "no"}}') == [Event(b'{"error": {"message": "no"}}')]
    assert decoded(b'{\n  "choices": []\n}\n') == [Event(b'{\n  "choices": []\n}')]
    assert decoded(b'error: {"message": "no"}\n') == [Event(b'{"message": "no"}', "error")]
    assert decoded(b"It works!\n<html>") == []


def test_invalid_utf8_reaches_the_json_parser_as_it_is() -> None:
    assert decoded(b"data: \xff\n\n") == [Event(b"\xff")]


LINES = st.lists(
    st.sampled_from(
        [
            b"data: a",
            b"data:",
            b"data",
            b"",
            b"",
            b": c",
            b"event: e",
            b"id: 1",
            b"{}",
            b"x: y",
            "data: é€😀".encode(),
            b"\xef\xbb\xbf",
        ]
    )
    | st.binary(max_size=8)
)
STREAMS = st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n"]), st.booleans()).map(
    lambda drawn: drawn[1].join(drawn[0]) + (drawn[1] if drawn[2] else b"")
)


@given(STREAMS, st.lists(st.integers(0, 200)))
def test_where_a_stream_is_cut_makes_no_difference(stream: bytes, cuts: list[int]) -> None:
    assert decoded(stream, cuts) == decoded(stream) == decoded(stream, list(range(len(stream))))


@given(st.lists(st.binary(max_size=20)))
def test_any_bytes_give_events(pieces: list[bytes]) -> None:
    decoder = Decoder()
    for piece in pieces:
        assert all(isinstance(event, Event) for event in decoder.feed(piece))
    decoder.close()


@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])),
        min_size=1,
    )
)
def test_events_that_were_framed_are_read_back(texts: list[str]) -> None:
    events = decoded("".join(f"data: {text}\n\n" for text in texts).encode())
    assert [event.data.decode() for event in events] == texts


def test_a_line_in_very_many_pieces_is_joined_once() -> None:
    """Joined with every piece, these would take hours."""
    decoder = Decoder()
    for _ in range(1_000_000):
        decoder.feed(b"x")
    assert decoder.feed(b"\ndata: a\n\n") == [Event(b"a")]


def test_an_event_that_never_ends_is_refused() -> None:
    decoder = Decoder()
    with pytest.raises(StreamBrokenError):
        for _ in range(MAX_EVENT // 1_000_000 + 2):
            decoder.feed(b"y" * 1_000_000)
