"""Where targets come from, and what cannot be one."""

from __future__ import annotations

import datetime as dt
import enum
import gc
import pathlib
import pickle
import re
import weakref
from typing import Any, Generic, Literal, TypeVar

import pydantic as p
import pytest
from pydantic import BaseModel, Field

from structgen.errors import InvalidOutputError, SchemaError, SchemaLimitError, TargetError
from structgen.schema.check import validate
from structgen.schema.compiler import compile_schema
from structgen.schema.load import load_target
from structgen.schema.target import target_of

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    ONE = 1
    DAY = dt.date(2020, 1, 1)


class Box(BaseModel, Generic[T]):
    held: T


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (Box[int], "Box_int"),
        (list[Cat], "list_Cat"),
        (int | str, "int_str"),
        ({"title": "My: schema"}, "My_schema"),
        ({}, "output"),
    ],
)
def test_names_fit_the_wire(source: Any, name: str) -> None:
    assert target_of(source).name == name
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)


def test_a_target_is_built_once() -> None:
    assert target_of(Cat) is target_of(Cat)
    assert target_of(list[Cat]) is target_of(list[Cat])
    assert target_of({"type": "string"}) is target_of({"type": "string"})
    assert target_of(target_of(Cat)) is target_of(Cat)
    assert target_of(int | str) is not target_of(str | int)


def test_a_subclass_has_a_target_of_its_own() -> None:
    class Lion(Cat):
        mane: bool

    assert "mane" not in target_of(Cat).schema["properties"]
    assert "mane" in target_of(Lion).schema["properties"]


def test_a_class_is_collected_with_its_target() -> None:
    model = p.create_model("Passing", a=(int, 1))
    target_of(model).dump(model())
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_a_target_crosses_a_process_boundary() -> None:
    assert pickle.loads(pickle.dumps(target_of(Cat))) is target_of(Cat)


def test_targets_are_loaded_from_files_and_modules(tmp_path: pathlib.Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from __future__ import annotations\nimport dataclasses\n\n"
        "@dataclasses.dataclass\nclass Row:\n    n: int\n    row: Row | None = None\n"
    )
    (tmp_path / "mine.json").write_text('{"type": "integer"}')
    assert validate(load_target(f"{tmp_path}/mine.py:Row"), {"n": 1}).n == 1
    assert validate(load_target(str(tmp_path / "mine.json")), 3) == 3
    assert load_target("decimal:Decimal").name == "Decimal"


@pytest.mark.parametrize(
    "spec",
    [
        "nowhere.py:X",
        "nowhere",
        "no.such.module:X",
        "decimal:Nope",
        "nowhere.json",
        "decimal:",
        "os:sep",
    ],
)
def test_a_name_that_leads_to_no_target_is_a_target_error(spec: str) -> None:
    with pytest.raises(TargetError):
        load_target(spec)


@pytest.mark.parametrize("source", [5, "Person", [1], print, lambda x: x])
def test_what_is_no_type_and_no_schema_is_a_target_error(source: Any) -> None:
    with pytest.raises(TargetError):
        target_of(source)


# ---- what cannot be a target ---------------------------------------------------------


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"properties": {"a": schema}}
    return schema


def nested_type(levels: int) -> Any:
    source: Any = int
    for _ in range(levels):
        source = list[source]
    return source


class Foreign:
    pass


class Unfinished(BaseModel):
    x: Nowhere  # type: ignore[name-defined]  # noqa: F821


circle: dict[str, Any] = {}
circle["properties"] = {"a": circle}


@pytest.mark.parametrize(
    "source",
    [
        Foreign,
        Unfinished,
        dict[tuple[int, int], int],
        dict[Colour, int],
        nested_type(300),
        nested_type(10_000),
    ],
    ids=["foreign", "unfinished", "tuple keys", "mixed keys", "deep", "very deep"],
)
def test_a_type_without_a_json_form_is_a_schema_error(source: Any) -> None:
    with pytest.raises(SchemaError):
        target_of(source)


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"$ref": "https://example.com/other.json"}, "$ref"),
        ({"$ref": "#/$defs/none"}, "$ref"),
        ({"$ref": "#"}, "$ref"),
        (
            {
                "$ref": "#/$defs/a",
                "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}},
            },
            "$ref",
        ),
        ({"properties": {"a": {"pattern": "("}}}, "pattern"),
        ({"pattern": "a{2,1}"}, "pattern"),
        ({"patternProperties": {"[": {}}}, "patternProperties"),
        ({"type": "strin"}, "type"),
        ({"minLength": -1}, "minLength"),
        ({"required": "a"}, "required"),
        ({"properties": []}, "properties"),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, "$schema"),
        ({"const": float("nan")}, None),
        ({"const": {1}}, None),
        ({1: 2}, None),
        (circle, None),
        (nested(10_000), None),
    ],
)
def test_a_bad_schema_is_a_typed_error_that_names_the_keyword(
    schema: Any, keyword: str | None
) -> None:
    with pytest.raises(SchemaError) as caught:
        target_of(schema)
    assert caught.value.keyword == keyword


@pytest.mark.slow
def test_a_schema_of_ten_megabytes_is_a_typed_error() -> None:
    big = {
        "properties": {
            f"p{number}": {"type": "string", "description": "x" * 60} for number in range(110_000)
        }
    }
    with pytest.raises(SchemaLimitError):
        target_of(big)


def test_an_invalid_answer_is_no_reason_to_forget_the_target() -> None:
    with pytest.raises(InvalidOutputError):
        validate(target_of(Cat), {"kind": "dog"})
    assert validate(target_of(Cat), {}) == Cat()


def test_a_type_that_nobody_uses_any_more_is_collected_with_all_that_was_made_of_it() -> None:
    def used() -> weakref.ref[type]:
        model: Any = p.create_model("Passing", number=(int, ...))
        assert compile_schema(model, "openai-strict").decode({"number": 1}).number == 1
        return weakref.ref(model)

    left = used()
    gc.collect()
    assert left() is None


def test_an_e_mail_address_is_asked_for_in_its_form_and_checked() -> None:
    compiled = compile_schema(p.EmailStr, "openai-strict")
    assert compiled.decode(compiled.encode("ada@example.org")) == "ada@example.org"
    with pytest.raises(InvalidOutputError):
        compiled.decode(compiled.encode("ada@example.org") | {"value": "ada at example"})


@pytest.mark.parametrize("name", ["$ref", "$defs"])
def test_a_default_that_reads_like_a_schema_is_no_part_of_it(name: str) -> None:
    inner = p.create_model("Inner", d=(str, Field("a", alias=name)))
    outer: Any = p.create_model("Outer", inner=(inner, inner()))
    compiled = compile_schema(outer, "openai-strict")
    assert compiled.decode({"inner": None}) == outer()
    assert compiled.decode(compiled.encode(outer(inner={name: "b"}))).inner.d == "b"
