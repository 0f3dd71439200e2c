"""The rows of providers on the safe side: what each of them refuses is not sent."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from structgen.errors import InvalidOutputError, SchemaError
from structgen.schema.compiler import compile_schema
from structgen.schema.subset import SUBSETS


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 5


class Stop(BaseModel):
    """No fields: the name alone says what to do."""


class Report(BaseModel):
    counts: dict[str, int]
    level: Level
    size: Literal[1, 5, 10] | None
    mixed: Literal[1, "a", True, None]
    stop: Stop
    again: Stop | None = None


REPORT = Report(counts={"a": 1}, level=Level.HIGH, size=5, mixed="a", stop=Stop())


def properties(source: Any, subset: str) -> dict[str, Any]:
    found: dict[str, Any] = compile_schema(source, subset).schema["properties"]
    return found


@pytest.mark.parametrize("subset", SUBSETS)
def test_a_report_comes_back(subset: str) -> None:
    it = compile_schema(Report, subset)
    for report in (REPORT, REPORT.model_copy(update={"size": None, "again": Stop()})):
        assert it.decode(it.encode(report)) == report


def test_gemini_gets_neither_maps_nor_lists_of_numbers_nor_empty_objects() -> None:
    found = properties(Report, "gemini")
    assert found["counts"]["type"] == "array"
    assert found["size"]["anyOf"] == [
        {"type": "string", "enum": ["1", "5", "10"]},
        {"type": "null"},
    ]
    defs = compile_schema(Report, "gemini").schema["$defs"]
    assert defs["Level"] == {"type": "string", "enum": ["1", "5"]}
    assert defs["Stop"]["enum"] == ["{}"]


def test_anthropic_gets_no_enum_beside_a_list_of_types() -> None:
    assert properties(Report, "anthropic")["mixed"]["anyOf"] == [
        {"type": "integer", "const": 1},
        {"type": "string", "const": "a"},
        {"type": "boolean", "const": True},
        {"type": "null"},
    ]


@pytest.mark.parametrize("subset", ["llama.cpp-server", "ollama"])
def test_llama_cpp_gets_no_more_repetitions_than_its_parser_takes(subset: str) -> None:
    long = Annotated[list[str], Field(max_length=3000)]
    short = Annotated[list[Annotated[str, Field(max_length=60_000)]], Field(max_length=900)]
    assert "maxItems" not in compile_schema(long, subset).schema
    schema = compile_schema(short, subset).schema
    assert (schema["maxItems"], schema["items"]["maxLength"]) == (900, 60_000)
    assert [n.keyword for n in compile_schema(long, subset).notes] == ["maxItems"]


class Place(BaseModel):
    city: str


class Visit(BaseModel):
    at: Place | None = None
    then: list[Place | None] = []
    days: int | None = Field(default=None, ge=1)


def test_arguments_of_tools_on_groq_have_no_nullable_object() -> None:
    it = compile_schema(Visit, "groq-tool")
    assert it.schema["properties"]["at"]["anyOf"] == [{"$ref": "#/$defs/Place"}]
    assert "at" not in it.schema["required"] if "required" in it.schema else True
    for visit in (Visit(), Visit(at=Place(city="x"), then=[None, Place(city="y")], days=2)):
        assert it.decode(it.encode(visit)) == visit
    assert it.read({"at": None, "days": None}) == (Visit(), frozenset({"/at", "/then"}))


def test_groq_gets_patterns_lengths_and_bounds_and_holds_none() -> None:
    it = compile_schema(Annotated[str, Field(pattern="^[A-Z]+$", max_length=5)], "groq-strict")
    assert it.schema["properties"]["value"] == {
        "type": "string",
        "pattern": "^[A-Z]+$",
        "maxLength": 5,
    }
    checked = {note.keyword for note in it.notes if note.action == "checked"}
    assert checked == {"pattern", "maxLength"}


# ---- constants ------------------------------------------------------------------------


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int | None = None


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    tricks: list[str] = []


class Owner(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize("source", [Owner, Owner.model_json_schema()], ids=["type", "schema"])
def test_a_tag_is_never_null(source: Any, subset: str) -> None:
    it = compile_schema(source, subset)
    for name, value in (("Cat", "cat"), ("Dog", "dog")):
        definition = it.schema["$defs"][name]
        kind = definition["properties"]["kind"]
        assert "kind" in definition["required"]
        assert kind.get("const", kind.get("enum")) in (value, [value])
    full: Any = {"pet": {"kind": "dog", "tricks": ["sit"]}}
    answer = it.encode(it.target.adapter.validate_python(full) if it.target.adapter else full)
    found = it.decode(answer)
    assert found == (Owner.model_validate(full) if it.target.adapter else full)


# ---- answers that nothing holds -------------------------------------------------------


class Free(BaseModel):
    scores: dict[int, str]
    box: tuple[int, int] | str
    nick: str | None = "none"


@pytest.mark.parametrize("subset", ["best-effort", "json-object", "groq-tool"])
def test_an_answer_in_the_users_own_form_is_taken_where_nothing_holds(subset: str) -> None:
    answer = {"scores": {"1": "a"}, "box": [1, 2], "nick": None}
    assert compile_schema(Free, subset).decode(answer) == Free(
        scores={1: "a"}, box=(1, 2), nick=None
    )
    tagged = {
        "anyOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}},
            {"type": "object", "properties": {"a": {"type": "integer"}, "c": {}}},
        ]
    }
    plain = {"a": 1, "c": "x"}
    assert compile_schema(tagged, subset).decode(plain) == plain


def test_a_key_that_comes_twice_with_one_value_is_one_entry() -> None:
    it = compile_schema(dict[str, int], "openai-strict")
    same = {"key": "a", "value": 1}
    assert it.decode({"value": [same, same]}) == {"a": 1}
    with pytest.raises(InvalidOutputError, match="the form that was asked for"):
        it.decode({"value": [same, {"key": "a", "value": 2}]})
    assert "each key once" in it.schema["properties"]["value"]["description"].lower()


# ---- schemas that a model reads easily ------------------------------------------------


def test_a_homogeneous_tuple_is_an_array_of_that_length() -> None:
    it = compile_schema(tuple[float, float, float, float], "openai-strict")
    box = it.schema["properties"]["value"]
    assert box == {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    assert it.decode(it.encode((1.0, 2.0, 3.0, 4.0))) == (1.0, 2.0, 3.0, 4.0)
    with pytest.raises(InvalidOutputError):
        it.decode({"value": [1, 2, 3]})


@pytest.mark.parametrize("subset", ["groq-strict", "best-effort", "openai-strict"])
def test_dates_are_told_in_words(subset: str) -> None:
    field = properties(Dated, subset)
    assert "2026-05-01T14:30:00Z" in field["at"]["description"]
    assert "P3DT4H30M" in field["lasts"]["description"]
    if subset != "openai-strict":
        assert "\\d" not in compile_schema(Dated, subset).dumps().decode()


class Dated(BaseModel):
    at: dt.datetime
    lasts: dt.timedelta


def test_members_of_all_of_come_in_the_order_of_its_parts() -> None:
    def part(name: str) -> dict[str, Any]:
        return {"properties": {name: {"type": "string"}}, "required": [name]}

    schema = {"type": "object", "allOf": [part("base"), part("own")], **part("last")}
    assert list(properties(schema, "openai-strict")) == ["base", "own", "last"]


def test_tags_of_untitled_options_say_what_only_they_have() -> None:
    def option(**own: Any) -> dict[str, Any]:
        shared = {"name": {"type": "string"}}
        return {"type": "object", "properties": {**shared, **own}, "required": ["name"]}

    url, path = option(url={"type": "string"}), option(path={"type": "string"})
    options = compile_schema({"anyOf": [url, path]}, "groq-strict").schema["properties"]["value"]
    kinds = [one["properties"]["kind"]["const"] for one in options["anyOf"]]
    assert kinds == ["url", "path"]


def test_tags_of_lists_and_maps_say_what_they_hold() -> None:
    texts = {"type": "array", "items": {"type": "string"}}
    numbers = {"type": "object", "additionalProperties": {"type": "number"}}
    items = {"type": "array", "items": {"title": "Pair", "type": "object", "properties": {}}}
    compiled = compile_schema({"anyOf": [texts, numbers, items]}, "groq-strict")
    options = compiled.schema["properties"]["value"]["anyOf"]
    kinds = [one["properties"]["kind"]["const"] for one in options if "properties" in one]
    assert kinds == ["array of string", "map of number", "array of Pair"]


def test_other_members_are_asked_for_only_if_the_schema_does() -> None:
    plain = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    assert list(properties(plain, "openai-strict")) == ["a"]
    it = compile_schema({**plain, "additionalProperties": True}, "openai-strict")
    assert list(it.schema["properties"]) == ["a", "other_members"]
    others: list[Any] = [[{"path": "note", "value": "hello"}], {"note": "hello"}]
    for given in others:
        assert it.decode({"a": "x", "other_members": given}) == {"a": "x", "note": "hello"}


def test_a_value_that_nothing_asks_for_says_how_to_ask() -> None:
    plain = {"type": "object", "properties": {"a": {"type": "string"}}}
    with pytest.raises(SchemaError, match="additionalProperties: true"):
        compile_schema(plain, "openai-strict").encode({"b": 1})


def test_equal_json_among_listed_values_is_one_value() -> None:
    for listed, equal in (([1], [1.0]), ({"a": 1, "b": 2}, {"b": 2, "a": 1})):
        it = compile_schema({"enum": [listed, "x"]}, "openai-strict")
        assert it.encode(equal) == it.encode(listed)
        assert it.decode(it.encode(equal)) == listed
