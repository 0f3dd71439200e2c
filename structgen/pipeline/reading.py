"""Read the inputs of a job a little ahead of the workers."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from structgen.pipeline.inputs.given import Inputs, to_item
from structgen.pipeline.record import Item

_READ_AT_ONCE: Final = 256
"""Inputs to read at a time, or as many as come within `_READ_SECONDS`."""
_READ_SECONDS: Final = 0.02


class InputReader:
    """Gives the inputs one by one, with their positions.

    A thread of its own reads a plain iterable, and the files that paths name, a little ahead of
    what is asked for.
    """

    def __init__(self, inputs: Inputs) -> None:
        """Prepare to read; nothing is read yet.

        Args:
            inputs: The documents.
        """
        self._ready: deque[tuple[int, Item]] = deque()
        self._read = 0
        self._ended = self._exhausted = False
        self._reading: asyncio.Task[Any] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="structgen-source")
        self._source: Any = aiter(inputs) if isinstance(inputs, AsyncIterable) else inputs
        self._iterator: Iterator[Any] | None = None

    async def next(self) -> tuple[int, Item] | None:
        """Give the next input; None if there is none, or `end` was called."""
        while not self._ready:
            async with self._one_at_a_time:
                if self._ended:
                    break
                if not self._ready:
                    self._reading = asyncio.current_task()
                    await self._read_more()
                    self._reading = None
        return self._ready.popleft() if self._ready else None

    async def _read_more(self) -> None:
        loop = asyncio.get_running_loop()
        if hasattr(self._source, "__anext__"):
            try:
                given = await anext(self._source)
                item = await loop.run_in_executor(self._thread, to_item, given, self._read)
                found = [item]
            except StopAsyncIteration:
                found, self._exhausted = [], True
        else:
            found, self._exhausted = await loop.run_in_executor(self._thread, self._read_some)
        self._ended = self._ended or self._exhausted
        for item in found:
            self._ready.append((self._read, item))
            self._read += 1

    def _read_some(self) -> tuple[list[Item], bool]:
        """Read a few inputs, and tell whether they are the last ones."""
        if self._iterator is None:
            self._iterator = iter(self._source)
        found: list[Item] = []
        ends = time.monotonic() + _READ_SECONDS
        for one in self._iterator:
            found.append(to_item(one, self._read + len(found)))
            if len(found) >= _READ_AT_ONCE or time.monotonic() > ends:
                return found, False
        return found, True

    @property
    def ended(self) -> bool:
        """Whether no further input is given."""
        return self._ended and not self._ready

    @property
    def is_awaited(self) -> bool:
        """Whether a worker waits for the next input."""
        return self._reading is not None

    @property
    def exhausted(self) -> bool:
        """Whether every input that there is was given."""
        return self._exhausted and not self._ready

    def end(self) -> None:
        """Read nothing more; a task that waits for a slow source is cancelled."""
        self._ended = True
        if self._reading is not None:
            self._reading.cancel()

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False)
