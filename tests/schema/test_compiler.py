"""What a compiled schema says, how it says it, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from structgen.errors import SchemaError, SchemaLimitError, TargetError
from structgen.schema.compiler import compile_schema
from structgen.schema.subset import SUBSETS
from tests.checkers import CHECKERS


class Part(BaseModel):
    sku: str


class Product(BaseModel):
    """A thing for sale."""

    name: str = Field(
        title="Trade name", description="As printed on the box", examples=["Widget"], min_length=2
    )
    price: float = Field(ge=0, default=1.0)
    part: Part = Field(description="The main part")
    tags: list[str] = Field(default=[], max_length=5)


class Tree(BaseModel):
    label: str
    kids: list[Tree] = []


def properties(target: Any, subset: str) -> dict[str, Any]:
    found: dict[str, Any] = compile_schema(target, subset).schema["properties"]
    return found


def record(**members: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def test_titles_descriptions_and_examples_are_kept_where_the_language_takes_them() -> None:
    kept = {
        "title": "Trade name",
        "description": "As printed on the box",
        "examples": ["Widget"],
        "type": "string",
        "minLength": 2,
    }
    assert properties(Product, "llguidance")["name"] == kept
    assert (
        properties(Product, "openai-strict")["name"]["description"]
        == 'As printed on the box. (e.g. "Widget")'
    )


def test_what_is_not_held_is_said_in_the_description_and_noted() -> None:
    name = properties(Product, "azure-openai")["name"]
    assert "at least 2 characters" in name["description"]
    assert "minLength" not in name
    assert noted_at("/properties/name", "azure-openai") == [("minLength", "checked")]


def test_what_is_taken_but_may_not_be_held_is_sent_and_noted() -> None:
    name = properties(Product, "groq-strict")["name"]
    assert name["minLength"] == 2
    assert "at least 2 characters" not in name["description"]
    assert noted_at("/properties/name", "groq-strict") == [("minLength", "checked")]


def noted_at(path: str, subset: str) -> list[tuple[str, str]]:
    notes = compile_schema(Product, subset).notes
    return [(note.keyword, note.action) for note in notes if note.path == path]


def test_the_root_says_what_null_means() -> None:
    price = properties(Product, "openai-strict")["price"]
    assert price == {"type": ["number", "null"], "minimum": 0}
    schema = compile_schema(Product, "openai-strict").schema
    assert "price" in schema["required"]
    assert "null is what the text does not state" in schema["description"].lower()


@pytest.mark.parametrize(
    "target", [Product, list[Product], dict[str, Product], Product | int], ids=str
)
def test_what_null_means_is_said_once(target: Any) -> None:
    for name in SUBSETS:
        text = compile_schema(target, name).dumps().decode()
        assert text.lower().count("null is what the text does not state") <= 1, name
    assert "null is what" in compile_schema(target, "groq-strict").dumps().decode().lower()


def test_a_description_beside_a_reference_is_kept_without_a_sibling() -> None:
    assert properties(Product, "openai-strict")["part"] == {
        "description": "The main part",
        "anyOf": [{"$ref": "#/$defs/Part"}],
    }


def test_fields_keep_their_order() -> None:
    assert list(properties(Product, "groq-strict")) == ["name", "price", "part", "tags"]


def test_a_recursive_root_is_an_object_with_a_copy_to_refer_to() -> None:
    schema = compile_schema(Tree, "openai-strict").schema
    assert schema["type"] == "object"
    assert list(schema["$defs"]) == ["Tree"]


@pytest.mark.parametrize("subset", ["anthropic", "cerebras", "outlines-core"])
def test_recursion_is_unrolled_where_there_is_none_and_deeper_values_still_come_back(
    subset: str,
) -> None:
    it = compile_schema(Tree, subset)
    deep = Tree(label="0")
    for i in range(1, 12):
        deep = Tree(label=str(i), kids=[deep])
    assert it.decode(it.encode(deep)) == deep
    assert {note.action for note in it.notes if note.keyword == "$ref"} == {"rewritten", "checked"}


def test_only_definitions_in_use_are_sent() -> None:
    schema = record(a={"$ref": "#/$defs/Used"}) | {
        "$defs": {"Used": {"type": "string"}, "Unused": {"type": "integer"}}
    }
    assert list(compile_schema(schema, "openai-strict").schema["$defs"]) == ["Used"]


def test_the_text_is_compact_and_the_same_in_every_process() -> None:
    code = (
        "import sys\n"
        "from structgen.schema.compiler import compile_schema\n"
        "from structgen.schema.subset import SUBSETS\n"
        "from tests.schema.test_compiler import Product\n"
        "texts = [compile_schema(Product, name).dumps() for name in SUBSETS]\n"
        "sys.stdout.buffer.write(b'\\n'.join(texts))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert runs == {b"\n".join(compile_schema(Product, name).dumps() for name in SUBSETS)}
    assert b'": ' not in next(iter(runs))


def test_the_second_call_gives_the_same_object() -> None:
    assert compile_schema(Product, "groq-strict") is compile_schema(Product, "groq-strict")
    assert compile_schema(Product, "groq-strict") is compile_schema(Product, SUBSETS["groq-strict"])


# ---- JSON Schema ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "compiled"),
    [
        (
            {"allOf": [{"type": "integer", "minimum": 1}, {"maximum": 5}]},
            {"type": "integer", "minimum": 1, "maximum": 5},
        ),
        (
            {"type": ["string", "integer"], "enum": ["a", 1, None]},
            {"type": ["string", "integer"], "enum": ["a", 1]},
        ),
        ({"const": {"a": 1}}, {"type": "string", "enum": ['{"a":1}']}),
        ({"type": "string", "pattern": r"^\d{2}$"}, {"type": "string", "pattern": "^[0-9]{2}$"}),
        ({"anyOf": [{"type": "string"}, False, {"type": "null"}]}, {"type": ["string", "null"]}),
        (
            {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
            {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
        ),
        ({"type": "integer", "anyOf": [{"minimum": 5}, {"maximum": 1}]}, {"type": "integer"}),
    ],
)
def test_constructs_in_openais_language(schema: Any, compiled: Any) -> None:
    assert properties(record(x=schema), "openai-strict")["x"] == compiled


def test_merged_parts_forbid_what_each_forbids() -> None:
    closed = {"properties": {"a": {"type": "integer"}}, "additionalProperties": False}
    schema = {
        "type": "object",
        "allOf": [closed, {"properties": {"a": {"minimum": 3}, "b": {"type": "string"}}}],
    }
    assert properties(schema, "openai-strict") == {
        "a": {"type": ["integer", "null"], "minimum": 3},
    }


def test_alternatives_take_in_what_stands_beside_them() -> None:
    schema = {
        "type": "object",
        "properties": {"kind": {"type": "string"}},
        "required": ["kind"],
        "oneOf": [
            {
                "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}},
                "required": ["x"],
                "additionalProperties": False,
            },
            {
                "properties": {"kind": {"const": "b"}, "y": {"type": "integer"}},
                "required": ["y"],
                "additionalProperties": False,
            },
        ],
    }
    it = compile_schema(schema, "groq-strict")
    options = it.schema["properties"]["value"]["anyOf"]
    assert [list(option["properties"]) for option in options] == [["kind", "x"], ["kind", "y"]]
    assert it.decode(it.encode({"kind": "b", "y": 1})) == {"kind": "b", "y": 1}


@pytest.mark.parametrize("subset", SUBSETS)
def test_members_that_only_a_condition_declares_are_not_lost(subset: str) -> None:
    """`unevaluatedProperties` closes nothing that other keywords may open."""
    seen = {"properties": {"b": {"type": "integer"}}, "required": ["b"]}
    for opened in ({"if": seen}, {"anyOf": [seen, {"properties": {"c": {"type": "integer"}}}]}):
        schema = {
            "type": "object",
            "properties": {"a": {"type": "integer"}},
            "unevaluatedProperties": False,
            **opened,
        }
        it = compile_schema(schema, subset)
        for value in ({"a": 1}, {"a": 1, "b": 2}, {"b": 2}):
            assert it.decode(it.encode(value)) == value


def test_named_keys_of_a_map_are_listed() -> None:
    target = dict[Literal["red", "green"], int]
    entry = compile_schema(target, "openai-strict").schema["properties"]["value"]["items"]
    assert entry["properties"]["key"] == {"type": "string", "enum": ["red", "green"]}
    assert list(compile_schema(target, "vllm").schema["properties"]) == ["red", "green"]


def test_an_enum_over_the_limit_is_left_to_the_check() -> None:
    schema = record(
        x={"enum": [f"value {i}" for i in range(1100)]}, y={"enum": [f"v{i}" for i in range(200)]}
    )
    it = compile_schema(schema, "openai-strict")
    assert it.schema["properties"]["x"]["type"] == "string"
    assert "One of 1100 values" in it.schema["properties"]["x"]["description"]
    assert len(it.schema["properties"]["y"]["enum"]) == 200
    assert [(note.path, note.action) for note in it.notes] == [("/properties/x", "checked")]


def test_deep_parts_become_definitions() -> None:
    schema: dict[str, Any] = {"type": "string"}
    value: Any = "x"
    for _ in range(30):
        schema, value = record(inner=schema), {"inner": value}
    it = compile_schema(schema, "openai-strict")
    assert CHECKERS["openai-strict"](it.schema, it.name) == []
    assert it.decode(it.encode(value)) == value


@pytest.mark.parametrize(
    ("schema", "subset", "match"),
    [
        (
            record(x={"type": "string", "allOf": [{"type": "integer"}]}),
            "openai-strict",
            "No value can meet",
        ),
        (False, "llguidance", "No value can meet"),
        (
            record(x={"type": "array", "items": False, "minItems": 1}),
            "groq-strict",
            "No value can meet",
        ),
        (
            record(x={"$ref": "#/$defs/a"}) | {"$defs": {"a": record(b={"$ref": "#/$defs/a"})}},
            "openai-strict",
            "No value",
        ),
    ],
)
def test_schemas_without_values_are_refused(schema: Any, subset: str, match: str) -> None:
    with pytest.raises(SchemaError, match=match):
        compile_schema(schema, subset)


@pytest.mark.parametrize("keyword", ["properties", "items", "allOf", "anyOf"])
def test_nesting_without_end_is_an_error_in_bounded_time(keyword: str) -> None:
    schema: Any = {"type": "string"}
    for _ in range(10_000):
        schema = {
            keyword: {"a": schema}
            if keyword == "properties"
            else [schema]
            if keyword.endswith("Of")
            else schema
        }
    with pytest.raises((SchemaError, TargetError)):
        compile_schema(schema, "openai-strict")


def test_a_long_chain_of_definitions_is_no_deep_stack() -> None:
    defs = {
        f"L{i}": {"type": "object", "properties": {"n": {"$ref": f"#/$defs/L{i + 1}"}}}
        for i in range(3000)
    }
    it = compile_schema(
        {"$ref": "#/$defs/L0", "$defs": {**defs, "L3000": {"type": "integer"}}}, "openai-strict"
    )
    assert it.decode(it.encode({"n": {"n": {}}})) == {"n": {"n": {}}}


def test_alternatives_that_multiply_are_an_error_in_bounded_time() -> None:
    defs: dict[str, Any] = {"L0": {"type": "object", "properties": {"x": {"type": "integer"}}}}
    for i in range(1, 40):
        below = [{"$ref": f"#/$defs/L{i - 1}"}]
        defs[f"L{i}"] = {
            "anyOf": [
                {"properties": {f"{side}{i}": {"type": "string"}}, "allOf": below} for side in "ab"
            ]
        }
    with pytest.raises(SchemaError, match="more than"):
        compile_schema({"$ref": "#/$defs/L39", "$defs": defs}, "openai-strict")


def test_a_definition_that_is_only_itself_is_an_error() -> None:
    with pytest.raises(SchemaError):
        compile_schema(
            record(x={"$ref": "#/$defs/a"}) | {"$defs": {"a": {"$ref": "#/$defs/a"}}},
            "openai-strict",
        )


def test_text_limits_name_the_largest_part() -> None:
    class Long(BaseModel):
        model_config = ConfigDict(extra="forbid")
        short: str
        long: str = Field(description="x" * 6000)

    with pytest.raises(SchemaLimitError, match="characters of schema") as caught:
        compile_schema(Long, "cerebras")
    assert caught.value.path == "/properties/long"
    assert caught.value.hint


def test_a_compiled_schema_is_plain_json() -> None:
    it = compile_schema(Product, "groq-strict")
    assert json.loads(it.dumps()) == it.schema


def test_the_words_of_an_optional_fields_only_type_reach_the_model() -> None:
    """A language without bounds has them in the description, after the field's own."""

    class Reading(BaseModel):
        level: int | None = Field(default=None, ge=0, le=9, description="As shown.")

    level = compile_schema(Reading, "azure-openai").schema["properties"]["level"]
    assert level["description"].startswith("As shown.")
    assert "at most 9" in level["description"]
