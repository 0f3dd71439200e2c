"""Reading a JSON Schema: references, what merges into one schema, and a few questions about it.

Everything here keeps or widens what a schema accepts; what is widened is reported, so that it can be checked afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, reduce
from itertools import zip_longest
from math import lcm
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from structgen.errors import SchemaError
from structgen.schema.json import escape, json_type, same_json, to_text, unescape
from structgen.schema.validate.patterns import matches
from structgen.schema.verbatim import VERBATIM
from structgen.values import Json, JsonSchema

Schema: TypeAlias = "JsonSchema | bool"
Drop: TypeAlias = Callable[[str, Any], None]
"""Told of each keyword that a step could not keep, with its value."""

TYPES: Final = ("null", "boolean", "integer", "number", "string", "array", "object")
TYPE_OF_KEYWORD: Final = {
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), "string"),
    **dict.fromkeys(
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"
    ),
    **dict.fromkeys(
        (
            "items",
            "prefixItems",
            "minItems",
            "maxItems",
            "uniqueItems",
            "contains",
            "unevaluatedItems",
        ),
        "array",
    ),
    **dict.fromkeys(
        ("properties", "required", "additionalProperties", "patternProperties", "propertyNames"),
        "object",
    ),
    **dict.fromkeys(
        ("minProperties", "maxProperties", "dependentRequired", "dependentSchemas"), "object"
    ),
    "unevaluatedProperties": "object",
    VERBATIM: "string",
}
APPLICATORS: Final = (
    "$ref",
    "$dynamicRef",
    "allOf",
    "anyOf",
    "oneOf",
    "enum",
    "const",
    "type",
    "not",
    "if",
    "then",
    "else",
)
ASSERTIONS: Final = frozenset({*TYPE_OF_KEYWORD, *APPLICATORS, "minContains", "maxContains"})
MAX_DEPTH: Final = 64
"""How deep schemas may nest inside one another."""


MAX_MERGED: Final = 50_000
"""How many schemas with `allOf` or a reference beside other keywords one compilation merges."""
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
)


class Unsatisfiable(Exception):
    """No value meets this schema. Never leaves this package: it empties a branch, or becomes a SchemaError."""


def assertions(schema: JsonSchema) -> JsonSchema:
    """The keywords that say something about values; not the annotations."""
    return {key: value for key, value in schema.items() if key in ASSERTIONS}


def types_of(schema: JsonSchema) -> tuple[str, ...] | None:
    """The declared types, None where any is allowed."""
    declared = schema.get("type")
    return (
        None if declared is None else tuple(declared) if isinstance(declared, list) else (declared,)
    )


class Source:
    """A target's schema, with its definitions at hand."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        defs = root.get("$defs", {}) if isinstance(root, dict) else {}
        self.defs: dict[str, Schema] = defs
        self._nulls: dict[str, bool] = {}
        self._merged = 0

    def name_of(self, ref: str) -> str:
        """The name of the definition a reference leads to, "" for the root."""
        if ref == "#":
            return ""
        head, _, rest = ref.partition("#/$defs/")
        name = rest if rest in self.defs else unescape(unquote(rest))
        if head or name not in self.defs:
            raise SchemaError(
                f"The reference {ref!r} leads nowhere in this schema.", path="", keyword="$ref"
            )
        return name

    def resolve(self, ref: str) -> tuple[Schema, str]:
        """What a reference means, and the pointer to it."""
        name = self.name_of(ref)
        return (self.defs[name], f"/$defs/{escape(name)}") if name else (self.root, "")

    @cached_property
    def recursive(self) -> frozenset[str]:
        """The definitions that lead back to themselves, and those that lie between two such ("" is the root)."""
        edges = {
            name: {self.name_of(ref) for ref in _refs(schema)} for name, schema in self.defs.items()
        }
        edges[""] = {self.name_of(ref) for ref in _refs(self.root, skip_defs=True)}
        return frozenset(_trimmed(_turned(_trimmed(edges))))

    def follow(self, schema: Schema) -> Schema:
        """The schema behind a chain of bare references."""
        seen = set()
        while isinstance(schema, dict) and assertions(schema).keys() == {"$ref"}:
            ref = schema["$ref"]
            if ref in seen:
                raise SchemaError(
                    f"The reference {ref!r} leads only to itself.", path="", keyword="$ref"
                )
            seen.add(ref)
            schema, _ = self.resolve(ref)
        return schema

    def admits_null(self, schema: Schema) -> bool:
        """May null be a value of it? In doubt, yes."""
        if isinstance(schema, bool):
            return schema
        if "enum" in schema or "const" in schema:
            return None in schema.get("enum", [schema.get("const")])
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
            self._nulls[ref] = (
                True  # while it is being asked: a reference to itself decides nothing
            )
            self._nulls[ref] = self.admits_null(self.resolve(ref)[0])
        return self._nulls[ref]

    def flat(self, schema: JsonSchema, drop: Drop) -> JsonSchema:
        """One schema without `$ref` and `allOf` on its own level. Raises Unsatisfiable, or SchemaError for a cycle."""
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
            raise SchemaError(
                f"The reference {ref!r} leads only to itself.", path="", keyword="$ref"
            )
        self._merged += 1
        if self._merged > MAX_MERGED:
            raise SchemaError(
                f"The schema asks for more than {MAX_MERGED} merges.",
                keyword="allOf",
                hint="Write out `allOf`.",
            )
        result = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        parts = [*([self.resolve(ref)[0]] if ref else ()), *schema.get("allOf", ())]
        inside = seen | {ref} if ref else seen
        for part in parts:
            result = merge(self._flat(part, drop, inside), result, drop)
        return result


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
        todo += [node.get(key) for key in (*_ONES, "unevaluatedProperties", "unevaluatedItems")]


def _turned(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    turned: dict[str, set[str]] = {name: set() for name in edges}
    for name, targets in edges.items():
        for target in targets:
            turned[target].add(name)
    return turned


def _trimmed(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """The graph without what leads nowhere, again and again until nothing more falls off."""
    uses = _turned(edges)
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


def refs_above(schema: JsonSchema) -> Iterator[str]:
    """The references on a node's own level."""
    if "$ref" in schema:
        yield schema["$ref"]
    for part in schema.get("allOf", ()):
        if isinstance(part, dict):
            yield from refs_above(part)


def apart(source: Source, branches: list[Schema]) -> bool:
    """Can no value meet two of these, by their types or by one shared required constant?"""
    own = [source.follow(branch) for branch in branches]
    if any(isinstance(branch, bool) for branch in own):
        return False
    types = [_wide_types(branch) for branch in own if isinstance(branch, dict)]
    if all(a.isdisjoint(b) for i, a in enumerate(types) for b in types[:i]):
        return True
    tags = [_constants(source, branch) for branch in own if isinstance(branch, dict)]
    for name in tags[0]:
        values = [tag[name] for tag in tags if name in tag]
        if len(values) == len(tags) and len({to_text(v) for value in values for v in value}) == sum(
            map(len, values)
        ):
            return all(
                types_of(branch) == ("object",) for branch in own if isinstance(branch, dict)
            )
    return False


def _wide_types(schema: JsonSchema) -> set[str]:
    listed = schema.get("enum", [schema["const"]] if "const" in schema else None)
    types = set(map(json_type, listed)) if listed is not None else set(types_of(schema) or TYPES)
    return types | {"integer"} if "number" in types else types


def _constants(source: Source, schema: JsonSchema) -> dict[str, list[Json]]:
    """The required properties that have listed values only."""
    found = {}
    for name, sub in schema.get("properties", {}).items():
        sub = source.follow(sub)
        if name in schema.get("required", ()) and isinstance(sub, dict):
            if "const" in sub:
                found[name] = [sub["const"]]
            elif "enum" in sub:
                found[name] = sub["enum"]
    return found


# ---- both at once ---------------------------------------------------------------------------------------------------------


def both(a: Schema, b: Schema) -> Schema:
    """A schema for what meets `a` and `b`; merged when it is compiled."""
    if a is False or b is False:
        return False
    parts = [part for part in (a, b) if part is not True and part != {}]
    if len(parts) == 2 and parts[0] == parts[1]:
        parts.pop()
    return {"allOf": parts} if len(parts) > 1 else parts[0] if parts else True


def _narrower(a: Any, b: Any) -> Any:
    return a if a == b else None


_KEEP_ONE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    **dict.fromkeys(("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"), max),
    **dict.fromkeys(("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"), min),
    **dict.fromkeys(
        (
            "propertyNames",
            "items",
            "unevaluatedProperties",
            "unevaluatedItems",
            "additionalProperties",
        ),
        both,
    ),
    "uniqueItems": lambda a, b: a or b,
    VERBATIM: lambda a, b: "words",
    "multipleOf": lambda a, b: (
        lcm(a, b) if isinstance(a, int) and isinstance(b, int) else _narrower(a, b)
    ),
    "required": lambda a, b: [*a, *(name for name in b if name not in a)],
    "dependentRequired": lambda a, b: {**a, **b} if a.keys().isdisjoint(b) else None,
}


def merge(a: JsonSchema, b: JsonSchema, drop: Drop) -> JsonSchema:
    """One schema for what meets both; where `a` and `b` annotate the same, `b` speaks. Raises Unsatisfiable.

    What cannot be said in one schema is left out of it and told to `drop`.
    """
    if not a or not b:
        return a or b
    out = {**a, **b}
    for key in a.keys() & b.keys() & ASSERTIONS - _STRUCTURE:
        if a[key] == b[key]:
            continue
        rule = _KEEP_ONE.get(key, _narrower)
        kept = rule(a[key], b[key])
        if kept is None:
            out[key] = a[key]
            drop(key, b[key])
        else:
            out[key] = kept
    _merge_types(a, b, out)
    _merge_values(a, b, out)
    _merge_objects(a, b, out)
    _merge_arrays(a, b, out)
    return out


_STRUCTURE: Final = frozenset(
    {"type", "enum", "const", "properties", "patternProperties", "items", "prefixItems"}
)


def _merge_types(a: JsonSchema, b: JsonSchema, out: JsonSchema) -> None:
    one, two = types_of(a), types_of(b)
    if one is None or two is None:
        return
    kept = [t for t in one if t in two or (t == "integer" and "number" in two)]
    kept += [t for t in two if t not in kept and t == "integer" and "number" in one]
    if not kept:
        raise Unsatisfiable
    out["type"] = kept[0] if len(kept) == 1 else kept


def _merge_values(a: JsonSchema, b: JsonSchema, out: JsonSchema) -> None:
    lists = [
        values
        for schema in (a, b)
        for values in ([schema["const"]] if "const" in schema else None, schema.get("enum"))
        if values is not None
    ]
    if len(lists) > 1:
        first, *others = lists
        kept = [
            value
            for value in first
            if all(any(same_json(value, x) for x in other) for other in others)
        ]
        if not kept:
            raise Unsatisfiable
        out.pop("const", None)
        out["enum"] = kept


def _merge_objects(a: JsonSchema, b: JsonSchema, out: JsonSchema) -> None:
    one, two = a.get("properties", {}), b.get("properties", {})
    if one or two:
        out["properties"] = {
            name: both(property_of(a, name), property_of(b, name))
            for name in [*one, *(name for name in two if name not in one)]
        }
    one, two = a.get("patternProperties", {}), b.get("patternProperties", {})
    if one and two:
        out["patternProperties"] = {
            key: both(one.get(key, True), two.get(key, True)) for key in {**one, **two}
        }


def property_of(schema: JsonSchema, name: str) -> Schema:
    """What `schema` says about a member of that name: its own property, or its rule for others."""
    properties: dict[str, Schema] = schema.get("properties", {})
    if name in properties:
        return properties[name]
    found = [
        sub
        for pattern, sub in schema.get("patternProperties", {}).items()
        if matches(pattern, name)
    ]
    rest: Schema = schema.get("additionalProperties", True)
    return reduce(both, found) if found else rest


def _merge_arrays(a: JsonSchema, b: JsonSchema, out: JsonSchema) -> None:
    one, two = a.get("prefixItems", []), b.get("prefixItems", [])
    rest = a.get("items", True), b.get("items", True)
    if "items" in a and "items" in b:
        out["items"] = both(*rest)
    if one or two:
        out["prefixItems"] = [
            both(rest[0] if x is None else x, rest[1] if y is None else y)
            for x, y in zip_longest(one, two)
        ]
