"""What the laws have found, each as its smallest case."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Union

import pytest
from pydantic import AwareDatetime, BaseModel, Field, NaiveDatetime, RootModel
from typing_extensions import NotRequired, TypedDict

from structgen.errors import InvalidOutputError, SchemaError
from structgen.schema.check import validate
from structgen.schema.compiler import compile_schema
from structgen.schema.subset import SUBSETS, SchemaSubset
from structgen.schema.target import target_of
from tests.checkers import CHECKERS
from tests.laws.instances import validator


@pytest.mark.parametrize("type_", [NaiveDatetime, AwareDatetime, datetime, time, date, timedelta])
@pytest.mark.parametrize(
    "text",
    [
        "0172-29-00T93:30",
        "2024-01-32T10:20",
        "2023-02-29T10:20:00",
        "2023-02-29",
        "2024-01-01T10:61:00Z",
        "64:41",
        "12:00:00+25:00",
        "P7751889840W",
        "1450-01-05T04:01:00",
        "1983-06-30T23:59:58.999999Z",
        "",
    ],
)
def test_a_time_that_is_none_is_held_or_noted(type_: Any, text: str) -> None:
    """A pattern for times that lets the 93rd hour through must at least say so."""
    for subset in SUBSETS:
        it = compile_schema(type_, subset)
        answer = text if it.schema.get("type") != "object" else {"value": text}
        if validator(it.schema).is_valid(answer):
            try:
                it.decode(answer)
            except InvalidOutputError:
                assert any(note.action == "checked" for note in it.notes), subset


@pytest.mark.parametrize("sign", ["", "+", "-"])
@pytest.mark.parametrize("digits", [8, 9, 17, 18, 19, 40])
@pytest.mark.parametrize("subset", SUBSETS)
def test_an_exponent_that_a_decimal_cannot_take_is_not_admitted(
    subset: str, digits: int, sign: str
) -> None:
    """A schema that admits an exponent must be one whose exponents Python's decimals can hold."""
    it = compile_schema(Decimal, subset)
    for mantissa in ("0", "1", "12345"):
        text = f"{mantissa}E{sign}{'1' + '0' * (digits - 1)}"
        answer: Any = text if it.schema.get("type") != "object" else {"value": text}
        if validator(it.schema).is_valid(answer):
            try:
                it.decode(answer)
            except InvalidOutputError:
                assert any(note.action == "checked" for note in it.notes), subset


@pytest.mark.parametrize("text", ["1E+99999999", "-1E-99999999", "1.25E+70", "0E-70", "1E-7"])
@pytest.mark.parametrize("subset", SUBSETS)
def test_a_decimal_with_an_exponent_has_a_valid_form(subset: str, text: str) -> None:
    it = compile_schema(Decimal, subset)
    assert validator(it.schema).is_valid(it.encode(Decimal(text)))
    assert it.decode(it.encode(Decimal(text))) == Decimal(text)


def test_a_decimal_with_a_longer_exponent_has_no_form() -> None:
    with pytest.raises(SchemaError, match="exponent has at most 8 digits"):
        target_of(Decimal).dump(Decimal("1E+100000000"))


@pytest.mark.parametrize("subset", SUBSETS)
def test_a_key_that_no_float_can_hold_is_noted(subset: str) -> None:
    it = compile_schema(dict[float, int], subset)
    assert any(note.keyword == "propertyNames" and note.action == "checked" for note in it.notes)
    assert it.decode(it.encode({1e300: 1, -0.5: 2})) == {1e300: 1, -0.5: 2}


@pytest.mark.parametrize("subset", SUBSETS)
def test_an_optional_member_that_a_pattern_speaks_of_too(subset: str) -> None:
    """Null for "not stated" must not meet the rule that a pattern has for the name."""
    schema = {
        "type": "object",
        "properties": {"a": {"type": "boolean"}, "type": {"type": ["string", "null"]}},
        "required": ["type"],
        "patternProperties": {"^[a-z]{1,3}$": {"type": "boolean"}},
        "additionalProperties": False,
    }
    it = compile_schema(schema, subset)
    for value in ({"type": None}, {"type": "x", "a": True, "sc": False}):
        encoded = it.encode(value)
        assert validator(it.schema).is_valid(encoded)
        assert it.decode(encoded) == value
    assert CHECKERS[subset](it.schema, it.name) == []


class Item(BaseModel):
    count: str | None = Field(
        default=None, validation_alias="class", serialization_alias="out class"
    )


@pytest.mark.parametrize("subset", SUBSETS)
def test_a_field_read_under_one_name_and_written_under_another(subset: str) -> None:
    it = compile_schema(list[Item], subset)
    for value in ([Item.model_validate({})], [Item.model_validate({"class": "x"})]):
        assert validator(it.schema).is_valid(it.encode(value))
        assert it.decode(it.encode(value)) == value


class Empty(BaseModel):
    """An object without members."""


@pytest.mark.parametrize("subset", SUBSETS)
def test_a_null_with_a_name_beside_an_object(subset: str) -> None:
    it = compile_schema(Union[RootModel[None], Empty], subset)
    assert CHECKERS[subset](it.schema, it.name) == []
    for value in (RootModel[None](None), Empty()):
        assert validator(it.schema).is_valid(it.encode(value))
        assert it.decode(it.encode(value)) == value


@pytest.mark.parametrize("subset", SUBSETS)
def test_a_null_with_a_name_beside_null_is_no_value_of_its_own(subset: str) -> None:
    """JSON has one null: what would be read back as another value is a typed error."""
    it = compile_schema(Union[RootModel[None], None], subset)
    assert it.decode(it.encode(None)) is None
    with pytest.raises(SchemaError, match="reads back as itself"):
        it.encode(RootModel[None](None))


class Extended(Empty):
    count: int


class Wrapped(RootModel[Union[Empty, None]]):
    """An object without members, by another name."""


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        (Union[Empty, Extended], [Empty(), Extended(count=1)]),
        (Union[Extended, Empty], [Empty(), Extended(count=1)]),
        (Union[Wrapped, Extended], [Wrapped(Empty()), Wrapped(None), Extended(count=1)]),
        (Union[list[Empty], list[Extended]], [[Empty()], [Extended(count=1)]]),
    ],
)
@pytest.mark.parametrize("subset", SUBSETS)
def test_an_object_without_members_takes_no_object_with_some(
    subset: str, type_: Any, values: list[Any]
) -> None:
    """Gemini takes no empty object, so one is text there, which says nothing of other members."""
    it = compile_schema(type_, subset)
    assert CHECKERS[subset](it.schema, it.name) == []
    for value in values:
        assert validator(it.schema).is_valid(it.encode(value))
        assert it.decode(it.encode(value)) == value


@pytest.mark.parametrize("subset", SUBSETS.values(), ids=list(SUBSETS))
def test_members_beside_an_impossible_one_have_a_place_or_are_refused(subset: SchemaSubset) -> None:
    schema = {"type": "object", "properties": {"never": False}}
    value = {"other": 1}
    open_form = compile_schema(schema, replace(subset, declared_only=False))
    assert validator(open_form.schema).is_valid(open_form.encode(value))
    assert open_form.decode(open_form.encode(value)) == value
    it = compile_schema(schema, subset)
    try:
        encoded = it.encode(value)
    except SchemaError:
        assert any(note.action == "narrowed" for note in it.notes)
    else:
        assert validator(it.schema).is_valid(encoded)
        assert it.decode(encoded) == value


ONE: dict[str, Any] = {"const": [1]}
LIKE_ONE: dict[str, Any] = {"const": "[1]"}


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        ({"anyOf": [ONE, ONE]}, [[1]]),
        ({"anyOf": [ONE, LIKE_ONE]}, [[1], "[1]"]),
        ({"anyOf": [ONE, LIKE_ONE, ONE, {"type": "integer"}]}, [[1], "[1]", 1]),
        ({"anyOf": [{"anyOf": [ONE, LIKE_ONE]}, {"type": "boolean"}]}, [[1], "[1]", True]),
        (
            {
                "anyOf": [{"$ref": "#/$defs/One"}, {"$ref": "#/$defs/LikeOne"}],
                "$defs": {"One": ONE, "LikeOne": LIKE_ONE},
            },
            [[1], "[1]"],
        ),
    ],
)
@pytest.mark.parametrize("subset", SUBSETS)
def test_options_of_one_value_each_with_the_same_text(
    subset: str, schema: dict[str, Any], values: list[Any]
) -> None:
    """Groq tells objects of a union apart by one constant; beside a kind, a value was another."""
    it = compile_schema(schema, subset)
    assert CHECKERS[subset](it.schema, it.name) == []
    for value in values:
        assert validator(it.schema).is_valid(it.encode(value))
        assert it.decode(it.encode(value)) == value


def test_a_value_that_groq_cannot_hold_beside_its_kind_is_noted_and_checked() -> None:
    it = compile_schema({"anyOf": [ONE, LIKE_ONE]}, "groq-strict")
    assert [note.action for note in it.notes if note.keyword == "const"] == ["checked"]
    answer: Any = it.encode("[1]")
    assert it.decode(answer) == "[1]"
    answer["value"]["value"] = "[2]"
    assert validator(it.schema).is_valid(answer)
    with pytest.raises(InvalidOutputError):
        it.decode(answer)


@pytest.mark.parametrize("subset", SUBSETS.values(), ids=list(SUBSETS))
def test_an_option_whose_constant_is_an_empty_text_has_a_tag(subset: SchemaSubset) -> None:
    """Its tag was that constant, and an empty tag is none."""
    named = {"type": "object", "properties": {"code": {"const": ""}}, "required": ["code"]}
    schema = {"anyOf": [named, {"type": "object", "properties": {}}]}
    it = compile_schema(schema, replace(subset, declared_only=False))
    for value in ({"code": ""}, {"code": "", "more": None}, {"more": 1}):
        assert validator(it.schema).is_valid(it.encode(value))
        assert it.decode(it.encode(value)) == value


class Node(BaseModel):
    item: int
    below: list[Node]


@pytest.mark.parametrize("subset", SUBSETS)
def test_a_cycle_of_required_members(subset: str) -> None:
    """Gemini takes a cycle only through an optional property, others take none."""
    it = compile_schema(Node, subset)
    assert CHECKERS[subset](it.schema, it.name) == []
    value = Node(
        item=1, below=[Node(item=2, below=[]), Node(item=3, below=[Node(item=4, below=[])])]
    )
    assert it.decode(it.encode(value)) == value


class Typed(BaseModel):
    """A field by the name that core schemas give their kind."""

    type: str
    number: int


def test_a_field_named_type_does_not_switch_strict_reading_off() -> None:
    with pytest.raises(InvalidOutputError):
        validate(target_of(Typed), {"type": "a", "number": "5"})


class TypedMovie(TypedDict):
    type: NotRequired[int]
    item: Item


def test_a_member_named_type_does_not_change_how_its_neighbours_are_written() -> None:
    value: TypedMovie = {"item": Item.model_validate({"class": "x"})}
    assert target_of(TypedMovie).dump(value) == {"item": {"class": "x"}}
