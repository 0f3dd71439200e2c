"""Names that fields have on the wire alone: what a model is asked for under another name.

A property says so with the keyword `x-wire-name`. Values, paths and results keep the field's own
name; the codec of the record (`codecs/records.py`) maps one to the other. Texts that are told to a
model beside the schema, such as what is wrong with its answer, are mapped here, by the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from structgen.errors import SchemaError
from structgen.schema.inside import described_by, inside
from structgen.schema.json import escape, pointer, to_text, unescape
from structgen.schema.stripped import without_keywords
from structgen.values import Json, JsonSchema

WIRE_NAME: Final = "x-wire-name"
"""The keyword of a property that is asked for under another name."""


def wire_names_of(properties: Mapping[str, Any], others: Iterable[str], at: str) -> dict[str, str]:
    """Give the names on the wire of the properties that have another one there.

    Args:
        properties: The schemas of a record's properties by name.
        others: Names of members besides, which no property may be called.
        at: The JSON Pointer of the record's schema, for errors.

    Raises:
        SchemaError: If one is no text or empty, if two are the same, or if one is another
            property's own name.
    """
    found: dict[str, str] = {}
    own = {*properties, *others}
    for name, sub in properties.items():
        wire = _told(sub)
        if wire is None:
            continue
        if not isinstance(wire, str) or not wire:
            raise _unfit(at, name, f"is {to_text(wire)}, and has to be a text that is not empty")
        if wire != name and wire in own:
            raise _unfit(at, name, f"is {wire!r}, which is the own name of another field")
        if wire in found.values():
            other = next(one for one, taken in found.items() if taken == wire)
            raise _unfit(at, name, f"is {wire!r}, and so is that of {other!r}")
        if wire != name:
            found[name] = wire
    return found


def _told(sub: Any) -> Any:
    """What a property says of its name on the wire; None if it says nothing."""
    if not isinstance(sub, dict):
        return None
    if WIRE_NAME in sub:
        wire = sub[WIRE_NAME]
        return "" if wire is None else wire
    return next((wire for wire in map(_told, sub.get("allOf", ())) if wire is not None), None)


def _unfit(at: str, name: str, why: str) -> SchemaError:
    return SchemaError(
        f"The name on the wire of the field {name!r} {why}.",
        path=f"{at}/properties/{escape(name)}",
        keyword=WIRE_NAME,
        hint="Give each field of a record a name of its own there.",
    )


def without_wire_names(schema: Any) -> Any:
    """Remove the keyword from a schema, as it makes no difference to values.

    Args:
        schema: The schema.

    Returns:
        The same object if there is no such keyword in it, else a copy.
    """
    return without_keywords(schema, {WIRE_NAME}) if has_wire_names(schema) else schema


def has_wire_names(schema: Json) -> bool:
    """Tell whether a schema may have names on the wire; errs on yes.

    Args:
        schema: The schema.
    """
    return f'"{WIRE_NAME}"' in to_text(schema)


# ---- what is told beside the schema -----------------------------------------------------------


def path_on_wire(root: JsonSchema, path: str) -> str:
    """Give the path of a value as a model knows it.

    Args:
        root: The schema of the whole.
        path: A JSON Pointer into the value.
    """
    if not has_wire_names(root):
        return path
    return pointer(steps_on_wire(root, list(map(unescape, path.split("/")[1:]))))


def steps_on_wire(root: JsonSchema, path: Sequence[str | int]) -> tuple[str | int, ...]:
    """Give the names and indices that lead to a value as a model knows them.

    Args:
        root: The schema of the whole.
        path: Those that lead to it in the value.
    """
    schemas = described_by(root, [root])
    found: list[str | int] = []
    for step in path:
        key = step
        if isinstance(step, str) and step.isdecimal():
            is_name = any(step in _properties(node) for node in schemas)
            key = step if is_name else int(step)
        found.append(_on_wire(schemas, step) if isinstance(step, str) else step)
        schemas = inside(root, schemas, key)
    return tuple(found)


def on_wire(root: JsonSchema, data: Json) -> Json:
    """Give a value with the names that a model knows.

    Args:
        root: The schema of the value.
        data: The value, as plain data.
    """
    return _renamed(root, data, _on_wire)


def off_wire(root: JsonSchema, data: Json) -> Json:
    """Give an answer with the fields' own names; nothing else about it changes.

    Args:
        root: The schema of the value.
        data: The answer, as plain data.
    """
    return _renamed(root, data, _off_wire)


_NameOf: TypeAlias = Callable[[Sequence[JsonSchema], str], str]


def _renamed(root: JsonSchema, data: Json, name_of: _NameOf) -> Json:
    if not has_wire_names(root):
        return data

    def walk(schemas: Sequence[JsonSchema], part: Json) -> Json:
        if isinstance(part, list):
            return [walk(inside(root, schemas, i), item) for i, item in enumerate(part)]
        if not isinstance(part, dict):
            return part
        found: dict[str, Json] = {}
        for key, item in part.items():
            named = name_of(schemas, key)
            own = named if name_of is _off_wire else key
            found[named] = walk(inside(root, schemas, own), item)
        return found

    return walk(described_by(root, [root]), data)


def _on_wire(schemas: Sequence[JsonSchema], name: str) -> str:
    """The name on the wire of a member of a place; its own if it has no other."""
    names = (_told(_properties(node).get(name)) for node in schemas)
    return next((wire for wire in names if isinstance(wire, str)), name)


def _off_wire(schemas: Sequence[JsonSchema], wire: str) -> str:
    """The own name of a member of a place; what it is called if it is called nothing else."""
    found = (pair for node in schemas for pair in _properties(node).items())
    return next((name for name, sub in found if _told(sub) == wire), wire)


def _properties(node: JsonSchema) -> Mapping[str, Any]:
    properties = node.get("properties")
    return properties if isinstance(properties, dict) else {}
