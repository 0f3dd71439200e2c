"""What holds a job back: how many questions at a time, when too much has failed, and what it may cost.

Concurrency is found as TCP finds its own: it doubles with every round of answers until something is amiss, then grows slowly, and
shrinks by a factor when the server says that it is too much (429, 498), fails often, or takes much longer than it did.
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
"""Questions at a time to begin with."""

_FEWER, _SLOWER_FEWER = 0.7, 0.9
_SLOW: Final = 2.0
_MANY: Final = 0.1


class Concurrency:
    """How many questions at a time, at most `most`: `limit`. Told of every try.

    A round is as many tries as there are questions at a time. A 429 cuts at once, but once for all that were under way; single
    failures of the server (5xx, timeouts) are no sign of load, many in one round are.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(min(START, most))
        self._doubling = True
        self._best: float | None = None  # seconds of a try, where nothing is amiss
        self._cut_at = self._seconds = 0.0
        self._count = self._failed = 0

    def observe(self, seconds: float, error: StructgenError | None, now: float) -> None:
        """A try took `seconds` and ended, with `error` where it failed."""
        if isinstance(error, RateLimitError):
            if now - seconds >= self._cut_at:  # sent after the last cut, which was not enough
                self._cut(_FEWER, now)
            return
        self._count += 1
        self._seconds += seconds
        self._failed += isinstance(error, (ServerError, RequestTimeoutError))
        if self._count >= self.limit:
            self._round(now)

    def _round(self, now: float) -> None:
        seconds, failed = self._seconds / self._count, self._failed / self._count
        self._best = seconds if self._best is None else min(self._best * 1.02, seconds)
        if failed > _MANY:
            self._cut(_FEWER, now)
        elif seconds > _SLOW * self._best and self.limit > START:
            self._cut(_SLOWER_FEWER, now)
        else:
            self.limit = min(
                float(self.most), self.limit * 2 if self._doubling else self.limit * 1.05 + 1
            )
        self._begin()

    def _cut(self, factor: float, now: float) -> None:
        self.limit = max(1.0, self.limit * factor)
        self._doubling = False
        self._cut_at = now
        self._begin()

    def _begin(self) -> None:
        self._count, self._failed, self._seconds = 0, 0, 0.0


class Gate:
    """Lets `concurrency.limit` tasks of an event loop in at a time, in the order they came."""

    def __init__(self, concurrency: Concurrency) -> None:
        self.concurrency = concurrency
        self.inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        while self.inside >= int(self.concurrency.limit):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self.inside += 1

    def leave(self) -> None:
        self.inside -= 1
        room = int(self.concurrency.limit) - self.inside
        while self._waiting and room > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                room -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """When a job stops before its end.

    `max_cost`: US dollars for the whole job, earlier runs of it included; `max_seconds`: for this run. `max_failure_share`: the share of the last
    `window` inputs that may fail, 1 for any; a run whose first `first` inputs all fail in the same way is stopped, too. `patience`:
    seconds without an answer after which failures that may pass are not waited out any more.
    """

    max_cost: float | None = None
    max_seconds: float | None = None
    max_failure_share: float = 0.5
    window: int = 100
    first: int = 20
    patience: float = 120.0


class Watch:
    """Follows a job by its limits. `spent`: US dollars so far; `answered_at`: when a value last came."""

    def __init__(self, limits: JobLimits) -> None:
        self.limits = limits
        self._began = time.monotonic()
        self._last: deque[str | None] = deque(maxlen=limits.window)
        self._first: list[StructgenError | None] = []
        self._failed = self._count = 0
        self._earlier = self.spent = 0.0
        self.answered_at = self._began

    def spent_before(self, cost: float) -> None:
        """What earlier runs of the job have cost."""
        self._earlier += cost
        self.spent += cost

    def finished(self, error: StructgenError | None, cost: float | None) -> None:
        """An input that was asked about came to its end."""
        self.spent += cost or 0.0
        self._count += 1
        if error is None:
            self.answered_at = time.monotonic()
        if not isinstance(error, InputError):  # of which nothing was asked
            self._note(error)

    def had(self, ok: bool) -> None:
        """The journal had an input's outcome. One that failed says nothing about this run."""
        if ok:
            self._note(None)

    def _note(self, error: StructgenError | None) -> None:
        if len(self._last) == self.limits.window and self._last[0]:
            self._failed -= 1
        self._failed += error is not None
        self._last.append(type(error).__name__ if error else None)
        if len(self._first) < self.limits.first:
            self._first.append(error)

    def reason(self, under_way: int = 0) -> str | None:
        """Why nothing further may be asked, None where it may. `under_way`: questions whose cost is not known yet."""
        limits = self.limits
        if (
            limits.max_cost is not None
            and self.spent + under_way * self._usual_cost() >= limits.max_cost
        ):
            return f"it has cost {self.spent:.4g} US dollars, with {under_way} questions under way, and may cost {limits.max_cost:.4g}"
        if limits.max_seconds is not None and time.monotonic() - self._began >= limits.max_seconds:
            return f"its {limits.max_seconds:.4g} seconds are over"
        return self._doomed() if self._failed else None

    def _usual_cost(self) -> float:
        return (self.spent - self._earlier) / self._count if self._count else 0.0

    def _doomed(self) -> str | None:
        first = self._first
        if len(first) == self.limits.first == len(self._last) and _alike(first):
            return f"the first {len(first)} inputs all failed with {type(first[0]).__name__}: {first[0]}"
        if (
            len(self._last) == self.limits.window
            and self._failed > self.limits.max_failure_share * self.limits.window
        ):
            most = Counter(kind for kind in self._last if kind).most_common(3)
            listed = ", ".join(f"{count} with {kind}" for kind, count in most)
            return f"{self._failed} of the last {self.limits.window} inputs failed: {listed}"
        return None


def _alike(errors: Sequence[StructgenError | None]) -> bool:
    return None not in errors and len({type(error) for error in errors}) == 1
