"""Which input each part of a value is typed into, by its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from structgen.values import Json

_DEEPEST: Final = 12
"""Levels below which a value is typed as JSON; schemas may contain themselves."""
_PLAIN: Final = {"integer": "number", "number": "number", "boolean": "boolean"}
_FORMATS: Final = {"date": "date", "time": "text", "date-time": "text"}


def input_of(schema: Json, root: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """Describe the input for a value.

    Args:
        schema: The schema of the value.
        root: The whole schema, in which references are looked up.
        depth: How deep the value is.

    Returns:
        `kind`: text, date, number, boolean, choice, list, object or json; `options` of a choice,
        `items` of a list, `members` of an object; `nullable` if it may be null.
    """
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return {"kind": "json"}
    if isinstance(schema.get("$ref"), str):
        return input_of(_resolved(schema["$ref"], root), root, depth + 1)
    if "const" in schema or isinstance(schema.get("enum"), list):
        return {"kind": "choice", "options": schema.get("enum") or [schema.get("const")]}
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            return _alternatives(schema[word], root, depth)
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return _alternatives([{**schema, "type": kind} for kind in kinds], root, depth)
    if kinds == "object" and isinstance(schema.get("properties"), dict):
        required = schema.get("required") or ()
        described = {
            name: {**input_of(one, root, depth + 1), "required": name in required}
            for name, one in schema["properties"].items()
        }
        return {"kind": "object", "members": described}
    if kinds == "array" and isinstance(schema.get("items"), dict):
        return {"kind": "list", "items": input_of(schema["items"], root, depth + 1)}
    if kinds == "string":
        return {"kind": _FORMATS.get(str(schema.get("format")), "text")}
    return {"kind": _PLAIN.get(str(kinds), "json")}


def _alternatives(schemas: list[Any], root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """One alternative beside null has its own input; several are typed as JSON."""
    others = [one for one in schemas if not (isinstance(one, dict) and one.get("type") == "null")]
    if len(others) != 1:
        return {"kind": "json"}
    nullable = len(others) < len(schemas)
    return {**input_of(others[0], root, depth + 1), "nullable": nullable}


def _resolved(reference: str, root: Mapping[str, Any]) -> Json:
    found: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found
