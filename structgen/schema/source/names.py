"""The names of types, for people and on the wire."""

from __future__ import annotations

import re
from typing import Any, get_args


def label_of(source: Any) -> str:
    """Write a type as people do: `Box[int]`, `list[Person]`, `int | str`."""
    if isinstance(source, type) and not get_args(source):
        return source.__name__
    return re.sub(r"\b(?:[A-Za-z_]\w*\.)+(?:<locals>\.)?", "", str(source))


def name_of(label: str) -> str:
    """Give a name that matches `^[A-Za-z0-9_-]{1,64}$`."""
    return re.sub(r"[^A-Za-z0-9]+", "_", label).strip("_")[:64].rstrip("_") or "output"
