"""Small questions about plain JSON data: pointers, equality, types, short texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final, TypeAlias

from structgen.values import Json, JsonSchema

Path: TypeAlias = "tuple[Path, str | int] | None"
"""The place of a value: (path of its parent, key), None for the root.

A pointer is made from it only if one is needed.
"""

_SHORT: Final = 60
"""The length of a short text, in characters."""
_FEW: Final = 4
"""Up to this many items or members, a value is shown and not counted."""
_TYPES: Final = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def escape(key: str) -> str:
    """One step of a JSON Pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def unescape(step: str) -> str:
    """The key that a step of a JSON Pointer names."""
    return step.replace("~1", "/").replace("~0", "~")


def pointer(parts: Iterable[str | int]) -> str:
    """The JSON Pointer of the keys and indices that lead to a value."""
    return "".join(f"/{escape(str(part))}" for part in parts)


def pointer_of(path: Path) -> str:
    """The JSON Pointer of a path."""
    steps = []
    while path is not None:
        path, key = path
        steps.append(key)
    return pointer(reversed(steps))


def resolve(root: JsonSchema, ref: str) -> Any:
    """The schema that "#" or "#/$defs/NAME" refers to.

    Args:
        root: The whole schema.
        ref: The reference.
    """
    return root if ref == "#" else root["$defs"][ref.removeprefix("#/$defs/")]


def members_of(value: Json) -> Iterable[tuple[str | int, Json]]:
    """The members of an object by name, or the items of a list by index; nothing for a scalar.

    Args:
        value: JSON data.
    """
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def leaves_of(
    value: Json, path: tuple[str | int, ...] = (), *, with_empty: bool = False
) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    """The scalars in a value, nulls too, each with the names and indices that lead to it.

    Args:
        value: JSON data.
        path: Where it is.
        with_empty: Whether empty lists and objects count as leaves, too.
    """
    if not isinstance(value, dict | list) or (with_empty and not value):
        yield path, value
    for step, inner in members_of(value):
        yield from leaves_of(inner, (*path, step), with_empty=with_empty)


def outer_lists(value: Json, at: str = "") -> Iterator[tuple[str, list[Json]]]:
    """The lists in a value with their JSON Pointers; none that is within another list.

    Args:
        value: JSON data.
        at: The pointer of the value itself.
    """
    if isinstance(value, list):
        yield at, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from outer_lists(inner, f"{at}/{escape(name)}")


def inner_values(value: Json) -> Iterable[Json]:
    """The values directly inside a list or an object; nothing for a scalar.

    Args:
        value: JSON data.
    """
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def same_json(a: Json, b: Json) -> bool:
    """Whether two JSON values are equal: 1 equals 1.0, but True is not a number."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same_json, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_json(value, b[key]) for key, value in a.items())
    return bool(a == b)


def constant_key(value: Json) -> str:
    """A text that is the same for equal JSON values: for 1 and 1.0, but not for 1 and true."""
    return json.dumps(_whole(value), sort_keys=True)


def _whole(value: Json) -> Json:
    """The value with whole numbers as integers."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return value


def json_type(value: Json) -> str:
    """The JSON Schema type of a value; "integer" for a whole number."""
    if isinstance(value, float) and value.is_integer():
        return "integer"
    name = _TYPES.get(type(value))
    if name is None:  # a subclass, such as the values of `origins` that know where they were read
        name = next(name for kind, name in _TYPES.items() if isinstance(value, kind))
    return name


def to_text(value: Json) -> str:
    """Compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def digest(value: Json) -> str:
    """The SHA-256 of a value in hexadecimal, whatever order its members are in."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def is_unicode(text: str) -> bool:
    """Tell whether a text holds no half of a surrogate pair, which has no UTF-8.

    Args:
        text: The text.
    """
    return text == text.encode(errors="replace").decode()


def short(value: Json) -> str:
    """A value in at most 60 characters."""
    if isinstance(value, str) and len(value) > _SHORT:
        value = value[:_SHORT]
    if isinstance(value, list) and len(value) > _FEW:
        return f"an array of {len(value)} items"
    if isinstance(value, dict) and len(value) > _FEW:
        return f"an object of {len(value)} members"
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
