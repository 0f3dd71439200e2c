"""How far the confidence of a run can be trusted, and what the promise of `accept` came to."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from structgen.evaluation import judged_confidence
from structgen.evaluation.intervals import Interval, percentile_interval, share_interval
from structgen.evaluation.judged_confidence import Bin
from structgen.evaluation.record import RecordScore

RESAMPLES: Final = 200
"""Of the intervals: each figure is computed anew for each."""
HEAD: Final = ("confidence", "values", "mean", "right", "95 %")
"""The columns of the table of reliability."""
_FIGURES: Final = (
    "auroc",
    "ece",
    "ece_by_chance",
    "brier",
    "accuracy_at_80",
    "coverage_at_95",
)


@dataclass(frozen=True)
class Trust:
    """The confidence of every answered leaf that has one, against what is right."""

    records: Sequence[RecordScore]
    """The records."""
    seed: int = 0
    """Of the resamples behind the intervals."""

    @cached_property
    def judged(self) -> list[tuple[float, bool]]:
        """The pairs of all records."""
        return [pair for record in self.records for pair in record.judged]

    @cached_property
    def reliability(self) -> list[Bin]:
        """Confidence against what is right, bin by bin."""
        return judged_confidence.reliability(self.judged)

    @cached_property
    def figures(self) -> dict[str, float | None]:
        """Figures by name; None for each that results carry nothing for."""
        promised = [record for record in self.records if record.accepted is not None]
        accepted = [record for record in promised if record.accepted]
        perfect = sum(record.valid and record.total.perfect for record in accepted)
        kept, right = self._kept
        stated = sum(record.total.found for record in promised)
        return {
            "auroc": judged_confidence.auroc(self.judged),
            "ece": judged_confidence.calibration_error(self.judged),
            "ece_by_chance": judged_confidence.calibration_error_by_chance(self.judged),
            "brier": judged_confidence.brier(self.judged),
            "accuracy_at_80": judged_confidence.accuracy_at_coverage(self.judged),
            "coverage_at_95": judged_confidence.coverage_at_accuracy(self.judged),
            "accepted": len(accepted) / len(promised) if promised else None,
            "accepted_right": perfect / len(accepted) if accepted else None,
            "accepted_values": kept / stated if stated else None,
            "accepted_values_right": right / kept if kept else None,
        }

    @property
    def _kept(self) -> tuple[int, int]:
        """The values that the promise accepts, and those of them that are right."""
        pairs = [record.kept for record in self.records if record.kept is not None]
        return sum(kept for kept, _ in pairs), sum(right for _, right in pairs)

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """Intervals of 95 % by bootstrap over records, of the figures that are known.

        The one of `ece` is the basic bootstrap interval, because resamples have a larger error than
        the run (Efron and Tibshirani 1993, chapter 13).
        """
        drawn = self._resamples
        found = {}
        auroc = self.figures["auroc"]
        values = [one for judged in drawn if (one := judged_confidence.auroc(judged)) is not None]
        if auroc is not None and values:
            found["auroc"] = percentile_interval(auroc, values)
        ece = self.figures["ece"]
        errors = [judged_confidence.calibration_error(judged) or 0.0 for judged in drawn]
        if ece is not None:
            found["ece"] = percentile_interval(ece, [max(2 * ece - one, 0.0) for one in errors])
        return found

    @property
    def _resamples(self) -> list[list[tuple[float, bool]]]:
        draw = random.Random(self.seed)  # noqa: S311  # statistics, no secret
        own = [record.judged for record in self.records if record.judged]
        return [
            [pair for one in draw.choices(own, k=len(own)) for pair in one]
            for _ in range(RESAMPLES if own else 0)
        ]

    def risk_coverage(self) -> list[list[float]]:
        """Give the risk-coverage curve, at most a point for each hundredth of coverage."""
        by_hundredth = {
            int(coverage * 100): [round(coverage, 4), round(risk, 4)]
            for coverage, risk in judged_confidence.risk_coverage(self.judged)
        }
        return list(by_hundredth.values())

    # ---- for people

    def lines(self) -> list[str]:
        """Say the figures in some lines; none if results have no confidence."""
        known = [
            f"{name} {one:.3f}" for name in _FIGURES if (one := self.figures[name]) is not None
        ]
        said = [f"confidence: {', '.join(known)}"] if known else []
        promised = [record for record in self.records if record.accepted is not None]
        if promised:
            accepted = [record for record in promised if record.accepted]
            perfect = sum(record.total.perfect for record in accepted)
            kept, right = self._kept
            said.append(
                f"accepted: {len(accepted)} of {len(promised)} records, "
                f"{_right(perfect, len(accepted))}; {kept} values, {_right(right, kept)}"
            )
        return said

    def rows(self) -> list[tuple[str, ...]]:
        """Make the table of reliability: the head, then a row for each bin; [] without any."""
        rows = [
            (
                f"{one.low:.1f}-{one.high:.1f}",
                str(one.count),
                f"{one.confidence:.3f}",
                f"{one.right:.3f}",
                f"{one.interval[0]:.2f}-{one.interval[1]:.2f}",
            )
            for one in self.reliability
        ]
        return [HEAD, *rows] if rows else []


def _right(right: int, count: int) -> str:
    return f"{share_interval(right, count)} of them right" if count else "none to judge"
