"""Small questions about plain JSON data, asked all over the compiler."""

from __future__ import annotations

import json
from typing import Final, TypeAlias

from structgen.types import Json

Path: TypeAlias = "tuple[Path, str | int] | None"
"""Where a value stands: (path of its parent, key), None for the root. A pointer is made of it only when one is needed."""


def escape(key: str) -> str:
    """One step of a JSON Pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def unescape(step: str) -> str:
    """The key that a step of a JSON Pointer means."""
    return step.replace("~1", "/").replace("~0", "~")


def pointer(path: Path) -> str:
    """The JSON Pointer of a path."""
    steps = []
    while path is not None:
        path, key = path
        steps.append(escape(str(key)))
    return "".join(f"/{step}" for step in reversed(steps))


def same_json(a: Json, b: Json) -> bool:
    """Equality of JSON values: 1 equals 1.0, but True is no number."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same_json, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_json(value, b[key]) for key, value in a.items())
    return bool(a == b)


def to_text(value: Json) -> str:
    """Compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_TYPES: Final = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def json_type(value: Json) -> str:
    """The JSON Schema type of a value, the narrower of integer and number."""
    if isinstance(value, float) and value.is_integer():
        return "integer"
    # Behind the `or`: values that know where they stood (`origins`).
    return _TYPES.get(type(value)) or next(name for kind, name in _TYPES.items() if isinstance(value, kind))
