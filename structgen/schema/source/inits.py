"""Models with an `__init__` of their own: their fields are read first, whatever it does.

A database table of SQLModel, for one, takes any keywords without a look at them.
"""

from __future__ import annotations

from typing import Any, Final

from structgen.schema.source.wire_path import wire_path

Core = Any
_WRAPPERS: Final = frozenset({"function-before", "function-after", "function-wrap"})


class _Read:
    """Holds the fields that were read."""

    __slots__ = (
        "__dict__",
        "__pydantic_extra__",
        "__pydantic_fields_set__",
        "__pydantic_private__",
    )


def with_read_fields(node: Core) -> Core:
    """A model whose `__init__` is called with its fields as they were read.

    Args:
        node: The core schema of a model, already strict inside.
    """
    fields = _fields_of(node["schema"])
    if not node.get("custom_init") or fields is None:
        return node
    by_name = not node.get("config", {}).get("validate_by_alias", True)
    names = {name: _keyword(field, name, by_name) for name, field in fields.items()}
    cls = node["cls"]

    def build(read: Any) -> Any:
        present, held = read.__pydantic_fields_set__, read.__dict__
        given = {names[name]: held[name] for name in held if name in present}
        return cls(**given, **(read.__pydantic_extra__ or {}))

    outer = {key: node[key] for key in ("ref", "metadata", "serialization") if key in node}
    inner = {key: value for key, value in node.items() if key not in outer}
    inner |= {"cls": _Read, "custom_init": False}
    inner.pop("post_init", None)
    function = {"type": "no-info", "function": build}
    return {"type": "function-after", "function": function, "schema": inner, **outer}


def _fields_of(node: Core) -> dict[str, Core] | None:
    while node["type"] in _WRAPPERS:
        node = node["schema"]
    fields: dict[str, Core] | None = node["fields"] if node["type"] == "model-fields" else None
    return fields


def _keyword(field: Core, name: str, by_name: bool) -> str:
    """The keyword under which `__init__` takes a field."""
    path = wire_path(field, name, by_name)
    return str(path[0]) if len(path) == 1 else name
