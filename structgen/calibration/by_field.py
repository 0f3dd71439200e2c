"""Thresholds by field: from which confidence on the values of each are right often enough.

Each field with enough labels has a threshold of its own, which keeps the promise that `accept`
makes, by the same test (`gate`). The other fields share one, learnt from all of their values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil, floor
from typing import Final, NamedTuple

from structgen.calibration.gate import learn_thresholds, least_records

NEVER: Final = 1.0
"""The threshold of a field of which no confidence is shown to be high enough: only what is certain
is kept, because a confidence goes no further."""
OTHERS: Final = ""
"""The field that stands for those without a threshold of their own."""
_STEPS: Final = 10_000
"""Steps from 0 to 1 to which a threshold is rounded."""


class Label(NamedTuple):
    """A value of an answer, compared with gold."""

    field: str
    """Its field: a JSON Pointer with `*` for indices."""
    number: float
    """Its confidence, as calls compare it with a threshold."""
    is_right: bool
    """Whether the gold has the same."""


class FieldThreshold(NamedTuple):
    """The threshold of a field, or of all fields without one of their own."""

    field: str
    """The field; `OTHERS` for all others."""
    records: int
    """Records with labels of it."""
    values: int
    """Its labels."""
    below: float | None
    """The confidence below which a value is escalated; None if there are too few records."""


def learn_by_field(records: Sequence[Sequence[Label]], promised: float) -> list[FieldThreshold]:
    """Learn the lowest threshold of each field at and above which its values keep a promise.

    Args:
        records: The labels of each record; the records are independent of one another.
        promised: The share of right values among those kept, above 0 and below 1.

    Returns:
        The fields with enough records, in order, after `OTHERS`, if there are other fields.
    """
    enough = least_records(promised)
    counts = Counter(name for record in records for name in {label.field for label in record})
    own = sorted(name for name, count in counts.items() if count >= enough and name != OTHERS)
    others = sorted(counts.keys() - own)
    groups = [(name, [name]) for name in own]
    if others:
        groups.insert(0, (OTHERS, others))
    return [_learnt(name, list(_of(names, records)), promised) for name, names in groups]


def _of(names: Sequence[str], records: Sequence[Sequence[Label]]) -> Iterator[list[Label]]:
    """The labels of some fields, record by record, without records that have none."""
    wanted = frozenset(names)
    for record in records:
        if found := [label for label in record if label.field in wanted]:
            yield found


def _learnt(name: str, records: Sequence[Sequence[Label]], promised: float) -> FieldThreshold:
    below = _lowest(records, promised) if len(records) >= least_records(promised) else None
    return FieldThreshold(name, len(records), sum(map(len, records)), below)


def _lowest(records: Sequence[Sequence[Label]], promised: float) -> float:
    """The lowest threshold that keeps the promise; not below the least value that it keeps.

    No label tells whether values that are less sure than any that was seen are right.
    """
    pairs = [[(label.number, label.is_right) for label in record] for record in records]
    least = learn_thresholds(pairs, [promised]).get(promised)
    if least is None:
        return NEVER
    seen = min(number for record in pairs for number, _ in record if number >= least)
    rounded = max(ceil(least * _STEPS), floor(seen * _STEPS))
    return min(rounded, _STEPS - 1) / _STEPS
