"""Places in values and schemas, and values in a few words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from structgen.types import Json, JsonSchema

_SHORT: Final = 60


def pointer(parts: Iterable[str | int]) -> str:
    """The JSON Pointer (RFC 6901) of a path."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def short(value: Json) -> str:
    """A value in at most 60 characters."""
    if isinstance(value, str) and len(value) > _SHORT:
        value = value[:_SHORT]
    if isinstance(value, list | dict) and len(value) > 4:
        return f"an array of {len(value)} items" if isinstance(value, list) else f"an object of {len(value)} members"
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def resolve(root: JsonSchema, ref: str) -> Any:
    """What "#" or "#/$defs/NAME" refers to."""
    return root if ref == "#" else root["$defs"][ref.removeprefix("#/$defs/")]
