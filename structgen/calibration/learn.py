"""Learn a calibration from labelled records."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from structgen.calibration.curves import Curve, Logistic, learn_curve, learn_offset
from structgen.calibration.gate import PROMISES, learn_thresholds
from structgen.calibration.kinds import NULL
from structgen.calibration.learnt import (
    OTHERS,
    Calibration,
    Gate,
    Ranking,
    RawLeaf,
    Thresholds,
    schema_fingerprint,
)
from structgen.errors import CalibrationError
from structgen.schema.target import Target

LEAST_LABELS: Final = 20
"""Labelled leaves that a calibration needs."""
LEAST_OF_KIND: Final = 10
"""Labelled leaves of a kind that has a curve of its own. With 10 the error after about 100 labels
was smaller than with 20 or 40, over four tasks (`python -m benchmarks confidence`)."""
TEACHING: Final = 4
"""One of so many records teaches the numbers of the gate, the others set its thresholds."""


class LabelledLeaf(NamedTuple):
    """A leaf of an answer with a confidence, compared with gold."""

    leaf: RawLeaf
    """The leaf."""
    is_right: bool
    """Whether the gold has the same."""
    path: str = ""
    """Its JSON Pointer in the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledRecord:
    """An answer compared with gold."""

    leaves: Sequence[LabelledLeaf]
    """Its leaves that have a confidence, nulls too."""
    is_perfect: bool
    """Whether nothing is wrong, omitted or invented."""

    @property
    def raw(self) -> list[RawLeaf]:
        """The leaves without their labels."""
        return [one.leaf for one in self.leaves]


def learn(
    target: Target[Any], model: str, by: str, records: Sequence[LabelledRecord]
) -> Calibration:
    """Learn how far the confidence of a model's answers can be trusted.

    Args:
        target: What was extracted.
        model: The name of the backend that answered.
        by: What the raw confidence was made from.
        records: Labelled records, independent of one another.

    Raises:
        CalibrationError: If they have too few labels.
    """
    told = [record for record in records if record.leaves]
    labels = sum(len(record.leaves) for record in told)
    if labels < LEAST_LABELS or len(told) < TEACHING:
        raise CalibrationError(
            f"{len(told)} records with {labels} labelled values are too few to calibrate on.",
            hint=f"Give gold for at least {TEACHING} records and {LEAST_LABELS} values whose "
            "answers have a confidence.",
        )
    return Calibration(
        target=target.name,
        schema=schema_fingerprint(target.schema),
        model=model,
        by=by,
        records=len(told),
        labels=labels,
        ranking=learn_ranking(told),
        gate=_learn_gate(told),
    )


def learn_ranking(records: Sequence[LabelledRecord]) -> Ranking:
    """Learn the curve of each kind, and that of whole records.

    Args:
        records: Labelled records, of which at least one has leaves.
    """
    leaves = [one for record in records for one in record.leaves]
    curves: dict[str, Curve] = {
        kind: learn_curve([(one.leaf.raw, one.is_right) for one in own])
        for kind, own in _grouped(leaves, lambda leaf: leaf.kind).items()
        if len(own) >= LEAST_OF_KIND
    }
    curves[OTHERS] = learn_curve([(one.leaf.raw, one.is_right) for one in leaves])
    by_kind = Ranking(kinds=curves, record=Logistic(1.0, 0.0))
    stated = [one for one in leaves if one.leaf.kind != NULL]
    offsets = {
        name: learn_offset([(by_kind.value(one.leaf), one.is_right) for one in own])
        for name, own in _grouped(stated, lambda leaf: leaf.field).items()
    }
    by_field = replace(by_kind, fields=offsets)
    wholes = [(by_field.joint(record.raw), record.is_perfect) for record in records]
    return replace(by_field, record=learn_curve(wholes))


def _grouped(
    leaves: Sequence[LabelledLeaf], key: Callable[[RawLeaf], str]
) -> dict[str, list[LabelledLeaf]]:
    found: dict[str, list[LabelledLeaf]] = {}
    for one in leaves:
        found.setdefault(key(one.leaf), []).append(one)
    return dict(sorted(found.items()))


def _learn_gate(records: Sequence[LabelledRecord]) -> Gate:
    """Learn thresholds from records that taught the numbers nothing."""
    shuffled = list(records)
    random.Random(0).shuffle(shuffled)  # noqa: S311  # statistics, no secret
    teaching = shuffled[::TEACHING]
    testing = [record for place, record in enumerate(shuffled) if place % TEACHING]
    ranking = learn_ranking(teaching)
    wholes = [[(ranking.whole(record.raw), record.is_perfect)] for record in testing]
    values = [
        [(ranking.value(one.leaf), one.is_right) for one in record.leaves if one.leaf.kind != NULL]
        for record in testing
    ]
    of_records, of_values = learn_thresholds(wholes), learn_thresholds(values)
    return Gate(
        ranking=ranking,
        records=len(testing),
        promises={
            promised: Thresholds(record=of_records.get(promised), value=of_values.get(promised))
            for promised in PROMISES
            if promised in of_records or promised in of_values
        },
    )
