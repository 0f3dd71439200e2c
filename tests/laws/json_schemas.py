"""A strategy over JSON Schemas, the kinds that people write by hand and that tools export."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.laws.leaves import INTS, TEXT

NAMES = st.sampled_from(
    ["a", "b", "c", "id", "type", "key", "value", "items", "$ref", "a/b", "x y", "ünï", ""]
)
PATTERNS = st.sampled_from(["^[a-z]{1,3}$", r"^\d+$", "^x-", "b"])
FORMATS = st.sampled_from(["date", "uuid", "email", "ipv4", "date-time", "uri", "made-up"])


@st.composite
def json_schemas(draw: DrawFn) -> dict[str, Any]:
    """A schema with definitions, some of which refer to themselves."""
    names = draw(
        st.lists(st.sampled_from(["Node", "Leaf", "a/b", "Über"]), max_size=2, unique=True)
    )
    refs = [f"#/$defs/{name.replace('/', '~1')}" for name in names]
    root = draw(schemas(2, refs))
    if not names:
        return root
    # Definitions refer to others only in optional members and lists, so that instances are finite.
    return {**root, "$defs": {name: draw(definitions(refs)) for name in names}}


@st.composite
def definitions(draw: DrawFn, refs: list[str]) -> dict[str, Any]:
    member = {"$ref": draw(st.sampled_from(refs))}
    many = {"type": "array", "items": member, "maxItems": 2}
    properties = {
        "own": draw(schemas(0, [])),
        "more": draw(st.sampled_from([many, {"anyOf": [member, {"type": "null"}]}, member])),
    }
    required = (
        ["own"]
        if properties["more"] is member
        else draw(st.sampled_from([["own"], ["own", "more"]]))
    )
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        **draw(_openness(0, [])),
    }


@st.composite
def schemas(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    """A schema nested up to so many levels; `refs`: what it may refer to."""
    makers = [_string, _number, _constants, _plain]
    if depth > 0:
        makers += [_object, _object, _object, _array, _tuple, _union, _all_of, _map]
    if refs:
        makers.append(_ref)
    schema: dict[str, Any] = draw(st.sampled_from(makers))(draw, depth - 1, refs)
    if draw(st.integers(0, 4)) == 0 and "$ref" not in schema:
        schema |= {"title": draw(TEXT), "description": draw(TEXT)}
    return schema


def _plain(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    return draw(
        st.sampled_from(
            [
                {},
                {"type": "boolean"},
                {"type": "null"},
                {"type": ["string", "null"]},
                {"type": ["integer", "boolean"]},
                {"type": "object"},
            ]
        )
    )


def _string(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    low = draw(st.integers(0, 2))
    limits: dict[str, Any] = draw(
        st.sampled_from(
            [
                {},
                {},
                {"minLength": low},
                {"maxLength": low + 2},
                {"minLength": low, "maxLength": low + 3},
            ]
        )
        | st.builds(lambda p: {"pattern": p}, PATTERNS)
        | st.builds(lambda f: {"format": f}, FORMATS)
    )
    return {"type": "string", **limits}


def _number(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    low = draw(st.integers(-9, 9))
    limits: list[dict[str, Any]] = [
        {},
        {"minimum": low},
        {"exclusiveMaximum": low},
        {"minimum": low, "maximum": low + 9},
        {"multipleOf": 2},
    ]
    return {"type": draw(st.sampled_from(["integer", "number"])), **draw(st.sampled_from(limits))}


def _constants(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    values = st.none() | st.booleans() | INTS | TEXT | st.sampled_from([[1], {"a": 1}, 0.5])
    if draw(st.booleans()):
        return {"const": draw(values)}
    return {"enum": draw(st.lists(values, min_size=1, max_size=4, unique_by=repr))}


def _ref(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    return {"$ref": draw(st.sampled_from(refs))} | draw(
        st.sampled_from([{}, {}, {"description": "beside a reference"}])
    )


@st.composite
def _openness(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    form = draw(st.sampled_from(["silent", "closed", "closed", "open", "typed", "patterns"]))
    if form == "typed":
        return {"additionalProperties": draw(schemas(depth, refs))}
    if form == "patterns":
        # Patterns of none of NAMES: a member that two rules speak of may well have no value at all.
        return {
            "patternProperties": {draw(st.sampled_from([r"^\d+$", "^x-"])): draw(schemas(0, []))},
            "additionalProperties": False,
        }
    return {
        "silent": {},
        "closed": {"additionalProperties": False},
        "open": {"additionalProperties": True},
    }[form]


def _object(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    properties = draw(st.dictionaries(NAMES, schemas(depth, refs), max_size=3))
    required = [name for name in properties if draw(st.booleans())]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        **draw(_openness(depth, refs)),
    }


def _map(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    limits: dict[str, Any] = draw(
        st.sampled_from(
            [
                {},
                {"minProperties": 1},
                {"maxProperties": 2},
                {"propertyNames": {"pattern": "^[a-z]*$"}},
            ]
        )
    )
    return {"type": "object", "additionalProperties": draw(schemas(depth, refs)), **limits}


def _array(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    limits: dict[str, Any] = draw(
        st.sampled_from([{}, {"minItems": 1}, {"maxItems": 2}, {"uniqueItems": True}])
    )
    return {"type": "array", "items": draw(schemas(depth, refs)), **limits}


def _tuple(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    prefix = draw(st.lists(schemas(depth, refs), min_size=1, max_size=2))
    length = {"minItems": len(prefix), "maxItems": len(prefix)}
    tail: dict[str, Any] = draw(
        st.sampled_from([length, {"items": False}, {"items": False, "minItems": len(prefix)}, {}])
    )
    return {"type": "array", "prefixItems": prefix, **tail}


def _union(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    return {"anyOf": draw(st.lists(schemas(depth, refs), min_size=1, max_size=3))}


def _all_of(draw: DrawFn, depth: int, refs: list[str]) -> dict[str, Any]:
    """Objects that add members to one another."""
    parts = [
        {
            "type": "object",
            "properties": {name: draw(schemas(depth, refs))},
            "required": [name] if draw(st.booleans()) else [],
        }
        for name in draw(st.lists(NAMES, min_size=1, max_size=2, unique=True))
    ]
    return {"allOf": parts}
