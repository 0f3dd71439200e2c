"""A circuit breaker: calls skip a backend that keeps failing, and go to the next one at once."""

from __future__ import annotations

import threading
import time
from typing import Final

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

_BACKEND_IS_DOWN: Final = (
    ConnectionFailedError,
    RequestTimeoutError,
    StreamBrokenError,
    ServerError,
    RateLimitError,
)


class Breaker:
    """Counts the failures in a row of one backend. All calls of a client share it, on any thread.

    After `failures` of them the circuit is open: `check` raises CircuitOpenError. After `pause`
    seconds one call at a time may try; it closes the circuit, or opens it again. Only failures of
    the server and of the way to it count, not what a model answers.

    Args:
        failures: The number of failures in a row that open the circuit.
        pause: Seconds that the circuit stays open.
    """

    def __init__(self, failures: int = 5, pause: float = 30.0) -> None:
        self._failures, self._pause = failures, pause
        self._count = 0
        self._opened_at = 0.0
        self._lock = threading.Lock()

    def check(self, name: str) -> None:
        """Let a call through, or not.

        Args:
            name: The backend's name, for the message.

        Raises:
            CircuitOpenError: If the circuit is open.
        """
        with self._lock:
            if self._count < self._failures:
                return
            left = self._opened_at + self._pause - time.monotonic()
            if left > 0:
                raise CircuitOpenError(
                    f"{name} failed {self._count} times in a row. "
                    f"It is not tried again for {left:.0f} s.",
                    hint="Wait, or give the client a `fallback`.",
                )
            self._opened_at = time.monotonic()  # this call tries, and the others wait for it

    def record(self, error: StructgenError | None) -> None:
        """Count how a call ended.

        Args:
            error: The call's error; None if it was answered. An error that says nothing about the
                backend changes nothing.
        """
        down = isinstance(error, _BACKEND_IS_DOWN)
        if not (down or error is None or isinstance(error, APIError)):
            return
        with self._lock:
            self._count = self._count + 1 if down else 0
            if down and self._count >= self._failures:
                self._opened_at = time.monotonic()
