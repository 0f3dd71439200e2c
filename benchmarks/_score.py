"""Answers against gold: leaves right, wrong, omitted and invented, with typed comparison; lists are aligned before their items are
compared. Nothing that is null on both sides counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Score:
    """Leaves: `right`, those that were `found`, and those of the gold (`wanted`). Adds up with `+`."""

    right: int = 0
    found: int = 0
    wanted: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(self.right + other.right, self.found + other.found, self.wanted + other.wanted)

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.found + self.wanted) if self.found + self.wanted else 1.0


def score(found: Any, gold: Any) -> Score:
    """The leaves of an answer against those of the gold."""
    if isinstance(found, Mapping) and isinstance(gold, Mapping):
        return sum(
            (score(found.get(key), gold.get(key)) for key in found.keys() | gold.keys()), Score()
        )
    if isinstance(found, list) and isinstance(gold, list):
        return _lists(list(found), list(gold))
    ours, theirs = len(list(_leaves(found))), len(list(_leaves(gold)))
    both_leaves = not isinstance(found, (Mapping, list)) and not isinstance(gold, (Mapping, list))
    return Score(int(both_leaves and ours == theirs == 1 and _same(found, gold)), ours, theirs)


def _lists(found: list[Any], gold: list[Any]) -> Score:
    """Pairs the items that agree most, best first."""
    total = Score()
    while found and gold:
        pairs = (
            (score(one, other), i, j) for i, one in enumerate(found) for j, other in enumerate(gold)
        )
        best, i, j = max(pairs, key=lambda pair: (pair[0].right, -pair[0].found))
        if not best.right:
            break
        total += best
        del found[i], gold[j]
    return total + Score(0, len(list(_leaves(found))), len(list(_leaves(gold))))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return " ".join(one.casefold().split()).strip(" .,;:") == " ".join(
            other.casefold().split()
        ).strip(" .,;:")
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
