"""How far a job is, while it runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from structgen.pipeline.record import Outcome
from structgen.values import Usage


@dataclass(slots=True)
class Counts:
    """How far a job is."""

    total: int | None = None
    """The number of inputs, if it is known."""
    ok: int = 0
    """Inputs with a value."""
    failed: int = 0
    """Inputs with an error."""
    cached: int = 0
    """Inputs whose outcome the journal had, or an equal input got."""
    equal: int = 0
    """Those of them that are equal to another input of this run."""
    accepted: int = 0
    """Records that keep the promise of `accept`."""
    to_review: int = 0
    """Records that do not."""
    usage: Usage = Usage()
    """Tokens used in this run."""
    cost: float | None = None
    """US dollars spent in this run; None if no price is known."""
    failures: Counter[str] = field(default_factory=Counter)
    """Inputs that failed, by the name of the error."""
    first_failures: dict[str, str] = field(default_factory=dict)
    """The first of them of each kind: its key and what the error says."""
    retries: Counter[str] = field(default_factory=Counter)
    """Tries over HTTP that failed and were repeated, by the name of the error."""
    held_by: str | None = None
    """What holds the job back now, such as "requests per minute (500)"."""
    held: Counter[str] = field(default_factory=Counter)
    """How often each of these was what held it back, when it was looked at."""

    @property
    def done(self) -> int:
        """Inputs with an outcome."""
        return self.ok + self.failed

    def clear(self) -> None:
        """Begin again with the first input. Usage and cost stay counted."""
        self.ok = self.failed = self.cached = self.equal = self.accepted = self.to_review = 0
        self.failures.clear()
        self.first_failures.clear()

    def add(self, outcome: Outcome[Any], *, cached: bool, equal: bool = False) -> None:
        """Count an outcome.

        Args:
            outcome: The outcome.
            cached: Whether nothing was asked for it.
            equal: Whether that is because another input of this run is equal.
        """
        self.equal += equal
        self.ok += outcome.ok
        self.failed += not outcome.ok
        self.cached += cached
        self.accepted += outcome.accepted is True
        self.to_review += outcome.accepted is False
        if outcome.error is not None:
            kind = type(outcome.error).__name__
            self.failures[kind] += 1
            self.first_failures.setdefault(kind, f"{outcome.key}: {outcome.error.message}")

    def add_spent(self, outcome: Outcome[Any]) -> None:
        """Count what a question used, whether it was about an input or about a chunk of one."""
        self.usage += outcome.usage
        if outcome.cost is not None and outcome.tries:
            self.cost = (self.cost or 0.0) + outcome.cost
