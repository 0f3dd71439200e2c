"""Where a document states each leaf of a value, and in which form.

`grounding` holds values that must be copied. This looks up every leaf, whatever its type, and says
how well the document supports it. If the document has a value several times, the other fields of
its record tell which mention is meant, and the items of a list come in the order of the document.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from structgen.answer.grounding import item_around
from structgen.answer.mentions import Mention, MentionIndex, Mentions
from structgen.reading.document import Document
from structgen.results import EvidenceStatus, LeafEvidence
from structgen.schema.json import pointer
from structgen.values import Evidence, Json

_Path: TypeAlias = "tuple[str | int, ...]"

_FAR: Final = 2_000
"""Characters from which on two fields do not tell about each other's places."""
_TRIED: Final = 256
"""Mentions of the rarest field of a record that are compared."""
_SLACK: Final = 20
"""Characters by which the fields of a record may be further apart than at its best place."""
_NEIGHBOURS: Final = 32
"""Fields that have their places already and are compared with the next one."""
_ABSENT: Final = LeafEvidence(status="absent")
_NOT_FOUND: Final = LeafEvidence(status="not-found")


@dataclass(slots=True)
class _Leaf:
    """A leaf of the value."""

    path: _Path
    order: int
    """Its number among the leaves: fields mostly come in the order of the document."""
    value: Json
    found: Mentions
    place: Mention | None = None
    is_settled: bool = False


@dataclass(slots=True)
class _Record:
    """The leaves that are in one item of a list, and in no item of a list inside it."""

    leaves: list[_Leaf] = field(default_factory=list)
    options: list[Mention] = field(default_factory=list)
    """Where its rarest leaf may be."""
    window: tuple[int, int] = (0, 0)
    """The part of the document that the record around it leaves."""
    anchor: Mention | None = None
    is_settled: bool = False

    @property
    def rarest(self) -> _Leaf:
        return min(self.leaves, key=lambda leaf: len(leaf.found.places))


class _Placed(NamedTuple):
    """The best place for a leaf beside others."""

    distance: int
    place: Mention
    is_tied: bool


class EvidenceFinder:
    """Finds where a document states the leaves of values. It indexes the document once.

    Args:
        document: The text. A `Document` also tells the pages and the boxes.
    """

    def __init__(self, document: str) -> None:
        self._document = document
        self._index = MentionIndex(document)

    def find(
        self,
        value: Json,
        *,
        known: Mapping[str, Evidence] | None = None,
        absent: Collection[str] = (),
    ) -> dict[str, LeafEvidence]:
        """Find where the document states each leaf of a value.

        It takes time linear in the length of the document and in the number of leaves.

        Args:
            value: The value, as plain data.
            known: Where some leaves are, by JSON Pointer, such as the evidence of grounded fields.
            absent: JSON Pointers of the fields that the document does not state.

        Returns:
            The evidence of each leaf, by JSON Pointer, in the order of the leaves.
        """
        known = {} if known is None else known
        found: dict[str, LeafEvidence] = {}
        records: dict[_Path, _Record] = defaultdict(_Record)
        leaves: list[_Leaf] = []
        for path, one in leaves_of(value):
            at = pointer(path)
            if one is None or one == "" or at in absent:
                found[at] = _ABSENT
                continue
            found[at] = _NOT_FOUND
            is_known = at in known
            mentions = _mentions_of(known[at]) if is_known else self._index.of(one, _name(path))
            if mentions.places:
                leaf = _Leaf(path, len(leaves), one, mentions)
                leaves.append(leaf)
                records[item_around(path)].leaves.append(leaf)
        _place_records(records, len(self._document))
        for leaf in leaves:
            found[pointer(leaf.path)] = _evidence(leaf, self._document)
        return found


def find_evidence(value: Json, document: str) -> dict[str, LeafEvidence]:
    """Find where a document states each leaf of a value, whoever gave the value.

    Args:
        value: The value, as plain data.
        document: The text. A `Document` also tells the pages and the boxes.

    Returns:
        The evidence of each leaf, by JSON Pointer, in the order of the leaves.
    """
    return EvidenceFinder(document).find(value)


def leaves_of(value: Json, path: _Path = ()) -> Iterator[tuple[_Path, Json]]:
    """Walk over the values that hold no others.

    Args:
        value: Plain data.
        path: Where it is.
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves_of(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from leaves_of(inner, (*path, at))
    else:
        yield path, value


def _mentions_of(evidence: Evidence) -> Mentions:
    return Mentions([Mention(evidence.start, evidence.end)], "text")


def _name(path: _Path) -> str:
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _evidence(leaf: _Leaf, document: str) -> LeafEvidence:
    assert leaf.place is not None  # noqa: S101 - each leaf with mentions was placed
    start, end = leaf.place
    quote = str(document[start:end])
    status: EvidenceStatus = "verified" if quote == str(leaf.value) else "normalised"
    if not leaf.is_settled:
        status = "ambiguous"
    place = document.locate(start, end) if isinstance(document, Document) else None
    return LeafEvidence(
        status=status,
        quote=quote,
        start=start,
        end=end,
        by=leaf.found.by,
        score=leaf.found.score,
        mentions=len(leaf.found.places),
        pages=place.pages if place else (),
        boxes=place.boxes if place else (),
    )


# ---- which of several mentions ------------------------------------------------------------------


def _place_records(records: Mapping[_Path, _Record], length: int) -> None:
    """Place all leaves: outer records before inner ones, and the items of a list together."""
    series: dict[_Path, list[_Path]] = defaultdict(list)
    for path in records:
        series[path[:-1]].append(path)
    windows: dict[_Path, tuple[int, int]] = {}
    for within in sorted(series, key=len):
        outer = _window_around(within, windows, length)
        items = [records[path] for path in series[within]]
        for item in items:
            item.window = outer
            item.options = _options(item)
        _place_series(items)
        for item in items:
            _place_leaves(item)
        for path, window in zip(series[within], _windows(items, outer), strict=True):
            windows[path] = window


def _window_around(
    path: _Path, windows: Mapping[_Path, tuple[int, int]], length: int
) -> tuple[int, int]:
    """The part of the document that belongs to the innermost record around a list."""
    while path:
        if path in windows:
            return windows[path]
        path = path[:-1]
    return 0, length


def _windows(items: Sequence[_Record], outer: tuple[int, int]) -> list[tuple[int, int]]:
    """For each item of a list the part of the document up to the next item."""
    starts = [item.anchor.start if item.anchor else outer[0] for item in items]
    firsts = [
        min([leaf.place.start for leaf in one.leaves if leaf.place], default=at)
        for one, at in zip(items, starts, strict=True)
    ]
    ends = [*firsts[1:], outer[1]]
    return [
        (first, end if end > first else outer[1]) for first, end in zip(firsts, ends, strict=True)
    ]


def _options(item: _Record) -> list[Mention]:
    """Where the rarest leaf of a record may be: where the other leaves are nearest to it."""
    rarest = item.rarest
    places = _inside(rarest.found.places, item.window)
    others = [leaf.found.places for leaf in item.leaves if leaf is not rarest]
    if len(places) == 1 or not others:
        return places
    tried = places[:_TRIED]
    costs = [sum(_nearest_distance(place, other) for other in others) for place in tried]
    least = min(costs)
    return [place for place, cost in zip(tried, costs, strict=True) if cost <= least + _SLACK]


def _inside(places: list[Mention], window: tuple[int, int]) -> list[Mention]:
    """The places inside a window; all of them if none is."""
    first = bisect_left(places, Mention(window[0], 0))
    last = bisect_left(places, Mention(window[1], 0))
    return places[first:last] or places


def _place_series(items: Sequence[_Record]) -> None:
    """Choose a place for each item of a list, so that as many as can be are in order."""
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
            item.anchor = item.options[0] if near is None else _nearest(near, item.options)
            item.is_settled = len(item.options) == 1
        else:
            item.anchor = choice
            item.is_settled = end - first <= 1 or len(item.options) == 1
            following = choice


def _in_order(items: Sequence[_Record]) -> list[Mention | None]:
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
        for place in reversed(item.options[-_TRIED * 4 :]):
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


def _place_leaves(item: _Record) -> None:
    """Place the leaves of a record, the rarest first, each as near to the others as may be."""
    rarest = item.rarest
    rarest.place, rarest.is_settled = item.anchor, item.is_settled
    placed = [rarest]
    rest = [leaf for leaf in item.leaves if leaf is not rarest]
    for leaf in sorted(rest, key=lambda one: len(one.found.places)):
        near = [one for one in placed[-_NEIGHBOURS:] if one.place is not None]
        best = _beside(leaf, near)
        leaf.place = best.place
        tells = item.is_settled and best.distance < _FAR and not best.is_tied
        leaf.is_settled = len(leaf.found.places) == 1 or tells
        placed.append(leaf)


def _beside(leaf: _Leaf, placed: Sequence[_Leaf]) -> _Placed:
    """The mention of a leaf that is nearest to a leaf with a place, and taken by none."""
    costs: dict[Mention, tuple[int, bool]] = {}
    for one in placed:
        assert one.place is not None  # noqa: S101 - they have places
        for place in _around(one.place, leaf.found.places):
            distance = _distance(one.place, place)
            is_taken = any(_takes(other, place, leaf) for other in placed)
            is_out_of_order = (place < one.place) == (one.order < leaf.order)
            cost = distance + is_taken * _FAR // 4, is_out_of_order
            costs[place] = min(cost, costs.get(place, cost))
    ranked = sorted(costs, key=lambda place: (costs[place], place))
    best = ranked[0]
    is_tied = len(ranked) > 1 and costs[ranked[1]] == costs[best]
    return _Placed(costs[best][0], best, is_tied)


def _takes(other: _Leaf, place: Mention, leaf: _Leaf) -> bool:
    """Whether another leaf has a place already. A number is no part of another value."""
    assert other.place is not None  # noqa: S101 - it has a place
    if isinstance(leaf.value, str):
        return other.place == place
    return other.place.start < place.end and place.start < other.place.end


def _around(place: Mention, places: list[Mention]) -> list[Mention]:
    """The places just before and just after a place."""
    at = bisect_left(places, place)
    return places[max(at - 2, 0) : at + 2]


def _nearest(place: Mention, places: list[Mention]) -> Mention:
    return min(_around(place, places), key=lambda other: _distance(place, other))


def _nearest_distance(place: Mention, places: list[Mention]) -> int:
    return min(_distance(place, _nearest(place, places)), _FAR)


def _distance(one: Mention, other: Mention) -> int:
    """How far apart two spans are."""
    return max(other.start - one.end, one.start - other.end, 0)
