"""Outcomes handed to their caller as they come, or in the order of the inputs: what `Client.map` is made of."""

from __future__ import annotations

import asyncio
import os
import queue
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from structgen.errors import JobStoppedError
from structgen.options import CallArgs
from structgen.pipeline.job import asking_of, concurrency_of, summary
from structgen.pipeline.journal import Journal
from structgen.pipeline.limits import JobLimits, Watch
from structgen.pipeline.record import Outcome
from structgen.pipeline.threads import start
from structgen.pipeline.work import Inputs, Work

if TYPE_CHECKING:
    from structgen.extraction.caller import Caller


class MapArgs(CallArgs, total=False):
    """What `map` takes besides a target and inputs, and a call's arguments.

    `concurrency`: questions at a time at most (default: 64 for a server, 2 for an engine in this process); `ordered`: outcomes in
    the order of the inputs (default), or as they come; `journal`: a path, for outcomes that a later run finds there;
    `retry_failed`: ask again about inputs that failed in an earlier run (default); `limits`: when to stop.
    """

    concurrency: int
    ordered: bool
    journal: str | os.PathLike[str]
    retry_failed: bool
    limits: JobLimits


async def amap(
    caller: Caller,
    target: Any,
    inputs: Inputs,
    *,
    concurrency: int | None = None,
    ordered: bool = True,
    journal: str | os.PathLike[str] | None = None,
    retry_failed: bool = True,
    limits: JobLimits | None = None,
    **call: Unpack[CallArgs],
) -> AsyncGenerator[list[Outcome[Any]], None]:
    """Outcomes as they come, or in the order of the inputs; those there at a time together. Raises JobStoppedError at the end."""
    began = time.monotonic()
    most = concurrency_of(caller, concurrency)
    kept = Journal(journal) if journal is not None else None
    try:
        work = Work(
            inputs,
            most,
            Watch(limits or JobLimits()),
            journal=kept,
            retry_failed=retry_failed,
            listed=False,
        )
        line = _Line(ordered, room=max(64, 8 * most))
        asking = asking_of(caller, target, call, work, kept=kept is not None)
        working = asyncio.create_task(line.end_with(work.run(asking, line.add)))
        try:
            while (ready := await line.ready()) is not None:
                yield ready
            await working
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
    finally:
        if kept is not None:
            kept.close()
    if work.stopped is not None:
        done = summary(work.counts, began, stopped=work.stopped)
        raise JobStoppedError(f"It stopped after {done.done} inputs: {work.stopped}.", summary=done)


class _Line:
    """Outcomes between the workers and who takes them: in order where asked for, and never many."""

    def __init__(self, ordered: bool, room: int) -> None:
        self._ordered, self._room = ordered, room
        self._early: dict[int, Outcome[Any]] = {}
        self._ready: list[Outcome[Any]] = []
        self._next = 0
        self._ended = False
        self._came, self._taken = asyncio.Event(), asyncio.Event()

    async def add(self, position: int, outcome: Outcome[Any]) -> None:
        """Line up; wait where there are many. Positions are given out in order, so the one all wait for is on its way."""
        if self._ordered:
            self._early[position] = outcome
            while self._next in self._early:
                self._ready.append(self._early.pop(self._next))
                self._next += 1
        else:
            self._ready.append(outcome)
        if self._ready:
            self._came.set()
        while len(self._ready) + len(self._early) > self._room:
            self._taken.clear()
            await self._taken.wait()

    async def ready(self) -> list[Outcome[Any]] | None:
        """What is there, at least one; None at the end."""
        while not self._ready:
            if self._ended:
                return None
            self._came.clear()
            await self._came.wait()
        ready, self._ready = self._ready, []
        self._taken.set()
        return ready

    async def end_with(self, working: Any) -> None:
        try:
            await working
        finally:
            self._ended = True
            self._came.set()


def map_threaded(
    make: Callable[[], AsyncGenerator[list[Outcome[Any]], None]],
) -> Generator[Outcome[Any], None, None]:
    """The outcomes of an asynchronous map, for a caller without an event loop: it runs in a thread of its own."""
    ready: queue.Queue[list[Outcome[Any]] | None] = queue.Queue(2)
    loop: asyncio.AbstractEventLoop | None = None
    task: asyncio.Task[Any] | None = None

    async def pump() -> None:
        nonlocal loop, task
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            async with aclosing(make()) as outcomes:
                async for some in outcomes:
                    await loop.run_in_executor(None, ready.put, some)
        finally:
            ready.put(None)

    running = start(pump)
    try:
        while (some := ready.get()) is not None:
            yield from some
        running.result()
    finally:
        if not running.done() and loop is not None and task is not None:
            loop.call_soon_threadsafe(task.cancel)
        while not running.done():
            with suppress(queue.Empty):
                ready.get(timeout=0.05)
