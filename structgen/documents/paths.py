"""Find what is known at and below a path, in time that does not grow with all other paths."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterator, Mapping
from typing import TypeVar

V = TypeVar("V")


class Paths:
    """JSON Pointers in order, so that those below one are next to one another."""

    def __init__(self, paths: Collection[str]) -> None:
        self._known = paths
        self._sorted = sorted(paths)

    def below(self, path: str) -> Iterator[tuple[str, str]]:
        """The paths at and below a path, each with what it has after it."""
        if path in self._known:
            yield path, ""
        prefix = f"{path}/"
        for at in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            found = self._sorted[at]
            if not found.startswith(prefix):
                break
            yield found, found[len(path) :]


def copy_below(
    known: Mapping[str, V], paths: Paths, path: str, into: dict[str, V], at: str
) -> None:
    """Copy what is known at and below a path to another place."""
    for one, rest in paths.below(path):
        into[at + rest] = known[one]


class Kept:
    """Move paths if items of lists are left out: those after them move up."""

    def __init__(self, dropped: Collection[str]) -> None:
        """Note the items.

        Args:
            dropped: The JSON Pointers of the items that are left out.
        """
        self._dropped = frozenset(dropped)
        self._indices: dict[str, list[int]] = {}
        for path in dropped:
            parent, _, index = path.rpartition("/")
            insort(self._indices.setdefault(parent, []), int(index))

    def path(self, path: str) -> str | None:
        """Give the new path of a place; None if it is left out."""
        at = new = ""
        for step in path.split("/")[1:]:
            gone = self._indices.get(at, ())
            at = f"{at}/{step}"
            if at in self._dropped:
                return None
            new += f"/{int(step) - bisect_left(gone, int(step))}" if gone else f"/{step}"
        return new

    def known(self, known: Mapping[str, V]) -> dict[str, V]:
        """Give what is known about places, by their new paths."""
        moved = ((self.path(path), value) for path, value in known.items())
        return {path: value for path, value in moved if path is not None}

    def paths(self, paths: Collection[str]) -> frozenset[str]:
        """Give the new paths of places."""
        return frozenset(self.known(dict.fromkeys(paths)))
