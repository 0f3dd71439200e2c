"""The result of a tuning, and an estimate of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from structgen.evaluation.comparison import Difference
from structgen.evaluation.tables import text_table
from structgen.extraction.tuned import THRESHOLDS, Tuned, changes_text
from structgen.tuning.schedule import Rung
from structgen.tuning.thresholds import LearntThresholds
from structgen.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A candidate as one step of the search judged it."""

    name: str
    """Its changes, in one line."""
    half: str
    """The half of the records that was choosing: "first" or "second"."""
    records: int
    """How many records it was judged on."""
    f1: float
    """F1 of all leaves of these records."""
    tokens: float
    """Tokens of prompts and answers, a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Winner:
    """The choice of one half of the records, as the other half judges it."""

    name: str
    """Its changes, in one line."""
    before: float
    """F1 of the default on the other half."""
    after: float
    """F1 of the winner on the other half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """The result of a tuning."""

    tuned: Tuned
    """The choice; without changes, the default."""
    path: str | None
    """The file that has it; None if none was written."""
    steps: Sequence[Judged]
    """The candidates that the search judged, in this order."""
    winners: Sequence[Winner]
    """The choice of each half; empty if neither found anything ahead of the default."""
    gain: Difference | None
    """The gain of choosing, in F1: each half judged with what the other one chose, against the
    default, paired by record. None if neither half chose anything."""
    thresholds: LearntThresholds | None
    """The thresholds that were learnt for a cascade; None if there is none, or they were given."""
    left_out: Sequence[str]
    """The candidates for which the budget had no room."""
    calls: int
    """Answers that were asked for, in earlier runs of this tuning, too."""
    tokens: int
    """Tokens of prompts and answers."""
    cost: float | None
    """US dollars; None if a price is not known."""

    @property
    def is_better(self) -> bool:
        """Whether something beats the default."""
        return bool(self.tuned.changes)

    def lines(self) -> list[str]:
        """Say what was found, in some lines."""
        asked = {name: one for name, one in self.tuned.changes.items() if name != THRESHOLDS}
        told = [f"chosen: {changes_text(asked)}"]
        if not asked:
            told[0] += ", because nothing beats them beyond noise"
        if self.gain is not None:
            gain = self.gain
            told.append(
                f"on records that did not choose: F1 {gain.before:.3f} -> {gain.after:.3f}, "
                f"gain {gain.interval}, p = {gain.p:.4f}"
            )
        told += [
            f"one half chose {one.name}; on the other one: F1 {one.before:.3f} -> {one.after:.3f}"
            for one in self.winners
        ]
        if self.thresholds is not None:
            told += self.thresholds.lines()
        if self.left_out:
            told.append(f"no room in the budget: {'; '.join(self.left_out)}")
        cost = "cost not known" if self.cost is None else f"{self.cost:.4f} US dollars"
        told.append(f"{self.calls} calls, {self.tokens} tokens, {cost}")
        return told

    def table(self) -> str:
        """Lay out what was judged: `lines`, each step of the search, and each threshold."""
        rows = [("candidate", "half", "records", "f1", "tokens a record")]
        rows += [
            (one.name, one.half, str(one.records), f"{one.f1:.3f}", f"{one.tokens:.0f}")
            for one in self.steps
        ]
        found = [*self.lines(), "", *text_table(rows)]
        if self.thresholds is not None and (fields := self.thresholds.rows()):
            found += ["", *text_table(fields)]
        return "\n".join(found)

    def to_dict(self) -> dict[str, Json]:
        """Give the tuning as plain JSON data."""
        return {
            "target": self.tuned.target,
            "model": self.tuned.model,
            "changes": dict(self.tuned.changes),
            "figures": dict(self.tuned.figures),
            "path": self.path,
            "steps": [asdict(one) for one in self.steps],
            "winners": [asdict(one) for one in self.winners],
            "gain": None if self.gain is None else asdict(self.gain),
            "thresholds": None if self.thresholds is None else self.thresholds.to_dict(),
            "left_out": list(self.left_out),
            "calls": self.calls,
            "tokens": self.tokens,
            "cost": self.cost,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The most that a tuning would take, if no answer has to be asked for again."""

    candidates: Sequence[str]
    """The candidates to try."""
    left_out: Sequence[str]
    """The candidates for which the budget has no room."""
    records: int
    """Records of gold."""
    rungs: Sequence[Rung]
    """How many candidates each half judges on how many records, step by step."""
    calls: int
    """Answers to ask for."""
    tokens: int
    """An estimate of the tokens of prompts and answers."""
    cost: float | None
    """An estimate in US dollars; None if no price is known."""

    def lines(self) -> list[str]:
        """Say it in some lines."""
        steps = ", ".join(f"{one.candidates} on {one.records}" for one in self.rungs)
        cost = "cost not known" if self.cost is None else f"about {self.cost:.4f} US dollars"
        return [
            f"{len(self.candidates)} candidates, {self.records} records of gold",
            *[f"  {name}" for name in self.candidates],
            *([f"no room in the budget: {'; '.join(self.left_out)}"] if self.left_out else []),
            f"candidates on records, for each half: {steps or 'none'}",
            f"at most {self.calls} calls, about {self.tokens} tokens, {cost}",
        ]

    def to_dict(self) -> dict[str, Json]:
        """Give the estimate as plain JSON data."""
        return {
            "candidates": list(self.candidates),
            "left_out": list(self.left_out),
            "records": self.records,
            "rungs": [one._asdict() for one in self.rungs],
            "calls": self.calls,
            "tokens": self.tokens,
            "cost": self.cost,
        }
