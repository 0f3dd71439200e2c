"""The workers of a job: a fixed number of tasks on one event loop, however many inputs there are.

Each takes the next input, looks it up in the journal, asks if it has to, and hands the outcome on.
What goes wrong for one input stops no other; a server that is away is waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from operator import length_hint
from typing import Any, Final, TypeAlias

from structgen.pipeline.asking import JobQuestion
from structgen.pipeline.inputs.given import Inputs, to_item
from structgen.pipeline.journal.journal import Journal
from structgen.pipeline.limits import Concurrency, Gate, LimitWatch
from structgen.pipeline.record import Item, Outcome
from structgen.values import Usage
from structgen.wire.retry import Policy, retryable
from structgen.wire.telemetry import CallRecord

OnOutcome: TypeAlias = "Callable[[int, Outcome[Any]], Awaitable[None]]"
"""Takes an outcome and the position of its input."""

_READ_AT_ONCE: Final = 256
"""Inputs to read at a time, or as many as come within `_READ_SECONDS`."""
_READ_SECONDS: Final = 0.02
_ROUNDS: Final = 3
"""How often to ask about an input that fails while others are answered."""
_FIRST_WAIT: Final = 1.0
"""Seconds between the first two rounds; they double up to `_LONGEST_WAIT`."""
_LONGEST_WAIT: Final = 8.0
_POLICY: Final = Policy()
_MANY_UNWRITTEN: Final = 2_000
"""Rows that may wait for the disk, a few MB, before workers wait for it."""
_FLUSH_EVERY: Final = 0.1
"""Seconds between two flushes: what a killed process may lose."""


@dataclass(slots=True)
class Counts:
    """How far a job is."""

    total: int | None = None
    """The number of inputs, if it is known."""
    ok: int = 0
    """Inputs with a value."""
    failed: int = 0
    """Inputs with an error."""
    cached: int = 0
    """Inputs whose outcome the journal had, or an equal input got."""
    accepted: int = 0
    """Records that keep the promise of `accept`."""
    to_review: int = 0
    """Records that do not."""
    usage: Usage = Usage()
    """Tokens used in this run."""
    cost: float | None = None
    """US dollars spent in this run; None if no price is known."""
    failures: Counter[str] = field(default_factory=Counter)
    """Inputs that failed, by the name of the error."""
    retries: Counter[str] = field(default_factory=Counter)
    """Tries over HTTP that failed and were repeated, by the name of the error."""

    @property
    def done(self) -> int:
        """Inputs with an outcome."""
        return self.ok + self.failed

    def clear(self) -> None:
        """Begin again with the first input. Usage and cost stay counted."""
        self.ok = self.failed = self.cached = self.accepted = self.to_review = 0
        self.failures.clear()

    def add(self, outcome: Outcome[Any], *, cached: bool) -> None:
        """Count an outcome; `cached` if nothing was asked for it."""
        self.ok += outcome.ok
        self.failed += not outcome.ok
        self.cached += cached
        self.accepted += outcome.accepted is True
        self.to_review += outcome.accepted is False
        if outcome.error is not None:
            self.failures[type(outcome.error).__name__] += 1
        if not cached:
            self.usage += outcome.usage
            if outcome.cost is not None:
                self.cost = (self.cost or 0.0) + outcome.cost


class Workers:
    """One run over the inputs, on one event loop."""

    def __init__(
        self,
        inputs: Inputs,
        concurrency: int,
        watch: LimitWatch,
        *,
        journal: Journal | None,
        retry_failed: bool,
        record_inputs: bool,
    ) -> None:
        """Prepare a run.

        Args:
            inputs: The documents.
            concurrency: Questions at a time at most.
            watch: Tells when to stop.
            journal: Where to look up outcomes and keep them.
            retry_failed: Whether to ask again about inputs that failed in an earlier run.
            record_inputs: Whether the journal keeps the inputs, too, so that an output can be
                written from it.
        """
        self.counts = Counts(total=length_hint(inputs) or None)
        self.stopped: str | None = None
        """Why it takes no more inputs; None while it does."""
        self.gate = Gate(Concurrency(concurrency))
        self.watch = watch
        self._reader = _InputReader(inputs)
        self._journal, self._retry_failed = journal, retry_failed
        self._record_inputs = record_inputs
        self._waiting_for: dict[bytes, list[tuple[int, Item]]] = {}
        """By the hash of a question under way: the equal inputs that wait for its outcome."""
        self._flushed = asyncio.Event()
        self._skipped = False  # was an input taken and not asked about?

    def observe(self, record: CallRecord) -> None:
        """Take into account one try over HTTP: this is a hook of the backends."""
        self.gate.concurrency.observe(record.seconds, record.error, time.monotonic())
        if record.error is not None and not record.final:
            self.counts.retries[type(record.error).__name__] += 1

    def stop(self, reason: str) -> bool:
        """Take no more inputs, and finish what is under way.

        Returns:
            Whether this is the first call.
        """
        first = self.stopped is None
        if first:
            self.stopped = reason
        self._reader.end()
        return first

    async def run(self, question: JobQuestion[Any], on_outcome: OnOutcome) -> None:
        """Work until no input is left, or `stopped`.

        Args:
            question: The question about each input.
            on_outcome: Awaited with every outcome, as it comes.

        Raises:
            JournalError: If the journal cannot be read or written.
            Exception: If reading the inputs, or `on_outcome`, fails: its own error.
        """
        flushing = asyncio.create_task(self._flush_periodically())
        workers = [
            asyncio.create_task(self._work(question, on_outcome))
            for _ in range(self.gate.concurrency.most)
        ]
        try:
            await _wait_for((flushing, *workers), workers)
        finally:
            for task in (flushing, *workers):
                task.cancel()
            await asyncio.gather(flushing, *workers, return_exceptions=True)
            self._reader.close()
        if self._journal is not None:
            await asyncio.to_thread(self._journal.flush)
        if self._reader.exhausted and not self._skipped:
            self.stopped = None  # it was told to stop, and had nothing left to do

    async def _work(self, question: JobQuestion[Any], on_outcome: OnOutcome) -> None:
        """One worker: take inputs until there are no more."""
        while self.stopped is None and (taken := await self._reader.next()) is not None:
            position, item = taken
            hash = question.hash_of(item)
            cached = await self._look_up(position, item, hash, question)
            if cached is not None:
                self.watch.add_cached(cached.ok)
                await self._hand_on(position, cached, on_outcome, cached=True)
            elif hash in self._waiting_for:
                self._waiting_for[hash].append((position, item))
            else:
                await self._ask_once(position, item, hash, question, on_outcome)

    async def _look_up(
        self, position: int, item: Item, hash: bytes, question: JobQuestion[Any]
    ) -> Outcome[Any] | None:
        """The outcome that the journal has for an input, unless it is to be asked again."""
        if self._journal is None:
            return None
        if self._record_inputs:
            self._journal.add_input(position, item.key, item.meta, hash)
        if self._journal.unwritten > _MANY_UNWRITTEN:
            self._flushed.clear()
            await self._flushed.wait()
        entry = self._journal.find(hash)
        if entry is None or (self._retry_failed and not entry.ok):
            return None
        return question.outcome_of(item.key, item.meta, entry)

    async def _ask_once(
        self,
        position: int,
        item: Item,
        hash: bytes,
        question: JobQuestion[Any],
        on_outcome: OnOutcome,
    ) -> None:
        """Ask about an input, for it and for the equal inputs that come meanwhile."""
        self._waiting_for[hash] = []
        try:
            outcome: Outcome[Any] | None
            outcome = question.unread(item) if item.error else await self._ask(item, question)
        finally:
            equal = self._waiting_for.pop(hash)
        if outcome is None:
            self._skipped = True
            return
        if item.error is None:  # an input that cannot be read costs nothing, and stops no job
            self.watch.add_asked(outcome.error, outcome.cost)
        if self._journal is not None:
            self._journal.add(question.entry_of(hash, outcome))
        if reason := self.watch.stop_reason(len(self._waiting_for)):
            self.stop(reason)
        await self._hand_on(position, outcome, on_outcome, cached=False)
        for place, other in equal:
            copy = replace(outcome, key=other.key, meta=other.meta)
            await self._hand_on(place, copy, on_outcome, cached=True)

    async def _hand_on(
        self, position: int, outcome: Outcome[Any], on_outcome: OnOutcome, *, cached: bool
    ) -> None:
        self.counts.add(outcome, cached=cached)
        await on_outcome(position, outcome)

    async def _ask(self, item: Item, question: JobQuestion[Any]) -> Outcome[Any] | None:
        """Ask; if that fails for a reason that may pass, ask again.

        That happens a few times, and as long as nothing at all is answered (`patience`). Gives
        None if the job stopped before the input was asked about.
        """
        began, patience = time.monotonic(), self.watch.limits.patience
        for asked in count(1):
            await self.gate.enter()
            try:
                if self.stopped:
                    return None
                outcome = await question.ask(item)
            finally:
                self.gate.leave()
            if outcome.error is None or not retryable(outcome.error, _POLICY):
                return outcome
            answered = self.watch.answered_at
            others_are_answered = answered > began
            silence = time.monotonic() - max(answered, began)
            if silence >= patience or (asked >= _ROUNDS and others_are_answered):
                return outcome
            await asyncio.sleep(min(_FIRST_WAIT * 2 ** (asked - 1), _LONGEST_WAIT, patience))
        return None

    async def _flush_periodically(self) -> None:
        while self._journal is not None:
            few = self._journal.unwritten < _MANY_UNWRITTEN // 2
            await asyncio.sleep(_FLUSH_EVERY if few else 0)
            if self._journal.unwritten:
                await asyncio.to_thread(self._journal.flush)
            self._flushed.set()


async def _wait_for(
    tasks: Iterable[asyncio.Task[None]], needed: Iterable[asyncio.Task[None]]
) -> None:
    """Wait until all needed tasks are done. If any task fails, raise its error."""
    waiting, pending = set(needed), set(tasks)
    while waiting:
        ended, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            if not task.cancelled():
                task.result()
        waiting -= ended


class _InputReader:
    """Gives the inputs one by one, with their positions.

    A thread of its own reads a plain iterable, a little ahead of what is asked for.
    """

    def __init__(self, inputs: Inputs) -> None:
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
        if hasattr(self._source, "__anext__"):
            try:
                found = [await anext(self._source)]
            except StopAsyncIteration:
                found, self._exhausted = [], True
        else:
            loop = asyncio.get_running_loop()
            found, self._exhausted = await loop.run_in_executor(self._thread, self._read_some)
        self._ended = self._ended or self._exhausted
        for one in found:
            self._ready.append((self._read, to_item(one, self._read)))
            self._read += 1

    def _read_some(self) -> tuple[list[Any], bool]:
        """Read a few inputs, and tell whether they are the last ones."""
        if self._iterator is None:
            self._iterator = iter(self._source)
        found: list[Any] = []
        ends = time.monotonic() + _READ_SECONDS
        for one in self._iterator:
            found.append(one)
            if len(found) >= _READ_AT_ONCE or time.monotonic() > ends:
                return found, False
        return found, True

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
