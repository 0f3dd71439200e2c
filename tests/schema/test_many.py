"""Shapes that once took a minute or doubled with each step; each has to end within the timeout."""

from __future__ import annotations

from typing import Any, Literal, Union

import pytest
from pydantic import BaseModel, create_model

import structgen
from structgen.errors import InvalidOutputError, SchemaError
from structgen.schema import SUBSETS
from structgen.schema.audit import audit

pytestmark = pytest.mark.timeout(60)


def option(number: int) -> dict[str, Any]:
    own = {f"p{number}": {"type": "integer"}, "name": {"type": "string"}}
    return {"type": "object", "properties": own, "required": [f"p{number}"]}


def test_encoding_an_overlapping_union_of_a_json_schema_does_not_double_by_level() -> None:
    node = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]}},
    }
    more = {"x": {"type": "integer"}, "m": {"type": "object", "additionalProperties": True}}
    a = {**node, "properties": {**node["properties"], **more}}  # type: ignore[dict-item]
    schema = {"$ref": "#/$defs/A", "$defs": {"A": a, "B": {**a, "required": ["x"]}}}
    value: dict[str, Any] = {"x": 0}
    for number in range(40):
        value = {"x": number, "m": {"k": number}, "next": value}
    compiled = structgen.compile_schema(schema, "openai-strict")
    assert compiled.decode(compiled.encode(value)) == value


def test_five_thousand_different_objects_are_compared_in_linear_time() -> None:
    schema = {"type": "array", "items": {"type": "object"}, "uniqueItems": True}
    items = [{"a": number, "b": [number]} for number in range(5_000)]
    assert structgen.validate(schema, items) == items
    with pytest.raises(InvalidOutputError, match="items that are all different"):
        structgen.validate(schema, [*items, {"b": [7], "a": 7}])


@pytest.mark.parametrize("language", ["openai-strict", "groq-strict", "llguidance", "best-effort"])
def test_hundreds_of_options(language: str) -> None:
    schema = {"anyOf": [option(number) for number in range(300)]}
    try:
        compiled = structgen.compile_schema(schema, language)
    except SchemaError:
        return
    value = {"p7": 7, "name": "x"}
    assert compiled.decode(compiled.encode(value)) == value


def test_two_hundred_tagged_models() -> None:
    models: list[Any] = []
    for number in range(200):
        fields: dict[str, Any] = {"kind": (Literal[f"k{number}"], ...), "n": (int, ...)}
        models.append(create_model(f"M{number}", **fields))
    union: Any = Union[tuple(models)]
    compiled = structgen.compile_schema(union, "llguidance")
    value = models[150].model_validate({"kind": "k150", "n": 1})
    assert compiled.decode(compiled.encode(value)) == value


def test_many_properties_and_members_that_nothing_declares() -> None:
    schema = {
        "type": "object",
        "properties": {f"p{number}": {"type": "integer"} for number in range(5_000)},
        "additionalProperties": True,
    }
    value = {f"other {number}": number for number in range(300)}
    compiled = structgen.compile_schema(schema, "best-effort")
    assert compiled.decode(compiled.encode(value)) == value


def test_a_long_chain_of_references() -> None:
    definitions: dict[str, Any] = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(2_000)}
    definitions["d2000"] = {"type": "integer"}
    schema = {"$ref": "#/$defs/d0", "$defs": definitions}
    assert structgen.compile_schema(schema, "openai-strict").decode({"value": 3}) == 3


class Deep(BaseModel):
    """A model with many fields of every kind."""

    a: dict[str, list[tuple[int, str]]] = {}
    b: list[dict[str, int | str | None]] = []
    c: list[int] | dict[str, float] | str = ""


def test_an_audit_of_many_fields_in_all_languages() -> None:
    fields: dict[str, Any] = {f"f{number}": (Deep | None, None) for number in range(150)}
    many = create_model("Many", **fields)
    assert audit(many).subsets == tuple(SUBSETS)
