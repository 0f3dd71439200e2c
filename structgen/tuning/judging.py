"""Ask candidates about records and score what they answer, within a budget.

Answers are kept in a journal by the hash of what was asked, the one that `evaluate` uses: what was
asked once, by anyone, is not asked again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn

from structgen.errors import (
    BadRequestError,
    BudgetExceededError,
    JobStoppedError,
    OutputError,
    OutputRejectedError,
    PromptTooLongError,
    UsageError,
)
from structgen.evaluation.gold import GoldRecord
from structgen.evaluation.result import Evaluation
from structgen.evaluation.run import answer_of, score
from structgen.kinds import Kind, check_fields, number, or_none, whole
from structgen.pipeline.limits import JobLimits
from structgen.pipeline.mapping import amap, map_threaded
from structgen.pipeline.record import Item, Outcome
from structgen.pipeline.summary import Summary
from structgen.tuning.candidates import Candidate, Tried
from structgen.values import Example

_ITS_OWN: Final = (
    OutputError,
    OutputRejectedError,
    PromptTooLongError,
    BadRequestError,
    BudgetExceededError,
    UsageError,
)
"""Errors that a candidate is to blame for: they count as answers without leaves. Others may pass,
and end the tuning, which can be started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The limits of a tuning."""

    max_calls: int | None = None
    """Answers to ask for, those of earlier runs included."""
    max_cost: float | None = None
    """US dollars, those of earlier runs included."""
    max_seconds: float | None = None
    """Seconds of this run."""

    def __post_init__(self) -> None:
        check_fields(self, _KINDS)


_KINDS: Final[Mapping[str, Kind]] = {
    "max_calls": or_none(whole(0)),
    "max_cost": or_none(number(0, of="US dollars")),
    "max_seconds": or_none(number(0, of="seconds")),
}
"""Which values the limits of a tuning take."""


@dataclass(slots=True)
class Spent:
    """The spending of a tuning so far, with that of its earlier runs."""

    calls: int = 0
    """Answers that were asked for."""
    tokens: int = 0
    """Tokens of prompts and answers."""
    cost: float | None = 0.0
    """US dollars; None if a price is not known."""

    def add(self, outcome: Outcome[Any]) -> None:
        """Count an outcome.

        Args:
            outcome: The outcome.
        """
        self.calls += outcome.tries
        self.tokens += outcome.usage.total_tokens
        known = self.cost is not None and outcome.cost is not None
        self.cost = (self.cost or 0.0) + (outcome.cost or 0.0) if known else None


class Part(NamedTuple):
    """A candidate, and records to judge it on."""

    candidate: Candidate
    """The candidate."""
    records: Sequence[GoldRecord]
    """The records."""
    pool: Sequence[Example]
    """The examples that it may show; none is one of the records."""


class Judge:
    """Asks candidates, and scores them."""

    def __init__(
        self,
        tried: Tried,
        *,
        journal: str | os.PathLike[str],
        budget: Budget,
        concurrency: int | None,
        log: Callable[[str], None],
    ) -> None:
        """Prepare to judge.

        Args:
            tried: The question that is tuned.
            journal: Where answers are kept.
            budget: What may be spent.
            concurrency: Questions at a time at most.
            log: Is told what is worth a line.
        """
        self._tried, self._journal = tried, journal
        self._budget, self._concurrency, self._log = budget, concurrency, log
        self._began = time.monotonic()
        self._outcomes: dict[tuple[str, str], Outcome[Any]] = {}
        self.spent = Spent()
        """The spending so far."""

    def judge(self, parts: Sequence[Part]) -> Evaluation:
        """Score candidates over records. No question is asked a second time.

        Args:
            parts: Who is judged on which records; no record is in two of them.

        Raises:
            JobStoppedError: If the budget does not suffice.
            StructgenError: If the model cannot be reached.
        """
        records = [record for part in parts for record in part.records]
        answers = [answer for part in parts for answer in self.answers(part)]
        names = dict.fromkeys(str(part.candidate) for part in parts)
        return score(self._tried.target, records, answers, model="; ".join(names))

    def answers(self, part: Part) -> list[dict[str, Any]]:
        """Give what a candidate answers about records, as rows of results.

        Args:
            part: The candidate and the records.

        Raises:
            JobStoppedError: If the budget does not suffice.
            StructgenError: If the model cannot be reached.
        """
        candidate, records, pool = part
        name = str(candidate)
        new = [record for record in records if (name, record.key) not in self._outcomes]
        if new:
            self._log(f"{name}: {len(new)} records")
        call = self._tried.call_of(candidate, pool)
        while new:
            now = new[: self._room(Part(candidate, new, pool))]
            if not now:
                self._stop(f"{self._budget.max_calls} calls are too few")
            for key, outcome in self._ask(now, call).items():
                self._outcomes[name, key] = outcome
                self.spent.add(outcome)
            new = new[len(now) :]
        return [answer_of(self._outcomes[name, record.key]) for record in records]

    def _room(self, part: Part) -> int | None:
        """How many records can be asked about without breaking the budget of calls."""
        if self._budget.max_calls is None:
            return None
        candidate, records, pool = part
        left = max(0, self._budget.max_calls - self.spent.calls)
        documents = [record.document for record in records]
        return left // (self._tried.calls_of(candidate, documents, pool) * self._tried.most_tries)

    def _ask(self, records: Sequence[GoldRecord], call: dict[str, Any]) -> dict[str, Outcome[Any]]:
        """Ask about records, and once more about those that no candidate is to blame for."""
        found: dict[str, Outcome[Any]] = {}
        try:
            self._map(records, call, found, retry_failed=False)
            failed = [record for record in records if _may_pass(found[record.key])]
            if failed:
                self._map(failed, call, found, retry_failed=True)
        except JobStoppedError as stopped:
            for outcome in found.values():
                self.spent.add(outcome)
            self._stop(self._limit_reached() or stopped.summary.stopped)
        for outcome in found.values():
            if _may_pass(outcome) and outcome.error is not None:
                raise outcome.error
        return found

    def _map(
        self,
        records: Sequence[GoldRecord],
        call: Any,
        found: dict[str, Outcome[Any]],
        *,
        retry_failed: bool,
    ) -> None:
        """Put what is answered about records into `found`, as it comes."""
        items = [Item(record.key, record.document) for record in records]
        outcomes = map_threaded(
            lambda: amap(
                self._tried.caller,
                self._tried.target,
                items,
                journal=self._journal,
                concurrency=self._concurrency,
                retry_failed=retry_failed,
                limits=self._limits(found),
                **call,
            )
        )
        for outcome in outcomes:
            found[outcome.key] = outcome

    def _limit_reached(self) -> str | None:
        """The limit of the tuning that stopped a job, which knew of what was left of it alone."""
        seconds, cost = self._budget.max_seconds, self._budget.max_cost
        if seconds is not None and time.monotonic() - self._began >= seconds:
            return f"its {seconds:.4g} seconds are over"
        if cost is not None:
            spent = self.spent.cost or 0.0
            return f"it has cost {spent:.4g} US dollars, and max_cost is {cost:.4g}"
        return None

    def _stop(self, reason: str) -> NoReturn:
        ok = sum(outcome.ok for outcome in self._outcomes.values())
        summary = Summary(
            ok=ok,
            failed=len(self._outcomes) - ok,
            cached=0,
            cost=self.spent.cost,
            seconds=time.monotonic() - self._began,
            stopped=reason,
            journal=os.fspath(self._journal),
        )
        raise JobStoppedError(
            f"The tuning stopped after {self.spent.calls} calls: {reason}.",
            summary=summary,
            hint="Nothing was written. Start it again with a larger budget: it goes on where it "
            "stopped, and asks nothing twice.",
        ) from None

    def _limits(self, found: Mapping[str, Outcome[Any]]) -> JobLimits:
        """The money and time that the budget and the answers of this part leave."""
        cost, seconds = self._budget.max_cost, self._budget.max_seconds
        if cost is not None:
            now = sum(outcome.cost or 0.0 for outcome in found.values())
            cost = max(0.0, cost - (self.spent.cost or 0.0) - now)
        if seconds is not None:
            seconds = max(0.0, seconds - (time.monotonic() - self._began))
        return JobLimits(max_cost=cost, max_seconds=seconds, max_failure_share=1.0, first=0)


def _may_pass(outcome: Outcome[Any]) -> bool:
    """Whether an outcome failed with an error that says nothing about the candidate."""
    return outcome.error is not None and not isinstance(outcome.error, _ITS_OWN)
