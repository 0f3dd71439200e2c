"""A target with names on the wire that a call gives, beside those that its schema says."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final, TypeVar

from structgen.errors import ConfigurationError
from structgen.schema.json import pointer, unescape
from structgen.schema.places import no_such_place, nodes_at
from structgen.schema.target import Target
from structgen.schema.wire_names import WIRE_NAME, wire_names_of

T = TypeVar("T")

_ARGUMENT: Final = "wire_names"


def renamed(target: Target[T], names: Mapping[str, str]) -> Target[T]:
    """Give a target whose fields are asked for under other names. The second call is a look-up.

    Args:
        target: The target. Names that an earlier call gave it are forgotten.
        names: The name on the wire of each field, by its JSON Pointer with `*` for any key or
            index. A field without one here keeps the one that its schema says.

    Raises:
        ConfigurationError: If a path leads to no field, or two paths to one field that has two
            names.
        SchemaError: If two fields of a record have one name.
    """
    plain = target if target.unnamed is None else target.unnamed
    if not names:
        return plain
    if plain.unbound is not None:
        return renamed(plain.unbound, names).with_context(plain.context)
    key = _ARGUMENT, tuple(names.items())
    if key not in plain.compiled:
        plain.compiled[key] = plain.with_schema(_named(plain.schema, names))
    found: Target[T] = plain.compiled[key]
    return found


def _named(schema: Any, names: Mapping[str, str]) -> Any:
    """A copy of a schema with names."""
    root = deepcopy(schema)
    given: dict[tuple[int, str], str] = {}
    for path, wire in names.items():
        *above, last = map(unescape, path.split("/")[1:] or [""])
        records = [
            node
            for node in nodes_at(root, pointer(above), _ARGUMENT)
            if last in node.get("properties", {})
        ]
        if not records or not path.startswith("/"):
            raise no_such_place(root, path, _ARGUMENT)
        for record in records:
            if given.setdefault((id(record), last), wire) != wire:
                raise ConfigurationError(
                    f"`{_ARGUMENT}` gives {path!r} another name than a path to the same field of "
                    "the same type.",
                    hint="Give the field one name: it is the same wherever its type is used.",
                )
            own = record["properties"][last]
            own = own if isinstance(own, dict) else {}
            record["properties"][last] = {**own, WIRE_NAME: wire}
    for path in names:
        above = [unescape(step) for step in path.split("/")[1:-1]]
        for record in nodes_at(root, pointer(above), _ARGUMENT):
            required = record.get("required", ())
            wire_names_of(record.get("properties", {}), required, pointer(above))
    return root
