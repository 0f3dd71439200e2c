"""Hand outcomes to the caller, as they come or in order: what `Client.map` is made of."""

from __future__ import annotations

import asyncio
import os
import queue
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from structgen.documents.options import InputArgs
from structgen.errors import JobStoppedError
from structgen.kinds import check_values
from structgen.pipeline.asking import JobQuestion
from structgen.pipeline.inputs.given import Inputs, checked_inputs
from structgen.pipeline.journal.journal import Journal
from structgen.pipeline.journal.reviews import Review, reviewed
from structgen.pipeline.journal.shared import open_journal
from structgen.pipeline.limits import JobLimits, LimitWatch
from structgen.pipeline.questions import KINDS, concurrency_of, job_question
from structgen.pipeline.record import Outcome
from structgen.pipeline.summary import summarize
from structgen.pipeline.threads import LOOK_EVERY, LoopThread
from structgen.pipeline.work import Workers

if TYPE_CHECKING:
    from structgen.extraction.caller import Caller

_LEAST_ROOM = 64
_ROOM_PER_QUESTION = 8
"""Outcomes that may wait for the caller, so that few are in memory and no worker waits for long."""
_HANDED_OVER = 2
"""Groups of outcomes between the thread of `map` and its caller."""
_DRAIN_SECONDS = 0.05
"""How long to wait for the thread to end before the queue is emptied again."""


class MapArgs(InputArgs, total=False):
    """The keyword arguments of `map`: these, those of a call, and those of
    `ChunkingArgs` with `chunked`."""

    concurrency: int
    """Questions at a time at most (default: 64 for a server, 2 for an engine in this process)."""
    ordered: bool
    """Give outcomes in the order of the inputs (default), rather than as they come."""
    journal: str | os.PathLike[str]
    """Path of a journal, so that a later run finds the outcomes, or the "URL#TABLE" of a database
    that several processes share (default: none)."""
    retry_failed: bool
    """Whether to ask again about inputs that failed in an earlier run (default True)."""
    limits: JobLimits
    """When to stop before the end."""


async def amap(
    caller: Caller,
    target: Any,
    documents: Inputs,
    *,
    concurrency: int | None = None,
    ordered: bool = True,
    journal: str | os.PathLike[str] | None = None,
    retry_failed: bool = True,
    limits: JobLimits | None = None,
    **call: Unpack[InputArgs],
) -> AsyncGenerator[list[Outcome[Any]], None]:
    """Ask about every document; give outcomes in groups of those that are ready.

    Args:
        caller: The backends to ask, and the default options.
        target: A type, a Target, or a JSON Schema.
        documents: Texts, conversations or Items.
        concurrency: As in `MapArgs`, like those below.
        ordered: Whether to give outcomes in the order of the inputs.
        journal: Path of a journal, or the "URL#TABLE" of a shared one.
        retry_failed: Whether to ask again about inputs that failed in an earlier run.
        limits: When to stop before the end.
        **call: The arguments of each question.

    Raises:
        InputError: If `documents` is one text, or nothing to iterate.
        JobStoppedError: After the outcomes, if a limit stopped it.
    """
    given = {
        "concurrency": concurrency,
        "ordered": ordered,
        "journal": journal,
        "retry_failed": retry_failed,
        "limits": limits,
    }
    check_values(given, KINDS)
    began = time.monotonic()
    most = concurrency_of(caller, concurrency)
    documents = checked_inputs(documents)
    opened = open_journal(journal) if journal is not None else None
    of_file = opened if isinstance(opened, Journal) else None
    try:
        workers = Workers(
            documents,
            most,
            LimitWatch(limits or JobLimits()),
            journal=opened,
            retry_failed=retry_failed,
            record_inputs=of_file is not None,
        )
        waiting = _OutcomeQueue(ordered, room=max(_LEAST_ROOM, _ROOM_PER_QUESTION * most))
        question = job_question(caller, target, call, workers, journaled=opened is not None)
        reviews = await asyncio.to_thread(_begun, of_file, question)

        async def hand_over(position: int, outcome: Outcome[Any]) -> None:
            await waiting.put(position, reviewed(outcome, reviews))

        working = asyncio.create_task(waiting.close_after(workers.run(question, hand_over)))
        try:
            while (ready := await waiting.take()) is not None:
                yield ready
            await working
            if of_file is not None and workers.stopped is None:
                await asyncio.to_thread(of_file.end_inputs)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
    finally:
        if opened is not None:
            opened.close()
    if workers.stopped is not None:
        done = summarize(workers.counts, began, workers.stopped)
        raise JobStoppedError(
            f"`map` stopped after {done.done} inputs: {workers.stopped}.", summary=done
        )


def _begun(journal: Journal | None, question: JobQuestion[Any]) -> dict[str, Review]:
    """Begin a run in a journal, which notes what is asked; give what people decided about it."""
    if journal is None:
        return {}
    journal.begin_inputs()
    question.note_in(journal)
    return journal.reviews()


class _OutcomeQueue:
    """Outcomes between the workers and the caller: in order if asked for, and never many."""

    def __init__(self, ordered: bool, room: int) -> None:
        self._ordered, self._room = ordered, room
        self._early: dict[int, Outcome[Any]] = {}
        self._ready: list[Outcome[Any]] = []
        self._next = 0
        self._ended = False
        self._came, self._taken = asyncio.Event(), asyncio.Event()

    async def put(self, position: int, outcome: Outcome[Any]) -> None:
        """Add an outcome; wait if there are many.

        Positions are given out in order, so the outcome that all others wait for is on its way.
        """
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

    async def take(self) -> list[Outcome[Any]] | None:
        """Give what is ready, at least one outcome; None at the end."""
        while not self._ready:
            if self._ended:
                return None
            self._came.clear()
            await self._came.wait()
        ready, self._ready = self._ready, []
        self._taken.set()
        return ready

    async def close_after(self, working: Awaitable[None]) -> None:
        """Await the workers; nothing comes after them."""
        try:
            await working
        finally:
            # A run that was stopped has left inputs out; what came after them is given, too.
            self._ready += [self._early[position] for position in sorted(self._early)]
            self._early.clear()
            self._ended = True
            self._came.set()


def map_threaded(
    make: Callable[[], AsyncGenerator[list[Outcome[Any]], None]],
) -> Generator[Outcome[Any], None, None]:
    """Give the outcomes of an asynchronous map, which runs in a thread of its own."""
    ready: queue.Queue[list[Outcome[Any]] | None] = queue.Queue(_HANDED_OVER)

    async def pump() -> None:
        loop = asyncio.get_running_loop()
        try:
            async with aclosing(make()) as groups:
                async for group in groups:
                    await loop.run_in_executor(None, ready.put, group)
        finally:
            ready.put(None)

    running = LoopThread(pump)
    try:
        running.start()
        while (group := _next_group(ready)) is not None:
            yield from group
        running.result()
    finally:
        running.cancel()
        while not running.done():  # it may wait for room in the queue
            with suppress(queue.Empty):
                ready.get(timeout=_DRAIN_SECONDS)


def _next_group(ready: queue.Queue[list[Outcome[Any]] | None]) -> list[Outcome[Any]] | None:
    """Wait for the next group; an interrupt that does not wake this thread is seen soon, too."""
    while True:
        with suppress(queue.Empty):
            return ready.get(timeout=LOOK_EVERY)
