"""What OpenAI's Structured Outputs guide allows with `strict: true`, as a checker of its own.

Where the guide is silent and reports differ (`default`, `oneOf`, siblings of `$ref`, unknown
keywords), the strict reading holds.
"""

from __future__ import annotations

import re
from typing import Any

from tests.checkers.walk import nodes, object_depth, resolve, types_of

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
TYPES = {"string", "number", "boolean", "integer", "object", "array", "null"}
STRUCTURE = {
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
    "definitions",
}
ANNOTATIONS = {"title", "description"}
VALIDATION = {
    "pattern",
    "format",
    "minLength",
    "maxLength",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
}
FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
LOOKAROUND = ("(?=", "(?!", "(?<=", "(?<!")
REF = re.compile(r"#|#/(\$defs|definitions)/[^/]+")

MAX_PROPERTIES = 5000
MAX_DEPTH = 10
MAX_ENUM = 1000
LONG_ENUM = 250
MAX_LONG_ENUM_CHARS = 15_000
MAX_CHARS = 120_000


def violations(schema: Any, name: str) -> list[str]:
    """Every breach of the rules, empty for a schema that OpenAI takes."""
    found = check_name(name)
    if not isinstance(schema, dict):
        return [*found, "/: the root is no object"]
    return (
        found
        + check_root(schema)
        + check_nodes(schema, STRUCTURE | ANNOTATIONS | VALIDATION)
        + check_limits(schema)
    )


def check_name(name: str) -> list[str]:
    return [] if NAME.fullmatch(name) else [f"name: {name!r}"]


def check_root(schema: dict[str, Any]) -> list[str]:
    found = [
        f"/: {word} at the root"
        for word in ("anyOf", "oneOf", "allOf", "$ref", "enum", "const", "not")
        if word in schema
    ]
    if schema.get("type") != "object":
        found.append("/: the root's type is not object")
    return found


def check_nodes(root: dict[str, Any], keywords: set[str]) -> list[str]:
    """The rules for every subschema, with the keywords this language knows."""
    found: list[str] = []
    for path, node in nodes(root):
        if not isinstance(node, dict):
            if not path.endswith("/additionalProperties"):
                found.append(f"{path}: a boolean schema")
            continue
        problems = [f"keyword {word}" for word in node if word not in keywords]
        problems += [
            *_type(node),
            *_ref(root, node),
            *_object(node),
            *_array(node),
            *_string(node),
            *_union(node),
        ]
        found += [f"{path or '/'}: {problem}" for problem in problems]
    return found


def _type(node: dict[str, Any]) -> list[str]:
    if not node.keys() & {"type", "enum", "const", "anyOf", "$ref"}:
        return ["untyped"]
    return [f"type {name!r}" for name in types_of(node) if name not in TYPES] + (
        ["empty type list"] if node.get("type") == [] else []
    )


def _ref(root: dict[str, Any], node: dict[str, Any]) -> list[str]:
    if "$ref" not in node:
        return []
    ref = node["$ref"]
    found = [f"$ref with sibling {word}" for word in node if word != "$ref"]
    if not isinstance(ref, str) or not REF.fullmatch(ref):
        found.append(f"$ref {ref!r}")
    elif not isinstance(resolve(root, ref), dict):
        found.append(f"$ref {ref!r} leads nowhere")
    return found


def _object(node: dict[str, Any]) -> list[str]:
    if "object" not in types_of(node) and not node.keys() & {
        "properties",
        "required",
        "additionalProperties",
    }:
        return []
    found = (
        [] if node.get("additionalProperties") is False else ["additionalProperties is not false"]
    )
    properties, required = node.get("properties", {}), node.get("required", [])
    found += [f"{key!r} is not required" for key in properties if key not in required]
    found += [f"{key!r} is required but no property" for key in required if key not in properties]
    if len(set(required)) != len(required):
        found.append("required repeats itself")
    return found


def _array(node: dict[str, Any]) -> list[str]:
    if "array" in types_of(node) and not isinstance(node.get("items"), dict):
        return ["an array without items"]
    return []


def _string(node: dict[str, Any]) -> list[str]:
    found = []
    if "format" in node and node["format"] not in FORMATS:
        found.append(f"format {node['format']!r}")
    if "pattern" in node:
        try:
            re.compile(node["pattern"])
        except re.error as error:
            found.append(f"pattern does not compile: {error}")
        unescaped = re.sub(r"\\.", "", node["pattern"], flags=re.DOTALL)
        found += [f"lookaround {token}" for token in LOOKAROUND if token in unescaped]
    return found


def _union(node: dict[str, Any]) -> list[str]:
    found = []
    if "anyOf" in node and not (isinstance(node["anyOf"], list) and node["anyOf"]):
        found.append("empty anyOf")
    if "enum" in node and not (isinstance(node["enum"], list) and node["enum"]):
        found.append("empty enum")
    return found


def check_limits(schema: dict[str, Any]) -> list[str]:
    """The published limits on size."""
    found: list[str] = []
    properties = enum_values = chars = 0
    for path, node in nodes(schema):
        if not isinstance(node, dict):
            continue
        properties += len(node.get("properties", {}))
        values = node.get("enum", [])
        enum_values += len(values)
        strings = [value for value in values if isinstance(value, str)]
        if len(values) > LONG_ENUM and sum(map(len, strings)) > MAX_LONG_ENUM_CHARS:
            found.append(
                f"{path}: an enum of {len(values)} values with {sum(map(len, strings))} characters"
            )
        names = [*node.get("properties", {}), *node.get("$defs", {}), *node.get("definitions", {})]
        chars += sum(map(len, [*names, *strings])) + (
            len(node["const"]) if isinstance(node.get("const"), str) else 0
        )
    parts = [schema, *schema.get("$defs", {}).values(), *schema.get("definitions", {}).values()]
    depth = max(map(object_depth, parts))
    for what, actual, limit in (
        ("properties", properties, MAX_PROPERTIES),
        ("levels", depth, MAX_DEPTH),
        ("enum values", enum_values, MAX_ENUM),
        ("characters", chars, MAX_CHARS),
    ):
        if actual > limit:
            found.append(f"/: {actual} {what}, {limit} allowed")
    return found
