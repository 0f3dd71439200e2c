"""Faces: modules that hand out public names and load what defines them on first use (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

_FACE_OF: dict[tuple[str, str], str] = {}
"""(home, name) -> the face that gives the name its public path. `structgen` is loaded first and so
comes before the face of a room."""


def face(
    module: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make `__getattr__`, `__dir__` and `__all__` for a module that loads its names lazily.

    Args:
        module: The module's `__name__`.
        homes: The modules that define public names, each with its names, separated by spaces.

    Returns:
        The three values, to be assigned in this order.
    """
    home_of = {name: home for home, names in homes.items() for name in names.split()}
    for name, home in home_of.items():
        _FACE_OF.setdefault((home, name), module)

    def load(name: str) -> Any:
        loaded = sys.modules[module]
        if name not in home_of:
            raise AttributeError(
                f"module {module!r} has no attribute {name!r}", name=name, obj=loaded
            )
        home = home_of[name]
        value = getattr(importlib.import_module(home), name)
        _show_public_path(value, home, _FACE_OF[home, name])
        setattr(loaded, name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[module]), *home_of})

    return load, names, sorted(home_of)


def _show_public_path(value: Any, home: str, public: str) -> None:
    """Let traces, reprs and pickles name the public path.

    A class with annotations keeps its home: `typing.get_type_hints` and Pydantic look up there what
    the annotations mention.
    """
    movable = isinstance(value, FunctionType) or (
        isinstance(value, type) and not value.__annotations__
    )
    if movable and value.__module__ == home:
        value.__module__ = public
