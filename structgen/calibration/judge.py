"""Apply a calibration to the confidence of a result, and decide what is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

from structgen.calibration.gate import least_records
from structgen.calibration.kinds import NULL
from structgen.calibration.learn import TEACHING
from structgen.calibration.learnt import Calibration, RawLeaf, field_of
from structgen.errors import CalibrationError
from structgen.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a confidence comes to. An `Extraction` has members of these names."""

    confidence: Mapping[str, float]
    """By JSON Pointer of a leaf, calibrated if there is a calibration."""
    record_confidence: float | None = None
    """The chance that the record has no fault; None if a stated value has no confidence."""
    raw_confidence: Mapping[str, float] = field(default_factory=dict)
    """As it was before it was calibrated; {} if it was not."""
    accepted: bool | None = None
    """Whether the record is accepted; None if no promise was asked for."""
    to_review: frozenset[str] = frozenset()
    """JSON Pointers of the stated values that are not accepted."""

    def to_dict(self) -> dict[str, Json]:
        """Give the judgement as plain JSON data, as `Extraction.to_dict` does."""
        return {
            "confidence": dict(self.confidence),
            "record_confidence": self.record_confidence,
            "raw_confidence": dict(self.raw_confidence),
            "accepted": self.accepted,
            "to_review": sorted(self.to_review),
        }


def judge(
    raw: Mapping[str, float],
    kinds: Mapping[str, str],
    calibration: Calibration | None,
    promised: float | None,
) -> Judgement:
    """Judge the raw confidence of a result.

    Args:
        raw: The confidence by JSON Pointer.
        kinds: The kind of each leaf of the value, by JSON Pointer (`kinds_of`).
        calibration: What was learnt from gold, if anything was.
        promised: The share of right ones among what is accepted; None to accept nothing. It needs a
            calibration.
    """
    leaves = {
        path: RawLeaf(field_of(path), kinds.get(path, ""), number) for path, number in raw.items()
    }
    stated = {path: kind for path, kind in kinds.items() if kind != NULL}
    is_whole = bool(raw) and stated.keys() <= raw.keys()
    if calibration is None:
        return Judgement(confidence=raw, record_confidence=prod(raw.values()) if is_whole else None)
    shown = calibration.ranking
    judgement = Judgement(
        confidence={path: shown.value(leaf) for path, leaf in leaves.items()},
        record_confidence=shown.whole(leaves.values()) if is_whole else None,
        raw_confidence=raw,
    )
    if promised is None:
        return judgement
    gate = calibration.gate
    least = gate.thresholds(promised)
    values = {path: gate.ranking.value(leaves[path]) if path in leaves else 0.0 for path in stated}
    return Judgement(
        confidence=judgement.confidence,
        record_confidence=judgement.record_confidence,
        raw_confidence=raw,
        accepted=is_whole
        and least.record is not None
        and gate.ranking.whole(leaves.values()) >= least.record,
        to_review=frozenset(
            path for path, one in values.items() if least.value is None or one < least.value
        ),
    )


def require_enough(calibration: Calibration, promised: float) -> None:
    """See that a calibration has labels enough for a promise.

    Args:
        calibration: The calibration.
        promised: The share of right ones among what is accepted.

    Raises:
        CalibrationError: If too few records set its thresholds.
    """
    least = least_records(promised)
    if calibration.gate.records < least:
        labelled = -(-least * TEACHING // (TEACHING - 1))
        raise CalibrationError(
            f"At least {labelled} labelled records are needed for accept={promised:g}; the "
            f"calibration of {calibration.target} with {calibration.model} has "
            f"{calibration.records}.",
            hint="Calibrate on more gold, or promise less.",
        )
