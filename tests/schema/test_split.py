"""A schema is split into parts that together are the whole."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from structgen.schema.check import validate
from structgen.schema.split import SplitPart, notes_of_split, project, size_of, split
from structgen.schema.target import target_of


class Node(BaseModel):
    name: str
    children: list[Node] = []
    size: int


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Home(BaseModel):
    street: str
    city: str


class Owner(BaseModel):
    name: str
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    home: Home
    second_home: Home | None = None


def parts_of(source: Any, width: int) -> tuple[SplitPart, ...]:
    return split(target_of(source), lambda part: None, width)


def fields_of(source: Any, width: int) -> list[tuple[str, ...]]:
    return [part.fields for part in parts_of(source, width)]


def joined(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        names = dict.fromkeys([*one, *other])
        return {name: joined(one.get(name), other.get(name)) for name in names}
    return other if one is None else one


def test_records_stay_whole_if_they_fit() -> None:
    assert fields_of(Owner, 3) == [("/name", "/pet"), ("/home",), ("/second_home",)]
    assert fields_of(Owner, 1)[-4:] == [
        ("/home/street",),
        ("/home/city",),
        ("/second_home/street",),
        ("/second_home/city",),
    ]


def test_a_recursive_field_and_a_union_are_never_split() -> None:
    assert fields_of(Node, 1) == [("/name",), ("/children",), ("/size",)]
    assert ("/pet",) in fields_of(Owner, 1)
    recursive = parts_of(Node, 1)[1]
    tree = {"children": [{"name": "a", "size": 1, "children": []}]}
    assert validate(recursive.target, tree) == tree


def test_a_schema_that_refers_to_its_root_is_still_meant_as_a_whole() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "next": {"$ref": "#"}},
        "required": ["a"],
    }
    part = parts_of(schema, 1)[1]
    value = {"next": {"a": "x", "next": {"a": "y"}}}
    assert validate(part.target, value) == value


@pytest.mark.parametrize(
    "source",
    [
        list[Home],
        dict[str, int],
        Cat | Dog,
        str,
        {"type": "object", "allOf": [{"properties": {"a": True}}], "properties": {"b": True}},
    ],
)
def test_what_is_no_record_is_not_split(source: Any) -> None:
    assert parts_of(source, 1) == ()


def test_rules_about_all_fields_are_left_to_the_check_of_the_whole() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "dependentRequired": {"a": ["b"]},
        "additionalProperties": True,
    }
    target = target_of(schema)
    parts = parts_of(schema, 1)
    assert validate(parts[0].target, {"a": "x"}) == {"a": "x"}
    found = {(note.keyword, note.action) for note in notes_of_split(target, parts)}
    assert found == {
        ("properties", "rewritten"),
        ("dependentRequired", "checked"),
        ("additionalProperties", "narrowed"),
    }


LEAVES = st.sampled_from([{"type": "string"}, {"type": "array", "items": {"type": "integer"}}])
NAMES = st.text("ab/~é", min_size=1, max_size=3)


def records(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(NAMES, inner, min_size=1, max_size=4).map(
        lambda fields: {
            "type": "object",
            "properties": fields,
            "required": sorted(fields),
            "additionalProperties": False,
        }
    )


SCHEMAS = records(st.recursive(LEAVES, records, max_leaves=12))


def value_of(schema: Any) -> Any:
    if schema["type"] == "object":
        return {name: value_of(inner) for name, inner in schema["properties"].items()}
    return "x" if schema["type"] == "string" else [1]


@given(SCHEMAS, st.integers(1, 6))
def test_the_parts_of_a_value_are_valid_and_make_the_value(schema: Any, width: int) -> None:
    value = value_of(schema)
    parts = parts_of(schema, width)
    assert bool(parts) == (size_of(target_of(schema)) > width)
    whole: Any = None
    for part in parts:
        piece = project(part, value)
        assert validate(part.target, piece) == piece
        assert part.size <= width
        whole = joined(whole, piece)
    assert not parts or whole == value
    assert sum(part.size for part in parts) in (0, size_of(target_of(schema)))
