"""Which of several mentions of a value is meant.

The fields of a record stand together, the items of a list come in the order of the document, and
the words beside a mention name its field. Outer records are placed before inner ones.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from structgen.answer.labels import Labels
from structgen.answer.leaves import (
    MOST_READ,
    NAMED,
    SOMEWHAT_NAMED,
    Leaf,
    Mention,
    Path,
    describe_leaves,
    item_around,
)
from structgen.answer.series import (
    Record,
    around,
    around_share,
    distance_of,
    nearest_of,
    place_series,
    progress_of,
    rank_of,
)

_FAR: Final = 2_000
"""Characters from which on two fields do not tell about each other's places."""
_SLACK: Final = 20
"""Characters by which the fields of a record may be further apart than at its best place."""
_NEIGHBOURS: Final = 32
"""Fields that have their places already and are compared with the next one."""
_UNNAMED: Final = 500
"""Characters that a mention is as good as further away if no word beside it names its field."""
_UNNAMED_IN_ITEM: Final = 20
"""The same for a field of an item of a list, beside a field that has its place."""
_TAKEN_IN_ITEM: Final = 100
"""The same for a mention that another field of an item has."""
_NEAR: Final = 300
"""Characters up to which a field of an item tells which mention of another is meant."""
_BESIDE: Final = 60
"""The same for a short value."""


class _Placed(NamedTuple):
    """The best place for a leaf beside others."""

    place: Mention
    is_near: bool
    """Whether it is near a leaf that has its place, and nearer than any other mention."""


def place_leaves(leaves: Sequence[Leaf], document: str, labels: Labels) -> None:
    """Choose a mention for each leaf that has any, and say whether something tells it from others.

    It takes time linear in the number of the leaves.

    Args:
        leaves: The leaves of a value, in their order; those without a mention, too, since they may
            say what is beside the others.
        document: The text.
        labels: The words beside its parts.
    """
    records: dict[Path, Record] = defaultdict(Record)
    describe_leaves(leaves, labels)
    for leaf in leaves:
        if leaf.places:
            records[item_around(leaf.path)].leaves.append(leaf)
    _Placing(labels).place_records(records, len(document))


# ---- records and their leaves -------------------------------------------------------------------


class _Placing:
    """Placing records by where their leaves are, and by the words beside these."""

    def __init__(self, labels: Labels) -> None:
        self._labels = labels

    def place_records(self, records: Mapping[Path, Record], length: int) -> None:
        """Place all leaves: outer records before inner ones, and the items of a list together."""
        series: dict[Path, list[Path]] = defaultdict(list)
        for path in records:
            series[path[:-1]].append(path)
        windows: dict[Path, tuple[int, int]] = {}
        for within in sorted(series, key=len):
            outer = _windowaround(within, windows, length)
            items = [records[path] for path in series[within]]
            for item, progress in zip(items, progress_of(items), strict=True):
                item.window = outer
                item.options = self._options(item, progress)
            place_series(items)
            for item in items:
                self._place_record(item)
            for path, window in zip(series[within], _windows(items, outer), strict=True):
                windows[path] = window

    def _options(self, item: Record, progress: tuple[float, int]) -> Sequence[Mention]:
        """Where the rarest leaf of a record may be: near the other leaves, and named as it is.

        Of many mentions, those around the share of them that comes before the record are tried.
        """
        rarest = item.rarest
        places = around_share(_inside(rarest.places, item.window), progress)
        if len(places) == 1 or item.is_bare:
            return places
        others = [leaf for leaf in item.leaves if leaf is not rarest and not leaf.is_shared]
        costs = [sum(_nearest_distance(place, other) for other in others) for place in places]
        least = min(costs)
        close = [at for at, cost in enumerate(costs) if cost <= least + _UNNAMED][:MOST_READ]
        shares = {at: self._likeness(rarest, places[at]) for at in close}
        if max(shares.values()) >= SOMEWHAT_NAMED:
            places = [places[at] for at in close]
            costs = [costs[at] + round(_UNNAMED * (1 - share)) for at, share in shares.items()]
            least = min(costs)
        elif not others:
            return places
        return [place for place, cost in zip(places, costs, strict=True) if cost <= least + _SLACK]

    def _place_record(self, item: Record) -> None:
        """Place the leaves of a record, the rarest first, each as near to the others as may be."""
        rarest = item.rarest
        rarest.place = item.anchor
        if item.is_settled:
            item.is_settled = self._is_held(item)
        item.is_settled = item.is_settled or self._says_the_same(rarest, item.options)
        rarest.is_settled = item.is_settled
        placed = [rarest]
        rest = [leaf for leaf in item.leaves if leaf is not rarest]
        for leaf in sorted(rest, key=rank_of):
            best = self._beside(leaf, placed[-_NEIGHBOURS:])
            leaf.place = best.place
            tells = item.is_settled and best.is_near
            if leaf.is_shared or leaf.is_short:
                tells = tells and self._is_in_a_line(best.place, placed)
            is_alone = len(leaf.places) == 1 and not self._is_astray(leaf, best.place, item)
            leaf.is_settled = is_alone or tells or self._says_the_same(leaf, leaf.places)
            placed.append(leaf)

    def _is_held(self, item: Record) -> bool:
        """Whether the one place that is left for a record has another of its leaves beside it."""
        rarest, anchor = item.rarest, item.anchor
        others = [leaf for leaf in item.leaves if leaf is not rarest and not leaf.is_shared]
        if len(rarest.places) == 1 or anchor is None or item.is_bare:
            return True
        if not others:
            return not rarest.is_short
        line = self._labels.line_of(anchor.start)
        nearest = [(leaf, nearest_of(anchor, leaf.places)) for leaf in others]
        near = [leaf for leaf, place in nearest if distance_of(anchor, place) < _NEAR]
        beside = [leaf for leaf, place in nearest if self._labels.line_of(place.start) == line]
        is_near = any(not leaf.is_short for leaf in near) or len(beside) > 1
        return is_near or not item_around(rarest.path)

    def _is_astray(self, leaf: Leaf, place: Mention, item: Record) -> bool:
        """Whether the one mention of a common value is far from the item of a list that has it."""
        if not item_around(leaf.path) or item.anchor is None or leaf.is_specific:
            return False
        return item.is_settled and distance_of(place, item.anchor) >= _FAR

    def _is_in_a_line(self, place: Mention, placed: Sequence[Leaf]) -> bool:
        """Whether a mention is in a line with one of a leaf that has its place."""
        line = self._labels.line_of(place.start)
        places = (leaf.place for leaf in placed if leaf.is_settled and leaf.place)
        return any(self._labels.line_of(other.start) == line for other in places)

    def _says_the_same(self, leaf: Leaf, options: Sequence[Mention]) -> bool:
        """Whether a leaf means the same at all places where it may be.

        So does a specific value, and so do lines that all name its field, or begin alike.
        """
        if leaf.is_specific:
            return True
        if len(options) > MOST_READ:
            return False
        lines = {self._labels.line_of(place.start) for place in options}
        heads = {self._labels.head_of(place.start) for place in options}
        are_named = min(self._share(leaf, place) for place in options) >= NAMED
        return len(lines) == len(options) and (are_named or (len(heads) == 1 and () not in heads))

    def _beside(self, leaf: Leaf, placed: Sequence[Leaf]) -> _Placed:
        """The mention of a leaf that is nearest to a leaf with a place, and taken by none."""
        costs: dict[Mention, tuple[int, bool]] = {}
        is_in_item = bool(item_around(leaf.path))
        unnamed, taken = (_UNNAMED_IN_ITEM, _TAKEN_IN_ITEM) if is_in_item else (_UNNAMED, _UNNAMED)
        for one in placed:
            assert one.place is not None  # noqa: S101 - they have places
            for place in around(one.place, leaf.places):
                distance = self._distance(one.place, place)
                is_taken = any(_takes(other, place, leaf) for other in placed)
                follows = one.order < leaf.order or leaf.value == "%"
                is_out_of_order = (place < one.place) == follows
                cost = distance + is_taken * taken, is_out_of_order
                costs[place] = min(cost, costs.get(place, cost))
        nearest = min(costs, key=lambda place: (costs[place], place))
        distance = costs[nearest][0]
        if len(leaf.places) > 1 and leaf.names:
            for place in () if is_in_item else leaf.places[:MOST_READ]:
                costs.setdefault(place, (_FAR, False))
            for place, (away, is_late) in costs.items():
                share = self._share(leaf, place)
                costs[place] = away + round(unnamed * (1 - share)), is_late
        near = _NEAR if is_in_item else _FAR
        first, *others = sorted(costs, key=lambda place: (costs[place], place))
        is_tied = bool(others) and costs[others[0]] == costs[first]
        return _Placed(first, distance < near and not is_tied)

    def _distance(self, one: Mention, other: Mention) -> int:
        distance = distance_of(one, other)
        if not 0 < distance < _NEAR:
            return distance
        first, second = min(one, other), max(one, other)
        return self._labels.gap(first.end, second.start)

    def _likeness(self, leaf: Leaf, place: Mention) -> float:
        """How well the words beside a mention fit a leaf and its record, 0 to 1."""
        said = self._labels.share(leaf.texts, *place, is_before=False)
        return (2 * self._share(leaf, place) + said) / 3

    def _share(self, leaf: Leaf, place: Mention) -> float:
        return self._labels.share(leaf.names, *place)


def _windowaround(
    path: Path, windows: Mapping[Path, tuple[int, int]], length: int
) -> tuple[int, int]:
    """The part of the document that belongs to the innermost record around a list."""
    while path:
        if path in windows:
            return windows[path]
        path = path[:-1]
    return 0, length


def _windows(items: Sequence[Record], outer: tuple[int, int]) -> list[tuple[int, int]]:
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


def _inside(places: Sequence[Mention], window: tuple[int, int]) -> Sequence[Mention]:
    """The places inside a window; all of them if none is."""
    first = bisect_left(places, Mention(window[0], 0))
    last = bisect_left(places, Mention(window[1], 0))
    return places[first:last] or places


def _takes(other: Leaf, place: Mention, leaf: Leaf) -> bool:
    """Whether another leaf has a place already. A number is no part of another value."""
    assert other.place is not None  # noqa: S101 - it has a place
    if isinstance(leaf.value, str):
        return other.place == place
    return other.place.start < place.end and place.start < other.place.end


def _nearest_distance(place: Mention, leaf: Leaf) -> int:
    """How far a mention is from a leaf. A short value that is far away says nothing."""
    places = leaf.places
    distance = _BESIDE if leaf.is_short else _FAR
    at = bisect_left(places, place)
    if at < len(places):
        distance = min(distance, max(places[at].start - place.end, 0))
    if at:
        distance = min(distance, max(place.start - places[at - 1].end, 0))
    return distance
