"""Merge the parts of a document into one value, and list every conflict between them.

Records are merged field by field, lists by what their items are. All of it is plain JSON data.
A part that does not state something (null, or no such member) never counts against one that does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, TypeVar

from structgen.errors import ConfigurationError
from structgen.schema.json import escape, same_json, to_text
from structgen.values import Alternatives, Evidence, Json

V = TypeVar("V")

Policy: TypeAlias = Literal["first", "last", "most-common", "longest", "union", "all"]
"""Which of several values to take.

For lists: `union` (equal items of several parts are one; the default) or `all` (keep every
item); any other policy takes one part's list as it is. For anything else: `first`, `last`,
`longest`, or `most-common` (the default; among equally common values the first).
"""


@dataclass(frozen=True, slots=True)
class Part:
    """The statements of one part of a document."""

    data: Json = field(repr=False)
    """The value, as plain JSON data."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict, repr=False)
    """By JSON Pointer into `data`, in offsets of the whole document."""
    confidence: Mapping[str, float] = field(default_factory=dict, repr=False)
    """By JSON Pointer into `data`, from 0 to 1."""
    alternatives: Alternatives = field(default_factory=dict, repr=False)
    """By JSON Pointer into `data`: the options that a value was decided among."""
    pressure: Mapping[str, float] = field(default_factory=dict, repr=False)
    """By JSON Pointer into `data`, from 0 to 1."""
    absent: frozenset[str] = frozenset()
    """JSON Pointers of the fields that this part does not state."""
    shortened: frozenset[str] = frozenset()
    """JSON Pointers of the values that a token limit cut short."""
    copied: frozenset[str] = frozenset()
    """JSON Pointers of the values that may be copied from a worked example."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Parts that state different values for one place."""

    path: str
    """JSON Pointer into the merged value."""
    values: tuple[tuple[Json, tuple[int, ...]], ...] = field(repr=False)
    """Each value with the numbers of the parts that state it; the first one was taken."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The value that the parts make together. All paths are JSON Pointers into `data`."""

    data: Json = field(repr=False)
    """The merged value, as plain JSON data."""
    conflicts: tuple[Conflict, ...] = ()
    """The places for which parts state different values."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict, repr=False)
    """The evidence of the values that were taken."""
    confidence: Mapping[str, float] = field(default_factory=dict, repr=False)
    """The confidence of the values that were taken, as far as their parts have one."""
    alternatives: Alternatives = field(default_factory=dict, repr=False)
    """The options that the taken values were decided among."""
    pressure: Mapping[str, float] = field(default_factory=dict, repr=False)
    """The pressure of the grammar on the taken values."""
    absent: frozenset[str] = frozenset()
    """The fields that no part states."""
    shortened: frozenset[str] = frozenset()
    """The values that are cut short in any of the parts they come from."""
    copied: frozenset[str] = frozenset()
    """The taken values that may be copied from a worked example."""


def merge(
    parts: Sequence[Part],
    *,
    policies: Mapping[str, Policy] | None = None,
    keys: Mapping[str, Sequence[str]] | None = None,
) -> Merged:
    """Merge parts, given in the order of the document, into one value.

    Items of a list with equal keys are one item, whose fields are merged; texts are compared there
    without regard to case and white space. Items without keys are one if they are equal and come
    from different parts.

    Args:
        parts: The statements of each part.
        policies: Which of several values to take, by JSON Pointer with `*` for any key or index.
        keys: The members that tell the items of a list apart, by the list's pointer, as above.

    Returns:
        The merged value, with what is known about its fields.

    Raises:
        ConfigurationError: If a policy does not exist.
    """
    for policy in (policies or {}).values():
        if policy not in _POLICIES:
            raise ConfigurationError(
                f"There is no merge policy {policy!r}.", hint=f"Known: {', '.join(_POLICIES)}."
            )
    merger = _Merger(parts, policies or {}, keys or {})
    statements = [_Statement(part.data, number, "") for number, part in enumerate(parts)]
    data = merger.merge(statements, "", "")
    return Merged(
        data,
        conflicts=tuple(merger.conflicts),
        evidence=merger.evidence,
        confidence=merger.confidence,
        alternatives=merger.alternatives,
        pressure=merger.pressure,
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


# ---- choosing one of several values ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Statement:
    """A value, the number of the part that states it, and its path in that part."""

    value: Json
    part: int
    path: str


_Values: TypeAlias = "Sequence[tuple[Json, tuple[int, ...]]]"
"""Distinct values, each with the numbers of the parts that state it."""


def _size(value: Json) -> int:
    return len(value) if isinstance(value, str | list | dict) else len(to_text(value))


_CHOICES: Final[Mapping[str, Callable[[_Values], int]]] = {
    "first": lambda values: 0,
    "last": lambda values: max(range(len(values)), key=lambda at: values[at][1][-1]),
    "most-common": lambda values: max(range(len(values)), key=lambda at: (len(values[at][1]), -at)),
    "longest": lambda values: max(range(len(values)), key=lambda at: (_size(values[at][0]), -at)),
}
"""The index of the value to take, by policy."""

_POLICIES: Final = (*_CHOICES, "union", "all")


class _Merger:
    """Merges place by place, from the root down, and collects what is known about each place."""

    def __init__(
        self,
        parts: Sequence[Part],
        policies: Mapping[str, Policy],
        keys: Mapping[str, Sequence[str]],
    ) -> None:
        self._parts, self._policies, self._keys = parts, policies, keys
        self.conflicts: list[Conflict] = []
        self.evidence: dict[str, Evidence] = {}
        self.confidence: dict[str, float] = {}
        self.alternatives: dict[str, tuple[tuple[Json, float], ...]] = {}
        self.pressure: dict[str, float] = {}
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
        if policy in (None, "union", "all") and are_lists:
            return self._merge_lists(stated, at, pattern, policy)
        return self._choose(stated, at, policy)

    def _merge_records(self, stated: Sequence[_Statement], at: str, pattern: str) -> Json:
        merged: dict[str, Json] = {}
        for name in dict.fromkeys(name for one in stated for name in one.value):
            step = f"/{escape(name)}"
            inner = [
                _Statement(one.value[name], one.part, one.path + step)
                for one in stated
                if name in one.value
            ]
            own = f"{pattern}{step}"
            value = self.merge(inner, at + step, own if self._is_named(own) else f"{pattern}/*")
            if value is not None:
                merged[name] = value
        stated_steps = {f"/{escape(name)}" for name in merged}
        for step in self._absent_steps(stated) - stated_steps:
            self.absent.add(at + step)
        self._note_shortened(stated, at)
        return merged

    def _absent_steps(self, stated: Sequence[_Statement]) -> set[str]:
        """The last steps ("/name") of the members that a part says are absent from its record."""
        return {
            path[len(one.path) :]
            for one in stated
            for path in self._parts[one.part].absent
            if path.rpartition("/")[0] == one.path
        }

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
        groups: list[list[_Statement]] = []
        keys = self._keys.get(pattern, ())
        for one in stated:
            earlier = len(groups)  # groups that have items of earlier parts
            joined: set[int] = set()
            for index, item in enumerate(one.value):
                new = _Statement(item, one.part, f"{one.path}/{index}")
                found = None
                if policy != "all":
                    found = _matching_group(new, groups, earlier, joined, keys)
                if found is None:
                    groups.append([new])
                else:
                    joined.add(found)
                    groups[found].append(new)
        self._note_shortened(stated, at)
        return [
            self.merge(group, f"{at}/{index}", f"{pattern}/*") for index, group in enumerate(groups)
        ]

    def _choose(self, stated: Sequence[_Statement], at: str, policy: Policy | None) -> Json:
        distinct: list[list[_Statement]] = []
        for one in stated:
            equal = (group for group in distinct if same_json(group[0].value, one.value))
            group = next(equal, None)
            if group is None:
                distinct.append([one])
            else:
                group.append(one)
        values = [
            (group[0].value, tuple(dict.fromkeys(one.part for one in group))) for group in distinct
        ]
        choose = _CHOICES.get(policy or "most-common", _CHOICES["most-common"])
        index = choose(values)
        if len(values) > 1:
            others = (*values[:index], *values[index + 1 :])
            self.conflicts.append(Conflict(at, (values[index], *others)))
        self._take(distinct[index][0], at)
        return distinct[index][0].value

    def _take(self, taken: _Statement, at: str) -> None:
        """Copy what is known about a value, and everything in it, to its place."""
        part = self._parts[taken.part]
        _copy_below(part.evidence, taken.path, self.evidence, at)
        _copy_below(part.confidence, taken.path, self.confidence, at)
        _copy_below(part.alternatives, taken.path, self.alternatives, at)
        _copy_below(part.pressure, taken.path, self.pressure, at)
        self.absent |= {at + rest for _, rest in _below(taken.path, part.absent)}
        self.shortened |= {at + rest for _, rest in _below(taken.path, part.shortened)}
        self.copied |= {at + rest for _, rest in _below(taken.path, part.copied)}


def _below(path: str, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The paths at and below a path, each with what it has after it."""
    for one in paths:
        if one == path or one.startswith(f"{path}/"):
            yield one, one[len(path) :]


def _copy_below(known: Mapping[str, V], path: str, into: dict[str, V], at: str) -> None:
    """Copy what is known at and below a path to another place."""
    for one, rest in _below(path, known):
        into[at + rest] = known[one]


def _covers(pattern: str, names: Iterable[str]) -> bool:
    return any(name == pattern or name.startswith(f"{pattern}/") for name in names)


def _matching_group(
    new: _Statement,
    groups: Sequence[Sequence[_Statement]],
    earlier: int,
    joined: set[int],
    keys: Sequence[str],
) -> int | None:
    """Find the group of an item: by its keys, or the first equal one that this part has not joined.

    Equal keys join items of one part, too; without keys, only the first `earlier` groups count.
    """
    key = identity_key(new.value, keys)
    for number, group in enumerate(groups):
        if key is not None:
            if identity_key(group[0].value, keys) == key:
                return number
        elif number < earlier and number not in joined and same_json(group[0].value, new.value):
            return number
    return None
