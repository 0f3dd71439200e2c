"""Pydantic's core schemas: what a container holds, and how to build one from valid parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from pydantic_core import SchemaValidator

from structgen.schema.source.reader import Core, children

ANY: Final = {"type": "any"}
"""The core schema of anything."""
RECORDS: Final = frozenset({"model-fields", "dataclass-args", "typed-dict"})
"""Types of the nodes that hold the fields of a record."""
_LAYERS: Final = frozenset({"function-after", "model", "dataclass"})
"""Types of nodes around a container that change nothing before its members are read."""
_OWN_SCHEMA: Final = frozenset({"model", "dataclass", "typed-dict"})


def layers(node: Core) -> Iterable[Core]:
    """A container's node and the nodes inside it, down to the one that holds the members."""
    yield node
    while node["type"] in _LAYERS:
        node = node["schema"]
        yield node


def body_of(node: Core) -> Core:
    """The innermost of a container's layers, which holds the members."""
    *_, body = layers(node)
    return body


def fields_of(body: Core) -> list[tuple[str, Core]]:
    """Name and node of each field of a record."""
    fields = body["fields"]
    return [(f["name"], f) for f in fields] if isinstance(fields, list) else list(fields.items())


def schema_of_field(member: Core) -> Core:
    """A field's schema without its default: the answer states the field, or it is absent."""
    core = member["schema"]
    return core["schema"] if core["type"] == "default" else core


def keeps_extra(layer: Core) -> bool:
    """Whether a record keeps members that it does not declare."""
    configured = (layer.get("config") or {}).get("extra_fields_behavior")
    return "extras_schema" in layer or "allow" in (layer.get("extra_behavior"), configured)


def sees_other_fields(core: Core) -> bool:
    """Whether a field has a validator that is told about the fields before it."""
    if core.get("type", "").startswith("function-") and core["function"].get("type") == "with-info":
        return True
    return core["type"] not in _OWN_SCHEMA and any(map(sees_other_fields, children(core)))


def has_inner_default(core: Core) -> bool:
    """Whether a field has a default that its validators see."""
    if core["type"] == "default":
        return bool(core.get("validate_default")) or "default_factory_takes_data" in core
    while core["type"].startswith("function-") and "schema" in core:
        core = core["schema"]
        if core["type"] == "default":
            return True
    return False


def builder(node: Core) -> Callable[[Any], Any]:
    """A function that builds a container from its parts, without validating them again."""
    made: list[SchemaValidator] = []  # made by the first use

    def build(parts: Any) -> Any:
        if not made:
            made.append(SchemaValidator(_with_any_parts(node), None, _use_prebuilt=False))
        return made[0].validate_python(parts, strict=False)

    return build


def _with_any_parts(node: Core) -> Core:
    """A container's core schema with parts that may be anything."""
    node = {key: value for key, value in node.items() if key not in ("ref", "serialization")}
    if node["type"] in _LAYERS:
        return {**node, "schema": _with_any_parts(node["schema"])}
    if node["type"] == "list":
        return {**node, "items_schema": ANY}
    if node["type"] == "dict":
        return {**node, "values_schema": ANY}
    fields = node["fields"]
    if isinstance(fields, list):
        return {**node, "fields": [_with_any_value(field) for field in fields]}
    return {**node, "fields": {name: _with_any_value(field) for name, field in fields.items()}}


def _with_any_value(field: Core) -> Core:
    """A field that takes any value; its default stays."""
    core = field["schema"]
    return {**field, "schema": {**core, "schema": ANY} if core["type"] == "default" else ANY}
