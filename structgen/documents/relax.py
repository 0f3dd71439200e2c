"""Relax a target to what one part of a document can state: the same schema, with nothing required.

A field that the whole record needs may be in another part. So from the root, through records and
maps, no field is required and no list has a least length. One part has to state an item of a list
completely, unless the list has identity keys: then the item's other fields may be missing, too, and
come from the parts that mention the same item again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import NamedTuple

from structgen.documents.policies import Policy, PolicyName
from structgen.schema.closed import close_records
from structgen.schema.json import escape, resolve
from structgen.schema.target import Target, target_of
from structgen.values import Json, JsonSchema

IDENTITY: Final = "x-identity"
MERGE: Final = "x-merge"
_WHOLE_ONLY: Final = frozenset(
    {
        "required",
        "minProperties",
        "minItems",
        "contains",
        "minContains",
        "maxContains",
        "dependentRequired",
        "dependentSchemas",
    }
    | {"if", "then", "else", "not", "default", "unevaluatedProperties", "unevaluatedItems"}
)
"""Keywords that hold for the whole value and need not hold for its parts."""
_SCALARS: Final = ("string", "number", "integer", "boolean")


@dataclass(frozen=True, slots=True)
class Identity:
    """Mark a field that tells the items of a list apart: `name: Annotated[str, Identity()]`.

    Items of different chunks that agree in all of their marked fields are one item.
    """

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> JsonSchema:
        return {**handler(core_schema), IDENTITY: True}


@dataclass(frozen=True, slots=True)
class Merge:
    """Say what becomes of a field for which parts state several values.

    `has_penalty: Annotated[bool, Merge("any")]` is true if any part of the document says so.

    Args:
        policy: The policy's name.
    """

    policy: PolicyName
    """The policy's name."""

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> JsonSchema:
        return {**handler(core_schema), MERGE: self.policy}


class Relaxed(NamedTuple):
    """The target of a part, and how parts are merged."""

    target: Target[Json]
    """The target of a part, whose values are plain data."""
    keys: Mapping[str, Sequence[str]]
    """The members that tell the items of a list apart, by the list's JSON Pointer."""
    policies: Mapping[str, Policy]
    """What becomes of several values of a field, by its JSON Pointer."""


def relax(
    target: Target[Any],
    keys: Mapping[str, Sequence[str]] = {},
    policies: Mapping[str, Policy] = {},
) -> Relaxed:
    """Make the target of a part.

    Args:
        target: The target of the whole.
        keys: The members that tell the items of a list apart, besides those that the schema marks;
            by the list's JSON Pointer, with `*` for any key or index.
        policies: What becomes of several values, instead of what the schema says; by pointers of
            the same form.

    Returns:
        The target of a part, and all keys and policies, marked ones included. The policy of a set
        is `union`.
    """
    source = target.schema if target.adapter is None else close_records(target.schema)
    relaxer = _Relaxer(source, keys, policies)
    schema = relaxer.relax(source, "")
    if source.get("type") in _SCALARS:
        schema = {"anyOf": [schema, {"type": "null"}]}
    defs = {**source.get("$defs", {}), **relaxer.defs}
    schema = {**schema, "title": target.name, **({"$defs": defs} if defs else {})}
    return Relaxed(target_of(schema), relaxer.keys, relaxer.policies)


class _Relaxer:
    """Walks a schema and makes the definitions of its parts on the way."""

    def __init__(
        self,
        root: JsonSchema,
        keys: Mapping[str, Sequence[str]],
        policies: Mapping[str, Policy],
    ) -> None:
        self._root = root
        self.policies = dict(policies)
        self.keys = {pattern: tuple(names) for pattern, names in keys.items()}
        self.defs: dict[str, Any] = {}
        self._named: dict[tuple[str, tuple[str, ...]], str] = {}

    def relax(self, node: Any, at: str, keep: tuple[str, ...] = ()) -> Any:
        """Require nothing but the fields to `keep`, and those that tell a union's options apart."""
        if not isinstance(node, dict):
            return node
        if marked := node.get(MERGE):
            self.policies.setdefault(at, marked)
        elif node.get("uniqueItems") is True:
            self.policies.setdefault(at, "union")
        if isinstance(ref := node.get("$ref"), str):
            return {**node, "$ref": self._reference(ref, at, keep)}
        found = {
            key: value
            for key, value in node.items()
            if key not in _WHOLE_ONLY and key not in ("$defs", "oneOf")
        }
        if needed := [
            name for name in node.get("required", ()) if name in keep or self._is_tag(node, name)
        ]:
            found["required"] = needed
        if "properties" in node:
            kept = found.get("required", ())
            fields = {
                name: inner if name in kept else _without_null(inner)
                for name, inner in node["properties"].items()
            }
            found["properties"] = {
                name: self.relax(inner, f"{at}/{escape(name)}") for name, inner in fields.items()
            }
        if isinstance(node.get("additionalProperties"), dict):
            found["additionalProperties"] = self.relax(node["additionalProperties"], f"{at}/*")
        if isinstance(node.get("items"), dict):
            found["items"] = self._items(node["items"], at)
        for keyword in ("allOf", "anyOf", "oneOf"):
            if keyword in node:
                options = [self.relax(option, at, keep) for option in node[keyword]]
                found["anyOf" if keyword == "oneOf" else keyword] = options
        return found

    def _items(self, items: JsonSchema, at: str) -> JsonSchema:
        keys = self.keys.get(at) or self._marked(items)
        if not keys:
            return items
        self.keys[at] = keys
        inner: JsonSchema = self.relax(items, f"{at}/*", keys)
        return inner

    def _reference(self, ref: str, at: str, keep: tuple[str, ...]) -> str:
        if (ref, keep) not in self._named:
            name = f"{ref.rpartition('/')[2].lstrip('#') or 'root'}_part{len(self._named) or ''}"
            self._named[ref, keep] = f"#/$defs/{name}"
            self.defs[name] = self.relax(resolve(self._root, ref), at, keep)
        return self._named[ref, keep]

    def _resolved(self, node: Any) -> JsonSchema:
        while isinstance(node, dict) and "$ref" in node:
            node = resolve(self._root, node["$ref"])
        return node if isinstance(node, dict) else {}

    def _marked(self, items: JsonSchema) -> tuple[str, ...]:
        fields = self._resolved(items).get("properties", {})
        return tuple(
            name
            for name, inner in fields.items()
            if isinstance(inner, dict) and inner.get(IDENTITY)
        )

    def _is_tag(self, node: JsonSchema, name: str) -> bool:
        field = node.get("properties", {}).get(name)
        return isinstance(field, dict) and ("const" in field or len(field.get("enum", ())) == 1)


def _without_null(node: Any) -> Any:
    """Remove null from a field that may be missing: null says no more than a missing field."""
    if not isinstance(node, dict):
        return node
    kinds, options, listed = node.get("type"), node.get("anyOf"), node.get("enum")
    if isinstance(kinds, list) and len(kinds) > 1:
        node = {**node, "type": [kind for kind in kinds if kind != "null"]}
    if isinstance(listed, list) and len(listed) > 1:
        node = {**node, "enum": [value for value in listed if value is not None]}
    if isinstance(options, list) and len(options) > 1:
        node = {**node, "anyOf": [option for option in options if option != {"type": "null"}]}
    return node


def complete(target: Target[Any], data: Json) -> Json:
    """Fill in the required fields that no part stated, with what the target takes for nothing.

    That is null, else an empty list, else a record with nothing in it. A field with a default, and
    one whose schema takes none of these, stays missing.
    """
    starts: tuple[Json, ...] = ([], None, {}) if data is None else (data,)
    completer = _Completer(target)
    candidates = [completer.fill(target.schema, start) for start in starts]
    return next(filter(target.validator.is_valid, candidates), candidates[-1])


class _Completer:
    def __init__(self, target: Target[Any]) -> None:
        self._root, self._validator = target.schema, target.validator

    def _is_valid(self, schema: Any, value: Json) -> bool:
        return bool(self._validator.evolve(schema=schema).is_valid(value))

    def fill(self, node: Any, value: Json) -> Json:
        """Complete a value and everything in it."""
        while isinstance(node, dict) and "$ref" in node:
            node = resolve(self._root, node["$ref"])
        if not isinstance(node, dict) or not isinstance(value, dict | list):
            return value
        options = [*node.get("anyOf", ()), *node.get("oneOf", ())]
        for option in options:
            filled = self.fill(option, value)
            if self._is_valid(option, filled):
                return filled
        options = [option for option in options if option != {"type": "null"}]
        if len(options) == 1:  # it cannot be meant for another one, whatever else it lacks
            return self.fill(options[0], value)
        if isinstance(value, list):
            return [self.fill(node.get("items"), item) for item in value]
        return self._fill_record(node, value)

    def _fill_record(self, node: JsonSchema, value: Mapping[str, Json]) -> dict[str, Json]:
        fields, others = node.get("properties", {}), node.get("additionalProperties")
        filled = {name: self.fill(fields.get(name, others), inner) for name, inner in value.items()}
        for name in node.get("required", ()):
            if name in filled or "default" in fields.get(name, {}):
                continue
            empties: tuple[Json, ...] = (None, [], self.fill(fields.get(name), {}))
            for empty in empties:
                if self._is_valid(fields.get(name, True), empty):
                    filled[name] = empty
                    break
        return filled
