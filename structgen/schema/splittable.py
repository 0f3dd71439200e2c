"""Which records may be asked about field by field, and what a part of a schema needs of the whole.

Lists, maps, unions and records that contain themselves hold together: their halves could not be
told apart afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from structgen.schema.closed import close_records
from structgen.schema.compile.names import unused_name
from structgen.schema.json import resolve
from structgen.schema.target import Target, target_of
from structgen.values import Json, JsonSchema

NULL: Final[JsonSchema] = {"type": "null"}
"""The schema of null."""
CHOICES: Final = ("anyOf", "oneOf")
"""Keywords that list alternatives."""
WHOLE_ONLY: Final = frozenset(
    {"minProperties", "maxProperties", "propertyNames", "dependentRequired", "dependentSchemas"}
    | {"not", "if", "then", "else", "default", "examples", "unevaluatedProperties"}
)
"""Keywords of a record that hold for all of its fields together. The check of the whole has
them."""
_UNSPLITTABLE: Final = frozenset(
    {"allOf", "anyOf", "oneOf", "patternProperties", "const", "enum", "$dynamicRef"}
)
"""Keywords of a record whose fields belong together."""


class Record(NamedTuple):
    """A record whose fields may be asked about apart."""

    schema: JsonSchema
    """The record itself, with its reference resolved."""
    nullable: bool
    """Whether null may be in its place."""
    above: frozenset[str]
    """The references on the way to it, and its own."""


def source_of(target: Target[Any]) -> JsonSchema:
    """Give the schema of a target as that of plain data.

    Args:
        target: The target.
    """
    schema: JsonSchema = target.schema if target.adapter is None else close_records(target.schema)
    return schema


def without_own_references(root: JsonSchema) -> tuple[JsonSchema, frozenset[str]]:
    """Give a schema that refers to itself a definition of itself: a part is another root.

    Args:
        root: The schema.

    Returns:
        The schema, and the references in it that mean the whole.
    """
    if "#" not in _references(root):
        return root, frozenset()
    defs = root.get("$defs", {})
    name = unused_name("Whole", defs)
    own = {key: value for key, value in root.items() if key != "$defs"}
    changed = _redirected({**root, "$defs": {**defs, name: own}}, f"#/$defs/{name}")
    return dict(changed), frozenset({f"#/$defs/{name}"})


def _redirected(node: Any, to: str) -> Any:
    if isinstance(node, list):
        return [_redirected(item, to) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: to if key == "$ref" and inner == "#" else _redirected(inner, to)
        for key, inner in node.items()
    }


def _references(node: Any) -> set[str]:
    """The references in a schema, those of a discriminator's mapping among them."""
    found: set[str] = set()
    todo = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, list):
            todo += one
        elif isinstance(one, str) and one.startswith("#"):
            found.add(one)
    return found


def part_of(root: JsonSchema, schema: JsonSchema, name: str) -> Target[Json]:
    """Make a target of a part of a schema, with the definitions that it needs.

    Args:
        root: The schema of the whole.
        schema: That of the part.
        name: What the part is called.
    """
    part = {**schema, "title": name}
    defs = _reachable(root, part)
    return target_of({**part, "$defs": defs} if defs else part)


def _reachable(root: JsonSchema, schema: JsonSchema) -> JsonSchema:
    known, found = root.get("$defs", {}), dict[str, Any]()
    todo = _references(schema)
    while todo:
        name = todo.pop().removeprefix("#/$defs/")
        if name in known and name not in found:
            found[name] = known[name]
            todo |= _references(known[name])
    return {name: found[name] for name in known if name in found}


def narrowed(record: JsonSchema, fields: JsonSchema, required: Sequence[str]) -> JsonSchema:
    """Give a record some of its fields alone, and no keyword that holds for all of them.

    Args:
        record: The record.
        fields: The schemas of these fields, by name.
        required: Those that have to be there.
    """
    left_out = WHOLE_ONLY | {"$defs"}
    kept = {key: value for key, value in record.items() if key not in left_out}
    return {
        **kept,
        "properties": fields,
        "required": required,
        "additionalProperties": False,
    }


def beside_null(options: Any) -> Any:
    """Give the option that a union has beside null; None if it has no other, or several.

    Args:
        options: The options of the union.
    """
    if not isinstance(options, list) or len(options) != 2 or NULL not in options:
        return None
    return options[0] if options[1] == NULL else options[1]


def record_of(root: JsonSchema, node: Any, above: frozenset[str]) -> Record | None:
    """Give the record that a schema describes; None if its fields cannot be asked about apart.

    Args:
        root: The schema of the whole.
        node: The schema.
        above: The references on the way to it.
    """
    nullable = False
    while isinstance(node, dict):
        siblings = {key: value for key, value in node.items() if key not in ("$ref", *CHOICES)}
        choice = next((node[key] for key in CHOICES if key in node), None)
        if isinstance(ref := node.get("$ref"), str):
            if ref in above or choice is not None:
                return None
            above |= {ref}
            node = {**resolve(root, ref), **siblings}
        elif (inner := beside_null(choice)) is not None:
            nullable = True
            if not isinstance(inner, dict) or "properties" in siblings:
                return None
            node = {**inner, **siblings}
        else:
            break
    if not isinstance(node, dict) or not node.get("properties"):
        return None
    if not node.keys().isdisjoint(_UNSPLITTABLE):
        return None
    kinds = node.get("type", "object")
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if kinds - {"object", "null"} or isinstance(node.get("additionalProperties"), dict):
        return None
    record = {**node, "type": "object"}
    return Record(record, nullable or "null" in kinds, above)
