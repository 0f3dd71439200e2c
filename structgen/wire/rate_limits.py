"""Rate limits shared by the calls of a client: when may the next request go? Decided here, waited elsewhere.

A limit is a bucket that fills evenly over its window; a request takes its place at once, so that callers who come together wait for
different moments. RateLimits come from the caller and from the `x-ratelimit-*` headers of the answers.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

MINUTE = 60.0
DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """What a key may use; None: unknown, and learned from the answers where they tell."""

    requests_per_minute: float | None = None
    requests_per_day: float | None = None
    tokens_per_minute: float | None = None
    tokens_per_day: float | None = None


class Bucket:
    """`limit` units over `window` seconds; `level` of them left at time `at`. A negative level is places already given away."""

    __slots__ = ("at", "level", "limit", "window")

    def __init__(self, limit: float, window: float, now: float) -> None:
        self.limit, self.window, self.level, self.at = limit, window, limit, now

    def fill(self, now: float) -> None:
        self.level = min(self.limit, self.level + (now - self.at) * self.limit / self.window)
        self.at = now

    def wait(self, units: float) -> float:
        """Seconds until `units` are there; of more than the limit, until the bucket is full: then the server may judge."""
        return max(0.0, (min(units, self.limit) - self.level) * self.window / self.limit)


class Pacer:
    """Shared by all calls of a client, from any thread.

    `request_window`: the seconds that the server's headers about requests speak of (a day on Groq, else a minute).
    """

    def __init__(
        self, limits: RateLimits = RateLimits(), *, request_window: float = MINUTE
    ) -> None:
        self._lock = threading.Lock()
        self._request_window = request_window
        self._closed_until = 0.0
        self._buckets: dict[tuple[str, float], Bucket] = {}
        self._configured = {
            key: limit
            for key, limit in (
                (("requests", MINUTE), limits.requests_per_minute),
                (("requests", DAY), limits.requests_per_day),
                (("tokens", MINUTE), limits.tokens_per_minute),
                (("tokens", DAY), limits.tokens_per_day),
            )
            if limit is not None
        }

    def reserve(self, tokens: int, now: float, at_most: float | None = None) -> float:
        """Seconds to wait before a request of about `tokens` may go; its place is taken, unless the wait is above `at_most`."""
        with self._lock:
            for key, limit in self._configured.items():
                if key not in self._buckets:
                    self._buckets[key] = Bucket(limit, key[1], now)
            wait = max(0.0, self._closed_until - now)
            for (kind, _), bucket in self._buckets.items():
                bucket.fill(now)
                wait = max(wait, bucket.wait(tokens if kind == "tokens" else 1))
            if at_most is None or wait <= at_most:
                self._take(tokens, 1)
            return wait

    def settle(self, reserved: int, used: int) -> None:
        """Correct what a request was thought to use by what it did use."""
        with self._lock:
            self._take(used - reserved, 0)

    def learn(self, headers: Mapping[str, str], now: float) -> None:
        """Take over what an answer's headers say is left. A configured limit is not raised by them."""
        with self._lock:
            for kind, window in (("requests", self._request_window), ("tokens", MINUTE)):
                limit, left = (
                    _count(headers, f"x-ratelimit-limit-{kind}"),
                    _count(headers, f"x-ratelimit-remaining-{kind}"),
                )
                if not limit:
                    continue
                most = min(limit, self._configured.get((kind, window), limit))
                bucket = self._buckets.setdefault((kind, window), Bucket(most, window, now))
                bucket.fill(now)
                bucket.limit = most
                if left is not None:
                    bucket.level = min(bucket.level, left)

    def pause(self, seconds: float, now: float) -> None:
        """Let no request go for `seconds`: a server asked one of them to wait, and means all."""
        with self._lock:
            self._closed_until = max(self._closed_until, now + seconds)

    def _take(self, tokens: float, requests: float) -> None:
        for (kind, _), bucket in self._buckets.items():
            bucket.level -= tokens if kind == "tokens" else requests


def _count(headers: Mapping[str, str], name: str) -> float | None:
    text = headers.get(name, "")
    return float(text) if text.isdecimal() and len(text) < 16 else None
