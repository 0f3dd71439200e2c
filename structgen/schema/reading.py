"""How a type reads JSON: nothing that would lose information is coerced.

Pydantic's lax mode turns "5" into 5, 1 into True and 0 into 1970-01-01; its strict mode refuses 4.0 where JSON Schema says integer,
and what a user's own validator hands on. So the type's core schema is copied with its *leaves* made strict and everything else left
alone: dates, decimals, UUIDs, sets and tuples are read from their JSON forms, numbers and booleans only from themselves. What a
user's own "before" or "wrap" validator passes on is no longer JSON, and is read the way the type's author set it up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any, Final

from pydantic_core import PydanticCustomError, SchemaValidator, to_jsonable_python

Core = Any
"""A pydantic-core schema: nested dicts, each with a `type`."""

_ONE: Final = (
    *("schema", "items_schema", "keys_schema", "values_schema", "lax_schema", "strict_schema", "json_schema", "python_schema"),
    *("arguments_schema", "var_args_schema", "var_kwargs_schema", "extras_schema", "extras_keys_schema"),
)
_MANY: Final = ("choices", "steps", "definitions", "items_schema", "arguments_schema", "fields")
_STRICT: Final = frozenset({"float", "bool", "decimal", "date", "datetime", "time", "timedelta"})
_REWRITES: Final = frozenset({"function-before", "function-wrap"})
_MODELS: Final = frozenset({"model", "dataclass", "typed-dict", "call"})


def children(node: Core) -> Iterator[Core]:
    """The schemas directly inside a core schema."""
    for key in _ONE:
        if isinstance(child := node.get(key), dict):
            yield child
    for key in _MANY:
        many = node.get(key)
        for child in many.values() if isinstance(many, dict) and "type" not in many else many if isinstance(many, list) else ():
            yield child[0] if isinstance(child, tuple) else child


def mapped(node: Core, change: Callable[[Core], Core]) -> Core:
    """A copy of a core schema with `change` made to each schema directly inside."""

    def one(child: Any) -> Any:
        return (change(child[0]), *child[1:]) if isinstance(child, tuple) else change(child) if isinstance(child, dict) else child

    copy = dict(node)
    for key in _ONE:
        if isinstance(node.get(key), dict):
            copy[key] = change(node[key])
    for key in _MANY:
        many = node.get(key)
        if isinstance(many, list):
            copy[key] = [one(child) for child in many]
        elif isinstance(many, dict) and "type" not in many:
            copy[key] = {name: one(child) for name, child in many.items()}
    return copy


def json_validator(core: Core) -> SchemaValidator:
    """A validator that reads JSON into the type without loss."""
    return SchemaValidator(_strict(core, False), None, _use_prebuilt=False)  # type: ignore[call-arg]


def _strict(node: Core, own: bool) -> Core:
    """`own`: the value reaching this node comes from a user's validator."""
    kind = node["type"]
    if not own and node.get("strict") is None:
        if kind == "int":
            return _integer(node)
        if kind == "literal":
            return _constants(node, node["expected"])
        if kind == "enum":
            return _constants(node, [member.value for member in node["members"]])
        if kind in _STRICT:
            return node | {"strict": True} | ({"allow_inf_nan": False} if kind == "float" else {})
    if kind in _REWRITES:
        own = True
    elif kind in _MODELS and own != "direct":
        own = False
    return mapped(node, lambda child: _strict(child, own))


def _integer(node: Core) -> Core:
    """4.0 is an integer in JSON Schema, "4" and true are not."""
    rest, node = _outer(node)
    whole = {"type": "chain", "steps": [{"type": "float", "strict": True}, node | {"strict": False}]}
    return {"type": "union", "mode": "left_to_right", "choices": [node | {"strict": True}, whole], **rest}


def _constants(node: Core, values: list[Any]) -> Core:
    """Constants are compared as JSON does: true is not 1, and what JSON cannot carry stands for itself in its JSON form."""
    kinds = {type(value) for value in values}
    if kinds <= {str, NoneType, float}:
        return node | ({"strict": True} if node["type"] == "enum" else {})
    rest, node = _outer(node)
    if kinds == {int}:
        return {"type": "chain", "steps": [_integer({"type": "int"}), node], **rest}
    by_json = {constant_key(to_jsonable_python(value)): value for value in reversed(values)}

    def known(value: Any) -> Any:
        if (key := constant_key(value)) not in by_json:
            raise PydanticCustomError("constant", "Input should be one of the constants")
        return by_json[key]

    return {"type": "function-before", "function": {"type": "no-info", "function": known}, "schema": node, **rest}


def constant_key(value: Any) -> str:
    """Two constants are equal in JSON just if their keys are: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)


def _outer(node: Core) -> tuple[Core, Core]:
    """What belongs to the node as a place (its name, its serialization), and the rest."""
    outer = {key: node[key] for key in ("ref", "metadata", "serialization") if key in node}
    return outer, {key: value for key, value in node.items() if key not in outer}
