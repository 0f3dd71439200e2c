"""Codecs: the way back from an answer, faults included."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict

from structgen.errors import InvalidOutputError, SchemaError
from structgen.schema.compiler import compile_schema
from structgen.schema.json import pointer_of, same_json
from structgen.schema.subset import SUBSETS, SchemaSubset


class Form(BaseModel):
    name: str
    age: int = 5
    nick: str | None = "none"
    note: str | None = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class Circle(BaseModel):
    label: str
    radius: float = 1.0


class Square(BaseModel):
    label: str
    side: float = 1.0


OPEN = replace(SUBSETS["openai-strict"], name="open", declared_only=False)


def violation_of(target: Any, subset: str | SchemaSubset, answer: Any) -> Any:
    with pytest.raises(InvalidOutputError) as caught:
        compile_schema(target, subset).decode(answer)
    return caught.value.violations[0]


def test_null_restores_the_default_and_reports_the_field_as_absent() -> None:
    value, absent = compile_schema(Form, "openai-strict").read(
        {"name": "Ada", "age": None, "nick": None, "note": None}
    )
    assert value == Form(name="Ada", age=5, nick="none", note=None)
    assert absent == {"/age", "/nick", "/note"}


@pytest.mark.parametrize("nick", ["none", None, "countess"])
def test_absent_null_and_a_value_are_three_states(nick: str | None) -> None:
    """`nick` allows null and has another default, so only null itself means not stated."""
    it = compile_schema(Form, "groq-strict")
    value = Form(name="Ada", nick=nick)
    assert it.encode(value)["nick"] == {"value": nick}
    assert it.read(it.encode(value)) == (value, frozenset({"/note"}))


def test_a_member_left_out_is_absent_too() -> None:
    """Best effort: a model that leaves out what it was asked for has said the same."""
    value, absent = compile_schema(Form, "best-effort").read({"name": "Ada"})
    assert value == Form(name="Ada")
    assert absent == {"/age", "/nick", "/note"}


def test_absent_fields_are_named_where_they_stand_in_the_value() -> None:
    it = compile_schema(dict[str, Form], "openai-strict")
    answer = {
        "value": [
            {
                "key": "a/b",
                "value": {"name": "x", "age": None, "nick": {"value": None}, "note": "n"},
            }
        ]
    }
    assert it.read(answer)[1] == {"/a~1b/age"}


def test_a_key_twice_is_a_violation_never_a_choice() -> None:
    entry = {"key": "k", "value": 1}
    found = violation_of(
        dict[str, int], "openai-strict", {"value": [entry, {"key": "k", "value": 2}]}
    )
    assert (found.path, found.wanted) == ("/k", "each key once")


def test_an_entry_for_a_declared_member_is_a_violation() -> None:
    found = violation_of(
        Open, "openai-strict", {"a": 1, "other_members": [{"key": "a", "value": "2"}]}
    )
    assert found.path == "/a"


def test_members_of_an_open_model_come_back() -> None:
    it = compile_schema(Open, "groq-strict")
    value = Open.model_validate({"a": 1, "b": [1, None], "other_members": "mine"})
    assert it.decode(it.encode(value)) == value


def test_free_form_values_are_json_text() -> None:
    it = compile_schema(dict[str, Any], "openai-strict")
    assert it.encode({"k": {"deep": [1, "é"]}}) == {
        "value": [{"key": "k", "value": '{"deep":[1,"é"]}'}]
    }
    assert (
        violation_of(
            dict[str, Any], "openai-strict", {"value": [{"key": "k", "value": "{oops"}]}
        ).path
        == "/k"
    )


def test_a_tuple_is_an_object_of_positions() -> None:
    it = compile_schema(tuple[int, str], "groq-strict")
    assert it.encode((1, "a")) == {"item_1": 1, "item_2": "a"}
    assert it.decode({"item_1": 1, "item_2": "a"}) == (1, "a")


def test_a_position_after_one_left_out_is_a_violation() -> None:
    schema = {
        "type": "array",
        "prefixItems": [{"type": "integer"}, {"type": "integer"}],
        "items": False,
    }
    it = compile_schema(schema, "openai-strict")
    assert [it.decode(it.encode(value)) for value in ([], [1], [1, 2])] == [[], [1], [1, 2]]
    assert (
        violation_of(schema, "openai-strict", {"item_1": None, "item_2": 2}).found
        == "a later position"
    )


@pytest.mark.parametrize(
    "value", [Circle(label="x", radius=2), Square(label="x", side=2), Square(label="x")]
)
def test_options_that_only_a_tag_tells_apart_get_one(value: Circle | Square) -> None:
    """Groq refuses them untagged; the tag names the type, and comes off again."""
    it = compile_schema(Circle | Square, "groq-strict")
    assert it.encode(value)["value"]["kind"] == type(value).__name__
    assert it.decode(it.encode(value)) == value


def test_options_with_a_tag_of_their_own_get_no_other() -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]
        lives: int = 9

    class Dog(BaseModel):
        kind: Literal["dog"]
        lives: int = 1

    it = compile_schema(Cat | Dog, "groq-strict")
    assert it.encode(Dog(kind="dog")) == {"value": {"kind": "dog", "lives": 1}}
    assert it.decode({"value": {"kind": "dog", "lives": None}}) == Dog(kind="dog")


def test_an_empty_list_and_an_empty_map_are_told_apart() -> None:
    it = compile_schema(list[int] | dict[str, int], "openai-strict")
    assert [it.decode(it.encode(value)) for value in ([], {}, [1], {"a": 1})] == [
        [],
        {},
        [1],
        {"a": 1},
    ]


def test_members_that_a_schema_does_not_declare_are_carried_at_the_root() -> None:
    point = {
        "type": "object",
        "properties": {"x": {"type": "integer"}, "y": {"type": ["integer", "null"]}},
        "required": ["x"],
    }
    it = compile_schema({"type": "array", "items": point}, OPEN)
    value = [{"x": 1, "z": {"deep": True}}, {"x": 2, "y": None}, {"x": 3}]
    answer = it.encode(value)
    assert answer["other_members"] == [
        {"path": "/0/z", "value": '{"deep":true}'},
        {"path": "/1/y", "value": "null"},
    ]
    assert it.decode(answer) == value
    assert it.read(answer)[1] == {"/0/y", "/2/y"}


@pytest.mark.parametrize("path", ["", "/5/z", "/0/x", "/0/x/deep"])
def test_a_path_that_leads_nowhere_or_over_something_is_a_violation(path: str) -> None:
    item = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    answer = {"value": [{"x": 1}], "other_members": [{"path": path, "value": "2"}]}
    assert violation_of({"type": "array", "items": item}, OPEN, answer)


def test_decoding_changes_nothing_of_the_answer_it_is_given() -> None:
    answer = {"a": {"x": 1}, "other_members": [{"path": "/a/z", "value": "2"}]}
    inner = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    it = compile_schema({"type": "object", "properties": {"a": inner}, "required": ["a"]}, OPEN)
    assert it.decode(answer) == {"a": {"x": 1, "z": 2}}
    assert answer["a"] == {"x": 1}


def test_a_value_that_a_narrowed_note_excludes_is_an_error_when_encoded() -> None:
    it = compile_schema({"properties": {"a": {"type": "integer"}}}, "openai-strict")
    assert [note.action for note in it.notes if note.keyword == "type"] == ["narrowed"]
    with pytest.raises(SchemaError, match="of type string"):
        it.encode("text")


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        (dict[str, int], {"value": [{"key": "a", "value": 1, "more": 2}]}),
        (list[int], {"value": [1], "more": 2}),
        (tuple[int, ...], {"rest": [1]}),
        (Form, {"name": "Ada", "age": None, "nick": {"value": "x", "more": 1}, "note": None}),
    ],
)
def test_what_an_answer_says_beyond_its_form_is_never_dropped(target: Any, answer: Any) -> None:
    assert violation_of(target, "openai-strict", answer)


def test_pointers_escape_their_steps() -> None:
    assert pointer_of(((None, "a/b"), "c~d")) == "/a~1b/c~0d"
    assert pointer_of(None) == ""


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [(1, 1.0, True), (True, 1, False), ([0], [False], False), ({"a": 1}, {"a": 1.0}, True)],
)
def test_json_equality_is_that_of_json_schema(a: Any, b: Any, same: bool) -> None:
    assert same_json(a, b) is same


def test_an_option_that_does_not_exist_is_a_violation() -> None:
    found = violation_of(
        Circle | Square,
        "groq-strict",
        {"value": {"kind": "Triangle", "value": {"label": "x", "radius": 1}}},
    )
    assert "Circle, Square" in found.wanted
