"""Unions whose options overlap at every level: a typed limit, and none where nothing multiplies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

import structgen
from structgen.errors import InvalidOutputError, SchemaError
from structgen.schema import SUBSETS
from structgen.schema.target import target_of

DEEP = 60


class A(BaseModel):
    x: int
    next: A | B | None = None


class B(BaseModel):
    x: int
    y: int = 0
    next: A | B | None = None


class Leaf(BaseModel):
    leaf: int


class Left(BaseModel):
    left: Left | Right | Leaf


class Right(BaseModel):
    right: Left | Right | Leaf


class Up(BaseModel):
    kind: Literal["up"]
    next: Annotated[Up | Down, Field(discriminator="kind")] | None = None


class Down(BaseModel):
    kind: Literal["down"]
    next: Annotated[Up | Down, Field(discriminator="kind")] | None = None


class Chain(BaseModel):
    next: Chain | None = None


def nested(depth: int, **members: Any) -> dict[str, Any] | None:
    data = None
    for _ in range(depth):
        data = {**members, "next": data}
    return data


def test_a_value_that_would_take_minutes_is_a_typed_error() -> None:
    with pytest.raises(InvalidOutputError, match="unions cannot be read, wanted less nesting"):
        structgen.validate(A, nested(DEEP, x=1))
    value: A | B = A(x=1)
    for _ in range(DEEP):
        value = B.model_construct(x=1, y=2, next=value)
    with pytest.raises(SchemaError, match="each level doubles the work"):
        target_of(A | B).dump(value)


def test_shallow_values_of_such_unions_are_read_written_and_explained() -> None:
    data = nested(12, x=1, y=2)
    value = structgen.validate(A | B, data)
    assert target_of(A | B).dump(value) == data
    compiled = structgen.compile_schema(A | B, "openai-strict")
    assert compiled.decode(compiled.encode(value)) == value
    assert data is not None
    inner = data
    while inner["next"]:
        inner = inner["next"]
    inner["x"] = "q"
    with pytest.raises(InvalidOutputError) as caught:
        structgen.validate(A | B, data)
    (violation,) = caught.value.violations
    assert violation.path == "/next" * 11 + "/x"


@pytest.mark.parametrize(("target", "members"), [(Up, {"kind": "up"}), (Chain, {})])
def test_a_discriminator_or_a_single_option_has_no_such_limit(
    target: type[BaseModel], members: dict[str, Any]
) -> None:
    data = nested(DEEP, **members)
    value = structgen.validate(target, data)
    assert target_of(target).dump(value) == data


def test_options_of_other_members_have_no_such_limit() -> None:
    data: dict[str, Any] = {"leaf": 1}
    for number in range(DEEP):
        data = {"left" if number % 2 else "right": data}
    value = structgen.validate(Left | Right, data)
    assert target_of(Left | Right).dump(value) == data


def test_the_check_of_a_json_schema_looks_at_a_part_once_that_is_valid() -> None:
    node = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]}},
        "required": ["x"],
    }
    with_x = {**node, "properties": {**node["properties"], "x": {"type": "integer"}}}  # type: ignore[dict-item]
    with_y = {**with_x, "required": ["x", "y"]}
    schema = {"$ref": "#/$defs/A", "$defs": {"A": with_x, "B": with_y}}
    data: dict[str, Any] = {"x": 1}
    for _ in range(DEEP):
        data = {"x": 1, "y": 2, "next": data}
    assert structgen.validate(schema, data) == data


class Plain(BaseModel):
    x: int
    note: str | None = None


class Wider(BaseModel):
    x: int
    y: int = 0
    note: str | None = None


@pytest.mark.parametrize("language", SUBSETS)
def test_an_option_that_ignores_a_member_is_not_taken_for_one_that_has_it(language: str) -> None:
    """`Plain` reads the values of `Wider` and drops `y`: they were written without it."""
    compiled = structgen.compile_schema(Plain | Wider, language)
    for value in (Wider(x=1, y=2), Plain(x=1), Wider(x=1, y=2, note="n")):
        assert compiled.decode(compiled.encode(value)) == value
