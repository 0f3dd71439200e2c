"""How a type reads JSON: nothing that would lose information is coerced.

Pydantic's lax mode turns "5" into 5, 1 into True and 0 into 1970-01-01; its strict mode refuses
4.0 where JSON Schema says integer, and what a user's own validator hands on. So the type's core
schema is copied with its *leaves* made strict and everything else left alone: dates, decimals,
UUIDs, sets and tuples are read from their JSON forms, numbers and booleans only from
themselves. What a user's own "before" or "wrap" validator passes on is no longer JSON: down to
the next model inside, it is read the way the type's author set it up.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import NoneType
from typing import Any, Final

from pydantic_core import PydanticCustomError, SchemaValidator, to_jsonable_python

Core = Any
"""A pydantic-core schema: nested dicts, each with a `type`."""

_ONE: Final = (
    *(
        "schema",
        "items_schema",
        "keys_schema",
        "values_schema",
        "lax_schema",
        "strict_schema",
        "json_schema",
        "python_schema",
    ),
    *(
        "arguments_schema",
        "var_args_schema",
        "var_kwargs_schema",
        "extras_schema",
        "extras_keys_schema",
    ),
)
_MANY: Final = ("choices", "steps", "definitions", "items_schema", "arguments_schema", "fields")
_STRICT: Final = frozenset({"float", "bool", "decimal", "date", "datetime", "time", "timedelta"})
_WHOLE: Final = {"microseconds_precision": "error"}
_FINER: Final = {
    "float": {"allow_inf_nan": False},
    "datetime": _WHOLE,
    "time": _WHOLE,
    "timedelta": _WHOLE,
}
"""Neither infinity for 1e400 nor a time cut short."""
_REWRITES: Final = frozenset({"function-before", "function-wrap"})
_MODELS: Final = frozenset(
    {"model-fields", "dataclass-args", "typed-dict", "named-tuple", "arguments"}
)


def children(node: Core) -> Iterator[Core]:
    """The schemas directly inside a core schema."""
    for key in _ONE:
        if isinstance(child := node.get(key), dict):
            yield child
    for key in _MANY:
        many = node.get(key)
        for child in many.values() if _is_table(many) else many if isinstance(many, list) else ():
            inner = child[0] if isinstance(child, tuple) else child
            if isinstance(inner, dict):
                yield inner


def _is_table(many: Any) -> bool:
    """Schemas by the names of fields or tags, and not one schema; a field may be named `type` too."""
    return isinstance(many, dict) and not isinstance(many.get("type"), str)


def mapped(node: Core, change: Callable[[Core], Core]) -> Core:
    """A copy of a core schema with `change` made to each schema directly inside."""

    def one(child: Any) -> Any:
        return (
            (change(child[0]), *child[1:])
            if isinstance(child, tuple)
            else change(child)
            if isinstance(child, dict)
            else child
        )

    copy = dict(node)
    for key in _ONE:
        if isinstance(node.get(key), dict):
            copy[key] = change(node[key])
    for key in _MANY:
        many = node.get(key)
        if isinstance(many, list):
            copy[key] = [one(child) for child in many]
        elif _is_table(many):
            copy[key] = {name: one(child) for name, child in many.items()}
    return copy


def is_pydantics(function: Any) -> bool:
    """Whether a function in a core schema is Pydantic's own."""
    module = getattr(getattr(function, "__func__", function), "__module__", None) or ""
    return module.partition(".")[0] in ("pydantic", "pydantic_core", "pydantic_extra_types")


def is_users(function: Any) -> bool:
    """Whether a function in a core schema is a user's: neither Pydantic's nor the standard
    library's."""
    module = (
        getattr(getattr(function, "__func__", function), "__module__", None)
        or type(function).__module__
    )
    return not is_pydantics(function) and module.partition(".")[0] not in sys.stdlib_module_names


def json_validator(core: Core, *, exact: bool = False) -> SchemaValidator:
    """A validator that reads JSON into the type without loss. `exact`: it takes `digits_of` for
    a number."""
    strict = _strict(core, 0)
    return SchemaValidator(_exact(strict) if exact else strict, None, _use_prebuilt=False)


def contains(core: Core, kinds: frozenset[str]) -> bool:
    """Whether a core schema has a node of one of these types."""
    return core["type"] in kinds or any(contains(child, kinds) for child in children(core))


def _strict(node: Core, own: int) -> Core:
    """`own`: for how many models down the values come from a user's validator, and not from JSON."""
    kind = node["type"]
    if not own and node.get("strict") is None:
        if kind == "int":
            return _integer(node)
        if kind == "literal":
            return _constants(node, node["expected"])
        if kind == "enum":
            return _constants(node, [member.value for member in node["members"]])
        if kind in _STRICT:
            return node | {"strict": True} | _FINER.get(kind, {})
    if kind in _REWRITES:
        own = 2
    elif kind in _MODELS and own:
        own -= 1
    return mapped(node, lambda child: _strict(child, own))


def _integer(node: Core) -> Core:
    """4.0 is an integer in JSON Schema, "4" and true are not."""
    rest, node = _outer(node)
    whole = {
        "type": "chain",
        "steps": [{"type": "float", "strict": True}, node | {"strict": False}],
    }
    return {
        "type": "union",
        "mode": "left_to_right",
        "choices": [node | {"strict": True}, whole],
        **rest,
    }


def _constants(node: Core, values: list[Any]) -> Core:
    """Constants are compared as JSON does: true is not 1, and what JSON cannot carry stands for
    itself in its JSON form."""
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

    return {
        "type": "function-before",
        "function": {"type": "no-info", "function": known},
        "schema": node,
        **rest,
    }


def constant_key(value: Any) -> str:
    """Two constants are equal in JSON just if their keys are: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)


def _outer(node: Core) -> tuple[Core, Core]:
    """What belongs to the node as a place (its name, its serialization), and the rest."""
    outer = {key: node[key] for key in ("ref", "metadata", "serialization") if key in node}
    return outer, {key: value for key, value in node.items() if key not in outer}


# ---- numbers that a float would shorten ----------------------------------------------

_DIGITS: Final = "\x00digits:"


def digits_of(number: str) -> str:
    """A number's digits, marked so that only a place for decimals takes them."""
    return _DIGITS + number


def _exact(node: Core) -> Core:
    """Decimals take marked digits, text does not, and free-form places take them for the number
    they are."""
    kind = node["type"]
    if kind == "decimal":
        rest, node = _outer(node)
        steps = [{"type": "str"}, _function("plain", _decimal), node | {"strict": False}]
        return {
            "type": "union",
            "mode": "left_to_right",
            "choices": [{"type": "chain", "steps": steps}, node],
            **rest,
        }
    if kind == "str":
        rest, node = _outer(node)
        return _function("after", _text) | {"schema": node, **rest}
    if kind == "any":
        rest, node = _outer(node)
        return _function("after", _number) | {"schema": node, **rest}
    return mapped(node, _exact)


def _function(kind: str, function: Callable[[Any], Any]) -> Core:
    return {"type": f"function-{kind}", "function": {"type": "no-info", "function": function}}


def _decimal(value: str) -> Decimal:
    if not value.startswith(_DIGITS):
        raise ValueError
    return Decimal(value.removeprefix(_DIGITS))


def _text(value: str) -> str:
    if value.startswith(_DIGITS):
        raise ValueError
    return value


def _number(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _number(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_number(item) for item in value]
    return (
        float(value.removeprefix(_DIGITS))
        if isinstance(value, str) and value.startswith(_DIGITS)
        else value
    )
