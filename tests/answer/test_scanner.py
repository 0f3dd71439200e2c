"""The push parser: as strict as `parse_json`, however a text is cut, and linear in its length."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.answer.scanner import MAX_DEPTH, Scanner, Span, closed_part
from structgen.errors import NotJsonError
from structgen.schema.check import parse_json

PIECES = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"',
    b'"a":',
    b"a",
    b"1",
    b"-",
    b".",
    b"e5",
    b"1e400",
    b"true",
    b"null",
    b"NaN",
    b" ",
]
PIECES += [
    b"\n",
    b"\x01",
    b"\\",
    b"\\u",
    b"d83d",
    b"\\ud83d\\ude00",
    b"\xc3",
    b"\xa9",
    b"\xf0\x9f\x90\x8d",
    b"\xef\xbb\xbf",
]
texts = st.lists(st.sampled_from(PIECES), max_size=9).map(b"".join) | st.binary(max_size=12)
documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


def scanned(text: bytes, size: int) -> tuple[bool, list[Span]]:
    """Is it one JSON document, and what is in it?"""
    scanner = Scanner()
    spans: list[Span] = []
    try:
        for at in range(0, len(text), size):
            spans += scanner.feed(text[at : at + size])
        whole, last = scanner.finish()
    except NotJsonError as error:
        assert 0 <= error.position <= len(text)
        return False, spans
    return whole, spans + last


def accepted(text: bytes) -> bool:
    try:
        parse_json(text)
    except NotJsonError:
        return False
    return True


@settings(max_examples=3000, deadline=None, derandomize=True, database=None)
@given(texts, st.integers(1, 3))
def test_it_takes_what_parse_json_takes(text: bytes, size: int) -> None:
    assert scanned(text, size)[0] == accepted(text)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(documents, st.booleans(), st.sampled_from([None, 1]), st.integers(1, 5))
def test_how_a_document_is_cut_makes_no_difference(
    document: object, ascii_only: bool, indent: int | None, size: int
) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode(
        errors="surrogatepass"
    )
    whole, spans = scanned(text, size)
    assert (whole, spans) == scanned(text, len(text))
    assert whole == accepted(text)
    for span in spans:
        if span.what == "scalar":
            assert json.loads(text[span.start : span.end]) == span.value


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(documents, st.data())
def test_what_is_salvaged_is_what_had_closed(document: object, data: st.DataObject) -> None:
    """Cut anywhere: every value in it is one of the whole text, never shortened."""
    text = json.dumps(document)
    cut = data.draw(st.integers(0, len(text)))
    assert within(closed_part(text[:cut]), json.loads(text), root=True)


def within(part: object, whole: object, *, root: bool = False) -> bool:
    if root and part is None:
        return True
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(within(part[key], whole[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(within, part, whole))
    return part == whole and type(part) is type(whole)


def test_a_number_that_may_go_on_is_not_salvaged() -> None:
    assert closed_part('{"name": "Ada", "age": 3') == {"name": "Ada"}
    assert closed_part('[{"a": 1}, {"b": "x') == [{"a": 1}, {}]
    assert closed_part("12") is None


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1])
def test_depth_is_bounded_as_in_parse_json(depth: int) -> None:
    text = b"[" * depth + b"]" * depth
    assert scanned(text, 7)[0] == accepted(text) == (depth <= MAX_DEPTH)


def test_what_comes_behind_the_document_can_be_left_alone() -> None:
    scanner = Scanner(alone=False)
    scanner.feed(b'{"a": 1}\n``` that is ')
    scanner.feed(b'it "')
    assert scanner.done
    assert scanner.seen(0) == b'{"a": 1}'


def test_a_fault_is_told_with_its_character_position() -> None:
    text = '{"é": "🐍", "b": nul, "c": 1}'
    with pytest.raises(NotJsonError) as caught:
        Scanner().feed(text.encode())
    assert text[: caught.value.position + 1].endswith("nul")


def test_the_work_is_linear_in_the_length() -> None:
    """Every byte is read a bounded number of times, in pieces of any size."""

    class Counted(bytearray):
        read = 0

        def __getitem__(self, key: Any) -> Any:
            Counted.read += key.stop - key.start if isinstance(key, slice) else 1
            return bytearray.__getitem__(self, key)

    for size in (1, 4, 1000):
        for count in (100, 1000):
            text = json.dumps([{"name": "Ada \n Lovelace", "n": i} for i in range(count)]).encode()
            scanner = Scanner()
            Counted.read = 0
            scanner.text = Counted()
            for at in range(0, len(text), size):
                scanner.feed(text[at : at + size])
            assert scanner.done
            assert Counted.read <= len(text)
