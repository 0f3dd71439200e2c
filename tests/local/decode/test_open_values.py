"""What is open in a text that is being written, and whether its tokens go round in circles."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen.local.decode.open_values import OpenValues, find_circle, pointers_at

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def of(text: bytes) -> OpenValues:
    outline = OpenValues()
    outline.feed(text, 0)
    return outline


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (b"", []),
        (b'{"a": [1', ["object", "array", "number"]),
        (b'{"a": [1, ', ["object", "array"]),
        (b'["\\"', ["array", "string"]),
        (b'["\\\\"', ["array"]),
        (b'["]', ["array", "string"]),
        (b'{"a', ["object", "string"]),
    ],
)
def test_what_is_open_is_known_at_every_byte(text: bytes, kinds: list[str]) -> None:
    assert [value.kind for value in of(text).open] == kinds


@given(JSON, st.integers(min_value=0))
def test_a_whole_text_leaves_nothing_open_wherever_it_was_cut(value: Any, at: int) -> None:
    text = json.dumps([value], ensure_ascii=False).encode()
    outline = of(text[: at % len(text)])
    depth, before = len(outline.open), outline.copy()
    assert (
        outline.until(0, text[outline.size :]) == len(text) - outline.size
        if depth
        else outline.size == 0
    )
    assert outline.open == before.open
    outline.feed(text[outline.size :], 1)
    assert not outline.open
    assert outline.size == len(text)


@given(
    st.lists(st.integers(0, 9), max_size=40), st.lists(st.integers(10, 99), min_size=1, max_size=20)
)
def test_circles_are_found_where_they_began(before: Any, circle: Any) -> None:
    rounds = max(4, -(-64 // len(circle)))
    found = find_circle(before + circle * rounds)
    assert found is not None
    assert found >= len(before)
    assert find_circle(before + circle * 2) is None or len(set(circle)) < len(circle)


def test_what_never_repeats_goes_in_no_circle() -> None:
    assert find_circle(list(range(1000))) is None
    assert find_circle([]) is None


def test_values_are_told_by_where_they_begin() -> None:
    text = b'{"a": "x", "b/c": [1, {"d": 2}]}'
    assert pointers_at(text, [6, 18]) == ("/a", "/b~1c")
    assert pointers_at(text, [], [(15, len(text))]) == ("/b~1c/0", "/b~1c/1/d")
    assert pointers_at(text, []) == ()
