"""How many questions a job asks at a time.

Concurrency is found as TCP finds its own: it doubles with every round of answers until the server
shows that it is too much, then grows slowly. It shrinks by a factor when the server refuses many
tries for load (429, 498, 503, 529), or takes much longer than before. Other failures are no sign of
load: they are tried again, and the others go on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from structgen.errors import RateLimitError, RequestTimeoutError, ServerError, StructgenError

START: Final = 16
"""Questions at a time to begin with. So few slow no server down, so slowness is not acted on."""

_CUT_IF_REFUSED: Final = 0.7
"""The share of the limit left after many refusals. TCP leaves half; a refusal costs only a retry,
so less has to be given up."""
_CUT_IF_SLOW: Final = 0.9
"""The share left after a slow round, which may have other reasons than load."""
_SLOW: Final = 2.0
"""A round is slow if its answers take this many times as long as in the best round."""
_BEST_FADES: Final = 1.02
"""The best round's seconds grow by this with every round, so that a server may become slower."""
_MANY_REFUSED: Final = 0.2
"""The share of refused tries at which the limit is cut. A server whose refusals have other causes
than this job refuses fewer, and only they wait."""
_SOME_REFUSED: Final = 0.1
"""The share of refused tries at which the limit grows no further."""
_AFTER_CUT: Final = 0.18
"""The share that a cut leaves: if the server still refuses, the next cut follows soon, and if it
does not, the limit grows after some twenty tries."""
_REMEMBERED: Final = 32
"""The least number of tries that the share of refused ones is taken over."""
_SLOW_GROWTH: Final = 1.05
"""How the limit grows after the first cut, besides one question each round."""
_OVERLOADED: Final = frozenset({503, 529})
"""HTTP statuses, besides those of RateLimitError, by which a server says that it has no room."""


class Concurrency:
    """How many questions to ask at a time: `limit`, at most `most`.

    It is told of every try. A round is as many tries as there are questions at a time. A cut counts
    once for all tries that were under way.
    """

    def __init__(self, most: int) -> None:
        """Begin with few questions at a time.

        Args:
            most: Questions at a time at most.
        """
        self.most = most
        self.limit = float(min(START, most))
        self.was_cut = False
        """Whether the server has shown that more is too much."""
        self._best: float | None = None  # seconds of an answer when nothing is wrong
        self._cut_at = 0.0
        self._refused = 0.0  # the share of the last tries
        self._count = self._answered = 0  # of the round
        self._seconds = 0.0

    def observe(self, seconds: float, error: StructgenError | None, now: float) -> None:
        """Take into account a try that took `seconds` and ended at `now`, perhaps with an error."""
        refused = is_overload(error)
        if refused and now - seconds < self._cut_at:
            return  # sent before the last cut, which it could not heed
        self._refused += (refused - self._refused) / max(_REMEMBERED, self.limit)
        self._count += 1
        if error is None or isinstance(error, RequestTimeoutError):
            self._answered += 1
            self._seconds += seconds
        if self._refused > _MANY_REFUSED:
            self._cut(_CUT_IF_REFUSED, now)
        elif self._count >= self.limit:
            self._end_round(now)

    def _end_round(self, now: float) -> None:
        is_slow = False
        if self._answered:
            seconds = self._seconds / self._answered
            best = seconds if self._best is None else self._best * _BEST_FADES
            self._best = min(best, seconds)
            is_slow = seconds > _SLOW * self._best and self.limit > START
        if is_slow:
            self._cut(_CUT_IF_SLOW, now)
        elif self._refused < _SOME_REFUSED:
            grown = self.limit * _SLOW_GROWTH + 1 if self.was_cut else self.limit * 2
            self.limit = min(float(self.most), grown)
        self._begin_round()

    def _cut(self, factor: float, now: float) -> None:
        self.limit = max(1.0, self.limit * factor)
        self.was_cut = True
        self._cut_at = now
        self._refused = min(self._refused, _AFTER_CUT)
        self._begin_round()

    def _begin_round(self) -> None:
        self._count = self._answered = 0
        self._seconds = 0.0


def is_overload(error: StructgenError | None) -> bool:
    """Whether a server says by an error that it has no room."""
    if isinstance(error, ServerError):
        return error.status_code in _OVERLOADED
    return isinstance(error, RateLimitError)


class Gate:
    """Lets `concurrency.limit` tasks of an event loop in at a time, in the order they came."""

    def __init__(self, concurrency: Concurrency) -> None:
        """Open the gate.

        Args:
            concurrency: How many tasks may be inside.
        """
        self.concurrency = concurrency
        self.inside = 0
        """How many tasks are inside."""
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def is_full(self) -> bool:
        """Whether the next task has to wait."""
        return self.inside >= int(self.concurrency.limit)

    async def enter(self) -> None:
        """Wait for a place, and take it."""
        while self.is_full:
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
