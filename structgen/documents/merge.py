"""Merge the parts of a document into one value, and list every conflict between them.

Records are merged field by field, lists by what their items are. All of it is plain JSON data.
A part that does not state something (null, or no such member) never counts against one that does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from structgen.documents.merged import Conflict, Merged, Part
from structgen.documents.paths import Paths, copy_below
from structgen.documents.policies import CHOICES, OF_LISTS, Policy, check_policies, combine
from structgen.documents.seams import Item, Pair, pairs, shared
from structgen.schema.json import constant_key, escape, to_text
from structgen.values import Evidence, Json

_KNOWN: Final = ("evidence", "confidence", "alternatives", "pressure", "answered_by")
"""The facts of values, by their places."""
_TOLD: Final = ("absent", "shortened", "copied")
"""The facts of places."""


def merge(
    parts: Sequence[Part],
    *,
    document: str = "",
    policies: Mapping[str, Policy] | None = None,
    keys: Mapping[str, Sequence[str]] | None = None,
) -> Merged:
    """Merge parts, given in the order of the document, into one value.

    Items of a list with equal keys are one item, whose fields are merged; texts are compared there
    without regard to case and white space. Of items without keys, those are one that two parts
    state of the text which they share.

    Args:
        parts: The statements of each part.
        document: The whole document, which tells what items of overlapping parts are one.
        policies: What becomes of several values, by JSON Pointer with `*` for any key or index.
        keys: The members that tell the items of a list apart, by the list's pointer, as above.

    Returns:
        The merged value, with what is known about its fields.

    Raises:
        ConfigurationError: If a policy does not exist.
    """
    check_policies(policies or {})
    merger = _Merger(parts, document, policies or {}, keys or {})
    statements = [_Statement(part.data, number, "") for number, part in enumerate(parts)]
    data = merger.merge(statements, "", "")
    return Merged(
        data,
        conflicts=tuple(merger.conflicts),
        evidence=merger.evidence,
        confidence=merger.confidence,
        alternatives=merger.alternatives,
        pressure=merger.pressure,
        answered_by=merger.answered_by,
        absent=frozenset(merger.absent),
        shortened=frozenset(merger.shortened),
        copied=frozenset(merger.copied),
    )


def identity_key(item: Json, names: Sequence[str]) -> str | None:
    """Give what tells an item from others, or None for one that does not state all of it."""
    if not names or not isinstance(item, dict):
        return None
    values = [item.get(name) for name in names]
    if any(value is None for value in values):
        return None
    return to_text([" ".join(v.split()).casefold() if isinstance(v, str) else v for v in values])


@dataclass(frozen=True, slots=True)
class _Statement:
    """A value, the number of the part that states it, and its path in that part."""

    value: Json
    part: int
    path: str


class _Known:
    """What is known about the places of one part, found by their paths."""

    def __init__(self, part: Part) -> None:
        self.of = {name: Paths(getattr(part, name)) for name in (*_KNOWN, *_TOLD)}
        self.absent_members: dict[str, list[str]] = defaultdict(list)
        for path in part.absent:
            parent, _, name = path.rpartition("/")
            self.absent_members[parent].append(f"/{name}")


class _Merger:
    """Merges place by place, from the root down, and collects what is known about each place."""

    def __init__(
        self,
        parts: Sequence[Part],
        document: str,
        policies: Mapping[str, Policy],
        keys: Mapping[str, Sequence[str]],
    ) -> None:
        self._parts, self._document = parts, document
        self._policies, self._keys = policies, keys
        self._known = [_Known(part) for part in parts]
        self.conflicts: list[Conflict] = []
        self.evidence: dict[str, Evidence] = {}
        self.confidence: dict[str, float] = {}
        self.alternatives: dict[str, tuple[tuple[Json, float], ...]] = {}
        self.pressure: dict[str, float] = {}
        self.answered_by: dict[str, str] = {}
        self.absent: set[str] = set()
        self.shortened: set[str] = set()
        self.copied: set[str] = set()

    def merge(self, statements: Sequence[_Statement], at: str, pattern: str) -> Json:
        """Merge what was stated of one place.

        `at` is its path in the merged value; `pattern` is how policies and keys name it.
        """
        stated = [one for one in statements if one.value is not None]
        if not stated:
            return None
        policy = self._policies.get(pattern)
        if policy is None and all(isinstance(one.value, dict) for one in stated):
            return self._merge_records(stated, at, pattern)
        are_lists = all(isinstance(one.value, list) for one in stated)
        if are_lists and (policy is None or policy in OF_LISTS):
            return self._merge_lists(stated, at, pattern, policy)
        return self._merge_values(stated, at, policy)

    def _merge_records(self, stated: Sequence[_Statement], at: str, pattern: str) -> Json:
        merged: dict[str, Json] = {}
        members: dict[str, list[_Statement]] = defaultdict(list)
        for one in stated:
            for name, value in one.value.items():
                step = f"/{escape(name)}"
                members[step].append(_Statement(value, one.part, one.path + step))
        names = {f"/{escape(name)}": name for one in stated for name in one.value}
        for step, inner in members.items():
            own = f"{pattern}{step}"
            value = self.merge(inner, at + step, own if self._is_named(own) else f"{pattern}/*")
            if value is not None:
                merged[names[step]] = value
        stated_steps = {f"/{escape(name)}" for name in merged}
        for one in stated:
            for step in self._known[one.part].absent_members.get(one.path, ()):
                if step not in stated_steps:
                    self.absent.add(at + step)
        self._note_shortened(stated, at)
        return merged

    def _note_shortened(self, stated: Sequence[_Statement], at: str) -> None:
        if any(one.path in self._parts[one.part].shortened for one in stated):
            self.shortened.add(at)

    def _is_named(self, pattern: str) -> bool:
        """Whether policies and keys name this member, rather than all members by `*`."""
        wild = f"{pattern.rpartition('/')[0]}/*"
        names = (*self._policies, *self._keys)
        return _covers(pattern, names) or not _covers(wild, names)

    def _merge_lists(
        self, stated: Sequence[_Statement], at: str, pattern: str, policy: Policy | None
    ) -> Json:
        keys = self._keys.get(pattern, ())
        if keys or policy == "union":
            groups = _groups_of_equals(stated, keys)
        else:
            groups = self._groups_by_place(stated)
        self._note_shortened(stated, at)
        return [
            self.merge(group, f"{at}/{index}", f"{pattern}/*") for index, group in enumerate(groups)
        ]

    def _groups_by_place(self, stated: Sequence[_Statement]) -> list[list[_Statement]]:
        """Put lists one after another; items of the text that parts share are one."""
        groups: list[list[_Statement]] = []
        places: list[Item] = []
        end = 0
        apart, fills = self._apart_from_fills(stated)
        for one in apart:
            part = self._parts[one.part]
            new = self._filled(one, fills)
            own = [self._place_of(item) for item in new]
            window = shared(end, part.start, part.end)
            found = pairs(places, own, window, self._document) if window else []
            _weave(groups, places, new, own, found)
            end = max(end, part.end)
        return groups

    def _apart_from_fills(
        self, stated: Sequence[_Statement]
    ) -> tuple[list[_Statement], Mapping[int, Sequence[_Statement]]]:
        """The lists of chunks; and by the numbers of these, the lists that fill their gaps."""
        apart: list[_Statement] = []
        fills: dict[int, list[_Statement]] = defaultdict(list)
        for number, one in enumerate(stated):
            part = self._parts[one.part]
            before = reversed(stated[:number]) if part.gap is not None else ()
            around = (one.part for one in before if self._parts[one.part].has_text_of(part))
            host = next(around, None)
            if host is None:
                apart.append(one)
            else:
                fills[host].append(one)
        return apart, fills

    def _filled(
        self, one: _Statement, fills: Mapping[int, Sequence[_Statement]]
    ) -> list[_Statement]:
        """The items of a list, with those that fill its gaps in between."""
        items = _items(one)
        of_gaps = [(self._parts[fill.part].gap, fill) for fill in fills.get(one.part, ())]
        places = [(gap.before, fill) for gap, fill in of_gaps if gap is not None]
        filled: list[_Statement] = []
        start = 0
        for before, fill in sorted(places, key=lambda place: place[0]):
            filled += [*items[start:before], *self._filled(fill, fills)]
            start = before
        return [*filled, *items[start:]]

    def _place_of(self, item: _Statement) -> Item:
        part = self._parts[item.part]
        below = self._known[item.part].of["evidence"].below(item.path)
        start = min((part.evidence[path].start for path, _ in below), default=None)
        return Item(item.value, part.start, part.end, start)

    def _merge_values(self, stated: Sequence[_Statement], at: str, policy: Policy | None) -> Json:
        if policy is not None:
            is_made, value = combine(policy, [one.value for one in stated], at)
            if is_made:
                key = constant_key(value)
                alike = (one for one in stated if constant_key(one.value) == key)
                if (taken := next(alike, None)) is not None:
                    self._take(taken, at)
                return value
        return self._choose(stated, at, policy)

    def _choose(self, stated: Sequence[_Statement], at: str, policy: Policy | None) -> Json:
        distinct: dict[str, list[_Statement]] = defaultdict(list)
        for one in stated:
            distinct[constant_key(one.value)].append(one)
        groups = list(distinct.values())
        values = [
            (group[0].value, tuple(dict.fromkeys(one.part for one in group))) for group in groups
        ]
        name = policy if isinstance(policy, str) and policy in CHOICES else "most-common"
        index = CHOICES[name](values)
        if len(values) > 1:
            others = (*values[:index], *values[index + 1 :])
            self.conflicts.append(Conflict(at, (values[index], *others)))
        self._take(groups[index][0], at)
        return groups[index][0].value

    def _take(self, taken: _Statement, at: str) -> None:
        """Copy what is known about a value, and everything in it, to its place."""
        part, known = self._parts[taken.part], self._known[taken.part]
        for name in _KNOWN:
            copy_below(getattr(part, name), known.of[name], taken.path, getattr(self, name), at)
        for name in _TOLD:
            getattr(self, name).update(at + rest for _, rest in known.of[name].below(taken.path))


def _covers(pattern: str, names: Iterable[str]) -> bool:
    return any(name == pattern or name.startswith(f"{pattern}/") for name in names)


def _items(one: _Statement) -> list[_Statement]:
    return [
        _Statement(value, one.part, f"{one.path}/{index}") for index, value in enumerate(one.value)
    ]


def _groups_of_equals(stated: Sequence[_Statement], keys: Sequence[str]) -> list[list[_Statement]]:
    """Put items of lists into groups: by their keys, or equal ones of different parts.

    Equal keys join items of one part, too.
    """
    groups: list[list[_Statement]] = []
    by_key: dict[str, int] = {}
    of_equals: dict[str, list[int]] = defaultdict(list)
    for one in stated:
        turns: dict[str, int] = defaultdict(int)
        for item in _items(one):
            key = identity_key(item.value, keys)
            if key is not None:
                number = by_key.setdefault(key, len(groups))
            else:
                same = constant_key(item.value)
                known, turn = of_equals[same], turns[same]
                turns[same] += 1
                if turn == len(known):
                    known.append(len(groups))
                number = known[turn]
            if number == len(groups):
                groups.append([])
            groups[number].append(item)
    return groups


def _weave(
    groups: list[list[_Statement]],
    places: list[Item],
    new: Sequence[_Statement],
    own: Sequence[Item],
    found: Sequence[Pair],
) -> None:
    """Add the items of a part to the groups so far, in the order of the document."""
    begin = found[0].earlier if found else len(groups)
    woven: list[list[_Statement]] = []
    woven_places: list[Item] = []
    earlier, later = begin, 0
    for pair in found:
        woven += [*groups[earlier : pair.earlier], *([item] for item in new[later : pair.later])]
        woven_places += [*places[earlier : pair.earlier], *own[later : pair.later]]
        whole = [new[pair.later]]
        woven.append(whole if pair.is_cut else [*groups[pair.earlier], *whole])
        woven_places.append(own[pair.later] if pair.is_cut else places[pair.earlier])
        earlier, later = pair.earlier + 1, pair.later + 1
    groups[begin:] = [*woven, *groups[earlier:], *([item] for item in new[later:])]
    places[begin:] = [*woven_places, *places[earlier:], *own[later:]]
