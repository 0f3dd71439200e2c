"""The schemas that may describe a part of some data, found step by step on the way to it.

A walk over data keeps the schemas of where it is. In a union these are all branches, because the
data that would tell them apart may not have come yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from structgen.schema.json import resolve
from structgen.values import Json, JsonSchema

DUPLICATES: Final = "x-duplicates"
"""The keyword of a list in which equal items are meant: `"x-duplicates": true`."""

_UNIONS: Final = ("anyOf", "oneOf", "allOf")
_MOST: Final = 500
"""How many schemas are looked at for one place: unions and references may multiply."""


def described_by(root: JsonSchema, schemas: Iterable[Json]) -> list[JsonSchema]:
    """The schemas that may describe one place: those given, and what they refer to or choose from.

    Args:
        root: The whole schema.
        schemas: Schemas of the place.
    """
    found: list[JsonSchema] = []
    todo = list(schemas)
    while todo and len(found) < _MOST:
        node = todo.pop(0)
        if not isinstance(node, dict) or any(node is one for one in found):
            continue
        found.append(node)
        todo += [part for keyword in _UNIONS for part in node.get(keyword, ())]
        if "$ref" in node:
            todo.append(resolve(root, node["$ref"]))
    return found


def inside(root: JsonSchema, schemas: Sequence[JsonSchema], key: str | int) -> list[JsonSchema]:
    """The schemas that may describe a member or an item of a place.

    Args:
        root: The whole schema.
        schemas: The schemas of the place, as `described_by` gives them.
        key: The name of the member, or the index of the item.
    """
    parts: list[Json] = []
    for node in schemas:
        parts += _item(node, key) if isinstance(key, int) else _member(node, key)
    return described_by(root, parts)


def _item(node: JsonSchema, index: int) -> list[Json]:
    head = node.get("prefixItems", ())
    return [head[index] if index < len(head) else node.get("items")]


def _member(node: JsonSchema, name: str) -> list[Json]:
    declared = node.get("properties", {})
    if name in declared:
        return [declared[name]]
    return [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]


def may_repeat(schemas: Iterable[JsonSchema]) -> bool:
    """Whether equal items are meant in a list: it says so, or is a tuple.

    Args:
        schemas: The schemas of the list, as `described_by` gives them.
    """
    return any(node.get(DUPLICATES) is True or "prefixItems" in node for node in schemas)


def rivals_left_out(schemas: Sequence[JsonSchema], data: JsonSchema) -> list[JsonSchema]:
    """The schemas that may describe an object, without branches that plainly describe another one.

    Args:
        schemas: What may describe it, as `described_by` gives them.
        data: The object.
    """
    return [node for node in schemas if not any(_excludes(node, *one) for one in data.items())]


def _excludes(node: JsonSchema, name: str, value: Json) -> bool:
    """Whether a schema describes no object that has a member of some value."""
    part = node.get("properties", {}).get(name)
    if part is None:
        return "properties" in node and node.get("additionalProperties") is False
    listed = None
    if isinstance(part, dict):
        listed = [part["const"]] if "const" in part else part.get("enum")
    return listed is not None and isinstance(value, str) and value not in listed
