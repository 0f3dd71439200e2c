"""Which input each part of a value is typed into, by its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from structgen.values import Json

_DEEPEST: Final = 60
"""Levels below which a value is typed as JSON."""
_PLAIN: Final = {"integer": "number", "number": "number", "boolean": "boolean"}
_FORMATS: Final = {"date": "date"}


def inputs_of(schema: Mapping[str, Any]) -> dict[str, Json]:
    """Describe the inputs for the values of a schema.

    Args:
        schema: The schema.

    Returns:
        `input`, see `input_of`, and `shared`: the inputs of the parts that are referred to, by
        reference. Schemas may contain themselves.
    """
    shared: dict[str, Json] = {}
    waiting = [top := input_of(schema)]
    while waiting:
        for reference in _references(waiting.pop()):
            if reference not in shared:
                found = input_of(_resolved(reference, schema))
                shared[reference] = found
                waiting.append(found)
    return {"input": top, "shared": shared}


def input_of(schema: Json, depth: int = 0) -> dict[str, Any]:
    """Describe the input for a value.

    Args:
        schema: The schema of the value.
        depth: How deep the value is.

    Returns:
        `kind`: text, date, number, boolean, choice, list, object, json, or shared, which has the
        reference as `at`; `options` of a choice, `items` of a list, `members` of an object;
        `nullable` if it may be null.
    """
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return {"kind": "json"}
    if isinstance(schema.get("$ref"), str):
        return {"kind": "shared", "at": schema["$ref"]}
    if "const" in schema:
        return {"kind": "choice", "options": [schema["const"]]}
    if isinstance(schema.get("enum"), list):
        return {"kind": "choice", "options": schema["enum"]}
    for word in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(word), list):
            return _alternatives(schema[word], depth)
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return _alternatives([{**schema, "type": kind} for kind in kinds], depth)
    if kinds == "object" and isinstance(schema.get("properties"), dict):
        required = schema.get("required") or ()
        described = {
            name: {**input_of(one, depth + 1), "required": name in required}
            for name, one in schema["properties"].items()
        }
        return {"kind": "object", "members": described}
    if kinds == "array" and isinstance(schema.get("items"), dict) and "prefixItems" not in schema:
        return {"kind": "list", "items": input_of(schema["items"], depth + 1)}
    if kinds == "string":
        return {"kind": _FORMATS.get(str(schema.get("format")), "text")}
    return {"kind": _PLAIN.get(str(kinds), "json")}


def _alternatives(schemas: list[Any], depth: int) -> dict[str, Any]:
    """One alternative beside null has its own input; several are typed as JSON."""
    others = [one for one in schemas if not (isinstance(one, dict) and one.get("type") == "null")]
    nullable = len(others) < len(schemas)
    found = input_of(others[0], depth + 1) if len(others) == 1 else {"kind": "json"}
    return {**found, "nullable": True} if nullable else found


def _references(described: Mapping[str, Any]) -> list[str]:
    """The references in an input."""
    if described["kind"] == "shared":
        return [described["at"]]
    parts = [*described.get("members", {}).values()]
    parts += [described["items"]] if "items" in described else []
    return [reference for part in parts for reference in _references(part)]


def _resolved(reference: str, root: Mapping[str, Any]) -> Json:
    found: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found
