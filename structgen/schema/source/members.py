"""How many object members a value was read from.

Pydantic's parser keeps the last of two members with one name, silently. A second parse
to find them would double the time of reading. But every member of the text has its
colon: if the text has as many colons as the value has members, none was lost. Counting
is cheap, because the type says beforehand where members can be.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, TypeAlias

from structgen.schema.source.reader import Core, is_users

Count: TypeAlias = Callable[[Any], int]

_SPACED: Final = re.compile(r"\s:")
_SPACED_BYTES: Final = re.compile(rb"\s:")
_SCALARS: Final = frozenset(
    {
        "none",
        "bool",
        "int",
        "float",
        "str",
        "bytes",
        "date",
        "time",
        "datetime",
        "timedelta",
        "decimal",
        "uuid",
        "url",
        "multi-host-url",
        "literal",
        "enum",
    }
)
_fields_set: Final = attrgetter("__pydantic_fields_set__")


class _UncountableError(Exception):
    """The value does not show how many members it was read from."""


def is_complete(text: str | bytes, members: int) -> bool:
    """Whether `text` certainly has no more than `members` object members."""
    if isinstance(text, bytes):
        if text.count(b":") <= members:
            return True
        return text.count(b'":') <= members and not _SPACED_BYTES.search(text)
    if text.count(":") <= members:
        return True
    return text.count('":') <= members and not _SPACED.search(text)


def counter(core: Core) -> Count | None:
    """A function that counts the members of a value; None if its values do not show them."""
    try:
        return _function(_counter(core, {}))
    except _UncountableError:
        return None


def _counter(node: Core, named: dict[str, int | Count]) -> int | Count:
    """What counts the members of a part, or their number if it is always the same."""
    kind = node["type"]
    if kind in _SCALARS:
        return 0
    if kind in ("default", "function-after", "model") and not _is_touched(node):
        count = _counter(node["schema"], named)
        return _of_root(count) if node.get("root_model") else count
    if kind == "nullable":
        return _of_nullable(_counter(node["schema"], named))
    if kind == "list" or (kind in ("set", "frozenset") and "items_schema" in node):
        return _of_items(_counter(node.get("items_schema", {"type": "any"}), named))
    if kind == "dict":
        return _of_map(_counter(node.get("values_schema", {"type": "any"}), named))
    if kind == "model-fields":
        return _of_model(node, named)
    if kind in ("union", "tagged-union"):
        return _of_union(node, named)
    if kind == "definitions":
        return _of_definitions(node, named)
    if kind == "definition-ref":
        return _of_reference(node["schema_ref"], named)
    raise _UncountableError


def _function(count: int | Count) -> Count:
    return (lambda value: count) if isinstance(count, int) else count


def _of_root(inner: int | Count) -> int | Count:
    return inner if isinstance(inner, int) else (lambda value: inner(value.root))


def _of_nullable(inner: int | Count) -> int | Count:
    if isinstance(inner, int):
        return inner and (lambda value: 0 if value is None else inner)
    return lambda value: 0 if value is None else inner(value)


def _of_items(inner: int | Count) -> int | Count:
    if isinstance(inner, int):
        return inner and (lambda value: inner * len(value))
    return lambda value: sum(map(inner, value))


def _of_map(inner: int | Count) -> Count:
    if isinstance(inner, int):
        return lambda value: (1 + inner) * len(value)
    return lambda value: len(value) + sum(map(inner, value.values()))


def _is_touched(node: Core) -> bool:
    """Whether a user's code may have changed the value after it was read."""
    if node["type"] == "function-after":
        return is_users(node["function"]["function"])
    return bool(node.get("post_init") or node.get("custom_init"))


def _of_model(node: Core, named: dict[str, int | Count]) -> int | Count:
    if "extras_schema" in node or node.get("extra_behavior") == "allow":
        raise _UncountableError
    counts = {name: _counter(field["schema"], named) for name, field in node["fields"].items()}
    if any(field["schema"]["type"] == "default" for field in node["fields"].values()):
        return _of_optional_fields(counts)
    always = len(counts) + sum(count for count in counts.values() if isinstance(count, int))
    varying = [(name, count) for name, count in counts.items() if not isinstance(count, int)]
    if not varying:
        return always
    if len(varying) == 1:  # most often so, and then twice as fast
        [(only, count)] = varying
        return lambda value: always + count(value.__dict__[only])

    def members(value: Any) -> int:
        held = value.__dict__
        return always + sum([count(held[name]) for name, count in varying])

    return members


def _of_optional_fields(counts: dict[str, int | Count]) -> Count:
    """A model's counter if some of its fields may be left out."""
    inner = [(name, _function(count)) for name, count in counts.items() if count != 0]
    if not inner:
        return lambda value: len(_fields_set(value))

    def members(value: Any) -> int:
        present, held = _fields_set(value), value.__dict__
        return len(present) + sum([count(held[name]) for name, count in inner if name in present])

    return members


def _of_union(node: Core, named: dict[str, int | Count]) -> int | Count:
    choices = node["choices"]
    nodes = choices.values() if isinstance(choices, dict) else choices
    by_class: dict[type, Count] = {}
    for entry in nodes:
        choice = entry[0] if isinstance(entry, tuple) else entry
        count = _counter(choice, named)
        if count != 0 and choice["type"] != "model":
            raise _UncountableError
        if count != 0:
            by_class[choice["cls"]] = _function(count)
    if not by_class:
        return 0
    return lambda value: by_class.get(type(value), _none)(value)


def _of_definitions(node: Core, named: dict[str, int | Count]) -> int | Count:
    for definition in node["definitions"]:
        named[definition["ref"]] = 0
    for definition in node["definitions"]:
        named[definition["ref"]] = _counter(definition, named)
    return _counter(node["schema"], named)


def _of_reference(ref: str, named: dict[str, int | Count]) -> Count:
    def members(value: Any) -> int:
        count = named[ref]  # known by now, and not before: a type may hold itself
        return count if isinstance(count, int) else count(value)

    return members


def _none(value: Any) -> int:
    return 0
