"""Checkers for languages whose rules are documented, or known from source, only in part."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from tests.checkers.openai_strict import check_name, check_nodes, check_root
from tests.checkers.walk import follow, nodes, object_depth, recursive, resolve, types_of

BASIC = {
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
    "$ref",
    "$defs",
    "title",
    "description",
}


TYPES = {"null", "boolean", "integer", "number", "string", "array", "object"}


def _type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return (
        bool(names)
        and len(set(map(str, names))) == len(names)
        and all(name in TYPES for name in names)
    )


def _names(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(name, str) for name in value)
        and len(set(value)) == len(value)
    )


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _regex(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(re.compile(value))
    except re.error:
        return False


WELL_FORMED: dict[str, Callable[[Any], bool]] = {
    "type": _type,
    "required": _names,
    "enum": lambda value: isinstance(value, list) and bool(value),
    "pattern": _regex,
    "patternProperties": lambda value: isinstance(value, dict) and all(map(_regex, value)),
    "uniqueItems": lambda value: isinstance(value, bool),
    "multipleOf": lambda value: _number(value) and value > 0,
    "items": lambda value: isinstance(value, (dict, bool)),
    "additionalProperties": lambda value: isinstance(value, (dict, bool)),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _number),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _count
    ),
    **dict.fromkeys(
        ("anyOf", "oneOf", "allOf", "prefixItems"),
        lambda value: isinstance(value, list) and bool(value),
    ),
    **dict.fromkeys(("properties", "$defs"), lambda value: isinstance(value, dict)),
    **dict.fromkeys(
        ("title", "description", "format", "$ref"), lambda value: isinstance(value, str)
    ),
}
"""What the value of each keyword must look like, for the keywords that a compiled schema may hold.
"""


def any_schema(schema: Any, name: str) -> list[str]:
    """The rules of every language: a valid name, a valid schema, references that resolve."""
    found = check_name(name)
    for path, node in nodes(schema):
        if not isinstance(node, (dict, bool)):
            found.append(f"{path}: no schema")
    for path, node in _dicts(schema):
        found += [
            f"{path}: {word} {node[word]!r}"
            for word, holds in WELL_FORMED.items()
            if word in node and not holds(node[word])
        ]
        if "$ref" in node and resolve(schema, node["$ref"]) is None:
            found.append(f"{path}: $ref {node['$ref']!r} leads nowhere")
    return found


def azure_openai(schema: Any, name: str) -> list[str]:
    """Azure's page gives OpenAI's older rules: no keyword for values, 100 properties, 5 levels."""
    found = any_schema(schema, name) + check_root(schema) + check_nodes(schema, BASIC)
    properties = sum(len(node.get("properties", {})) for _, node in _dicts(schema))
    depth = max(map(object_depth, [schema, *schema.get("$defs", {}).values()]))
    return (
        found
        + ([f"/: {properties} properties"] if properties > 100 else [])
        + ([f"/: {depth} levels"] if depth > 5 else [])
    )


def cerebras(schema: Any, name: str) -> list[str]:
    """The rules of inference-docs.cerebras.ai.

    Closed objects, all required, no recursion, no pattern, at most 5,000 characters, 10 levels, 500
    properties in an object, and 500 enum values.
    """
    found = any_schema(schema, name) + check_root(schema) + _closed(schema) + _required(schema)
    found += _without(
        schema,
        {
            "oneOf",
            "allOf",
            "not",
            "if",
            "then",
            "else",
            "pattern",
            "patternProperties",
            "prefixItems",
        },
    )
    if recursive(schema):
        found.append("/: recursion")
    if (size := len(json.dumps(schema, separators=(",", ":"), ensure_ascii=False))) > 5000:
        found.append(f"/: {size} characters")
    if (depth := object_depth(schema)) > 10:
        found.append(f"/: {depth} levels")
    for path, node in _dicts(schema):
        if max(len(node.get("properties", {})), len(node.get("enum", []))) > 500:
            found.append(f"{path}: over 500 members")
    return found


def anthropic(schema: Any, name: str) -> list[str]:
    """Anthropic's rules.

    No recursion, no constraints on values, closed objects, at most 24 optional and 16 union
    parameters.
    """
    found = any_schema(schema, name) + _closed(schema)
    found += _without(
        schema,
        {
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
            "minLength",
            "maxLength",
            "pattern",
            "maxItems",
        }
        | {
            "uniqueItems",
            "oneOf",
            "not",
            "if",
            "patternProperties",
            "minProperties",
            "maxProperties",
            "contains",
        },
    )
    found += [
        f"{path}: minItems {node['minItems']}"
        for path, node in _dicts(schema)
        if node.get("minItems", 0) > 1
    ]
    if recursive(schema):
        found.append("/: recursion")
    objects = [node for _, node in _dicts(schema)]
    optional = sum(
        len(node.get("properties", {}).keys() - set(node.get("required", []))) for node in objects
    )
    unions = sum("anyOf" in node or isinstance(node.get("type"), list) for node in objects)
    return (
        found
        + _enums_of_one_type(schema)
        + ([f"/: {optional} optional"] if optional > 24 else [])
        + ([f"/: {unions} unions"] if unions > 16 else [])
    )


def gemini(schema: Any, name: str) -> list[str]:
    """Gemini's `response_json_schema` keywords; a cycle must pass through an optional property."""
    known = BASIC - {"const"} | {
        "$id",
        "$anchor",
        "format",
        "prefixItems",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "oneOf",
    }
    found = any_schema(schema, name) + _only(schema, known | {"propertyOrdering"})
    found += _closed(schema) + _enums_of_one_type(schema)
    for path, node in _dicts(schema):
        if not all(isinstance(value, str) for value in node.get("enum", [])):
            found.append(f"{path}: an enum of other values than strings")
        if "object" in types_of(node) and not node.get("properties"):
            found.append(f"{path}: an object without properties")
    return found + (
        ["/: a cycle of required properties"] if recursive(schema, optional_breaks=True) else []
    )


def groq_tool(schema: Any, name: str) -> list[str]:
    """In arguments of tools, a nullable object is refused, and so is `propertyNames`."""
    found = any_schema(schema, name) + _without(schema, {"propertyNames"})
    for path, node in _dicts(schema):
        options = [follow(schema, one) for one in node.get("anyOf", [])]
        types = [types_of(one) for one in options if isinstance(one, dict)]
        if ["null"] in types and any("object" in one for one in types):
            found.append(f"{path}: a nullable object")
    return found


def llama_cpp_server(schema: Any, name: str) -> list[str]:
    """The rules of json-schema-to-grammar.cpp.

    No `$ref: "#"`, no boolean schemas, patterns anchored, without classes or look-around.
    """
    found = any_schema(schema, name)
    for path, node in nodes(schema):
        if isinstance(node, bool):
            if not path.endswith("/additionalProperties"):
                found.append(f"{path}: a boolean schema")
        elif max(node.get("minItems", 0), node.get("maxItems", 0)) > 1999:
            found.append(f"{path}: too many repetitions")
        elif node.get("$ref") == "#":
            found.append(f"{path}: $ref '#'")
        elif "pattern" in node:
            pattern = node["pattern"]
            if not (pattern.startswith("^") and pattern.endswith("$")) or re.search(
                r"\\[dDwWsSbB]|\(\?[=!<]", pattern
            ):
                found.append(f"{path}: pattern {pattern!r} would be dropped")
    return found


def tgi(schema: Any, name: str) -> list[str]:
    """TGI hands the schema to outlines-core: it must have `properties`, and cannot recurse."""
    found = any_schema(schema, name)
    if "object" not in types_of(schema) or "properties" not in schema:
        found.append("/: no properties")
    return found + (["/: recursion"] if recursive(schema) else [])


def vllm(schema: Any, name: str) -> list[str]:
    """The server refuses schemas deeper than 64; what xgrammar lacks goes to another engine."""
    return any_schema(schema, name) + (
        [f"/: {depth} levels of JSON"] if (depth := _json_depth(schema)) > 64 else []
    )


def sglang(schema: Any, name: str) -> list[str]:
    """SGLang refuses the keywords that its grammar engine would ignore."""
    return any_schema(schema, name) + _without(
        schema,
        {
            "contains",
            "dependentRequired",
            "dependentSchemas",
            "if",
            "then",
            "else",
            "not",
            "multipleOf",
            "uniqueItems",
        },
    )


def _enums_of_one_type(schema: Any) -> list[str]:
    return [
        f"{path}: an enum beside several types"
        for path, node in _dicts(schema)
        if "enum" in node and isinstance(node.get("type"), list)
    ]


def _dicts(schema: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(path or "/", node) for path, node in nodes(schema) if isinstance(node, dict)]


def _without(schema: Any, refused: Iterable[str]) -> list[str]:
    words = set(refused)
    return [
        f"{path}: keyword {word}" for path, node in _dicts(schema) for word in node if word in words
    ]


def _only(schema: Any, known: Iterable[str]) -> list[str]:
    words = set(known)
    return [
        f"{path}: keyword {word}"
        for path, node in _dicts(schema)
        for word in node
        if word not in words
    ]


def _objects(schema: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(path, node) for path, node in _dicts(schema) if "object" in types_of(node)]


def _closed(schema: Any) -> list[str]:
    return [
        f"{path}: an open object"
        for path, node in _objects(schema)
        if node.get("additionalProperties") is not False
    ]


def _required(schema: Any) -> list[str]:
    return [
        f"{path}: {key!r} is not required"
        for path, node in _objects(schema)
        for key in node.get("properties", {})
        if key not in node.get("required", [])
    ]


def _json_depth(data: Any) -> int:
    below = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return 1 + max(map(_json_depth, below), default=0) if isinstance(data, (dict, list)) else 0
