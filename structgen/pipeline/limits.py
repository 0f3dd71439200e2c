"""The limits of a job: how many questions at a time, and when it stops before its end.

Concurrency is found as TCP finds its own: it doubles with every round of answers until something
goes wrong, then grows slowly. It shrinks by a factor when the server says that it is too much
(429, 498), fails often, or takes much longer than before.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from structgen.errors import (
    InputError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    StructgenError,
)

START: Final = 16
"""Questions at a time to begin with. So few slow no server down, so slowness is not acted on."""

_CUT_IF_REFUSED: Final = 0.7
"""The share of the limit left after a 429 or many failures. TCP leaves half; a 429 costs only a
retry, so less has to be given up."""
_CUT_IF_SLOW: Final = 0.9
"""The share left after a slow round, which may have other reasons than load."""
_SLOW: Final = 2.0
"""A round is slow if its tries take this many times as long as in the best round."""
_BEST_FADES: Final = 1.02
"""The best round's seconds grow by this with every round, so that a server may become slower."""
_MANY_FAILURES: Final = 0.1
"""The share of a round that may fail before it is a sign of load."""
_SLOW_GROWTH: Final = 1.05
"""How the limit grows after the first cut, besides one question each round."""


class Concurrency:
    """How many questions to ask at a time: `limit`, at most `most`.

    It is told of every try. A round is as many tries as there are questions at a time. A 429 cuts
    at once, but only once for all that were under way; single failures of the server (5xx,
    timeouts) are no sign of load, many in one round are.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(min(START, most))
        self._doubling = True
        self._best: float | None = None  # seconds of a try when nothing is wrong
        self._cut_at = self._seconds = 0.0
        self._count = self._failed = 0

    def observe(self, seconds: float, error: StructgenError | None, now: float) -> None:
        """Take into account a try that took `seconds` and ended at `now`, perhaps with an error."""
        if isinstance(error, RateLimitError):
            if now - seconds >= self._cut_at:  # sent after the last cut, which was not enough
                self._cut(_CUT_IF_REFUSED, now)
            return
        self._count += 1
        self._seconds += seconds
        self._failed += isinstance(error, (ServerError, RequestTimeoutError))
        if self._count >= self.limit:
            self._end_round(now)

    def _end_round(self, now: float) -> None:
        seconds, failed = self._seconds / self._count, self._failed / self._count
        best = seconds if self._best is None else self._best * _BEST_FADES
        self._best = min(best, seconds)
        if failed > _MANY_FAILURES:
            self._cut(_CUT_IF_REFUSED, now)
        elif seconds > _SLOW * self._best and self.limit > START:
            self._cut(_CUT_IF_SLOW, now)
        else:
            grown = self.limit * 2 if self._doubling else self.limit * _SLOW_GROWTH + 1
            self.limit = min(float(self.most), grown)
        self._begin_round()

    def _cut(self, factor: float, now: float) -> None:
        self.limit = max(1.0, self.limit * factor)
        self._doubling = False
        self._cut_at = now
        self._begin_round()

    def _begin_round(self) -> None:
        self._count, self._failed, self._seconds = 0, 0, 0.0


class Gate:
    """Lets `concurrency.limit` tasks of an event loop in at a time, in the order they came."""

    def __init__(self, concurrency: Concurrency) -> None:
        self.concurrency = concurrency
        self.inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Wait for a place, and take it."""
        while self.inside >= int(self.concurrency.limit):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self.inside += 1

    def leave(self) -> None:
        """Give the place back."""
        self.inside -= 1
        room = int(self.concurrency.limit) - self.inside
        while self._waiting and room > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                room -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """When a job stops before its end. The same job started again goes on."""

    max_cost: float | None = None
    """US dollars for the whole job, earlier runs included."""
    max_seconds: float | None = None
    """Seconds for this run."""
    max_failure_share: float = 0.5
    """The share of the last `window` inputs that may fail, from 0 to 1; 1 never stops the job."""
    window: int = 100
    """How many inputs `max_failure_share` is about."""
    first: int = 20
    """Stop if this many inputs, the first of the run, all fail with the same kind of error."""
    patience: float = 120.0
    """Seconds without any answer after which failures that may pass are final."""


class LimitWatch:
    """Follows a run by its limits."""

    def __init__(self, limits: JobLimits) -> None:
        self.limits = limits
        self.spent = 0.0
        """US dollars so far, earlier runs included."""
        self._began = time.monotonic()
        self.answered_at = self._began
        """When a value last came, on the monotonic clock."""
        self._earlier = 0.0
        self._asked = 0
        self._last: deque[str | None] = deque(maxlen=limits.window)  # kinds of error
        self._first: list[StructgenError | None] = []
        self._failed = 0  # among the last

    def add_earlier_cost(self, cost: float) -> None:
        """Count what earlier runs of the job have cost."""
        self._earlier += cost
        self.spent += cost

    def add_asked(self, error: StructgenError | None, cost: float | None) -> None:
        """Count an input that was asked about."""
        self.spent += cost or 0.0
        self._asked += 1
        if error is None:
            self.answered_at = time.monotonic()
        if not isinstance(error, InputError):  # a bad input says nothing about the run
            self._add(error)

    def add_cached(self, ok: bool) -> None:
        """Count an input from the journal. An old failure says nothing about this run."""
        if ok:
            self._add(None)

    def _add(self, error: StructgenError | None) -> None:
        if len(self._last) == self.limits.window and self._last[0]:
            self._failed -= 1
        self._failed += error is not None
        self._last.append(type(error).__name__ if error else None)
        if len(self._first) < self.limits.first:
            self._first.append(error)

    def stop_reason(self, under_way: int = 0) -> str | None:
        """Say why to ask nothing more; None to go on.

        `under_way` questions have a cost that is not known yet; it is taken to be the mean.
        """
        limits = self.limits
        if limits.max_cost is not None:
            expected = self.spent + under_way * self._mean_cost()
            if expected >= limits.max_cost:
                return (
                    f"it has cost {self.spent:.4g} US dollars, with {under_way} questions under "
                    f"way, and max_cost is {limits.max_cost:.4g}"
                )
        if limits.max_seconds is not None and time.monotonic() - self._began >= limits.max_seconds:
            return f"its {limits.max_seconds:.4g} seconds are over"
        return self._failure_reason() if self._failed else None

    def _mean_cost(self) -> float:
        return (self.spent - self._earlier) / self._asked if self._asked else 0.0

    def _failure_reason(self) -> str | None:
        limits, first = self.limits, self._first
        if len(first) == limits.first == len(self._last) and _fail_alike(first):
            kind = type(first[0]).__name__
            return f"the first {len(first)} inputs all failed with {kind}: {first[0]}"
        allowed = limits.max_failure_share * limits.window
        if len(self._last) == limits.window and self._failed > allowed:
            most = Counter(kind for kind in self._last if kind).most_common(3)
            listed = ", ".join(f"{count} with {kind}" for kind, count in most)
            return f"{self._failed} of the last {limits.window} inputs failed: {listed}"
        return None


def _fail_alike(errors: Sequence[StructgenError | None]) -> bool:
    return None not in errors and len({type(error) for error in errors}) == 1
