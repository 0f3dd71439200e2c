"""Violations name the place, the value found and the value wanted; hostile input ends in them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    field_validator,
)

from structgen.errors import InvalidOutputError
from structgen.schema.check import validate
from structgen.schema.target import target_of
from structgen.values import Violation


class Item(BaseModel):
    sku: str = Field(min_length=2)
    count: int = Field(ge=1)


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    good: bool


class Order(BaseModel):
    number: str = Field(pattern=r"^[A-Z]\d+$")
    items: list[Item]
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    extra: int | Item | None = None
    day: dt.date | None = None

    @field_validator("number")
    @classmethod
    def not_zero(cls, value: str) -> str:
        if value.endswith("0"):
            raise ValueError("must not end in 0")
        return value


def violations(source: Any, data: Any) -> list[Violation]:
    with pytest.raises(InvalidOutputError) as caught:
        validate(target_of(source), data)
    return list(caught.value.violations)


def test_violations_name_the_place_in_value_and_schema_what_was_found_and_what_was_wanted() -> None:
    data = {"number": "A1", "items": [{"sku": "x", "count": 1}, {"count": 0}], "day": "yesterday"}
    assert [(str(v), v.schema_path) for v in violations(Order, data)] == [
        (
            '/items/0/sku: found "x", wanted at least 2 characters',
            "/$defs/Item/properties/sku/minLength",
        ),
        ("/items/1/count: found 0, wanted at least 1", "/$defs/Item/properties/count/minimum"),
        (
            "/items/1/sku: found nothing, wanted a string (a required member)",
            "/$defs/Item/required",
        ),
        (
            '/day: found "yesterday", wanted a date (ISO 8601, such as 2026-05-01)',
            "/properties/day/anyOf/0/format",
        ),
    ]


def test_of_a_union_the_branch_that_comes_closest_speaks() -> None:
    base = {"number": "A1", "items": []}
    assert [str(v) for v in violations(Order, base | {"pet": {"kind": "cat", "good": True}})] == [
        "/pet/lives: found nothing, wanted an integer (a required member)"
    ]
    assert [str(v) for v in violations(Order, base | {"pet": {"kind": "bird"}})] == [
        '/pet/kind: found "bird", wanted one of "cat", "dog"'
    ]
    assert [str(v) for v in violations(Order, base | {"extra": "x"})] == [
        '/extra: found "x", wanted an integer or an object (Item) or null'
    ]
    assert [str(v) for v in violations(Order, base | {"extra": {"sku": "ab", "count": 0}})] == [
        "/extra/count: found 0, wanted at least 1"
    ]


def test_what_only_the_type_refuses_is_a_violation_too() -> None:
    assert violations(Order, {"number": "A0", "items": []}) == [
        Violation("/number", "/properties/number/validator", '"A0"', "must not end in 0")
    ]


@pytest.mark.parametrize(
    ("schema", "data", "line"),
    [
        ({"additionalProperties": False}, {"a/b": 1}, "/a~1b: found 1, wanted no such member"),
        ({"enum": ["a", 1]}, 2, '/: found 2, wanted one of "a", 1'),
        ({"const": {"a": 1}}, 2, '/: found 2, wanted {"a": 1}'),
        ({"items": {"type": ["string", "null"]}}, [1], "/0: found 1, wanted a string or null"),
        (
            {"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"maximum": 3}}},
            {"a": 4},
            "/a: found 4, wanted at most 3",
        ),
        ({"uniqueItems": True}, [1, 1], "/: found [1, 1], wanted items that are all different"),
        (
            {"dependentRequired": {"a": ["b"]}},
            {"a": 1},
            '/b: found nothing, wanted a member (required with "a")',
        ),
        ({"format": "email"}, "x", '/: found "x", wanted an e-mail address'),
        ({"properties": {"a": False}}, {"a": 1}, "/a: found 1, wanted nothing here"),
        (
            {"oneOf": [{"minimum": 1}, {"maximum": 3}]},
            2,
            "/: found 2, wanted a value that matches only one of the options",
        ),
    ],
)
def test_violations_of_a_json_schema(schema: Any, data: Any, line: str) -> None:
    assert str(violations(schema, data)[0]) == line


def test_a_violation_shows_no_more_than_sixty_characters_and_the_message_nothing() -> None:
    """`str()` adds the first violations to the message."""
    with pytest.raises(InvalidOutputError) as caught:
        validate(target_of({"type": "integer"}), "secret " * 100)
    (violation,) = caught.value.violations
    assert len(violation.found) <= 60
    assert "secret" not in caught.value.message
    assert str(caught.value).count("secret") <= 10


def test_whatever_a_users_validator_raises_is_an_invalid_answer() -> None:
    def explode(value: Any) -> Any:
        raise KeyError("boom")

    assert violations(Annotated[int, AfterValidator(explode)], 1)[0].found == "KeyError"


# ---- hostile input -------------------------------------------------------------------


class Node(BaseModel):
    next: Node | None = None


def chain(length: int) -> Any:
    data: Any = None
    for _ in range(length):
        data = {"next": data}
    return data


circle: list[Any] = []
circle.append(circle)


@pytest.mark.parametrize(
    "data",
    [chain(100_000), circle, float("nan"), object(), {1: 2, "a": {3}}],
    ids=lambda data: type(data).__name__,
)
@pytest.mark.parametrize(
    "source",
    [Node, {"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"next": {"$ref": "#/$defs/n"}}}}}],
)
def test_data_that_is_no_json_or_too_deep_is_an_invalid_answer(source: Any, data: Any) -> None:
    assert violations(source, data)


def test_depth_that_the_parser_takes_is_checked() -> None:
    assert validate(target_of(Node), chain(190)) is not None
    assert validate(target_of(target_of(Node).schema), chain(190)) == chain(190)


def test_a_pattern_that_backtracks_elsewhere_is_matched_in_bounded_time() -> None:
    assert violations({"pattern": "^(a+)+$"}, "a" * 50_000 + "!")
    assert violations({"pattern": "^(a|a)*$"}, "a" * 5_000 + "!")
    assert validate(
        target_of({"patternProperties": {"^(a+)+$": {"type": "null"}}}), {"a" * 5_000 + "!": 1}
    )


@pytest.mark.slow
def test_a_schema_that_asks_for_exponential_work_ends() -> None:
    definitions: dict[str, Any] = {"d30": {"type": "integer"}}
    for level in range(30):
        step = {"properties": {"a": {"$ref": f"#/$defs/d{level + 1}"}}}
        definitions[f"d{level}"] = {"anyOf": [step, step]}
    data: Any = "x"
    for _ in range(31):
        data = {"a": data}
    assert violations({"$ref": "#/$defs/d0", "$defs": definitions}, data)
