"""Strategies over schemas with grounded values, and over texts that are awkward to quote."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

ALPHABET = (
    "abAB12 .,-\"\\/'\n\r\t\x07\x1f\x7f_éß東はก\u0e34\u0301\u200d\u2028\u00a0\U0001f600\U0001f468"
)
_WORDS = ["Ada", "Bob's", "12", "1,250.00", "-3", "\r\n", '"x"', "C:\\new", "e\u0301a"]
TEXTS = st.one_of(
    st.text(ALPHABET, min_size=1, max_size=30),
    st.lists(st.sampled_from(_WORDS), min_size=1, max_size=8).map(" ".join),
)
_BY = st.sampled_from(["words", "characters"])


@st.composite
def _leaf(draw: DrawFn) -> dict[str, Any]:
    extra: dict[str, Any] = draw(
        st.sampled_from([{}, {}, {"maxLength": 3}, {"minLength": 1}, {"pattern": "^[A-Za-z]"}])
    )
    kinds = [
        {"type": "string", **extra},
        {"type": ["string", "null"], **extra},
        {"type": "integer"},
        {"type": "number", "maximum": 100},
        {"type": ["number", "string"]},
        {"enum": ["Ada", "a", 12, None]},
    ]
    return {**draw(st.sampled_from(kinds)), "x-verbatim": draw(_BY)}


def _object(parts: list[dict[str, Any]], needed: int) -> dict[str, Any]:
    names = ["x", 'a"b', "x-verbatim", "ü"]
    properties = dict(zip(names, parts, strict=False))
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties)[:needed],
        "additionalProperties": False,
    }


def _list(part: dict[str, Any], low: int) -> dict[str, Any]:
    return {"type": "array", "items": part, "minItems": low, "maxItems": 3}


def _tuple(head: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "array", "prefixItems": head, "items": False, "minItems": 1}


@st.composite
def grounded_schemas(draw: DrawFn) -> dict[str, Any]:
    """A schema with grounded values in objects, lists, tuples, unions and a definition."""
    plain = st.sampled_from([{"type": "boolean"}, {"type": "string", "maxLength": 2}, {"const": 1}])
    leaves = st.one_of(_leaf(), _leaf(), plain, st.just({"$ref": "#/$defs/Node"}))
    inner = st.recursive(
        leaves,
        lambda parts: st.one_of(
            st.builds(_object, st.lists(parts, min_size=1, max_size=4), st.integers(0, 4)),
            st.builds(_list, parts, st.integers(0, 1)),
            st.builds(_tuple, st.lists(parts, min_size=1, max_size=2)),
            st.builds(lambda options: {"anyOf": options}, st.lists(parts, min_size=2, max_size=3)),
            st.builds(
                lambda part: {"type": "object", "additionalProperties": part, "maxProperties": 2},
                parts,
            ),
        ),
        max_leaves=5,
    )
    node = {"$ref": "#/$defs/Node"}
    more: dict[str, Any] = draw(
        st.sampled_from(
            [{"anyOf": [node, {"type": "null"}]}, {"type": "array", "items": node, "maxItems": 2}]
        )
    )
    definition = _object([draw(_leaf()), more], 1)
    return {**_object([draw(inner), draw(inner)], 1), "$defs": {"Node": definition}}
