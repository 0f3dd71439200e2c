"""When a job stops before its end."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from structgen.errors import InputError, StructgenError
from structgen.kinds import Kind, check_fields, number, or_none, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """When a job stops before its end. The same job started again goes on."""

    max_cost: float | None = None
    """US dollars for the whole job, earlier runs included."""
    max_calls: int | None = None
    """Questions to models in this run, those of a cascade among them."""
    max_seconds: float | None = None
    """Seconds for this run."""
    max_failure_share: float = 0.5
    """The share of the last `window` inputs that may fail, from 0 to 1; 1 never stops the job."""
    window: int = 100
    """How many inputs `max_failure_share` is about."""
    first: int = 20
    """Stop if this many inputs, the first of the run, all fail with the same kind of error; 0 never
    stops the job."""
    patience: float = 120.0
    """Seconds without any answer after which failures that may pass are final."""

    def __post_init__(self) -> None:
        check_fields(self, _KINDS)


_KINDS: Final[Mapping[str, Kind]] = {
    "max_cost": or_none(number(0, of="US dollars")),
    "max_calls": or_none(whole(0)),
    "max_seconds": or_none(number(0, of="seconds")),
    "max_failure_share": number(0, 1),
    "window": whole(1),
    "first": whole(0),
    "patience": number(0, of="seconds"),
}
"""Which values the limits of a job take."""


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
        self._knows_earlier = False
        self._found: set[bytes | None] = set()
        self._asked = self._calls = 0
        self._last: deque[str | None] = deque(maxlen=limits.window)  # kinds of error
        self._first: list[StructgenError | None] = []
        self._failed = 0  # among the last

    @property
    def silence(self) -> float:
        """Seconds since a value last came."""
        return time.monotonic() - self.answered_at

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the job has to end; None if it need not."""
        most = self.limits.max_seconds
        return None if most is None else most - (time.monotonic() - self._began)

    @property
    def time_is_over(self) -> str:
        """The reason to stop when no seconds are left."""
        return f"its {self.limits.max_seconds or 0:.4g} seconds are over"

    def add_earlier_cost(self, cost: float) -> None:
        """Count what earlier runs of the job have cost."""
        self._earlier += cost
        self.spent += cost
        self._knows_earlier = True

    def add_asked(self, error: StructgenError | None, cost: float | None, calls: int = 1) -> None:
        """Count an input that was asked about, and the questions that it took."""
        self.spent += cost or 0.0
        self._asked += 1
        self._calls += calls
        if error is None:
            self.answered_at = time.monotonic()
        if not isinstance(error, InputError):  # a bad input says nothing about the run
            self._add(error)

    def add_cached(self, ok: bool, cost: float | None = None, hash: bytes | None = None) -> None:
        """Count an input from the journal. An old failure says nothing about this run.

        Its cost is counted if that of all earlier runs was not told. Equal inputs share an answer,
        which is counted once, by its hash.
        """
        if ok:
            self._add(None)
        is_new = self.limits.max_cost is not None and not self._knows_earlier
        if cost and is_new and hash not in self._found:
            if hash is not None:
                self._found.add(hash)
            self._earlier += cost
            self.spent += cost

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
        return self.spent_reason(under_way) or (self._failure_reason() if self._failed else None)

    def spent_reason(self, under_way: int) -> str | None:
        """Say which of calls, money and time are used up; None if none is.

        Args:
            under_way: Questions that are under way, as for `stop_reason`.
        """
        limits = self.limits
        if limits.max_calls is not None and self._calls + under_way >= limits.max_calls:
            return (
                f"it has asked {self._calls} questions, with {under_way} under way, and max_calls "
                f"is {limits.max_calls}"
            )
        if limits.max_cost is not None:
            expected = self.spent + under_way * self._mean_cost()
            if expected >= limits.max_cost:
                return (
                    f"it has cost {self.spent:.4g} US dollars, with {under_way} questions under "
                    f"way, and max_cost is {limits.max_cost:.4g}"
                )
        if self.seconds_left is not None and self.seconds_left <= 0:
            return self.time_is_over
        return None

    def _mean_cost(self) -> float:
        return (self.spent - self._earlier) / self._asked if self._asked else 0.0

    def _failure_reason(self) -> str | None:
        limits, first = self.limits, self._first
        if len(first) == limits.first == len(self._last) and (kind := _fail_alike(first)):
            return f"the first {len(first)} inputs all failed with {kind}"
        allowed = limits.max_failure_share * limits.window
        if len(self._last) == limits.window and self._failed > allowed:
            most = Counter(kind for kind in self._last if kind).most_common(3)
            listed = ", ".join(f"{count} with {kind}" for kind, count in most)
            return f"{self._failed} of the last {limits.window} inputs failed: {listed}"
        return None


def _fail_alike(errors: Sequence[StructgenError | None]) -> str | None:
    """The kind and the message of errors that are all of one kind; None if they are not."""
    kinds = {type(error) for error in errors}
    if len(kinds) != 1 or errors[0] is None:
        return None
    return f"{type(errors[0]).__name__}: {errors[0].message}"
