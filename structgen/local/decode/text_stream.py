"""Hand the text of an answer from the thread that decodes it to whoever reads it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from queue import SimpleQueue
from typing import TypeAlias

from structgen.values import Answer

Call: TypeAlias = "Callable[[threading.Event, Callable[[str], None]], Answer]"
"""Lets the model answer: `call(cancelled, on_text)`."""


class EngineTextStream:
    """A `TextStream` over a call in a worker thread, for one reader at a time."""

    def __init__(self, threads: Executor, call: Call) -> None:
        self.answer: Answer | None = None
        self._call = call
        self._cancelled = threading.Event()
        self._queue: SimpleQueue[str] = SimpleQueue()
        self._future = threads.submit(self._run)

    def _run(self) -> Answer:
        try:
            return self._call(self._cancelled, self._queue.put)
        finally:
            self._queue.put("")

    def read(self) -> str:
        """Wait for the next piece of text; "" at the end.

        Raises:
            EngineError: If the model cannot answer.
        """
        return self._queue.get() or self._end()

    async def aread(self) -> str:
        """As `read`, without blocking the event loop."""
        return await asyncio.to_thread(self._queue.get) or self._end()

    def _end(self) -> str:
        self._queue.put("")  # for a reader who reads on
        self.answer = self._future.result()
        return ""

    def close(self) -> None:
        """Stop the answer after the token that is being decoded."""
        self._cancelled.set()

    async def aclose(self) -> None:
        self.close()
