"""The place of a type's field in JSON: its name, an alias, or the end of a path."""

from __future__ import annotations

from typing import Any

from structgen.values import JsonSchema


def wire_path(field: Any, name: str, by_name: bool) -> list[str | int]:
    """The keys that lead to a field in JSON.

    Several aliases: the first that is a plain name, else the first path.

    Args:
        field: The field's core schema.
        name: The field's name in the type.
        by_name: Whether the type is read by names and not by aliases.
    """
    if by_name or field["type"] == "computed-field":
        return [name]
    alias = field.get("validation_alias", name)
    if isinstance(alias, str):
        return [alias]
    paths = alias if alias and isinstance(alias[0], list) else [alias]
    return next((path for path in paths if len(path) == 1), list(paths[0]))


def place_field(
    schema: JsonSchema, path: list[str | int], field: JsonSchema, required: bool
) -> None:
    """Put a field's schema at `path` below `schema`, with the objects and arrays on the way."""
    step, rest = path[0], path[1:]
    holder: Any
    if isinstance(step, int):
        holder = schema.setdefault("prefixItems", [])
        holder.extend({} for _ in range(step + 1 - len(holder)))
        if required:
            schema["minItems"] = max(schema.get("minItems", 0), step + 1)
    else:
        holder = schema.setdefault("properties", {})
        if required and step not in schema.setdefault("required", []):
            schema["required"].append(step)
    if not rest:
        holder[step] = field
        return
    inner = holder[step] if isinstance(step, int) else holder.get(step)
    if not inner:
        holder[step] = inner = {"type": "array" if isinstance(rest[0], int) else "object"}
    place_field(inner, rest, field, required)
