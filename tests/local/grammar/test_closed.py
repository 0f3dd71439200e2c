"""Closed values: where the schema may have them, and which options the grammar leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.local.grammar.closed import ClosedPlaces, options_after
from structgen.local.grammar.grammar import byte_tokenizer, compile_grammar
from structgen.schema.json import Path
from tests.local.grammar.test_grammar import closed

WORDS = ["Chinese", "Thai", "Thailand", 'a "quote"', "日本"]


def options(schema: Any, written: bytes, begun: bytes = b"") -> list[bytes] | None:
    matcher = compile_grammar(schema, byte_tokenizer()).byte_matcher()
    assert matcher.consume_tokens(list(written))
    before = matcher.compute_bitmask()
    found = options_after(matcher, begun)
    assert matcher.compute_bitmask() == before
    return found


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.text(max_size=9), min_size=2, max_size=9, unique=True))
def test_the_options_of_an_enum_are_all_found(values: list[str]) -> None:
    found = options(closed(a={"enum": values}), b'{"a": ') or []
    assert {json.loads(text) for text in found} == set(values)


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        ({"type": "boolean"}, [False, True]),
        ({"type": ["boolean", "null"]}, [False, None, True]),
        ({"type": "integer", "minimum": 9, "maximum": 11}, [10, 11, 9]),
        ({"anyOf": [{"const": "x"}, {"enum": [1, None]}]}, ["x", 1, None]),
    ],
)
def test_all_kinds_of_closed_values_are_found(schema: Any, wanted: list[Any]) -> None:
    assert [json.loads(text) for text in options(closed(a=schema), b'{"a": ') or []] == wanted


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "number"},
        {"type": "integer"},
        {"type": "object"},
        {"type": "string", "pattern": "^[a-z]{4}$"},
        {"type": ["string", "null"], "maxLength": 3},
    ],
)
def test_open_values_have_no_options(schema: Any) -> None:
    assert options(closed(a=schema), b'{"a": ') is None


def test_a_value_that_is_begun_has_the_options_that_begin_so() -> None:
    schema = closed(a={"enum": WORDS})
    assert options(schema, b'{"a": "T', b'"T') == [b'hai"', b'hailand"']
    assert options(schema, b'{"a": "Thai', b'"Thai') == [b'"', b'land"']


def test_the_end_of_a_list_is_no_option() -> None:
    schema = closed(a={"type": "array", "items": {"enum": ["x", "y"]}})
    assert options(schema, b'{"a": [') == [b'"x"', b'"y"']


def test_places_are_found_through_references_unions_lists_and_tuples() -> None:
    schema = {
        "$defs": {
            "node": closed(
                kind={"const": "node"},
                type={"enum": ["a", "b"]},
                inner={"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                pair={"prefixItems": [{"type": "string"}, {"type": "boolean"}], "items": False},
                names={"type": "array", "items": {"type": "string"}},
            )
        },
        "$ref": "#/$defs/node",
    }
    places = ClosedPlaces(schema)
    inner: Path = (None, "inner")
    assert places
    assert (None, "kind") in places
    assert (inner, "type") in places
    assert ((inner, "pair"), 1) in places
    for path in (None, inner, ((inner, "pair"), 0), ((None, "names"), 3), (None, "unknown")):
        assert path not in places
    assert not ClosedPlaces(closed(type={"type": "string"}))
