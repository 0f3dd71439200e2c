"""The checkers reject what the documented rules forbid, and nothing else.

No code of structgen is used here.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.checkers import CHECKERS


def closed(**properties: Any) -> dict[str, Any]:
    """A strict object."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def within(sub: Any) -> dict[str, Any]:
    return closed(x=sub)


STRING = {"type": "string"}
CAT = closed(kind={"const": "cat", "type": "string"}, lives={"type": "integer"})
DOG = closed(kind={"const": "dog", "type": "string"}, tail={"type": "boolean"})
NODE = {
    **closed(next={"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}),
    "$defs": {"Node": closed(next={"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]})},
}


def bare(**members: Any) -> dict[str, Any]:
    """A closed object with members as given: `properties`, `required`."""
    return within({"type": "object", "additionalProperties": False, **members})


def nested(depth: int) -> dict[str, Any]:
    return closed(x=nested(depth - 1)) if depth > 1 else closed()


GOOD_EVERYWHERE = {
    "empty object": closed(),
    "primitives": closed(
        a=STRING,
        b={"type": "integer"},
        c={"type": "number"},
        d={"type": "boolean"},
        e={"type": "null"},
    ),
    "nullable": closed(
        a={"type": ["string", "null"]}, b={"anyOf": [{"type": "integer"}, {"type": "null"}]}
    ),
    "enum and const": closed(
        a={"type": "string", "enum": ["x", "y"]}, b={"const": 1, "type": "integer"}
    ),
    "list of objects": closed(a={"type": "array", "items": closed(b=STRING)}),
    "tagged union": closed(pet={"anyOf": [CAT, DOG]}),
    "nullable object": closed(pet={"anyOf": [CAT, {"type": "null"}]}),
    "disjoint union": closed(u={"anyOf": [closed(a=STRING), closed(b=STRING)]}),
    "recursion": NODE,
    "root recursion": closed(next={"anyOf": [{"$ref": "#"}, {"type": "null"}]}),
    "annotations": {
        **closed(a={**STRING, "title": "A", "description": "what"}),
        "title": "T",
        "description": "D",
    },
    "ten levels": nested(10),
    "a property named like a keyword": closed(
        oneOf=STRING, default=STRING, items={"type": "array", "items": STRING}
    ),
}

GOOD_OPENAI = {
    "string constraints": within({**STRING, "pattern": "^a+$", "minLength": 1, "maxLength": 3}),
    "formats": closed(
        **{
            f: {**STRING, "format": f}
            for f in ("date-time", "time", "date", "duration", "email", "uuid")
        }
    ),
    "number constraints": within(
        {"type": "number", "minimum": 0, "exclusiveMaximum": 3, "multipleOf": 0.5}
    ),
    "array bounds": within({"type": "array", "items": STRING, "minItems": 1, "maxItems": 3}),
    "escaped parenthesis is no lookaround": within({**STRING, "pattern": r"^\(?=x$"}),
    "untagged union": closed(
        u={"anyOf": [closed(name=STRING, a=STRING), closed(name=STRING, b=STRING)]}
    ),
    "a thousand enum values": within({**STRING, "enum": [str(i) for i in range(1000)]}),
}

BAD_STRICT = {
    "root is an array": {"type": "array", "items": STRING},
    "root is a union": {"anyOf": [CAT, DOG]},
    "root is a reference": {"$ref": "#/$defs/Node", "$defs": NODE["$defs"]},
    "root is an enum": {"enum": ["a"]},
    "root is a boolean": True,
    "open object": within({"type": "object", "properties": {}, "required": []}),
    "free-form map": within(
        {"type": "object", "properties": {}, "required": [], "additionalProperties": STRING}
    ),
    "additionalProperties true": within(
        {"type": "object", "properties": {}, "required": [], "additionalProperties": True}
    ),
    "property not required": bare(properties={"a": STRING}, required=[]),
    "required without property": bare(properties={}, required=["a"]),
    "required twice": within(
        {
            "type": "object",
            "properties": {"a": STRING},
            "required": ["a", "a"],
            "additionalProperties": False,
        }
    ),
    "untyped": within({}),
    "untyped with a description": within({"description": "anything"}),
    "boolean schema": within(True),
    "array without items": within({"type": "array"}),
    "array with boolean items": within({"type": "array", "items": True}),
    "tuple": within({"type": "array", "prefixItems": [STRING], "items": STRING}),
    "oneOf": within({"oneOf": [STRING, {"type": "null"}]}),
    "allOf": within({"allOf": [STRING]}),
    "not": within({**STRING, "not": {"const": ""}}),
    "if": within({**STRING, "if": {"const": ""}, "then": STRING}),
    "dependentRequired": within({**closed(a=STRING), "dependentRequired": {}}),
    "patternProperties": within({**closed(), "patternProperties": {"a": STRING}}),
    "propertyNames": within({**closed(), "propertyNames": STRING}),
    "minProperties": within({**closed(), "minProperties": 1}),
    "uniqueItems": within({"type": "array", "items": STRING, "uniqueItems": True}),
    "contains": within({"type": "array", "items": STRING, "contains": STRING}),
    "unevaluatedProperties": within({**closed(), "unevaluatedProperties": False}),
    "discriminator": within({"anyOf": [CAT, DOG], "discriminator": {"propertyName": "kind"}}),
    "default": within({**STRING, "default": "a"}),
    "examples": within({**STRING, "examples": ["a"]}),
    "x- keyword": within({**STRING, "x-guidance": {}}),
    "$ref with a sibling": {
        **within({"$ref": "#/$defs/S", "description": "d"}),
        "$defs": {"S": closed()},
    },
    "$ref to nowhere": within({"$ref": "#/$defs/S"}),
    "$ref to another document": within({"$ref": "https://example.com/s.json"}),
    "$ref into properties": closed(a=closed(), b={"$ref": "#/properties/a"}),
    "type list with a stranger": within({"type": ["string", "date"]}),
    "unknown type": within({"type": "any"}),
    "empty anyOf": within({"anyOf": []}),
    "empty enum": within({"enum": []}),
    "unknown format": within({**STRING, "format": "uri"}),
    "binary format": within({**STRING, "format": "binary"}),
    "eleven levels": nested(11),
    "eleven levels in a definition": {**within({"$ref": "#/$defs/D"}), "$defs": {"D": nested(11)}},
    "fault in a definition": {**within({"$ref": "#/$defs/D"}), "$defs": {"D": {"type": "array"}}},
    "1001 enum values": within({**STRING, "enum": [str(i) for i in range(1001)]}),
    "1001 enum values in two": closed(
        a={**STRING, "enum": [str(i) for i in range(501)]}, b={**STRING, "enum": list("x" * 500)}
    ),
    "a long enum": within({**STRING, "enum": [f"{i:0100}" for i in range(251)]}),
    "5001 properties": closed(**{f"p{i}": STRING for i in range(5001)}),
    "too many characters": closed(**{f"{i}{'p' * 60000}": STRING for i in range(3)}),
}

BAD_OPENAI = {
    "lookahead": within({**STRING, "pattern": "^(?=a)a$"}),
    "lookbehind": within({**STRING, "pattern": "(?<!a)b"}),
    "broken pattern": within({**STRING, "pattern": "("}),
}

BAD_GROQ = {
    "minItems (refused)": within({"type": "array", "items": STRING, "minItems": 1}),
    "multipleOf (not documented)": within({"type": "integer", "multipleOf": 2}),
    "format (not documented)": within({**STRING, "format": "date"}),
    "untagged union with a shared key": closed(
        u={"anyOf": [closed(name=STRING, a=STRING), closed(name=STRING, b=STRING)]}
    ),
    "required key among the other's": closed(
        u={"anyOf": [closed(title=STRING), closed(title=STRING, body=STRING)]}
    ),
    "two shared constants": closed(
        u={
            "anyOf": [
                closed(kind={"const": "a"}, version={"const": 1}, x=STRING),
                closed(kind={"const": "b"}, version={"const": 2}, y=STRING),
            ]
        }
    ),
    "the same tag twice": closed(u={"anyOf": [CAT, closed(kind={"const": "cat"}, tail=STRING)]}),
    "a tag that is missing once": closed(u={"anyOf": [CAT, DOG, closed(kind=STRING)]}),
    "single-value enums overlap": closed(
        u={"anyOf": [closed(k={"enum": ["a"]}), closed(k={"enum": ["a"]}, y=STRING)]}
    ),
    "union behind references": {
        **closed(u={"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]}),
        "$defs": {"A": closed(name=STRING), "B": closed(name=STRING, b=STRING)},
    },
    "union inside a union": closed(
        u={
            "anyOf": [
                {"anyOf": [closed(name=STRING), {"type": "null"}]},
                closed(name=STRING, b=STRING),
            ]
        }
    ),
}

BAD_ELSEWHERE = [
    ("azure-openai", within({**STRING, "pattern": "^a$"})),
    ("azure-openai", nested(6)),
    ("azure-openai", closed(**{f"p{i}": STRING for i in range(101)})),
    ("cerebras", NODE),
    ("cerebras", closed(next={"anyOf": [{"$ref": "#"}, {"type": "null"}]})),
    ("cerebras", within({**STRING, "pattern": "a"})),
    ("cerebras", within({"oneOf": [STRING]})),
    ("cerebras", within({"$ref": "https://example.com/s.json"})),
    ("cerebras", nested(11)),
    ("cerebras", closed(**{f"p{i}": STRING for i in range(400)})),
    ("cerebras", within({"type": "integer", "enum": list(range(501))})),
    ("cerebras", within({"type": "object", "properties": {"a": STRING}, "required": ["a"]})),
    ("anthropic", NODE),
    ("anthropic", within({"type": "integer", "minimum": 1})),
    ("anthropic", within({**STRING, "maxLength": 1})),
    ("anthropic", within({"type": "array", "items": STRING, "minItems": 2})),
    ("anthropic", within({"type": "object"})),
    ("anthropic", {**closed(**{f"p{i}": STRING for i in range(25)}), "required": []}),
    ("anthropic", closed(**{f"p{i}": {"type": ["string", "null"]} for i in range(17)})),
    ("gemini", within({**STRING, "pattern": "a"})),
    ("gemini", NODE),
    ("llama.cpp-server", closed(next={"anyOf": [{"$ref": "#"}, {"type": "null"}]})),
    ("llama.cpp-server", within(True)),
    ("llama.cpp-server", within({**STRING, "pattern": "a+"})),
    ("llama.cpp-server", within({**STRING, "pattern": r"^\d+$"})),
    ("llama.cpp-server", within({"$ref": "#/$defs/None"})),
    ("tgi", {"type": "array", "items": STRING}),
    ("tgi", NODE),
    ("vllm", nested(40)),
    ("sglang", within({"type": "array", "items": STRING, "uniqueItems": True})),
    ("sglang", within({"type": "integer", "multipleOf": 3})),
    ("llguidance", within({"type": "array", "items": STRING, "uniqueItems": True})),
    ("llguidance", within({**STRING, "format": "uuid4"})),
    ("llguidance", within({**STRING, "pattern": "(?=a)"})),
    ("best-effort", {"type": 3}),
    ("best-effort", within({"type": "string", "pattern": "("})),
    ("best-effort", within({"enum": []})),
    ("best-effort", within({"type": "integer", "minimum": "1"})),
    ("best-effort", within({"type": "array", "minItems": -1})),
    ("best-effort", {"type": "object", "required": ["a", "a"]}),
    ("best-effort", within({"anyOf": []})),
    ("best-effort", {"type": "object", "properties": {"a": 3}}),
    ("json-object", within({"$ref": "#/$defs/None"})),
]


@pytest.mark.parametrize("schema", GOOD_EVERYWHERE.values(), ids=GOOD_EVERYWHERE)
@pytest.mark.parametrize("subset", ["openai-strict", "groq-strict", "best-effort", "llguidance"])
def test_what_every_rule_allows_passes(subset: str, schema: Any) -> None:
    assert CHECKERS[subset](schema, "Some_Name-1") == []


@pytest.mark.parametrize("schema", GOOD_OPENAI.values(), ids=GOOD_OPENAI)
def test_what_openai_alone_allows_passes(schema: Any) -> None:
    assert CHECKERS["openai-strict"](schema, "Name") == []


@pytest.mark.parametrize("schema", BAD_STRICT.values(), ids=BAD_STRICT)
@pytest.mark.parametrize("subset", ["openai-strict", "groq-strict"])
def test_both_strict_checkers_catch(subset: str, schema: Any) -> None:
    assert CHECKERS[subset](schema, "Name")


@pytest.mark.parametrize("schema", BAD_OPENAI.values(), ids=BAD_OPENAI)
def test_openai_checker_catches(schema: Any) -> None:
    assert CHECKERS["openai-strict"](schema, "Name")


@pytest.mark.parametrize("schema", BAD_GROQ.values(), ids=BAD_GROQ)
def test_groq_checker_catches(schema: Any) -> None:
    assert CHECKERS["groq-strict"](schema, "Name")


@pytest.mark.parametrize(
    ("subset", "schema"), BAD_ELSEWHERE, ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_other_checkers_catch(subset: str, schema: Any) -> None:
    assert CHECKERS[subset](schema, "Name")


@pytest.mark.parametrize("name", ["", "a" * 65, "Box[int]", "a b", "é"])
@pytest.mark.parametrize("subset", CHECKERS)
def test_every_checker_catches_an_invalid_name(subset: str, name: str) -> None:
    assert CHECKERS[subset](closed(), name)


@pytest.mark.parametrize("subset", CHECKERS)
def test_every_checker_passes_a_flat_strict_object(subset: str) -> None:
    assert CHECKERS[subset](closed(name=STRING, age={"type": "integer"}), "Person") == []
