"""One schema for the values that meet two.

Everything here keeps or widens what a schema accepts; what is widened is reported, and
checked afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import zip_longest
from math import lcm
from typing import Any, Final, TypeAlias

from structgen.schema.compile.keywords import (
    ASSERTIONS,
    Schema,
    Unsatisfiable,
    types_of,
)
from structgen.schema.inside import DUPLICATES
from structgen.schema.json import same_json
from structgen.schema.validate.patterns import matches
from structgen.schema.verbatim import VERBATIM
from structgen.values import JsonSchema

Drop: TypeAlias = Callable[[str, Any], None]
"""Told of each keyword that a step could not keep, with its value."""


def both(a: Schema, b: Schema) -> Schema:
    """A schema for the values that meet `a` and `b`; it is merged later, when it is compiled."""
    if a is False or b is False:
        return False
    parts = [part for part in (a, b) if part is not True and part != {}]
    if len(parts) == 2 and parts[0] == parts[1]:
        parts.pop()
    if len(parts) > 1:
        return {"allOf": parts}
    return parts[0] if parts else True


def _if_equal(a: Any, b: Any) -> Any:
    return a if a == b else None


def _common_multiple(a: Any, b: Any) -> Any:
    return lcm(a, b) if isinstance(a, int) and isinstance(b, int) else _if_equal(a, b)


_LOWER_BOUNDS: Final = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_UPPER_BOUNDS: Final = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_SUBSCHEMAS: Final = (
    "propertyNames",
    "items",
    "additionalProperties",
)
_EVALUATED: Final = frozenset({"unevaluatedProperties", "unevaluatedItems"})
"""What one part says of them is no rule for the other, whose members are evaluated by then."""


_RULES: Final[dict[str, Callable[[Any, Any], Any]]] = {
    **dict.fromkeys(_LOWER_BOUNDS, max),
    **dict.fromkeys(_UPPER_BOUNDS, min),
    **dict.fromkeys(_SUBSCHEMAS, both),
    "uniqueItems": lambda a, b: a or b,
    DUPLICATES: lambda a, b: a or b,
    VERBATIM: lambda a, b: "words",
    "multipleOf": _common_multiple,
    "required": lambda a, b: [*a, *(name for name in b if name not in a)],
    "dependentRequired": lambda a, b: {**a, **b} if a.keys().isdisjoint(b) else None,
}
"""How a keyword of two schemas becomes one; a rule gives None if it cannot."""


def merge(a: JsonSchema, b: JsonSchema, drop: Drop) -> JsonSchema:
    """One schema for the values that meet both.

    Args:
        a: One schema.
        b: The other; its annotations win over those of `a`.
        drop: Told of each keyword that one schema cannot express, and that is left out.

    Raises:
        Unsatisfiable: If no value meets both.
    """
    if not a or not b:
        return a or b
    out = {**a, **b}
    for key in a.keys() & b.keys() & ASSERTIONS - _STRUCTURE:
        if a[key] == b[key]:
            continue
        kept = _RULES.get(key, _if_equal)(a[key], b[key])
        if kept is None and key in _EVALUATED:
            del out[key]
            drop(key, a[key] if b[key] is True else b[key])
        elif kept is None:
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
    lists: list[list[Any]] = []
    for schema in (a, b):
        lists += [[schema["const"]]] if "const" in schema else []
        lists += [schema["enum"]] if "enum" in schema else []
    if len(lists) < 2:
        return

    def is_in_all(value: Any) -> bool:
        return all(any(same_json(value, other) for other in listed) for listed in lists)

    kept = list(filter(is_in_all, lists[0]))
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
    """The schema of a member: its own property, or the rule for members that are not declared.

    Args:
        schema: The schema of the object.
        name: The member's name.
    """
    properties: dict[str, Schema] = schema.get("properties", {})
    if name in properties:
        return properties[name]
    patterns = schema.get("patternProperties", {})
    found = [sub for pattern, sub in patterns.items() if matches(pattern, name)]
    additional: Schema = schema.get("additionalProperties", True)
    return reduce(both, found) if found else additional


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
