"""Turns at the engine: so many answers at a time, so many waiting, and everyone else is sent away."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from structgen.errors import ServerError


class Places:
    """`running` answers and `waiting` requests, of at most `parallel` and `queue`. For one event loop."""

    def __init__(self, parallel: int, queue: int) -> None:
        self.parallel, self.queue = parallel, queue
        self.running = self.waiting = 0
        self._turn = asyncio.Semaphore(parallel)
        self._seconds = 1.0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[float]:
        """A turn, with the seconds it was waited for. Raises ServerError (503) where too many wait already."""
        if self._turn.locked() and self.waiting >= self.queue:
            raise ServerError(
                "The model is currently over capacity. Please try again and back off exponentially.",
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
            self._seconds += (time.monotonic() - turn - self._seconds) / 8
            self._turn.release()

    def _soon(self) -> int:
        """Seconds after which the queue may be shorter, from how long answers have taken."""
        return max(1, math.ceil(self._seconds * (self.waiting + 1) / self.parallel))
