"""What the rules took out of some data, and where everything else is now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, TypeVar

from structgen.values import Json, Removed

T = TypeVar("T")

Reason: TypeAlias = Literal["null", "ungrounded", "endless", "repeated"]
Verdict: TypeAlias = Literal["keep", "null", "absent", "drop"]
"""What becomes of a value: it stays, is null, is as if it had not been written, or its list goes
without it."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """Some data after the rules."""

    data: Json = field(repr=False)
    """The data; the very same if nothing was taken out."""
    removed: tuple[Removed, ...] = ()
    """What was taken out."""
    absent: frozenset[str] = frozenset()
    """JSON Pointers of the members that are now absent."""
    dropped: frozenset[str] = frozenset()
    """JSON Pointers, as in the data before, of the items that were left out."""

    def place(self, path: str) -> str | None:
        """Where a value of the data is now.

        Args:
            path: A JSON Pointer into the data before.

        Returns:
            The JSON Pointer into the data now; None if the value was taken out.
        """
        if any(path == one.path or path.startswith(f"{one.path}/") for one in self.removed):
            return None
        if not self.dropped:
            return path
        before = at = ""
        for step in path.split("/")[1:]:
            index = step
            if step.isdecimal():
                index = str(int(step) - self._dropped_before(before, int(step)))
            before, at = f"{before}/{step}", f"{at}/{index}"
        return at

    def moved(self, paths: Iterable[str]) -> frozenset[str]:
        """Where some values of the data are now, without those that were taken out.

        Args:
            paths: JSON Pointers into the data before.
        """
        places = map(self.place, paths)
        return frozenset(place for place in places if place is not None)

    def moved_known(self, known: Mapping[str, T]) -> dict[str, T]:
        """What is known of some values of the data, by where they are now.

        Args:
            known: Anything, by JSON Pointer into the data before.
        """
        places = ((self.place(path), one) for path, one in known.items())
        return {place: one for place, one in places if place is not None}

    def _dropped_before(self, series: str, index: int) -> int:
        return sum(f"{series}/{number}" in self.dropped for number in range(index))


UNRULED: Final = Ruled(None)
"""The data of an answer that no rule looked at."""


@dataclass(slots=True)
class Found:
    """What the rules have taken out so far."""

    removed: list[Removed] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def note(self, path: str, value: Json, reason: Reason | None, verdict: Verdict) -> None:
        """Remember a value that is taken out."""
        if reason is not None:
            self.removed.append(Removed(path, value, reason))
        if verdict == "absent":
            self.absent.append(path)
        if verdict == "drop":
            self.dropped.append(path)
