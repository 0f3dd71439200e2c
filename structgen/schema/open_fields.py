"""The open fields of a value as a tree of steps, and what a portion does with them.

In a portion a list is a record of the items that have open fields, named by their numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from structgen.schema.json import members_of
from structgen.values import Json

Steps: TypeAlias = "tuple[str | int, ...]"
"""The names and indices that lead to a place in a value."""
Tree: TypeAlias = "dict[str | int, Tree | None]"
"""The open fields by step; None for one that is open as a whole."""

_ITEM: Final = "item_"
"""Begins the name of an item's record; its number, from 1, follows."""


def tree_of(paths: Iterable[Steps]) -> Tree:
    """Put the paths of open fields into a tree.

    Args:
        paths: The paths, of which none is in another one.
    """
    tree: Tree = {}
    for path in paths:
        inner = tree
        for step in path[:-1]:
            deeper = inner.setdefault(step, {})
            assert deeper is not None  # noqa: S101 - no path is in another one
            inner = deeper
        inner[path[-1]] = None
    return tree


def paths_of(tree: Tree, at: Steps = ()) -> Iterator[Steps]:
    """Give the paths of the open fields of a tree.

    Args:
        tree: The tree.
        at: The path of the tree itself.
    """
    for step, inner in tree.items():
        if inner is None:
            yield (*at, step)
        else:
            yield from paths_of(inner, (*at, step))


def has_items(tree: Tree | None) -> bool:
    """Tell whether fields of single items of a list are open.

    Args:
        tree: The tree; None if everything is open.
    """
    if tree is None:
        return False
    return any(isinstance(step, int) or has_items(inner) for step, inner in tree.items())


def name_of(step: str | int) -> str:
    """Name a step in the schema and the answers of a portion.

    Args:
        step: The name of a member, or the index of an item.
    """
    return f"{_ITEM}{step + 1}" if isinstance(step, int) else step


def step_of(tree: Tree, name: str) -> str | int:
    """Give the step that a name in an answer stands for.

    Args:
        tree: The open fields there.
        name: The name.
    """
    return next((step for step in tree if name_of(step) == name), name)


def merged(data: Json, answer: Json, tree: Tree) -> Json:
    """Put an answer in the place of the open fields; nothing else changes.

    Args:
        data: The value, which stays as it is.
        answer: The answer to the open fields.
        tree: The open fields.
    """
    known: Mapping[str, Json] = answer if isinstance(answer, dict) else {}
    changed: Any = list(data) if isinstance(data, list) else dict(data or {})
    for step, inner in tree.items():
        name = name_of(step)
        if inner is not None:
            changed[step] = merged(changed[step], known.get(name), inner)
        elif name in known:
            changed[step] = known[name]
        else:  # an optional field that the document does not state
            changed.pop(step, None)
    return changed


def settled(data: Json, tree: Tree) -> Json:
    """Give a value without its open fields.

    Args:
        data: The value.
        tree: The open fields.
    """
    kept: dict[str, Json] = {}
    for step, value in members_of(data):
        inner = tree.get(step, {})
        if inner:
            kept[name_of(step)] = settled(value, inner)
        elif step not in tree:
            kept[name_of(step)] = value
    return kept


def projected(data: Json, tree: Tree | None) -> Json:
    """Give the open fields of another value; only if no items of lists are told apart.

    Args:
        data: The value.
        tree: The open fields; None if everything is open.
    """
    if not isinstance(data, dict) or tree is None:
        return data
    return {
        name: projected(data[name], inner)
        for name, inner in tree.items()
        if isinstance(name, str) and name in data
    }
