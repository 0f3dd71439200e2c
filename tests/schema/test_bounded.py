"""Every schema and answer ends in bounded time, in a value or a typed error."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from structgen.errors import InvalidOutputError, SchemaError, StructgenError
from structgen.schema.check import validate
from structgen.schema.compiler import compile_schema
from structgen.schema.subset import SUBSETS

VALUES: list[Any] = [
    *(None, True, 0, -1, 2.0, 0.5, 1e300, "", "x", "(", "#", "#/x", "object"),
    *([], {}, [1], ["a"], [None], [{}], {"a": 1}, {"a": {}}, {"a": []}, {"(": {}}),
    {"type": "string"},
]
KEYWORDS = [
    "type",
    "enum",
    "const",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "items",
    "prefixItems",
    "additionalItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "unevaluatedProperties",
    "unevaluatedItems",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "$ref",
    "$defs",
    "definitions",
    "$id",
    "id",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$schema",
    "title",
    "description",
    "examples",
    "default",
    "x-verbatim",
]


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_any_value_of_a_keyword_compiles_or_is_a_typed_error(keyword: str) -> None:
    for value in VALUES:
        for schema in ({keyword: value}, {"type": "array", "items": {keyword: value}}):
            for subset in ("openai-strict", "llguidance", "best-effort"):
                try:
                    compile_schema(schema, subset)
                except StructgenError:
                    continue
            for data in (None, 1, "x", [], {"a": 1}, [1]):
                try:
                    validate(schema, data)
                except StructgenError:
                    continue


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}, "minItems": 2.0, "maxItems": 3.0},
        {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1.0},
        {"type": "string", "minLength": 1.0, "maxLength": 5.0},
    ],
)
def test_counts_that_are_written_as_floats_are_counts(schema: dict[str, Any]) -> None:
    for subset in SUBSETS:
        assert ".0" not in compile_schema(schema, subset).dumps().decode()


@pytest.mark.parametrize("schema", [{"type": []}, {"pattern": 5}, {"allOf": {}}, {"anyOf": 1}])
def test_a_keyword_of_the_wrong_shape_is_named(schema: dict[str, Any]) -> None:
    (keyword,) = schema
    with pytest.raises(SchemaError, match=keyword) as caught:
        compile_schema(schema, "openai-strict")
    assert caught.value.keyword == keyword


# ---- patterns -------------------------------------------------------------------------


class Engine(BaseModel):
    model_config = ConfigDict(regex_engine="python-re")
    text: Annotated[str, Field(pattern=r"^(a+)+$")]


@pytest.mark.timeout(20)
def test_a_catastrophic_pattern_of_python_ends() -> None:
    hostile = "a" * 5000 + "!"
    compiled = Annotated[str, Field(pattern=re.compile(r"^(a|a)*(b|b)*$"))]
    for source, data in (
        (Engine, {"text": hostile}),
        (compiled, hostile),
        ({"pattern": r"^(a+)+\1$"}, hostile),
    ):
        with pytest.raises(InvalidOutputError):
            validate(source, data)
    assert validate(Engine, {"text": "aaa"}) == Engine(text="aaa")
    assert validate({"pattern": r"^(a+)b\1$"}, "aabaa") == "aabaa"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        *((r"(?i)abc", text) for text in ("xABC", "ab")),
        *((r"(a|b)\1", text) for text in ("aa", "ab", "")),
        *((r"^(?P<x>\w+) (?P=x)$", text) for text in ("é é", "a b", "a a\n")),
        *((r"\Aa\Z", text) for text in ("a", "a\n")),
        *((r"a$", text) for text in ("a\n", "ab", "a\n\n")),
        *((r"^[^\W\d_]+$", text) for text in ("é", "1", "_", "a1", "Ab")),
        *((r"(?m)^b$", text) for text in ("a\nb", "ab", "b\na")),
        *((r"(?s)a.b", text) for text in ("a\nb", "ab")),
        *((r"a.b", text) for text in ("a\nb", "a\rb")),
        *((r"\bfoo\b", text) for text in ("a foo b", "afoo", "éfoo")),
        *((r"\Boo\B", text) for text in ("food", "foo")),
        *((r"(?i)[a-c]+x", text) for text in ("ABCX", "d")),
        *((r"(?<=a)b(?!c)", text) for text in ("abd", "abc", "cb")),
        *((r"(?x) a  b # c", text) for text in ("ab", "a b")),
        *((r"^\d{2,3}\s\S$", text) for text in ("12 x", "١٢ x", "1 x", "1234 x")),
        *((r"(?a)^\d+$", text) for text in ("12", "١٢")),
        *((r"^(?:(a)|b)(?:\1|c)$", text) for text in ("aa", "bc", "ac", "ba")),
    ],
)
def test_a_pattern_in_pythons_language_means_what_it_means_there(pattern: str, text: str) -> None:
    source = Annotated[str, Field(pattern=re.compile(pattern))]
    try:
        found = bool(validate(source, text) is not None)
    except InvalidOutputError:
        found = False
    assert found is bool(re.search(pattern, text))


def test_the_case_is_changed_after_the_pattern_is_matched() -> None:
    from pydantic import StringConstraints

    source = Annotated[str, StringConstraints(pattern=re.compile("^[A-Z]+$"), to_lower=True)]
    assert validate(source, "ABC") == "abc"
    with pytest.raises(InvalidOutputError):
        validate(source, "abc")


@pytest.mark.parametrize("pattern", ["(?i)abc", r"(['\"])x\1", r"(?<q>a)\k<q>", "a" * 30_000])
def test_a_pattern_beyond_ecma_262_does_not_cost_the_schema(pattern: str) -> None:
    schema = {"type": "string", "pattern": pattern}
    for subset in SUBSETS:
        compile_schema(schema, subset)
    with pytest.raises(InvalidOutputError):
        validate(schema, "no")


def test_digits_beyond_ascii_are_no_digits_of_a_schema() -> None:
    """In JSON Schema `\\d` is ASCII; Pydantic's own engine would take these."""
    with pytest.raises(InvalidOutputError):
        validate(Annotated[str, Field(pattern=r"^\d{3}$")], "١٢٣")


@pytest.mark.parametrize(
    "source",
    [
        {"const": "\ud800"},
        {"properties": {"\ud800": True}},
        {"description": "\ud800"},
        {"type": "string", "pattern": "\ud800"},
        Annotated[str, Field(description="\udfff")],
    ],
)
def test_half_of_a_surrogate_pair_is_a_schema_error(source: Any) -> None:
    with pytest.raises(SchemaError, match="surrogate"):
        compile_schema(source, "openai-strict")
