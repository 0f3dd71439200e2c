"""Turns at the engine: some requests are answered, some wait, and all others are sent away."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from structgen.errors import ServerError


class Places:
    """The requests that are answered and those that wait, for one event loop."""

    running: int
    waiting: int

    def __init__(self, parallel: int, queue: int) -> None:
        self.parallel, self.queue = parallel, queue
        self.running = self.waiting = 0
        self._turn = asyncio.Semaphore(parallel)
        self._seconds = 1.0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[float]:
        """Wait for a turn.

        Yields:
            The seconds that it took.

        Raises:
            ServerError: If too many requests wait already (503).
        """
        if self._turn.locked() and self.waiting >= self.queue:
            raise ServerError(
                "The model is currently over capacity. Please try again and back off "
                "exponentially.",
                status_code=503,
                type="internal_server_error",
                code="over_capacity",
                retry_after=self._soon(),
            )
        began = time.monotonic()
        self.waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        turn = time.monotonic()
        try:
            yield turn - began
        finally:
            self.running -= 1
            # The mean of about the last eight answers.
            self._seconds += (time.monotonic() - turn - self._seconds) / 8
            self._turn.release()

    def _soon(self) -> int:
        """Seconds until the queue may be shorter, judged by how long answers have taken."""
        return max(1, math.ceil(self._seconds * (self.waiting + 1) / self.parallel))
