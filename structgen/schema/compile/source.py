"""A target's schema with its references resolved, and a few questions about it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final
from urllib.parse import unquote

from structgen.errors import SchemaError
from structgen.schema.compile.keywords import (
    Schema,
    Unsatisfiable,
    assertions,
    listed_values,
    types_of,
)
from structgen.schema.compile.merge import Drop, merge
from structgen.schema.json import escape, unescape
from structgen.values import JsonSchema

MAX_MERGED: Final = 50_000
"""How many schemas with `allOf` or a reference beside other keywords one compilation
merges."""
_DEEP: Final = 20
"""How many unions in one another are looked into."""
_MAPS: Final = ("properties", "patternProperties", "dependentSchemas", "$defs")
_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_ONES: Final = (
    "items",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedProperties",
    "unevaluatedItems",
)


class Source:
    """A target's schema, with its definitions at hand."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        defs = root.get("$defs", {}) if isinstance(root, dict) else {}
        self.defs: dict[str, Schema] = defs
        self._nulls: dict[str, bool] = {}
        self._ends: dict[str, Schema] = {}  # of chains that were followed
        self._merged = 0

    def name_of(self, ref: str) -> str:
        """The name of the definition that a reference leads to, "" for the root.

        Raises:
            SchemaError: If there is no such definition.
        """
        if ref == "#":
            return ""
        head, _, rest = ref.partition("#/$defs/")
        name = rest if rest in self.defs else unescape(unquote(rest))
        if head or name not in self.defs:
            raise SchemaError(
                f"The reference {ref!r} does not point to anything in this schema.",
                keyword="$ref",
                hint="Define it under `$defs`, or correct the reference.",
            )
        return name

    def resolve(self, ref: str) -> tuple[Schema, str]:
        """The schema that a reference names, and the pointer to it."""
        name = self.name_of(ref)
        return (self.defs[name], f"/$defs/{escape(name)}") if name else (self.root, "")

    @cached_property
    def recursive(self) -> frozenset[str]:
        """Definitions that lead back to themselves or lie between two such; "" is the root."""
        edges = {
            name: {self.name_of(ref) for ref in _refs(schema)} for name, schema in self.defs.items()
        }
        edges[""] = {self.name_of(ref) for ref in _refs(self.root, skip_defs=True)}
        return frozenset(_without_ends(_reversed(_without_ends(edges))))

    def follow(self, schema: Schema) -> Schema:
        """The schema at the end of a chain of bare references."""
        seen: set[str] = set()
        while isinstance(schema, dict) and assertions(schema).keys() == {"$ref"}:
            ref = schema["$ref"]
            if ref in seen:
                raise _circular(ref)
            seen.add(ref)
            schema = self._ends[ref] if ref in self._ends else self.resolve(ref)[0]
        self._ends |= dict.fromkeys(seen, schema)
        return schema

    def is_null(self, schema: Schema) -> bool:
        """Whether null alone is declared, also by a reference."""
        followed = self.follow(schema)
        return isinstance(followed, dict) and types_of(followed) == ("null",)

    def admits_null(self, schema: Schema) -> bool:
        """Whether null may be valid. Errs on the side of True."""
        if isinstance(schema, bool):
            return schema
        listed = listed_values(schema)
        if listed is not None:
            return None in listed
        types = types_of(schema)
        if types is not None and "null" not in types:
            return False
        if "$ref" in schema and not self._reference_admits_null(schema["$ref"]):
            return False
        branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        return all(map(self.admits_null, schema.get("allOf", ()))) and (
            not branches or any(map(self.admits_null, branches))
        )

    def _reference_admits_null(self, ref: str) -> bool:
        if ref not in self._nulls:
            self._nulls[ref] = True  # meanwhile: a reference to itself decides nothing
            self._nulls[ref] = self.admits_null(self.resolve(ref)[0])
        return self._nulls[ref]

    def may_be_object(self, schema: Schema, depth: int = 0) -> bool:
        """Whether an object is among the declared types. Errs on the side of True."""
        followed = self.follow(schema)
        if not isinstance(followed, dict) or depth > _DEEP:
            return followed is not False
        listed = listed_values(followed)
        if listed is not None:
            return any(isinstance(value, dict) for value in listed)
        parts = [*followed.get("anyOf", ()), *followed.get("oneOf", ()), *followed.get("allOf", ())]
        return "object" in (types_of(followed) or ()) or any(
            self.may_be_object(part, depth + 1) for part in parts
        )

    def flat(self, schema: JsonSchema, drop: Drop) -> JsonSchema:
        """One schema without `$ref` and `allOf` on its own level.

        Args:
            schema: The schema to write out.
            drop: Told of each keyword that cannot be kept.

        Raises:
            Unsatisfiable: If no value meets the schema.
            SchemaError: If a reference leads only to itself, or the schema needs too
                many merges.
        """
        return self._flat(schema, drop, frozenset())

    def _flat(self, schema: Schema, drop: Drop, seen: frozenset[str]) -> JsonSchema:
        if isinstance(schema, bool):
            if schema is False:
                raise Unsatisfiable
            return {}
        if "$ref" not in schema and "allOf" not in schema:
            return schema
        ref = schema.get("$ref")
        if ref in seen:
            raise _circular(ref)
        self._merged += 1
        if self._merged > MAX_MERGED:
            raise SchemaError(
                f"The schema needs more than {MAX_MERGED} merges of `allOf` and references.",
                keyword="allOf",
                hint="Write the merged schemas out.",
            )
        own = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        parts = [*([self.resolve(ref)[0]] if ref else ()), *schema.get("allOf", ())]
        inside = seen | {ref} if ref else seen
        result: JsonSchema = {}
        for part in parts:
            result = merge(result, self._flat(part, drop, inside), drop)
        return merge(result, own, drop)


def _circular(ref: Any) -> SchemaError:
    return SchemaError(
        f"The reference {ref!r} leads only to itself.",
        keyword="$ref",
        hint="Give one of the definitions in the circle a type of its own.",
    )


def refs_above(schema: JsonSchema) -> Iterator[str]:
    """The references on a node's own level."""
    if "$ref" in schema:
        yield schema["$ref"]
    for part in schema.get("allOf", ()):
        if isinstance(part, dict):
            yield from refs_above(part)


def _refs(schema: Schema, *, skip_defs: bool = False) -> Iterator[str]:
    """Every reference inside a schema."""
    todo: list[Any] = [schema]
    while todo:
        node = todo.pop()
        if not isinstance(node, dict):
            continue
        if "$ref" in node:
            yield node["$ref"]
        for key in _MAPS:
            if key in node and not (skip_defs and key == "$defs"):
                todo += node[key].values()
        for key in _LISTS:
            todo += node.get(key, ())
        todo += [node.get(key) for key in _ONES]


def _reversed(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in edges}
    for name, targets in edges.items():
        for target in targets:
            found[target].add(name)
    return found


def _without_ends(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """The graph without the nodes that lead nowhere, repeated until none is left."""
    uses = _reversed(edges)
    left = {name: len(targets) for name, targets in edges.items()}
    ends = [name for name, count in left.items() if count == 0]
    gone = set(ends)
    while ends:
        for name in uses[ends.pop()]:
            left[name] -= 1
            if left[name] == 0 and name not in gone:
                gone.add(name)
                ends.append(name)
    return {name: targets - gone for name, targets in edges.items() if name not in gone}
