"""One answer against its gold, leaf by leaf.

The value is walked together with the gold. Null, a missing member and an empty list all say "not
stated", so a key that is left out and a null are the same. Items of lists are paired before they
are compared: by the assignment that has most right leaves, or without crossing where order matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from structgen.errors import InputError
from structgen.evaluation.assignment import best_alignment, best_assignment
from structgen.evaluation.rules import Place
from structgen.schema.json import pointer, to_text
from structgen.values import Json

Kind: TypeAlias = Literal["right", "wrong", "omitted", "invented", "null"]
"""What became of a leaf: found and the same as the gold; found, but another; of the gold, but not
found; found, but not of the gold; null in both."""

KINDS: Final[tuple[Kind, ...]] = ("right", "wrong", "omitted", "invented", "null")
_Path: TypeAlias = "tuple[str | int, ...]"
_MANY: Final = 2_500
"""Pairs of items from which on equal ones are paired first, so that long lists stay affordable."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf of an answer, of its gold, or of both."""

    field: str
    """The field: a JSON Pointer with `*` for indices."""
    kind: Kind
    """What became of it."""
    found: Json = None
    """The value that was found; None if there is none."""
    gold: Json = None
    """The right value; None if there is none."""
    path: str | None = None
    """The JSON Pointer into the answer; None if it has no such leaf."""
    gold_path: str | None = None
    """The JSON Pointer into the gold; None if it has no such leaf."""
    null_path: str | None = None
    """The JSON Pointer to where the answer states nothing; None if it has a leaf."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many leaves became what. Adds up with `+`."""

    right: int = 0
    wrong: int = 0
    omitted: int = 0
    invented: int = 0
    null: int = 0

    @property
    def found(self) -> int:
        """Leaves of the answers."""
        return self.right + self.wrong + self.invented

    @property
    def wanted(self) -> int:
        """Leaves of the gold."""
        return self.right + self.wrong + self.omitted

    @property
    def perfect(self) -> bool:
        """Whether nothing is wrong, omitted or invented."""
        return self.right == self.found == self.wanted

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.right + other.right,
            self.wrong + other.wrong,
            self.omitted + other.omitted,
            self.invented + other.invented,
            self.null + other.null,
        )


def counts_of(leaves: Iterable[Leaf]) -> Counts:
    """Count leaves by what became of them.

    Args:
        leaves: The leaves.
    """
    tally = dict.fromkeys(KINDS, 0)
    for leaf in leaves:
        tally[leaf.kind] += 1
    return Counts(**tally)


def counts_by_field(leaves: Iterable[Leaf]) -> dict[str, Counts]:
    """Count leaves by field and by what became of them.

    Args:
        leaves: The leaves.
    """
    by_field: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        by_field.setdefault(leaf.field, []).append(leaf)
    return {name: counts_of(own) for name, own in by_field.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What else is known about an answer and its gold."""

    absent: frozenset[str] = frozenset()
    """JSON Pointers into the answer: fields that the model left out, which hold their defaults."""
    alternatives: Mapping[str, Sequence[Json]] = field(default_factory=dict)
    """Other right values, by JSON Pointer into the gold."""


def leaves_of(rules: Place, found: Json, gold: Json, known: Known | None = None) -> list[Leaf]:
    """Compare an answer with its gold.

    Args:
        rules: The rules of the target's schema (`rules_of`).
        found: The answer as plain JSON data; None for an answer that failed.
        gold: The right answer as plain JSON data.
        known: Absent fields of the answer, and other right values.

    Raises:
        ConfigurationError: If the schema names a comparison that is not known.
        InputError: If the values are nested so deeply that they cannot be compared.
    """
    try:
        return _Walk(known or Known()).leaves(rules, found, gold, (), ())
    except RecursionError:
        raise InputError(
            "The answer and its gold are nested too deeply to be compared.",
            hint="Lists within lists can be compared to about a hundred levels.",
        ) from None


class _Walk:
    def __init__(self, known: Known) -> None:
        self._known = known

    def leaves(
        self, at: Place, found: Json, gold: Json, path: _Path, gold_path: _Path
    ) -> list[Leaf]:
        if at.skipped:
            return []
        if found is not None and self._known.absent and pointer(path) in self._known.absent:
            found = self._unless_default(at, found, gold)
        if isinstance(found, dict) or isinstance(gold, dict):
            return self._objects(at, found, gold, path, gold_path)
        if isinstance(found, list) or isinstance(gold, list):
            return self._lists(at, found, gold, path, gold_path)
        return self._leaf(at, found, gold, path, gold_path)

    def _unless_default(self, at: Place, found: Json, gold: Json) -> Json:
        """Null for a default that stands where the model stated nothing, unless it is right."""
        if gold is None:
            return None
        leaves = _Walk(Known()).leaves(at, found, gold, (), ())
        return found if counts_of(leaves).perfect else None

    def _leaf(
        self, at: Place, found: Json, gold: Json, path: _Path, gold_path: _Path
    ) -> list[Leaf]:
        known = self._known.alternatives
        others = known.get(pointer(gold_path), ()) if known else ()
        if found is None and None in others:
            gold = None
        stated = [one for one in (gold, *others) if one is not None]
        comparison = at.comparison(stated[0] if stated else found)
        kind: Kind
        if found is None:
            kind = "null" if gold is None else "omitted"
        elif any(comparison.same(found, one) for one in stated):
            kind = "right"
        else:
            kind = "invented" if gold is None else "wrong"
        return [
            Leaf(
                at.field,
                kind,
                found,
                gold,
                None if found is None else pointer(path),
                None if gold is None else pointer(gold_path),
                pointer(path) if found is None else None,
            )
        ]

    def _objects(
        self, at: Place, found: Json, gold: Json, path: _Path, gold_path: _Path
    ) -> list[Leaf]:
        strays: list[Leaf] = []
        if not isinstance(found, dict):
            strays = [] if found is None else self.leaves(at, found, None, path, gold_path)
            found = {}
        if not isinstance(gold, dict):
            strays = [] if gold is None else self.leaves(at, None, gold, path, gold_path)
            gold = {}
        keys = dict.fromkeys((*at.members, *gold, *found))
        return strays + [
            leaf
            for key in keys
            for leaf in self.leaves(
                at.member(key), found.get(key), gold.get(key), (*path, key), (*gold_path, key)
            )
        ]

    def _lists(
        self, at: Place, found: Json, gold: Json, path: _Path, gold_path: _Path
    ) -> list[Leaf]:
        strays: list[Leaf] = []
        if not isinstance(found, list):
            strays = [] if found is None else self._leaf(at, found, None, path, gold_path)
            found = []
        if not isinstance(gold, list):
            strays = [] if gold is None else self._leaf(at, None, gold, path, gold_path)
            gold = []
        if not found and not gold:
            return strays or self._leaf(at, None, None, path, gold_path)
        pairs = self._pairs(at, found, gold, path, gold_path)
        taken = {(i, j): leaves for i, j, leaves in pairs}
        leaves = [leaf for one in taken.values() for leaf in one]
        matched, met = {i for i, _ in taken}, {j for _, j in taken}
        for i in range(len(found)):
            if i not in matched:
                leaves += _stated(self.leaves(at.item(i), found[i], None, (*path, i), gold_path))
        for j in range(len(gold)):
            if j not in met:
                leaves += _stated(self.leaves(at.item(j), None, gold[j], path, (*gold_path, j)))
        return strays + leaves

    def _pairs(
        self, at: Place, found: list[Json], gold: list[Json], path: _Path, gold_path: _Path
    ) -> Iterator[tuple[int, int, list[Leaf]]]:
        """The items that belong together, with what became of their leaves."""

        def compared(i: int, j: int) -> list[Leaf]:
            return self.leaves(at.item(j), found[i], gold[j], (*path, i), (*gold_path, j))

        ours, theirs = list(range(len(found))), list(range(len(gold)))
        if not at.ordered:
            ours.sort(key=lambda i: to_text(found[i]))
            theirs.sort(key=lambda j: to_text(gold[j]))
            if len(ours) * len(theirs) > _MANY:
                for i, j in _equal(found, gold, ours, theirs):
                    ours.remove(i)
                    theirs.remove(j)
                    yield i, j, compared(i, j)
        if not ours or not theirs:
            return
        table = [[compared(i, j) for j in theirs] for i in ours]
        threshold = at.item(0).match_threshold
        weights = [[_weight(leaves, threshold) for leaves in row] for row in table]
        solve = best_alignment if at.ordered else best_assignment
        for row, column in solve(weights):
            yield ours[row], theirs[column], table[row][column]


def _weight(leaves: Sequence[Leaf], threshold: float) -> float:
    """How much two items belong together: by right leaves, then by leaves that stand opposite one
    another; 0 if they have no right leaf in common, or too few."""
    counts = counts_of(leaves)
    everything = counts.right + counts.wrong + counts.omitted + counts.invented
    if not counts.right or counts.right < threshold * everything:
        return 0.0
    return counts.right + counts.wrong / 1_000_000


def _equal(
    found: list[Json], gold: list[Json], ours: Sequence[int], theirs: Sequence[int]
) -> list[tuple[int, int]]:
    """Items that are the same JSON in both lists, each taken once."""
    waiting: dict[str, list[int]] = {}
    for j in theirs:
        waiting.setdefault(to_text(gold[j]), []).append(j)
    pairs = []
    for i in ours:
        if same := waiting.get(to_text(found[i])):
            pairs.append((i, same.pop()))
    return pairs


def _stated(leaves: Iterable[Leaf]) -> list[Leaf]:
    """Leaves of an item that only one side has: its nulls say nothing."""
    return [leaf for leaf in leaves if leaf.kind != "null"]
