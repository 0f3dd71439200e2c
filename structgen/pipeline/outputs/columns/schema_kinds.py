"""From the JSON Schema of a target to the kinds of its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Final

from structgen.pipeline.outputs.columns.kinds import (
    Choice,
    Clock,
    Day,
    Entries,
    Exact,
    Flag,
    Integer,
    JsonText,
    Kind,
    Many,
    Moment,
    Number,
    Struct,
    Text,
)
from structgen.schema.json import resolve
from structgen.schema.validate.text_forms import CLOCK, DAY, OFFSET
from structgen.values import JsonSchema

_FORMATS: Final[Mapping[str, Callable[[], Kind]]] = {
    "date": Day,
    "time": Clock,
    "date-time": Moment,
}
_PATTERNS: Final[Mapping[str, Callable[[], Kind]]] = {
    f"^{DAY}$": Day,
    f"^{CLOCK}{OFFSET}?$": Clock,
    f"^{DAY}[T ]{CLOCK}{OFFSET}?$": Moment,
}
"""How the schemas of Python types write what has no format of its own."""
_SCALARS: Final[Mapping[str, Callable[[], Kind]]] = {
    "boolean": Flag,
    "integer": Integer,
    "number": Number,
}


def kind_of(schema: Any, root: JsonSchema, inside: Sequence[str] = ()) -> Kind:
    """Give the kind of the values of a schema.

    Args:
        schema: The schema; part of a root.
        root: The whole schema, for references.
        inside: The references that lead here: a schema inside itself has no columns, and is text.

    Returns:
        The kind. What has no type of its own, such as the union of a list and a number, is JSON
        text.
    """
    if not isinstance(schema, dict):
        return JsonText()
    if ref := schema.get("$ref"):
        if ref in inside:
            return JsonText()
        return kind_of(resolve(root, ref), root, (*inside, ref))
    if "const" in schema:
        return _of_values([schema["const"]])
    if "enum" in schema:
        return _of_values(schema["enum"])
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return _of_union(schema[keyword], root, inside)
    if len(schema.get("allOf", ())) == 1 and "properties" not in schema:
        return kind_of(schema["allOf"][0], root, inside)
    return _of_types(schema, root, inside)


def _of_types(schema: JsonSchema, root: JsonSchema, inside: Sequence[str]) -> Kind:
    types = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(types, list):
        alternatives = [{**schema, "type": one} for one in types]
        return _of_union(alternatives, root, inside)
    if scalar := _SCALARS.get(str(types)):
        return scalar()
    if types == "string":
        return _of_text(schema)
    if types == "array":
        return _of_array(schema, root, inside)
    if types == "object":
        return _of_object(schema, root, inside)
    return JsonText()


def _of_text(schema: JsonSchema) -> Kind:
    make = _FORMATS.get(schema.get("format", "")) or _PATTERNS.get(schema.get("pattern", ""))
    return Text() if make is None else make()


def _of_array(schema: JsonSchema, root: JsonSchema, inside: Sequence[str]) -> Kind:
    first = [kind_of(one, root, inside) for one in schema.get("prefixItems", ())]
    items = schema.get("items")
    if items is not None and items is not False:
        first.append(kind_of(items, root, inside))
    if not first:
        return Many(JsonText())
    item = reduce(merged, first)
    if len(first) > 1 and isinstance(item, JsonText):
        return JsonText()  # a tuple of different types
    return Many(item)


def _of_object(schema: JsonSchema, root: JsonSchema, inside: Sequence[str]) -> Kind:
    fields = {
        name: kind_of(one, root, inside) for name, one in schema.get("properties", {}).items()
    }
    if fields:
        return Struct(fields)
    others = [*schema.get("patternProperties", {}).values()]
    if isinstance(schema.get("additionalProperties"), dict):
        others.append(schema["additionalProperties"])
    if not others:
        return JsonText()
    return Entries(reduce(merged, [kind_of(one, root, inside) for one in others]))


def _of_values(values: Iterable[Any]) -> Kind:
    values = [value for value in values if value is not None]
    if values and all(isinstance(value, str) for value in values):
        return Choice(values)
    if values and all(isinstance(value, bool) for value in values):
        return Flag()
    if values and all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return Integer()
    return JsonText()


def _of_union(alternatives: Sequence[Any], root: JsonSchema, inside: Sequence[str]) -> Kind:
    some = [one for one in alternatives if one != {"type": "null"}]
    types = [one.get("type") if isinstance(one, dict) else None for one in some]
    if sorted(map(str, types)) == ["number", "string"] and any("pattern" in one for one in some):
        return Exact()  # how the schema of Decimal is written
    if not some:
        return JsonText()
    return reduce(merged, [kind_of(one, root, inside) for one in some])


def merged(one: Kind, other: Kind) -> Kind:
    """Give the kind that holds the values of both: JSON text if they have nothing in common."""
    if isinstance(one, Struct) and isinstance(other, Struct):
        names = dict.fromkeys((*one.fields, *other.fields))
        return Struct({name: _either(one.fields, other.fields, name) for name in names})
    if isinstance(one, Choice) and isinstance(other, Choice):
        return Choice(list(dict.fromkeys((*one.values, *other.values))))
    if isinstance(one, Many) and isinstance(other, Many):
        return Many(merged(one.item, other.item))
    if isinstance(one, Entries) and isinstance(other, Entries):
        return Entries(merged(one.value, other.value))
    kinds = {type(one), type(other)}
    if kinds <= {Text, Choice}:
        return Text()
    if kinds == {Integer, Number}:
        return Number()
    return one if len(kinds) == 1 else JsonText()


def _either(one: Mapping[str, Kind], other: Mapping[str, Kind], name: str) -> Kind:
    if name in one and name in other:
        return merged(one[name], other[name])
    return one[name] if name in one else other[name]
