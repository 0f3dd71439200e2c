"""The list of fields: each definition once, unions as alternatives, at most as long as the
schema.
"""

from __future__ import annotations

import json
import re
import time
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from structgen.errors import SchemaError
from structgen.prompt.listing import NAMES_ALONE, fields_of
from structgen.schema.compiler import compile_schema


class Colour(Enum):
    red = "red"
    blue = "blue"


class Part(BaseModel):
    label: str = Field(description="As printed.")
    parts: list[Part] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tail: bool


class Circle(BaseModel):
    radius: float


class Box(BaseModel):
    """A rectangle."""

    width: float


def listed(target: Any, language: str = "openai-strict") -> str:
    return fields_of(compile_schema(target, language).dumps())


def of(schema: Any) -> str:
    return fields_of(json.dumps(schema).encode())


def test_a_field_has_its_type_and_description_on_one_line() -> None:
    class Person(BaseModel):
        name: str = Field(description="Given\nand family.")
        age: int | None

    assert listed(Person) == "- name (string): Given and family.\n- age (integer)"


def test_null_is_not_said_beside_each_field() -> None:
    class Person(BaseModel):
        name: str | None = None
        town: str | None = Field(None, description="Where she lives.")
        colour: Colour | None = None

    assert "null" not in listed(Person).lower()
    assert "- town (string): Where she lives." in listed(Person)


def test_a_definition_is_described_at_its_first_use_and_named_at_the_others() -> None:
    class Machine(BaseModel):
        first: Part
        second: Part = Field(description="The spare.")
        colour: Colour
        accent: Colour

    assert listed(Machine).splitlines() == [
        "- first (Part)",
        "  - label (string): As printed.",
        "  - parts (list of Part)",
        "- second (Part): The spare.",
        '- colour (Colour: one of: "red", "blue")',
        "- accent (Colour)",
    ]


def test_a_tagged_union_is_told_as_alternatives_by_its_tag() -> None:
    class Owner(BaseModel):
        pet: Annotated[Cat | Dog, Field(discriminator="kind")]

    assert listed(Owner).splitlines() == [
        "- pet (Cat or Dog)",
        '  - if kind is "cat":',
        "    - lives (integer)",
        '  - if kind is "dog":',
        "    - tail (boolean)",
    ]


def test_other_unions_of_records_are_told_as_alternatives_too() -> None:
    shape = {"properties": {"shapes": {"type": "array", "items": Circle_or_Box}}}
    assert of(shape).splitlines() == [
        "- shapes (list of object)",
        "  - either Circle:",
        "    - radius (number)",
        "  - or Box: A rectangle.",
        "    - width (number)",
    ]


Circle_or_Box = {
    "anyOf": [
        {"title": "Circle", "type": "object", "properties": {"radius": {"type": "number"}}},
        {
            "title": "Box",
            "description": "A rectangle.",
            "type": "object",
            "properties": {"width": {"type": "number"}},
        },
        {"type": "null"},
    ]
}


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": ["string", "null"]}, "string"),
        ({"type": ["string", "integer"]}, "string or integer"),
        ({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}, "string, date"),
        ({"enum": ["a", None, 1]}, 'one of: "a", 1'),
        ({"const": "a"}, '"a"'),
        ({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}, None),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "map from text to number"),
        ({"prefixItems": [{"type": "string"}, {"type": "number"}], "type": "array"}, None),
        ({}, "value"),
        (True, "value"),
    ],
)
def test_types_in_words(schema: Any, kind: str | None) -> None:
    wanted = kind or {"items": "list of list of integer"}.get(
        "items" if isinstance(schema, dict) and "items" in schema else "", "[string, number]"
    )
    assert of({"properties": {"x": schema}}) == f"- x ({wanted})"


def test_names_alone_have_no_types_and_no_options() -> None:
    class Car(BaseModel):
        colour: Colour = Field(description="Of the body.")
        seats: int

    listed = fields_of(compile_schema(Car, "openai-strict").dumps(), NAMES_ALONE)
    assert listed == "- colour: Of the body.\n- seats"


def test_fields_of_a_parent_schema_are_among_those_of_its_child() -> None:
    base = {"type": "object", "properties": {"id": {"type": "integer"}}}
    schema = {
        "$defs": {"Base": base},
        "properties": {
            "a": {"allOf": [{"$ref": "#/$defs/Base"}], "properties": {"x": {"type": "string"}}},
            "b": {"allOf": [{"$ref": "#/$defs/Base"}]},
        },
    }
    assert of(schema).splitlines() == [
        "- a (object)",
        "  - x (string)",
        "  - id (integer)",
        "- b (object)",
        "  - the fields of Base",
    ]


@pytest.mark.parametrize("name", ["a\nb", "", " a", "a\u2028- b (string)", "a\x85b", "a\x00"])
def test_no_name_description_or_option_can_look_like_another_field(name: str) -> None:
    schema = {"properties": {name: {"enum": [name], "description": f"x{name}- y (string)"}}}
    assert len(of(schema).splitlines()) == 1


def test_what_lies_deep_has_a_list_of_its_own() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for level in range(40):
        schema = {"type": "object", "properties": {f"p{level}": schema}}
    lines = of(schema).splitlines()
    assert max(len(line) - len(line.lstrip()) for line in lines) <= 12
    assert sum(line.lstrip().startswith("- p") for line in lines) == 40
    assert any("listed below as" in line for line in lines)


# ---- length and time ----------------------------------------------------------------------------


def tree(levels: int, width: int) -> dict[str, Any]:
    """Levels of definitions, each of which refers to the next one several times."""
    definitions = {
        f"L{level}": {
            "type": "object",
            "properties": {f"p{n}": {"$ref": f"#/$defs/L{level + 1}"} for n in range(width)},
        }
        for level in range(levels)
    }
    definitions[f"L{levels}"] = {"type": "object", "properties": {"x": {"type": "string"}}}
    return {"$defs": definitions, "$ref": "#/$defs/L0"}


WIDE = 2000
LARGE: dict[str, Any] = {
    "levels of shared definitions": tree(30, 3),
    "a thousand levels": tree(1000, 3),
    "a chain of references": {
        "properties": {f"p{n}": {"$ref": f"#/$defs/L{n}"} for n in range(WIDE)},
        "$defs": {f"L{n}": {"$ref": f"#/$defs/L{n + 1}"} for n in range(WIDE)},
    },
    "a chain of described references": {
        "properties": {f"p{n}": {"$ref": f"#/$defs/L{n}"} for n in range(WIDE)},
        "$defs": {
            f"L{n}": {"description": "x", "anyOf": [{"$ref": f"#/$defs/L{n + 1}"}]}
            for n in range(WIDE)
        },
    },
    "a union used everywhere": {
        "properties": {f"p{n}": {"$ref": "#/$defs/U"} for n in range(WIDE)},
        "$defs": {"U": {"anyOf": [{"type": "array", "items": {"const": n}} for n in range(WIDE)]}},
    },
    "options used everywhere": {
        "properties": {
            f"p{n}": {"anyOf": [{"$ref": "#/$defs/E"}, {"type": "null"}]} for n in range(WIDE)
        },
        "$defs": {"E": {"enum": [f"option {n}" for n in range(60)]}},
    },
    "a parent used everywhere": {
        "properties": {f"p{n}": {"allOf": [{"$ref": "#/$defs/B"}]} for n in range(WIDE)},
        "$defs": {"B": {"properties": {f"b{n}": {} for n in range(WIDE)}}},
    },
    "alternatives": {"anyOf": [{"properties": {f"p{n}": {}}} for n in range(WIDE)]},
}


@pytest.mark.parametrize("name", LARGE)
def test_the_list_is_linear_in_the_schema(name: str) -> None:
    text = json.dumps(LARGE[name]).encode()
    began = time.process_time()
    fields = fields_of(text)
    assert len(fields) <= 2 * len(text)
    assert time.process_time() - began < 2


def test_a_list_too_long_for_any_model_is_a_typed_error() -> None:
    schema = {"properties": {f"p{n}": {"description": "x" * 1000} for n in range(1100)}}
    with pytest.raises(SchemaError, match="1,000,000 characters") as error:
        of(schema)
    assert "prompt='plain'" in (error.value.hint or "")


NAMES = ("A", "B", "C")


def nodes() -> st.SearchStrategy[Any]:
    """Schemas, sound or not, that refer to one another in every way."""
    scalars = st.sampled_from(
        [{}, True, None, {"type": "string"}, {"type": "null"}, {"enum": [1, None]}, {"const": "x"}]
    )
    references = st.sampled_from(
        [{"$ref": "#"}, {"$ref": "#/$defs/Z"}, *({"$ref": f"#/$defs/{name}"} for name in NAMES)]
    )

    def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        several = st.lists(inner, max_size=3)
        properties = st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        return st.one_of(
            st.fixed_dictionaries({"type": st.just("object"), "properties": properties}),
            st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
            st.fixed_dictionaries({"prefixItems": several}),
            st.fixed_dictionaries({"additionalProperties": inner}),
            st.fixed_dictionaries({"anyOf": several, "description": st.just("d\n- e (x)")}),
            st.fixed_dictionaries({"allOf": several, "properties": properties}),
        )

    return st.recursive(scalars | references, larger, max_leaves=12)


@given(
    nodes().filter(lambda node: isinstance(node, dict)),
    st.fixed_dictionaries({name: nodes() for name in NAMES}),
)
def test_any_schema_has_a_list_that_is_linear_in_it(root: Any, definitions: Any) -> None:
    text = json.dumps({**root, "$defs": definitions}).encode()
    fields = fields_of(text)
    assert len(fields) <= 4 * len(text)
    assert all(re.fullmatch(r" *- .+|[^-]+:|", line) for line in fields.split("\n"))
