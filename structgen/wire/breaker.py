"""A circuit breaker: a backend that keeps failing is left alone for a while, so that calls go to the next one at once."""

from __future__ import annotations

import threading
import time

from structgen.errors import (
    APIError,
    CircuitOpenError,
    ConnectionFailedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    StreamBrokenError,
    StructgenError,
)

_DOWN = (ConnectionFailedError, RequestTimeoutError, StreamBrokenError, ServerError, RateLimitError)


class Breaker:
    """Counts one backend's failures in a row; shared by all calls of a client, on any thread.

    After `failures` of them the circuit is open for `pause` seconds: `check` raises CircuitOpenError. Then one call is let through at a
    time; it closes the circuit or opens it again. Only failures of the server or of the way to it count, not what a model answers.
    """

    def __init__(self, failures: int = 5, pause: float = 30.0) -> None:
        self._failures, self._pause = failures, pause
        self._count = 0
        self._opened_at = 0.0
        self._lock = threading.Lock()

    def check(self, name: str) -> None:
        """Raises CircuitOpenError where the backend is being left alone."""
        with self._lock:
            if self._count < self._failures:
                return
            left = self._opened_at + self._pause - time.monotonic()
            if left > 0:
                raise CircuitOpenError(
                    f"{name} failed {self._count} times in a row and is left alone for another {left:.0f} s.",
                    hint="Wait, or give the client a `fallback`.",
                )
            self._opened_at = time.monotonic()  # this call tries; the others wait for what it finds

    def record(self, error: StructgenError | None) -> None:
        """What a question ended in; None for an answer. What says nothing about the backend counts neither way."""
        down = isinstance(error, _DOWN)
        if not (down or error is None or isinstance(error, APIError)):
            return
        with self._lock:
            self._count = self._count + 1 if down else 0
            if down and self._count >= self._failures:
                self._opened_at = time.monotonic()
