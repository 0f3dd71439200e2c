"""How to step through a JSON Schema. Shared by the checkers and by nothing in structgen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
SINGLES = (
    "items",
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
)


def children(schema: Any) -> Iterator[tuple[str, Any]]:
    """The direct subschemas with their relative JSON Pointers."""
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        if keyword in MAPS and isinstance(value, dict):
            for key, sub in value.items():
                yield f"/{keyword}/{key.replace('~', '~0').replace('/', '~1')}", sub
        elif keyword in LISTS and isinstance(value, list):
            for i, sub in enumerate(value):
                yield f"/{keyword}/{i}", sub
        elif keyword in SINGLES and isinstance(value, (dict, bool)):
            yield f"/{keyword}", value


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every subschema, the root first, with its JSON Pointer."""
    yield path, schema
    for step, sub in children(schema):
        yield from nodes(sub, path + step)


def resolve(root: dict[str, Any], ref: Any) -> Any:
    """What a local reference means, or None where it means nothing."""
    if ref == "#":
        return root
    if not isinstance(ref, str) or not ref.startswith("#/"):
        return None
    node: Any = root
    for token in ref[2:].split("/"):
        key: Any = token.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list):
            key = int(key) if key.isdecimal() else -1
            if not 0 <= key < len(node):
                return None
        elif not isinstance(node, dict) or key not in node:
            return None
        node = node[key]
    return node


def follow(root: dict[str, Any], schema: Any) -> Any:
    """The schema behind any chain of references."""
    for _ in range(100):
        if not (isinstance(schema, dict) and "$ref" in schema):
            return schema
        schema = resolve(root, schema["$ref"])
    return None


def types_of(schema: dict[str, Any]) -> list[str]:
    declared = schema.get("type", [])
    return declared if isinstance(declared, list) else [declared]


def recursive(root: dict[str, Any], *, optional_breaks: bool = False) -> bool:
    """Does any reference lead back to where it came from?

    With `optional_breaks`, a way through a property that is not required does not count.
    """

    def edges(schema: Any) -> Iterator[str]:
        if not isinstance(schema, dict):
            return
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        required = schema.get("required", ())
        for step, sub in children(schema):
            if step.startswith(("/$defs/", "/definitions/")):
                continue
            if (
                optional_breaks
                and step.startswith("/properties/")
                and step.removeprefix("/properties/") not in required
            ):
                continue
            yield from edges(sub)

    graph: dict[str, list[str]] = {"#": list(edges(root))}
    pending = list(graph["#"])
    while pending:
        ref = pending.pop()
        if ref not in graph:
            graph[ref] = list(edges(resolve(root, ref)))
            pending += graph[ref]

    def reaches(start: str) -> bool:
        seen: set[str] = set()
        todo = list(graph[start])
        while todo:
            ref = todo.pop()
            if ref == start:
                return True
            if ref not in seen:
                seen.add(ref)
                todo += graph[ref]
        return False

    return any(reaches(ref) for ref in graph)


def object_depth(schema: Any, depth: int = 0) -> int:
    """Levels of nested objects, definitions left out and references not followed."""
    if not isinstance(schema, dict):
        return depth
    depth += "object" in types_of(schema) or "properties" in schema
    below = [
        object_depth(sub, depth)
        for step, sub in children(schema)
        if not step.startswith(("/$defs/", "/definitions/"))
    ]
    return max([depth, *below])
