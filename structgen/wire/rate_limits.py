"""Rate limits that the calls of a client share: when the next request may go.

A limit is a bucket that fills evenly over its window. A request takes its place at once, so that
callers who come together wait for different moments. Limits come from the user and from the
`x-ratelimit-*` headers of answers, on Anthropic `anthropic-ratelimit-*`. Nothing here waits.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from structgen.kinds import check_fields, number, or_none

MINUTE: Final = 60.0
"""Seconds of a minute."""
DAY: Final = 86_400.0
"""Seconds of a day."""

_FADING: Final = 0.95
"""What an answer counts for after each further one: about the last twenty count."""
_MANY: Final = 0.2
"""The share of refusals at which a wait that one answer asks for holds all requests."""
_WORDS: Final = {MINUTE: "minute", DAY: "day"}
_ASKED_TO_WAIT: Final = "a wait that the server asked for"
_KINDS: Final = ("requests", "tokens")
_LIMIT_HEADERS: Final = {
    kind: (f"x-ratelimit-limit-{kind}", f"anthropic-ratelimit-{kind}-limit") for kind in _KINDS
}
_LEFT_HEADERS: Final = {
    kind: (f"x-ratelimit-remaining-{kind}", f"anthropic-ratelimit-{kind}-remaining")
    for kind in _KINDS
}
_LIMIT: Final = or_none(number(0, above=True))

_MAX_DIGITS: Final = 15
"""Digits of a count in a header; a longer number is no count, and no exact float."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """The limits of an API key. If one is None, answers may still name it."""

    requests_per_minute: float | None = None
    """Requests in 60 seconds."""
    requests_per_day: float | None = None
    """Requests in 24 hours."""
    tokens_per_minute: float | None = None
    """Tokens of prompts and answers in 60 seconds."""
    tokens_per_day: float | None = None
    """Tokens of prompts and answers in 24 hours."""

    def __post_init__(self) -> None:
        check_fields(self, dict.fromkeys(RateLimits.__annotations__, _LIMIT))


class Bucket:
    """A bucket of requests or tokens that fills evenly over its window.

    Args:
        limit: How many units the bucket holds.
        window: Seconds in which an empty bucket becomes full.
        now: The time, in seconds of `time.monotonic()`; the bucket is full.
    """

    __slots__ = ("at", "level", "limit", "window")

    def __init__(self, limit: float, window: float, now: float) -> None:
        self.limit, self.window = limit, window
        self.level = limit
        """The units that are left. A negative level is places that are already given away."""
        self.at = now
        """When the level was right."""

    def fill(self, now: float) -> None:
        """Raise the level by what has flowed in.

        Args:
            now: The time, in seconds of `time.monotonic()`.
        """
        self.level = min(self.limit, self.level + (now - self.at) * self.limit / self.window)
        self.at = now

    def wait(self, units: float) -> float:
        """Compute the seconds until there are enough units.

        Args:
            units: How many are needed. For more than the limit, it is the seconds until the bucket
                is full: then the server may decide.
        """
        return max(0.0, (min(units, self.limit) - self.level) * self.window / self.limit)


class Pacer:
    """The rate limits of one backend. All calls of a client share it, on any thread.

    Args:
        limits: The limits that the user knows.
        request_window: The seconds that the server's headers about requests speak of: a day on
            Groq, a minute elsewhere.
    """

    def __init__(
        self, limits: RateLimits = RateLimits(), *, request_window: float = MINUTE
    ) -> None:
        self._lock = threading.Lock()
        self._request_window = request_window
        self._paused_until = 0.0
        self._answers = self._refusals = 0.0  # the last ones, older ones fading
        self._tokens_under_way = self._requests_under_way = 0
        self._held: tuple[str, float] = ("", 0.0)  # what the last place waits for, and until when
        self._buckets: dict[tuple[str, float], Bucket] = {}
        configured = {
            ("requests", MINUTE): limits.requests_per_minute,
            ("requests", DAY): limits.requests_per_day,
            ("tokens", MINUTE): limits.tokens_per_minute,
            ("tokens", DAY): limits.tokens_per_day,
        }
        self._configured = {key: limit for key, limit in configured.items() if limit is not None}

    def reserve(self, tokens: int, now: float, at_most: float | None = None) -> float:
        """Take a place for a request, and return the seconds until it may go.

        Args:
            tokens: About how many tokens the request will use.
            now: The time, in seconds of `time.monotonic()`.
            at_most: The longest wait, in seconds; for a longer one, no place is taken.
        """
        with self._lock:
            for key, limit in self._configured.items():
                if key not in self._buckets:
                    self._buckets[key] = Bucket(limit, key[1], now)
            wait, cause = max(0.0, self._paused_until - now), _ASKED_TO_WAIT
            for (kind, window), bucket in self._buckets.items():
                bucket.fill(now)
                due = bucket.wait(tokens if kind == "tokens" else 1)
                if due > wait:
                    wait, cause = due, f"{kind} per {_WORDS[window]} ({bucket.limit:,.0f})"
            if at_most is None or wait <= at_most:
                self._take(tokens, 1)
                self._tokens_under_way += tokens
                self._requests_under_way += 1
                if wait:
                    self._held = cause, now + wait
            return wait

    def held_by(self, now: float) -> str | None:
        """Name the limit that requests wait for, such as "requests per minute (500)".

        Args:
            now: The time, in seconds of `time.monotonic()`.

        Returns:
            The limit; None if no request waits.
        """
        cause, until = self._held
        return cause if until > now else None

    def settle(self, reserved: int, used: int) -> None:
        """Correct the tokens that a request was thought to use.

        Args:
            reserved: The tokens that were given to `reserve`.
            used: The tokens that the request did use.
        """
        with self._lock:
            self._take(used - reserved, 0)
            self._tokens_under_way = max(0, self._tokens_under_way - reserved)
            self._requests_under_way = max(0, self._requests_under_way - 1)

    def give_back(self, reserved: int) -> None:
        """Give back the place of a request that was not sent.

        Args:
            reserved: The tokens that were given to `reserve`.
        """
        self.settle(reserved, 0)
        with self._lock:
            self._take(0, -1)

    def learn(self, headers: Mapping[str, str], now: float) -> None:
        """Take over the limits that an answer's headers name. They never raise a user's limit.

        What a server says is left goes before our own count of a limit that only the server has
        named; requests under way may not be in its count yet.

        Args:
            headers: The answer's headers, with lower-case names.
            now: The time, in seconds of `time.monotonic()`.
        """
        under_way = {"requests": self._requests_under_way, "tokens": self._tokens_under_way}
        with self._lock:
            for kind, window in (("requests", self._request_window), ("tokens", MINUTE)):
                limit = _count(headers, _LIMIT_HEADERS[kind])
                if not limit:
                    continue
                left = _count(headers, _LEFT_HEADERS[kind])
                lowest = min(limit, self._configured.get((kind, window), limit))
                bucket = self._buckets.setdefault((kind, window), Bucket(lowest, window, now))
                bucket.fill(now)
                bucket.limit = lowest
                if left is None:
                    continue
                if (kind, window) not in self._configured:
                    bucket.level = max(bucket.level, left - under_way[kind])
                bucket.level = min(bucket.level, left)

    def count(self, *, refused: bool) -> None:
        """Count an answer, or a refusal for a rate limit.

        Args:
            refused: Whether it was one.
        """
        self._answers = self._answers * _FADING + 1
        self._refusals = self._refusals * _FADING + refused

    @property
    def refuses_many(self) -> bool:
        """Whether the server refuses so many requests that the others had better wait, too."""
        return self._refusals > _MANY * self._answers

    def pause(self, seconds: float, now: float) -> None:
        """Hold all requests back, because a server asked one of them to wait.

        Args:
            seconds: How long.
            now: The time, in seconds of `time.monotonic()`.
        """
        with self._lock:
            self._paused_until = max(self._paused_until, now + seconds)

    def _take(self, tokens: float, requests: float) -> None:
        for (kind, _), bucket in self._buckets.items():
            bucket.level -= tokens if kind == "tokens" else requests


def _count(headers: Mapping[str, str], names: tuple[str, ...]) -> float | None:
    """The count in the first of these headers that the answer has."""
    text = next((headers[name] for name in names if name in headers), "")
    return float(text) if text.isdecimal() and len(text) <= _MAX_DIGITS else None
