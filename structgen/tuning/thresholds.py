"""The thresholds of a cascade, learnt from its first model's own answers about the gold.

What counts is a value that the cascade would keep if it were sure of it: a value that is in doubt
for another reason is escalated at any threshold, and teaches none. Whether the learnt thresholds
are better than the default is judged on records that they were not learnt from (cross-fitting).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from structgen.calibration.by_field import NEVER, OTHERS, FieldThreshold, Label, learn_by_field
from structgen.calibration.gate import least_records
from structgen.calibration.learn import LabelledRecord, learn_ranking
from structgen.calibration.learnt import Calibration, RawLeaf
from structgen.calibration.saved import find
from structgen.errors import CalibrationError
from structgen.evaluation.calibrating import labelled_record, source_of
from structgen.evaluation.gold import GoldRecord
from structgen.extraction.doubt import BELOW, doubts, enough_for
from structgen.options import UNSET
from structgen.results import Extraction, Guarantee
from structgen.schema.check import validate
from structgen.schema.target import Target
from structgen.tuning.candidates import Tried
from structgen.values import Json, Removed

RIGHT: Final = 0.9
"""The share of the kept values that is to be right, if the call does not say."""
_FOLDS: Final = 10
"""Parts of the records: each is judged with thresholds that the others taught."""
_DIGITS: Final = 4
_SEVERAL: Final = "gives confidences of several sources, which no one threshold fits"
_NONE: Final = (
    "gives no confidence to compare with a threshold: its values are escalated by the checks and "
    "the document alone; with `confidence` set, here and in the calls, a second reading gives one"
)

Number = Callable[[RawLeaf], float]
"""Gives the confidence of a value as a call compares it with a threshold."""


class Answered(NamedTuple):
    """A record of gold, and the answer to the chosen question about it."""

    record: GoldRecord
    """The record."""
    row: Mapping[str, Any]
    """The answer, as a row of results."""
    is_apart: bool
    """Whether the record had no part in choosing the question."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What thresholds come to on records that did not teach them."""

    values: int
    """Values with a confidence."""
    kept: int
    """Those of them that are not escalated."""
    right: int
    """Those of the kept ones that are right."""

    @property
    def share_escalated(self) -> float:
        """The share of the values that is escalated."""
        return 1 - self.kept / self.values if self.values else 0.0

    @property
    def share_right(self) -> float | None:
        """The share of the kept values that is right; None if none is kept."""
        return self.right / self.kept if self.kept else None

    def __str__(self) -> str:
        right = self.share_right
        told = "none is kept" if right is None else f"{right:.1%} of those kept are right"
        return f"{self.share_escalated:.1%} of the values are escalated, {told}"

    def to_dict(self) -> dict[str, Json]:
        """Give the figures as plain JSON data, rounded to be the same on every machine."""
        right = self.share_right
        return {
            "escalated": round(self.share_escalated, _DIGITS),
            "right": None if right is None else round(right, _DIGITS),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntThresholds:
    """The thresholds that were learnt for a cascade, and what they are worth."""

    wanted: float
    """The share of the kept values that is to be right."""
    fields: Sequence[FieldThreshold] = ()
    """The threshold of each field with enough labels, after that of all others."""
    why_not: str | None = None
    """Why none was learnt; None if some were."""
    records: int = 0
    """Records that taught them."""
    learnt: Kept = Kept(0, 0, 0)
    """What they come to, by cross-fitting."""
    default: Kept = Kept(0, 0, 0)
    """What the default comes to on the same records."""
    confidence_by: str | None = None
    """What the confidence was made from that they are compared with."""
    calibrated: bool = False
    """Whether that confidence is calibrated."""

    @property
    def is_taken(self) -> bool:
        """Whether they are better than the default.

        They are if more of what they keep is right, as far as that was wanted, or as much and they
        escalate less.
        """
        return self.why_not is None and self._worth(self.learnt) > self._worth(self.default)

    def _worth(self, found: Kept) -> tuple[float, float]:
        right = found.share_right
        return min(self.wanted if right is None else right, self.wanted), -found.share_escalated

    @property
    def below(self) -> dict[str, float]:
        """The table as `cascade_below` takes it."""
        return {one.field: one.below for one in self.fields if one.below is not None}

    def lines(self) -> list[str]:
        """Say what was learnt, in some lines."""
        if self.why_not is not None:
            return [f"cascade_below: not learnt, because {self.why_not}"]
        taken = "taken" if self.is_taken else f"not taken, the default {BELOW} is no worse"
        told = [
            f"cascade_below: {taken}; {self.wanted:g} of the kept values are to be right",
            f"on records that taught no threshold: {self.learnt}",
            f"with the default {BELOW}: {self.default}",
        ]
        if all(below == NEVER for below in self.below.values()):
            told.append("no field is right often enough to be kept: ask the next model alone")
        return told

    def rows(self) -> list[tuple[str, ...]]:
        """Make the table of fields: the head, then a row for each; [] if none was learnt."""
        if self.why_not is not None:
            return []
        head = ("field", "records", "values", "escalated below")
        return [head, *(_row(one) for one in self.fields)]

    def to_dict(self) -> dict[str, Json]:
        """Give the thresholds as plain JSON data."""
        return {
            "right": self.wanted,
            "taken": self.is_taken,
            "why_not": self.why_not,
            "below": dict(self.below),
            "records": self.records,
            "values": self.learnt.values,
            "learnt": self.learnt.to_dict(),
            "default": self.default.to_dict(),
        }


def _row(one: FieldThreshold) -> tuple[str, ...]:
    told = f"{BELOW}, the default: too few records" if one.below is None else f"{one.below:g}"
    if one.below == NEVER:
        told += ": none is right often enough"
    name = "all others" if one.field == OTHERS else one.field
    return name, str(one.records), str(one.values), told


# ---- learning -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Record:
    """What a record says of thresholds."""

    open: Sequence[Label]
    """The values that are escalated by their confidence alone."""
    others: int
    """How many are escalated in any case."""


def learn_thresholds_of(
    tried: Tried,
    answered: Sequence[Answered],
    *,
    wanted: float,
    calibration: Calibration | None,
) -> LearntThresholds:
    """Learn the thresholds of a cascade.

    Args:
        tried: The question.
        answered: The answers of the cascade's first model to the chosen question.
        wanted: The share of the kept values that is to be right.
        calibration: What these answers teach about the confidence, if that is kept for the calls.
    """
    name = tried.caller.backends[0].name
    valid = [one for one in answered if one.row["error"] is None]
    try:
        by = source_of(one.row for one in valid)
    except CalibrationError:
        sources = {one.row.get("confidence_by") for one in valid} - {None}
        why = _SEVERAL if sources else _NONE
        return LearntThresholds(wanted=wanted, why_not=f"{name} {why}")
    labelled = [labelled_record(tried.target, one.record, one.row) for one in valid]
    known = calibration or _known_calibration(tried, by)
    if calibration is None:
        number: Number = _raw if known is None else known.ranking.value
        numbers = [number] * len(labelled)
    else:
        numbers = list(_out_of_fold(labelled))
    records = [
        _judged(tried, one, labels, number)
        for one, labels, number in zip(valid, labelled, numbers, strict=True)
        if one.is_apart and labels.leaves
    ]
    fields = learn_by_field([one.open for one in records], wanted)
    if all(one.below is None for one in fields):
        return LearntThresholds(wanted=wanted, why_not=_too_few(len(records), wanted))
    return LearntThresholds(
        wanted=wanted,
        fields=fields,
        records=len(records),
        learnt=_cross_fitted(records, wanted),
        default=_sum(_kept(one, BELOW) for one in records),
        confidence_by=by,
        calibrated=known is not None,
    )


def _too_few(records: int, wanted: float) -> str:
    least = least_records(wanted)
    return (
        f"{records} records that had no part in the choice are too few: to show that {wanted:g} "
        f"of the kept values are right takes {least} with a confidence at least; give more gold, "
        "or want less"
    )


def _raw(leaf: RawLeaf) -> float:
    return leaf.raw


def _known_calibration(tried: Tried, by: str) -> Calibration | None:
    """The calibration that calls will find, if there is one."""
    own = tried.options.calibration
    path = tried.calibration or (None if own is UNSET else own)
    if path is not None and not Path(os.fspath(path)).is_file():
        return None
    return find(tried.target, tried.caller.backends[0].name, by, path)


def _out_of_fold(labelled: Sequence[LabelledRecord]) -> Iterator[Number]:
    """For each record, the numbers that the records of the other folds teach.

    Those that its own labels taught would make its values look easier to tell apart than they are.
    """
    rankings = []
    for fold in range(_FOLDS):
        others = [one for at, one in enumerate(labelled) if at % _FOLDS != fold and one.leaves]
        rankings.append(learn_ranking(others).value if others else _raw)
    for at in range(len(labelled)):
        yield rankings[at % _FOLDS]


def _judged(tried: Tried, one: Answered, labelled: LabelledRecord, number: Number) -> _Record:
    """The values of an answer, without those that are in doubt whatever their confidence."""
    call: Any = {**tried.call, "cascade_below": 0.0}
    question = tried.caller.question(tried.target, one.record.document, call)
    in_doubt = doubts(question, _result_of(tried.target, one.row))
    labels = [
        Label(leaf.leaf.field, number(leaf.leaf), leaf.is_right)
        for leaf in labelled.leaves
        if not any(f"{leaf.path}/".startswith(f"{place}/") for place in in_doubt)
    ]
    return _Record(labels, len(labelled.leaves) - len(labels))


def _result_of(target: Target[Any], row: Mapping[str, Any]) -> Extraction[Any]:
    """The part of a result that doubts are about, from its row."""
    return Extraction(
        value=validate(target, row["value"]),
        target=target,
        guarantee=Guarantee(by="check", engine=""),
        absent=frozenset(row["absent"] or ()),
        shortened=frozenset(row["shortened"] or ()),
        removed=tuple(Removed(**one) for one in row["removed"] or ()),
        copied=frozenset(row["copied"] or ()),
        confidence=row["confidence"] or {},
        pressure=row["pressure"] or {},
        to_review=frozenset(row["to_review"] or ()),
    )


# ---- judging ------------------------------------------------------------------------------------


def _cross_fitted(records: Sequence[_Record], wanted: float) -> Kept:
    """What thresholds come to on each fold that the other folds taught."""
    found = []
    for fold in range(_FOLDS):
        others = [one.open for at, one in enumerate(records) if at % _FOLDS != fold]
        taught = learn_by_field(others, wanted)
        below = {one.field: one.below for one in taught if one.below is not None}
        found.append(_sum(_kept(one, below) for one in records[fold::_FOLDS]))
    return _sum(found)


def _kept(record: _Record, below: float | Mapping[str, float]) -> Kept:
    kept = [one for one in record.open if one.number >= enough_for(one.field, below)]
    values = len(record.open) + record.others
    return Kept(values, len(kept), sum(one.is_right for one in kept))


def _sum(found: Iterator[Kept] | Sequence[Kept]) -> Kept:
    parts = list(found)
    return Kept(
        sum(one.values for one in parts),
        sum(one.kept for one in parts),
        sum(one.right for one in parts),
    )
