"""A glance at an answer misses nothing that the rules would take out of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen.answer.glance import NULL_OR_WORDS, may_say_only
from structgen.answer.unstated import Rules
from structgen.schema.target import target_of

SAID = st.sampled_from(
    [
        *sorted(NULL_OR_WORDS),
        "N/A",
        "n.a.",
        " None ",
        "-none-",
        "ｎｏｎｅ",
        "Nóne",
        "not_stated",
        "",
        *(" ", "\t", "- null -", "not  given", "NULL", "no\ninformation", "(unknown)"),
        *("é", "a", "x y"),
    ]
)
TEXTS = st.one_of(SAID, st.text(max_size=12), st.builds("{}{}{}".format, SAID, SAID, SAID))
DATA = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
ANY_TEXT: Any = {
    "$ref": "#/$defs/any",
    "$defs": {
        "any": {
            "type": ["string", "null", "array", "object", "number", "boolean"],
            "items": {"$ref": "#/$defs/any"},
            "additionalProperties": {"$ref": "#/$defs/any"},
        }
    },
}


@given(DATA, st.booleans(), st.sampled_from([None, 2]))
def test_what_the_rules_take_out_is_seen_at_a_glance(
    data: Any, ascii_only: bool, indent: int | None
) -> None:
    rules = Rules(target_of(ANY_TEXT), None)
    text = json.dumps(data, ensure_ascii=ascii_only, indent=indent)
    if rules.apply(data).removed:
        assert rules.may_change_text(text)


@given(TEXTS)
def test_what_the_rules_take_out_of_a_list_may_be_taken_out(text: str) -> None:
    rules = Rules(target_of(ANY_TEXT), None)
    if rules.apply([text]).removed:
        assert rules.may_take_out(text)


@pytest.mark.parametrize(
    "text", ["none" + "." * 100, "." * 100 + "ｎｏｎｅ", "ｎｏｎｅ\n" + "-" * 99]
)
def test_long_texts_of_one_word_are_seen_too(text: str) -> None:
    rules = Rules(target_of(ANY_TEXT), None)
    assert rules.apply({"a": text}).removed
    assert rules.may_change_text(json.dumps({"a": text}, ensure_ascii=False))


@pytest.mark.parametrize(
    "text",
    [
        '{"a": null, "b": null, "c": ["x", "y"]}',
        '{"none": 1, "unknown": "x"}',
        '["nonesuch", "annulled", "x, none, y", "Größe", "a\\"b"]',
        '{"a": "x", "b": {}, "c": []}',
        '{"a": "10115", "b": "-", "c": "2026-11-28"}',
    ],
)
def test_ordinary_answers_are_passed_at_once(text: str) -> None:
    assert not may_say_only(text, NULL_OR_WORDS)
