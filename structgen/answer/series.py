"""The records of a list: they come in the order of the document, and may have several places."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from structgen.answer.leaves import Leaf, Mention

_TRIED: Final = 128
"""Mentions of the rarest field of a record that are compared, if it has many."""
_COMPARED: Final = 100_000
"""Mentions of all items of a list together that are compared, if that leaves more for each."""


@dataclass(slots=True)
class Record:
    """The leaves that are in one item of a list, and in no item of a list inside it."""

    leaves: list[Leaf] = field(default_factory=list)
    options: Sequence[Mention] = ()
    """Where its rarest leaf may be."""
    window: tuple[int, int] = (0, 0)
    """The part of the document that the record around it leaves."""
    anchor: Mention | None = None
    """Where its rarest leaf is."""
    is_settled: bool = False
    """Whether something tells that it is there."""

    @property
    def is_bare(self) -> bool:
        """Whether it is an item of a list that is a leaf itself."""
        path = self.leaves[0].path
        return bool(path) and isinstance(path[-1], int)

    @property
    def rarest(self) -> Leaf:
        """The leaf that says most about where the record is."""
        return min(self.leaves, key=rank_of)


def rank_of(leaf: Leaf) -> tuple[bool, bool, int]:
    """How little a leaf says about where its record is.

    Args:
        leaf: The leaf.
    """
    return leaf.is_shared, leaf.is_short, len(leaf.places)


def progress_of(items: Sequence[Record]) -> list[tuple[float, int]]:
    """Say for each item of a list which share of the mentions of its rarest leaf comes before it.

    It is the share of the items with the same value that do, or of all items if there are no
    others.

    Args:
        items: The items of one list, in their order.

    Returns:
        The share for each item, and how many mentions are to be tried.
    """
    values = [str(item.rarest.value) for item in items]
    uses, passed = Counter(values), Counter[str]()
    most = max(_TRIED, _COMPARED // max(len(items), 1))
    found = []
    for at, value in enumerate(values):
        share = passed[value] / uses[value] if uses[value] > 1 else at / len(items)
        passed[value] += 1
        found.append((share, most))
    return found


def around_share(places: Sequence[Mention], progress: tuple[float, int]) -> Sequence[Mention]:
    """Choose from many mentions those around the one that has a share of them before it.

    Args:
        places: The mentions, in order.
        progress: The share, and how many mentions to choose at most.
    """
    share, most = progress
    first = round(share * len(places)) - most // 2
    first = max(min(first, len(places) - most), 0)
    return places[first : first + most]


def place_series(items: Sequence[Record]) -> None:
    """Choose an anchor for each item of a list, so that as many as can be are in order.

    Args:
        items: The items of one list, in their order.
    """
    chosen = _in_order(items)
    lows: list[Mention | None] = []
    last: Mention | None = None
    for choice in chosen:
        lows.append(last)
        last = choice or last
    following: Mention | None = None
    for at in range(len(items) - 1, -1, -1):
        item, low = items[at], lows[at]
        first = 0 if low is None else bisect_right(item.options, low)
        end = len(item.options)
        if following is not None:
            end = bisect_left(item.options, following)
        choice = chosen[at]
        if choice is None:
            near = low or following
            item.anchor = item.options[0] if near is None else nearest_of(near, item.options)
            item.is_settled = len(item.options) == 1
        else:
            item.anchor = choice
            item.is_settled = end - first <= 1 or len(item.options) == 1
            following = choice


def _in_order(items: Sequence[Record]) -> list[Mention | None]:
    """The longest series of items that can be in the order of the document, as early as may be.

    It is the longest increasing subsequence by patience sorting, with several values for an item.
    An item with the value of the one before it needs a later place; any other may begin where that
    begins, since mentions may be nested.
    """
    starts: list[int] = []
    ends: list[tuple[int, Mention]] = []
    before: dict[tuple[int, Mention], tuple[int, Mention] | None] = {}
    for at, item in enumerate(items):
        value = item.rarest.value
        for place in reversed(item.options):
            rank = bisect_right(starts, place.start)
            while (
                rank
                and ends[rank - 1][1] == place
                and items[ends[rank - 1][0]].rarest.value == value
            ):
                rank -= 1
            link = (at, place)
            before[link] = ends[rank - 1] if rank else None
            starts[rank : rank + 1] = [place.start]
            ends[rank : rank + 1] = [link]
    chosen: list[Mention | None] = [None] * len(items)
    link_or_none = ends[-1] if ends else None
    while link_or_none is not None:
        chosen[link_or_none[0]] = link_or_none[1]
        link_or_none = before[link_or_none]
    return chosen


def around(place: Mention, places: Sequence[Mention]) -> Sequence[Mention]:
    """Give the mentions just before and just after a place.

    Args:
        place: The place.
        places: The mentions, in order.
    """
    at = bisect_left(places, place)
    return places[max(at - 2, 0) : at + 2]


def nearest_of(place: Mention, places: Sequence[Mention]) -> Mention:
    """Give the mention that is nearest to a place.

    Args:
        place: The place.
        places: The mentions, in order.
    """
    return min(around(place, places), key=lambda other: distance_of(place, other))


def distance_of(one: Mention, other: Mention) -> int:
    """Say how many characters two spans are apart.

    Args:
        one: A span.
        other: Another one.
    """
    return max(other.start - one.end, one.start - other.end, 0)
