"""How often a reader of unions looks at the same part of a value.

Pydantic's smart unions try every option, and each option tries every option of what is inside it.
Options that overlap all the way down make that two times as much work for each level of nesting:
a minute at thirty levels. A union with a discriminator tries one option, and an option that lacks
a member of the value does not look inside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from structgen.schema.inside import described_by, inside, rivals_left_out
from structgen.schema.json import resolve
from structgen.values import Json, JsonSchema

MOST_TRIES: Final = 2**16
"""Looks at one part of a value: about a tenth of a second to read it, and a few to say what is
wrong with it."""


_DEEPEST: Final = 200
"""Levels that are looked at; what is nested more deeply has no JSON form anyway."""


def may_multiply(schema: JsonSchema) -> bool:
    """Whether a definition may be inside itself, in a union of several objects or lists.

    Args:
        schema: The schema of a type.
    """
    definitions = schema.get("$defs", {})
    uses = {name: set(_names_in(node)) for name, node in definitions.items()}
    for name, node in definitions.items():
        if _has_rivals(schema, node) and name in _reached(uses, name):
            return True
    return False


def _names_in(node: Any) -> Iterator[str]:
    for one in _nodes(node):
        if isinstance(one.get("$ref"), str):
            yield one["$ref"].removeprefix("#/$defs/")


def _nodes(node: Any) -> Iterator[JsonSchema]:
    todo = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            yield one
            todo += one.values()
        elif isinstance(one, list):
            todo += one


def _has_rivals(root: JsonSchema, node: Any) -> bool:
    """Whether a union inside a schema has several options that are objects, or lists."""
    for one in _nodes(node):
        options = one.get("anyOf")
        if not isinstance(options, list):
            continue
        kinds = [_kind(root, option) for option in options]
        if kinds.count("object") > 1 or kinds.count("array") > 1:
            return True
    return False


def _kind(root: JsonSchema, option: Any) -> Any:
    if isinstance(option, dict) and "$ref" in option:
        option = resolve(root, option["$ref"])
    return option.get("type") if isinstance(option, dict) else None


def _reached(uses: dict[str, set[str]], start: str) -> set[str]:
    """The definitions that one leads to, itself only if it is inside itself."""
    found: set[str] = set()
    todo = list(uses.get(start, ()))
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += uses.get(name, ())
    return found


def tries(schema: JsonSchema, data: Json) -> int:
    """Count how often the deepest part of a value is looked at, at most.

    Args:
        schema: The schema of a type.
        data: The value.

    Returns:
        The count; more than `MOST_TRIES` without looking any further.
    """
    most = 1
    todo: list[tuple[Json, list[JsonSchema], int]] = [(data, described_by(schema, [schema]), 1)]
    while todo and most <= MOST_TRIES:
        value, schemas, count = todo.pop()
        most = max(most, count)
        if isinstance(value, dict):
            near = rivals_left_out(schemas, value)
            for name, inner in value.items():
                if isinstance(inner, dict | list):
                    looked = sum(_looks_at(node, name) for node in near)
                    todo.append((inner, inside(schema, near, name), count * max(1, looked)))
        elif isinstance(value, list):
            looked = sum("items" in node or "prefixItems" in node for node in schemas)
            for index, inner in enumerate(value):
                if isinstance(inner, dict | list):
                    within = inside(schema, schemas, index)
                    todo.append((inner, within, count * max(1, looked)))
    return most


def outline(value: Any, depth: int = 0) -> Json:
    """The objects and lists of a value, by the names of their fields: enough to count tries.

    Args:
        value: A value of a type.
        depth: How deep it is in another one.
    """
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {str(name): outline(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [outline(inner, depth + 1) for inner in value]
    if hasattr(value, "__dict__") and not isinstance(value, type | Enum):
        return {name: outline(inner, depth + 1) for name, inner in vars(value).items()}
    return value if isinstance(value, str) else None


def _looks_at(node: JsonSchema, name: str) -> bool:
    """Whether an object's schema reads a member of this name."""
    if name in node.get("properties", {}):
        return True
    return isinstance(node.get("additionalProperties"), dict)
