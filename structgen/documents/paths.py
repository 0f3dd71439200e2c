"""Find what is known at and below a path, in time that does not grow with all other paths."""

from __future__ import annotations

from bisect import bisect_left
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
