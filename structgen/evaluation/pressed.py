"""How hard the schema pressed on the values of a run, and whether it pressed on the wrong ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from structgen.evaluation.judged_confidence import auroc
from structgen.evaluation.record import RecordScore
from structgen.evaluation.scoring import Counts

HARD: Final = 0.5
"""The pressure from which a value counts as pressed: the model would rather have written something
that the schema forbids."""
_MOST_TOLD: Final = 5
"""Fields that the report names."""


@dataclass(frozen=True)
class Pressed:
    """The pressure on every answered leaf, against what is right."""

    records: Sequence[RecordScore]
    """The records."""

    @cached_property
    def hard(self) -> list[tuple[str, bool]]:
        """The leaves that were pressed hard: the field of each, and whether it is right."""
        every = (one for record in self.records for one in record.pressed)
        return [(name, is_right) for name, pressure, is_right in every if pressure >= HARD]

    @cached_property
    def figures(self) -> Mapping[str, float | None]:
        """Figures by name; None for each if no answer tells of pressure."""
        answered = sum((record.total for record in self.records), Counts())
        if not any(record.pressed for record in self.records) or not answered.found:
            return dict.fromkeys(("pressed", "pressed_right", "pressure_auroc"))
        right = sum(is_right for _, is_right in self.hard)
        return {
            "pressed": len(self.hard) / answered.found,
            "pressed_right": right / len(self.hard) if self.hard else None,
            "pressure_auroc": self._auroc(answered),
        }

    def _auroc(self, answered: Counts) -> float | None:
        """The chance that a wrong leaf was pressed harder than a right one."""
        told = [(-one[1], one[2]) for record in self.records for one in record.pressed]
        right = sum(is_right for _, is_right in told)
        calm = [(0.0, True)] * (answered.right - right)
        calm += [(0.0, False)] * (answered.found - answered.right - len(told) + right)
        return auroc([*told, *calm])

    @property
    def fields(self) -> list[tuple[str, int]]:
        """How many leaves of each field were pressed hard, the most first."""
        return Counter(name for name, _ in self.hard).most_common()

    def lines(self) -> list[str]:
        """Say it in a line; none if no answer tells of pressure."""
        if self.figures["pressed"] is None:
            return []
        if not self.hard:
            return ["pressed by the schema: no value"]
        right = sum(is_right for _, is_right in self.hard)
        named = [f"{name or '/'} {count}" for name, count in self.fields[:_MOST_TOLD]]
        more = len(self.fields) - len(named)
        places = ", ".join([*named, f"{more} more fields"] if more > 0 else named)
        return [
            f"pressed by the schema: {self.figures['pressed']:.1%} of the answered values "
            f"({places}), {right} of these {len(self.hard)} right"
        ]
