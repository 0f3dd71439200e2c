"""How each field of a target is compared, as its schema says.

A schema may name comparisons in the words of two evaluation suites (see `comparisons`). In
Pydantic, `Field(json_schema_extra={"evaluation_config": "string_fuzzy"})` puts one in.
`x-ordered: true` beside a list says that its order matters. If a schema says nothing, leaves are
compared by type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from structgen.errors import ConfigurationError
from structgen.evaluation.comparisons import (
    CONFIG,
    STICKLER,
    Comparison,
    finite,
    is_skipped,
    named_comparison,
    typed,
)
from structgen.schema.json import json_type, pointer, resolve
from structgen.values import Json, JsonSchema

ORDERED: Final = "x-ordered"
ANY_KEY: Final = "*"
"""Stands in a field's name for the index of a list and for a key that the schema does not name."""

_HOPS: Final = 50
_TYPES: Final = ("string", "integer", "number", "boolean", "null", "array", "object")
_SHARED: Final = -1
"""The index under which a place keeps that of the items that have none of their own."""


# ---- places in a schema -------------------------------------------------------------------------


class Place:
    """A place in a target's schema: all subschemas that may speak of a value there.

    Places are made when they are first asked for, so a recursive schema has as many as its values.

    Args:
        root: The whole schema, to which references point.
        nodes: The subschemas of this place, not yet looked through.
        field: The name of the field: a JSON Pointer with `*` for indices and keys that vary.
    """

    def __init__(self, root: JsonSchema, nodes: list[Any], field: str = "") -> None:
        self.field = field
        self.root = root
        self.nodes = [one for node in nodes for one in _branches(root, node, 0)]
        self._inner: dict[str | int, Place] = {}
        self._comparisons: dict[str, Comparison] = {}

    def __repr__(self) -> str:
        return f"Place({self.field or '/'})"

    @property
    def skipped(self) -> bool:
        """Whether what is here is left out of every score."""
        return any(is_skipped(node.get(CONFIG)) for node in self.nodes)

    @property
    def ordered(self) -> bool:
        """Whether the order of items counts here: `x-ordered`, or a tuple's places."""
        return any(node.get(ORDERED) is True or "prefixItems" in node for node in self.nodes)

    @property
    def match_threshold(self) -> float:
        """The share of leaves that two items must have in common to be paired; 0 for any.

        Raises:
            ConfigurationError: If a schema names something else than a number.
        """
        key = f"{STICKLER}match-threshold"
        try:
            return max((finite(node[key]) for node in self.nodes if key in node), default=0.0)
        except ValueError as error:
            raise ConfigurationError(
                f"The schema's {key} of {self.field or '/'} cannot be used: {error}.",
                hint="Write a number from 0 to 1.",
            ) from error

    @property
    def types(self) -> frozenset[str]:
        """The JSON types that the schema names for values here."""
        return frozenset(kind for kind in _TYPES if any(_takes(node, kind) for node in self.nodes))

    @property
    def members(self) -> tuple[str, ...]:
        """The members that an object here always may have; none if it may be of several kinds."""
        objects = [node["properties"] for node in self.nodes if node.get("properties")]
        return tuple(objects[0]) if len(objects) == 1 else ()

    def member(self, key: str) -> Place:
        """Give the place of an object's member.

        Args:
            key: The member's name.
        """
        if key not in self._inner:
            named = [
                node["properties"][key] for node in self.nodes if key in node.get("properties", {})
            ]
            others = [one for node in self.nodes for one in _unnamed(node, key)]
            name = pointer([key]) if named or not others else f"/{ANY_KEY}"
            self._inner[key] = Place(self.root, named or others, self.field + name)
        return self._inner[key]

    def item(self, index: int) -> Place:
        """Give the place of a list's item.

        Args:
            index: Where the item is in its list.
        """
        if index not in self._inner:
            own = [
                node["prefixItems"][index]
                for node in self.nodes
                if index < len(node.get("prefixItems", ()))
            ]
            name = f"/{index}" if own else f"/{ANY_KEY}"
            if not own and _SHARED in self._inner:
                self._inner[index] = self._inner[_SHARED]
                return self._inner[index]
            shared = [node["items"] for node in self.nodes if "items" in node]
            self._inner[index] = Place(self.root, own or shared, self.field + name)
            if not own:
                self._inner[_SHARED] = self._inner[index]
        return self._inner[index]

    def comparison(self, gold: Json) -> Comparison:
        """Find how a leaf here is compared with the right one.

        Args:
            gold: The right leaf; of several kinds that the schema allows, its kind's rule holds.

        Raises:
            ConfigurationError: If a keyword names a comparison that is not known.
        """
        kind = json_type(gold)
        if kind not in self._comparisons:
            self._comparisons[kind] = self._comparison(kind)
        return self._comparisons[kind]

    def _comparison(self, kind: str) -> Comparison:
        fitting = [node for node in self.nodes if _takes(node, kind)]
        for node in (*fitting, *self.nodes):
            if (told := named_comparison(node, self.field)) is not None:
                return told
        nodes = fitting or self.nodes
        is_closed = bool(nodes) and all("enum" in node or "const" in node for node in nodes)
        format_ = next((node["format"] for node in nodes if "format" in node), None)
        numeric = any(_takes(node, "number") for node in self.nodes if "type" in node)
        return typed(is_closed, format_, numeric)


def rules_of(schema: JsonSchema) -> Place:
    """Make the rules of a schema: the place of its root."""
    return Place(schema, [schema])


def unwrapped(schema: Json) -> Json:
    """Take a schema out of `schema_definition`, in which extract-bench wraps some.

    Args:
        schema: What a file holds.
    """
    inner = schema.get("schema_definition") if isinstance(schema, dict) else None
    return inner if isinstance(inner, dict) else schema


# ---- reading schemas ----------------------------------------------------------------------------


def _branches(root: JsonSchema, node: Any, hops: int) -> Iterator[JsonSchema]:
    """A subschema, and those that it refers to or combines."""
    if not isinstance(node, dict) or hops > _HOPS:
        return
    yield node
    if "$ref" in node:
        yield from _branches(root, resolve(root, str(node["$ref"])), hops + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        for inner in node.get(key, ()):
            yield from _branches(root, inner, hops + 1)


def _unnamed(node: JsonSchema, key: str) -> Iterator[Any]:
    for pattern, inner in node.get("patternProperties", {}).items():
        if re.search(pattern, key):
            yield inner
    if isinstance(node.get("additionalProperties"), dict):
        yield node["additionalProperties"]


def _takes(node: JsonSchema, kind: str) -> bool:
    """Whether a subschema names a JSON type, by `type` or by the options that it lists."""
    allowed = node.get("type", ())
    allowed = (allowed,) if isinstance(allowed, str) else allowed
    if not allowed and ("enum" in node or "const" in node):
        allowed = [json_type(value) for value in node.get("enum", [node.get("const")])]
    return kind in allowed or (kind == "integer" and "number" in allowed)
