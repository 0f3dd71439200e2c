"""One value from the parts of a document: records field by field, lists by what their items are, and every conflict told.

Works on plain JSON data. What a part does not state (null, or no such member) never counts against what another one states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from structgen.errors import ConfigurationError
from structgen.schema.json import escape, same_json, to_text
from structgen.values import Evidence, Json

Policy: TypeAlias = Literal["first", "last", "most-common", "longest", "union", "all"]
"""Which of several values is taken. Of a list: `union` (equal items of several parts are one; the default) or `all` of its items,
or one of the others, for one part's list as it is. Of anything else: the `first`, the `last`, the `most common` (the default; of
equally common ones the first) or the `longest`."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one part states: plain data, and the evidence by JSON Pointer, in offsets of the whole document."""

    data: Json = field(repr=False)
    evidence: Mapping[str, Evidence] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Parts that state different values for one place. `path`: JSON Pointer into the merged value; `values`: each value with the
    numbers of the parts that state it, in their order; the first one is what was taken."""

    path: str
    values: tuple[tuple[Json, tuple[int, ...]], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Merged:
    """What the parts make together."""

    data: Json = field(repr=False)
    conflicts: tuple[Conflict, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _Said:
    """A value, the part that states it, and where in that part it stands."""

    value: Json
    part: int
    path: str


_Values: TypeAlias = "Sequence[tuple[Json, tuple[int, ...]]]"


def _size(value: Json) -> int:
    return len(value) if isinstance(value, str | list | dict) else len(to_text(value))


_CHOICES: Final[Mapping[str, Callable[[_Values], int]]] = {
    "first": lambda values: 0,
    "last": lambda values: max(range(len(values)), key=lambda at: values[at][1][-1]),
    "most-common": lambda values: max(range(len(values)), key=lambda at: (len(values[at][1]), -at)),
    "longest": lambda values: max(range(len(values)), key=lambda at: (_size(values[at][0]), -at)),
}
"""Of distinct values with the parts that state them, the index of the one to take."""


def merge(
    parts: Sequence[Part],
    *,
    policies: Mapping[str, Policy] | None = None,
    keys: Mapping[str, Sequence[str]] | None = None,
) -> Merged:
    """The merged value of parts in the order of the document.

    `policies` and `keys` (identity keys of lists of records) are given by pattern: a JSON Pointer with `*` for any key or index.
    Items with equal keys are one item, whose fields are merged; texts are compared without regard to case and white space there.
    Items without keys are one where they are equal and come from several parts. Raises ConfigurationError for a policy that there
    is not.
    """
    for policy in (policies or {}).values():
        if policy not in (*_CHOICES, "union", "all"):
            raise ConfigurationError(
                f"There is no merge policy {policy!r}.",
                hint=f"Known: {', '.join(_CHOICES)}, union, all.",
            )
    merging = _Merging(parts, policies or {}, keys or {})
    data = merging.value(
        [_Said(part.data, number, "") for number, part in enumerate(parts)], "", ""
    )
    return Merged(data, tuple(merging.conflicts), merging.evidence)


class _Merging:
    def __init__(
        self,
        parts: Sequence[Part],
        policies: Mapping[str, Policy],
        keys: Mapping[str, Sequence[str]],
    ) -> None:
        self._parts, self._policies, self._keys = parts, policies, keys
        self.conflicts: list[Conflict] = []
        self.evidence: dict[str, Evidence] = {}

    def value(self, said: Sequence[_Said], at: str, pattern: str) -> Json:
        """What was said of one place, as one value. `at`: where it stands in the merged value."""
        said = [one for one in said if one.value is not None]
        if not said:
            return None
        kinds = [type(one.value) if isinstance(one.value, dict | list) else None for one in said]
        policy = self._policies.get(pattern)
        if all(kind is dict for kind in kinds) and policy is None:
            return self._record(said, at, pattern)
        if all(kind is list for kind in kinds) and policy in (None, "union", "all"):
            return self._list(said, at, pattern, policy)
        return self._chosen(said, at, pattern, policy)

    def _record(self, said: Sequence[_Said], at: str, pattern: str) -> Json:
        names = dict.fromkeys(name for one in said for name in one.value)
        found = {}
        for name in names:
            step = f"/{escape(name)}"
            inner = [
                _Said(one.value[name], one.part, one.path + step)
                for one in said
                if name in one.value
            ]
            own = f"{pattern}{step}"
            value = self.value(inner, at + step, own if self._is_named(own) else f"{pattern}/*")
            if value is not None:
                found[name] = value
        return found

    def _is_named(self, pattern: str) -> bool:
        """Does it matter by this name, or only by `*`?"""
        below = f"{pattern}/"
        wild = f"{pattern.rpartition('/')[0]}/*"
        named = (*self._policies, *self._keys)
        return any(name == pattern or name.startswith(below) for name in named) or not any(
            name == wild or name.startswith(f"{wild}/") for name in named
        )

    def _list(self, said: Sequence[_Said], at: str, pattern: str, policy: Policy | None) -> Json:
        groups: list[list[_Said]] = []
        for one in said:
            earlier = len(groups)
            taken: set[int] = set()
            for index, item in enumerate(one.value):
                new = _Said(item, one.part, f"{one.path}/{index}")
                to = (
                    None
                    if policy == "all"
                    else self._same(new, groups, earlier, taken, self._keys.get(pattern, ()))
                )
                if to is None:
                    groups.append([new])
                else:
                    taken.add(to)
                    groups[to].append(new)
        return [
            self.value(group, f"{at}/{index}", f"{pattern}/*") for index, group in enumerate(groups)
        ]

    def _same(
        self,
        new: _Said,
        groups: Sequence[Sequence[_Said]],
        earlier: int,
        taken: set[int],
        keys: Sequence[str],
    ) -> int | None:
        """The group of an item. By its keys, within a part too; without, the first equal one of earlier parts that is free."""
        key = key_of(new.value, keys)
        for number, group in enumerate(groups):
            if key is not None:
                if key_of(group[0].value, keys) == key:
                    return number
            elif number < earlier and number not in taken and same_json(group[0].value, new.value):
                return number
        return None

    def _chosen(self, said: Sequence[_Said], at: str, pattern: str, policy: Policy | None) -> Json:
        distinct: list[list[_Said]] = []
        for one in said:
            group = next(
                (group for group in distinct if same_json(group[0].value, one.value)), None
            )
            if group is None:
                distinct.append([one])
            else:
                group.append(one)
        values = [
            (group[0].value, tuple(dict.fromkeys(one.part for one in group))) for group in distinct
        ]
        index = _CHOICES[policy if policy in _CHOICES else "most-common"](values)  # type: ignore[index]
        if len(values) > 1:
            self.conflicts.append(
                Conflict(at, (values[index], *values[:index], *values[index + 1 :]))
            )
        taken = distinct[index][0]
        for path, evidence in self._parts[taken.part].evidence.items():
            if path == taken.path or path.startswith(f"{taken.path}/"):
                self.evidence[at + path[len(taken.path) :]] = evidence
        return taken.value


def key_of(item: Json, names: Sequence[str]) -> str | None:
    """What tells an item from others, None for one that does not state all of it."""
    if not names or not isinstance(item, dict) or any(item.get(name) is None for name in names):
        return None
    return to_text(
        [
            " ".join(value.split()).casefold() if isinstance(value := item[name], str) else value
            for name in names
        ]
    )
