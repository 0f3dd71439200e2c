"""How a type reads JSON: nothing that would lose information is coerced.

Pydantic's lax mode turns "5" into 5, 1 into True and 0 into 1970-01-01. Its strict mode
refuses 4.0 for an integer, which JSON Schema allows, and refuses what a user's own
validator returns. So the type's core schema is copied with strict *leaves* and
everything else unchanged: dates, decimals, UUIDs, sets and tuples are read from their
JSON forms, numbers and booleans only from themselves. What a user's "before" or "wrap"
validator returns is no longer JSON: down to the next model inside, it is read as the
type's author set it up.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import NoneType
from typing import Any, Final, NamedTuple

from pydantic_core import PydanticCustomError, SchemaValidator, to_jsonable_python

from structgen.schema.json import constant_key
from structgen.schema.source.inits import with_read_fields
from structgen.schema.source.text_only import (
    DIGITS,
    held_to_form,
    is_plain_key,
    key_form,
    with_bounded_pattern,
    with_distinct_keys,
)
from structgen.schema.validate.text_forms import text_form

Core = Any
"""A pydantic-core schema: nested dicts, each with a `type`."""

_ONE: Final = (
    "schema",
    "items_schema",
    "keys_schema",
    "values_schema",
    "lax_schema",
    "strict_schema",
    "json_schema",
    "python_schema",
    "arguments_schema",
    "var_args_schema",
    "var_kwargs_schema",
    "extras_schema",
    "extras_keys_schema",
)
"""Keys of a core schema that hold one schema."""
_MANY: Final = ("choices", "steps", "definitions", "items_schema", "arguments_schema", "fields")
"""Keys that hold several, in a list or by name."""
_STRICT: Final = frozenset({"float", "bool", "decimal", "date", "datetime", "time", "timedelta"})
_EXACT_TIME: Final = {"microseconds_precision": "error"}
_FINER: Final = {
    "float": {"allow_inf_nan": False},
    "datetime": _EXACT_TIME,
    "time": _EXACT_TIME,
    "timedelta": _EXACT_TIME,
}
"""Options that refuse infinity for 1e400, and a time that would be cut short."""
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
        if _is_table(many):
            many = [*many.values()]
        if not isinstance(many, list):
            continue
        for child in many:
            inner = child[0] if isinstance(child, tuple) else child
            if isinstance(inner, dict):
                yield inner


def _is_table(many: Any) -> bool:
    """Whether these are schemas by name, and not one schema; a field may be named `type` too."""
    return isinstance(many, dict) and not isinstance(many.get("type"), str)


def mapped(node: Core, change: Callable[[Core], Core]) -> Core:
    """A copy of a core schema with `change` applied to each schema directly inside."""

    def changed(child: Any) -> Any:
        if isinstance(child, tuple):
            return (change(child[0]), *child[1:])
        return change(child) if isinstance(child, dict) else child

    copy = dict(node)
    for key in _ONE:
        if isinstance(node.get(key), dict):
            copy[key] = change(node[key])
    for key in _MANY:
        many = node.get(key)
        if isinstance(many, list):
            copy[key] = [changed(child) for child in many]
        elif _is_table(many):
            copy[key] = {name: changed(child) for name, child in many.items()}
    return copy


def is_pydantics(function: Any) -> bool:
    """Whether a function in a core schema is Pydantic's own."""
    return package_of(function) in ("pydantic", "pydantic_core", "pydantic_extra_types")


def is_users(function: Any) -> bool:
    """Whether a function in a core schema is neither Pydantic's nor the standard library's."""
    package = package_of(function) or type(function).__module__.partition(".")[0]
    return not is_pydantics(function) and package not in sys.stdlib_module_names


def package_of(function: Any) -> str:
    module = getattr(getattr(function, "__func__", function), "__module__", None) or ""
    return module.partition(".")[0]


def json_validator(core: Core, *, exact: bool = False) -> SchemaValidator:
    """A validator that reads JSON into the type without loss.

    Args:
        core: The type's core schema.
        exact: Whether it takes the marked digits of `digits_of` as a number.
    """
    strict = _strict(core, _Place())
    return SchemaValidator(_exact(strict) if exact else strict, None, _use_prebuilt=False)


def contains(core: Core, kinds: frozenset[str]) -> bool:
    """Whether a core schema has a node of one of these types."""
    return core["type"] in kinds or any(contains(child, kinds) for child in children(core))


class _Place(NamedTuple):
    """Where a node of a core schema is."""

    own: int = 0
    """How many models down values are still made by a user's validator and not JSON."""
    is_key: bool = False
    """Whether it reads the keys of a map."""
    regex_engine: str | None = None
    """The engine for its patterns, as the configuration around it says."""


def _strict(node: Core, place: _Place) -> Core:
    """A copy with strict leaves, except where a user's validator makes the values."""
    kind = node["type"]
    if "regex_engine" in (node.get("config") or ()):
        place = place._replace(regex_engine=node["config"]["regex_engine"])
    if kind == "str" and "pattern" in node:
        engine = {"regex_engine": place.regex_engine} if place.regex_engine else {}
        return with_bounded_pattern(engine | node)
    if "keys_schema" in node:
        return _map(node, place)
    if not place.own and node.get("strict") is None:
        strict = _strict_leaf(node)
        form = (key_form(node) if place.is_key else None) or text_form(node)
        if form:
            rest, inner = _outer(strict or node)
            return held_to_form(node, form, inner) | rest
        if strict:
            return strict
    if kind in _REWRITES:
        place = place._replace(own=2)
    elif kind in _MODELS and place.own:
        place = place._replace(own=place.own - 1)
    copy = mapped(node, lambda child: _strict(child, place))
    return with_read_fields(copy) if kind == "model" else copy


def _strict_leaf(node: Core) -> Core | None:
    """A copy of a leaf that coerces nothing; None for what is no leaf, or coerces nothing."""
    kind = node["type"]
    if kind == "int":
        return _integer(node)
    if kind == "literal":
        return _constants(node, node["expected"])
    if kind == "enum":
        return _constants(node, [member.value for member in node["members"]])
    if kind in _STRICT:
        return node | {"strict": True} | _FINER.get(kind, {})
    return None


def _map(node: Core, place: _Place) -> Core:
    """A map, none of whose entries is lost to another."""
    keys = node["keys_schema"]
    inside = {key: value for key, value in node.items() if key != "keys_schema"}
    copy = mapped(inside, lambda child: _strict(child, place))
    copy["keys_schema"] = _strict(keys, place._replace(is_key=True))
    if is_plain_key(keys) or place.own or contains(keys, frozenset({"definition-ref"})):
        return copy
    rest, inner = _outer(copy)
    return with_distinct_keys(inner, copy["keys_schema"]) | rest


def _integer(node: Core) -> Core:
    """4.0 is an integer in JSON Schema, "4" and true are not."""
    rest, node = _outer(node)
    from_float = _chain({"type": "float", "strict": True}, node | {"strict": False})
    return _first_of(node | {"strict": True}, from_float) | rest


def _chain(*steps: Core) -> Core:
    return {"type": "chain", "steps": list(steps)}


def _first_of(*choices: Core) -> Core:
    return {"type": "union", "mode": "left_to_right", "choices": list(choices)}


def _constants(node: Core, values: list[Any]) -> Core:
    """Compare constants as JSON does: true is not 1.

    What JSON cannot carry is compared in its JSON form.
    """
    kinds = {type(value) for value in values}
    if kinds <= {str, NoneType, float}:
        return node | ({"strict": True} if node["type"] == "enum" else {})
    rest, node = _outer(node)
    if kinds == {int}:
        return _chain(_integer({"type": "int"}), node) | rest
    by_json = {constant_key(to_jsonable_python(value)): value for value in reversed(values)}

    def known(value: Any) -> Any:
        if (key := constant_key(value)) not in by_json:
            raise PydanticCustomError("constant", "Input should be one of the constants")
        return by_json[key]

    return _function("before", known) | {"schema": node, **rest}


def _outer(node: Core) -> tuple[Core, Core]:
    """Split a node into what belongs to its place (name, serialization) and the rest."""
    outer = {key: node[key] for key in ("ref", "metadata", "serialization") if key in node}
    return outer, {key: value for key, value in node.items() if key not in outer}


# ---- numbers that a float would shorten ----------------------------------------------


def digits_of(number: str) -> str:
    """A number's digits, marked so that no string field takes them."""
    return DIGITS + number


def _exact(node: Core) -> Core:
    """A copy whose decimals take marked digits.

    Strings refuse them, and places for any value read them as the number they are.
    """
    kind = node["type"]
    if kind == "decimal":
        rest, node = _outer(node)
        steps = [{"type": "str"}, _function("plain", _decimal), node | {"strict": False}]
        return _first_of(_chain(*steps), node) | rest
    if kind == "str":
        rest, node = _outer(node)
        return _function("after", _unmarked) | {"schema": node, **rest}
    if kind == "any":
        rest, node = _outer(node)
        return _function("after", _with_numbers) | {"schema": node, **rest}
    return mapped(node, _exact)


def _function(kind: str, function: Callable[[Any], Any]) -> Core:
    return {"type": f"function-{kind}", "function": {"type": "no-info", "function": function}}


def _decimal(value: str) -> Decimal:
    if not value.startswith(DIGITS):
        raise ValueError
    return Decimal(value.removeprefix(DIGITS))


def _unmarked(value: str) -> str:
    if value.startswith(DIGITS):
        raise ValueError
    return value


def _with_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    if isinstance(value, str) and value.startswith(DIGITS):
        return float(value.removeprefix(DIGITS))
    return value
