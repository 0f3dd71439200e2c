"""The state of one call: what was tried, and what is left of its time, its tokens and its money."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeVar

from structgen.answer.read import Reading
from structgen.answer.taking_back import TakingBack
from structgen.answer.unstated import Rules
from structgen.errors import (
    Attempt,
    BudgetExceededError,
    EngineError,
    StructgenError,
    TotalTimeoutError,
)
from structgen.extraction.backend import Backend, TakesBack
from structgen.extraction.copied import Sources
from structgen.flow.steps import Flow
from structgen.options import UNSET, Options
from structgen.results import LeafEvidence
from structgen.schema.compiler import Compiled
from structgen.schema.target import Target
from structgen.values import Answer, Evidence, Message, Mode, Usage
from structgen.wire.retry import seconds_left

T = TypeVar("T")


class GetAnswer(Protocol):
    """A way to get one answer: whole, or streamed."""

    def __call__(
        self,
        backend: Backend,
        mode: Mode,
        compiled: Compiled[Any],
        messages: Sequence[Message],
        state: CallState,
    ) -> Flow[Answer]: ...


class Holds(Protocol):
    """Looks up the leaves of answers in the document, as `Support` does."""

    def find(
        self,
        target: Target[Any],
        value: Any,
        known: Mapping[str, Evidence],
        absent: Set[str],
    ) -> dict[str, LeafEvidence]:
        """Find the evidence of each leaf."""
        ...

    def to_review(
        self, target: Target[Any], value: Any, found: Mapping[str, LeafEvidence]
    ) -> frozenset[str]:
        """Name the values that people should look at."""
        ...

    def hold(self, reading: Reading[T], target: Target[T]) -> Reading[T]:
        """Hold an answer to the document."""
        ...


@dataclass(slots=True)
class CallState:
    """The state of one call, from its first question to its result."""

    options: Options
    """The options of the next question; a continuation may raise `max_tokens`."""
    get_answer: GetAnswer
    """How an answer is got."""
    attempts: list[Attempt] = field(default_factory=list)
    """What was tried so far."""
    billed: list[Attempt] = field(default_factory=list)
    """The attempts that count against the budgets: these, and those of the other samples."""
    ends_at: float | None = None
    """When the total timeout is over, as `time.monotonic()` counts; None for never."""
    document: str | None = field(default=None, repr=False)
    """The text that grounded values must be copied from; None if no value is grounded."""
    sources: Sources | None = field(default=None, repr=False)
    """Where values of the answer may come from; None if no examples are shown."""
    rules: Rules | None = field(default=None, repr=False)
    """What takes out texts that the document does not state; None keeps all."""
    support: Holds | None = field(default=None, repr=False)
    """What looks up the leaves of answers in the document; None if nobody asks for it."""
    received: Answer | None = None
    """What had arrived of an answer that then failed."""
    handed_out: bool = False
    """Whether the caller has items already. They cannot be taken back, so no question follows."""

    def check_limits(self) -> None:
        """Raise if the call may not ask anything further.

        Raises:
            BudgetExceededError: If `token_budget` or `cost_budget` is used up.
            TotalTimeoutError: If the total timeout is over.
        """
        if self.options.token_budget is not UNSET:
            tokens = sum(attempt.usage.total_tokens for attempt in self.billed)
            _check_budget(self.options.token_budget, tokens, "tokens", "token_budget")
        if self.options.cost_budget is not UNSET:
            cost = sum(attempt.cost or 0.0 for attempt in self.billed)
            _check_budget(self.options.cost_budget, cost, "US dollars", "cost_budget")
        seconds_left(self.ends_at, sent=bool(self.attempts))

    def check_time(self, error: EngineError) -> None:
        """Raise another error for one of an engine if the total timeout is over.

        Args:
            error: The engine's error.

        Raises:
            TotalTimeoutError: If the total timeout is over.
        """
        try:
            seconds_left(self.ends_at, sent=True)
        except TotalTimeoutError as over:
            raise over from error

    def engine(self, backend: Backend, compiled: Compiled[Any]) -> Any:
        """The engine of a backend. If it can, it takes back what the rules of the call take out.

        Args:
            backend: An engine in this process.
            compiled: The target, as the model is asked for it.
        """
        port, rules = backend.via, self.rules
        if rules is None or not rules.may_take_back or not isinstance(port, TakesBack):
            return port
        return port.taking_back(TakingBack(compiled, rules))

    def engine_options(self) -> Options:
        """The options for an engine, whose `timeout` also keeps the total timeout."""
        if self.ends_at is None:
            return self.options
        left, timeout = self.ends_at - time.monotonic(), self.options.timeout
        if isinstance(timeout, (int, float)):
            left = min(left, timeout)
        return replace(self.options, timeout=left)

    def record(
        self,
        backend: Backend,
        mode: Mode,
        began: float,
        answer: Answer | None,
        error: StructgenError | None,
    ) -> None:
        """Add an attempt.

        Args:
            backend: Who was asked.
            mode: In which mode.
            began: When, as `time.monotonic()` counts.
            answer: What came; None if only part of an answer came, or nothing.
            error: Why the attempt gave no value; None if it gave one.
        """
        answer, self.received = answer or self.received, None
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
        self.billed.append(attempt)


def _check_budget(
    budget: float, used: float, unit: Literal["tokens", "US dollars"], option: str
) -> None:
    if used >= budget:
        raise BudgetExceededError(
            f"The call used {used:.12g} {unit} without a valid answer, and its {option} is "
            f"{budget:.12g}.",
            budget=budget,
            used=used,
            unit=unit,
            hint=f"Raise `{option}`, or see in `attempts` what went wrong.",
        )


def cost_of(attempts: Sequence[Attempt]) -> float | None:
    """Add up the cost of attempts.

    Args:
        attempts: The attempts of a call.

    Returns:
        US dollars; None if the price of an attempt that was answered is not known.
    """
    answered = [
        attempt for attempt in attempts if attempt.error is None or attempt.usage.total_tokens
    ]
    if any(attempt.cost is None for attempt in answered):
        return None
    return sum(attempt.cost or 0.0 for attempt in attempts)
