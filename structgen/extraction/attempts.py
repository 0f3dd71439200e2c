"""One call under way: what was tried, and what is left of its time, its tokens and its money."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from structgen.errors import Attempt, BudgetExceededError, StructgenError
from structgen.extraction.backend import Backend
from structgen.flow.steps import Flow
from structgen.options import UNSET, Options
from structgen.schema.compiler import Compiled
from structgen.values import Answer, Message, Mode, Usage
from structgen.wire.retry import seconds_left


class Asker(Protocol):
    """A way to get an answer: whole, or as it comes."""

    def __call__(
        self,
        backend: Backend,
        mode: Mode,
        compiled: Compiled[Any],
        messages: Sequence[Message],
        run: Run,
    ) -> Flow[Answer]: ...


@dataclass(slots=True)
class Run:
    """One call under way: what was tried, and what is left of its time, its tokens and its money.

    `ask`: how an answer is got. `spent`: the attempts that count against the budgets, with those of the other samples. `heard`:
    what had come of an answer that failed on its way. `handed_on`: what came was given to the caller and cannot be taken back, so
    nothing further is asked. `source`: the text that values have to stand in, None where none has to.
    """

    options: Options
    ask: Asker
    attempts: list[Attempt] = field(default_factory=list)
    spent: list[Attempt] = field(default_factory=list)
    ends_at: float | None = None
    source: str | None = field(default=None, repr=False)
    heard: Answer | None = None
    handed_on: bool = False

    def check(self) -> None:
        """Raises where the call may not ask anything further."""
        tokens, cost = self.options.token_budget, self.options.cost_budget
        if tokens is not UNSET:
            _within(
                tokens,
                sum(attempt.usage.total_tokens for attempt in self.spent),
                "tokens",
                "token_budget",
            )
        if cost is not UNSET:
            _within(
                cost,
                sum(attempt.cost or 0.0 for attempt in self.spent),
                "US dollars",
                "cost_budget",
            )
        seconds_left(self.ends_at, sent=bool(self.attempts))

    def options_left(self) -> Options:
        """The options for an engine: the total timeout is the timeout of its answer."""
        if self.ends_at is None:
            return self.options
        left, timeout = self.ends_at - time.monotonic(), self.options.timeout
        return replace(
            self.options, timeout=min(left, timeout) if isinstance(timeout, (int, float)) else left
        )

    def add(
        self,
        backend: Backend,
        mode: Mode,
        began: float,
        answer: Answer | None,
        error: StructgenError | None,
    ) -> None:
        answer, self.heard = answer or self.heard, None
        usage = answer.usage if answer else Usage()
        attempt = Attempt(
            backend=backend.name,
            mode=mode,
            text=answer.text if answer else getattr(error, "failed_generation", None),
            finish_reason=answer.finish_reason if answer else None,
            usage=usage,
            cost=backend.price.cost_of(usage) if backend.price else None,
            seconds=time.monotonic() - began,
            error=error,
        )
        self.attempts.append(attempt)
        self.spent.append(attempt)


def _within(budget: float, used: float, unit: Literal["tokens", "US dollars"], option: str) -> None:
    if used >= budget:
        raise BudgetExceededError(
            f"{used:.12g} {unit} are used without a valid answer; the budget is {budget:.12g}.",
            budget=budget,
            used=used,
            unit=unit,
            hint=f"Raise `{option}`, or see `attempts` for what went wrong.",
        )


def cost_of(attempts: Sequence[Attempt]) -> float | None:
    """US dollars for all attempts; None where the price of one that was answered is not known."""
    if any(
        attempt.cost is None
        for attempt in attempts
        if attempt.error is None or attempt.usage.total_tokens
    ):
        return None
    return sum(attempt.cost or 0.0 for attempt in attempts)
