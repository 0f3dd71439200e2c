"""The workers of a job: so many tasks on one event loop, however many inputs there are. No task, client or future per input.

Each takes the next input, looks it up in the journal, asks where it has to, and hands the outcome on. What one input does to itself
stops no other; a server that is away is waited for.
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

from structgen.errors import InputError
from structgen.pipeline.asking import Asking
from structgen.pipeline.journal import Journal, question_hash
from structgen.pipeline.limits import Concurrency, Gate, Watch
from structgen.pipeline.record import Item, Outcome
from structgen.values import Usage
from structgen.wire.retry import Policy, retryable
from structgen.wire.telemetry import CallRecord

Inputs: TypeAlias = "Iterable[Any] | AsyncIterable[Any]"
Done: TypeAlias = "Callable[[int, Outcome[Any]], Awaitable[None]]"

_AT_ONCE: Final = 256
"""Inputs read at a time, or what comes within `_SOON` seconds."""
_SOON: Final = 0.02
_ROUNDS: Final = 3
"""How often an input is asked about that fails while others are answered."""
_POLICY: Final = Policy()
_UNWRITTEN: Final = 2_000
_FLUSH_EVERY: Final = 0.1


@dataclass(slots=True)
class Counts:
    """How far a job is. `cached`: outcomes that the journal had; `retries`: tries that failed and were repeated, by error."""

    total: int | None = None
    ok: int = 0
    failed: int = 0
    cached: int = 0
    usage: Usage = Usage()
    cost: float | None = None
    failures: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        return self.ok + self.failed

    def clear(self) -> None:
        """Begin anew; what was used stays used."""
        self.ok = self.failed = self.cached = 0
        self.failures.clear()

    def add(self, outcome: Outcome[Any], *, cached: bool) -> None:
        self.ok += outcome.ok
        self.failed += not outcome.ok
        self.cached += cached
        if outcome.error is not None:
            self.failures[type(outcome.error).__name__] += 1
        if not cached:
            self.usage += outcome.usage
            if outcome.cost is not None:
                self.cost = (self.cost or 0.0) + outcome.cost


class Work:
    """One run over the inputs, on one event loop, once.

    `journal`: where outcomes are looked up and kept; `listed`: the inputs, too, for an output to be written from it. `stopped`: why
    it takes no further ones; `counts`: how far it is.
    """

    def __init__(
        self,
        inputs: Inputs,
        concurrency: int,
        watch: Watch,
        *,
        journal: Journal | None,
        retry_failed: bool,
        listed: bool,
    ) -> None:
        self.counts = Counts(total=length_hint(inputs) or None)
        self.stopped: str | None = None
        self._skipped = False
        self.gate = Gate(Concurrency(concurrency))
        self._reader, self.watch = _Reader(inputs), watch
        self._journal, self._retry_failed, self._listed = journal, retry_failed, listed
        self._under_way: dict[bytes, list[tuple[int, Item]]] = {}  # and who else asks the same
        self._flushed = asyncio.Event()

    def heard(self, record: CallRecord) -> None:
        """The hook of the backends: what became of one try."""
        self.gate.concurrency.observe(record.seconds, record.error, time.monotonic())
        if record.error is not None and not record.final:
            self.counts.retries[type(record.error).__name__] += 1

    def stop(self, reason: str) -> bool:
        """Take no further inputs; what is under way comes to its end. False where it was told before."""
        first, self.stopped = self.stopped is None, self.stopped or reason
        self._reader.end()
        return first

    async def run(self, asking: Asking[Any], done: Done) -> None:
        """Work until there is nothing left or `stopped`. `done` is given every outcome with its input's position, as it comes.

        Raises what reading the inputs raises, what `done` raises, and JournalError.
        """
        flushing = asyncio.create_task(self._flush_often())
        workers = [
            asyncio.create_task(self._worker(asking, done))
            for _ in range(self.gate.concurrency.most)
        ]
        try:
            await _all((flushing, *workers), workers)
        finally:
            for task in (flushing, *workers):
                task.cancel()
            await asyncio.gather(flushing, *workers, return_exceptions=True)
            self._reader.close()
        if self._journal is not None:
            await asyncio.to_thread(self._journal.flush)
        if self._reader.exhausted and not self._skipped:
            self.stopped = None  # it was to stop, and had nothing left to do

    async def _worker(self, asking: Asking[Any], done: Done) -> None:
        while self.stopped is None and (taken := await self._reader.next()) is not None:
            position, item = taken
            hash = question_hash(asking.run, f"\0{item.key}" if item.error else item.document)
            if self._journal is not None:
                if self._listed:
                    self._journal.add_input(position, item.key, item.meta, hash)
                if self._journal.unwritten > _UNWRITTEN:
                    self._flushed.clear()
                    await self._flushed.wait()
                entry = self._journal.find(hash)
                if entry is not None and (entry.ok or not self._retry_failed):
                    self.watch.had(entry.ok)
                    await self._finish(
                        position, asking.outcome(item.key, item.meta, entry), done, cached=True
                    )
                    continue
            if hash in self._under_way:
                self._under_way[hash].append((position, item))
                continue
            await self._new(position, item, hash, asking, done)

    async def _new(
        self, position: int, item: Item, hash: bytes, asking: Asking[Any], done: Done
    ) -> None:
        """Ask about an input, keep what came, and hand it on: to who else asked the same, too."""
        self._under_way[hash] = []
        try:
            outcome = asking.unread(item) if item.error else await self._patiently(item, asking)
        finally:
            others = self._under_way.pop(hash)
        if outcome is None:
            self._skipped = True
            return
        self.watch.finished(outcome.error, outcome.cost)
        if self._journal is not None:
            self._journal.put(asking.entry(hash, outcome))
        if reason := self.watch.reason(len(self._under_way)):
            self.stop(reason)
        await self._finish(position, outcome, done, cached=False)
        for place, other in others:
            await self._finish(
                place, replace(outcome, key=other.key, meta=other.meta), done, cached=True
            )

    async def _finish(
        self, position: int, outcome: Outcome[Any], done: Done, *, cached: bool
    ) -> None:
        self.counts.add(outcome, cached=cached)
        await done(position, outcome)

    async def _patiently(self, item: Item, asking: Asking[Any]) -> Outcome[Any] | None:
        """Ask; where that fails for a reason that may pass, ask again: a few times, and as long as nobody is answered at all.

        None where the job stopped before it was asked.
        """
        began = time.monotonic()
        for round_ in count(1):
            await self.gate.enter()
            try:
                if self.stopped:
                    return None
                outcome = await asking.ask(item)
            finally:
                self.gate.leave()
            if outcome.error is None or not retryable(outcome.error, _POLICY):
                return outcome
            patience, answered = self.watch.limits.patience, self.watch.answered_at
            if (round_ >= _ROUNDS and answered > began) or time.monotonic() - max(
                answered, began
            ) >= patience:
                return outcome
            await asyncio.sleep(min(0.5 * 2**round_, 8.0, patience))
        return None

    async def _flush_often(self) -> None:
        while self._journal is not None:
            await asyncio.sleep(_FLUSH_EVERY if self._journal.unwritten < _UNWRITTEN // 2 else 0)
            if self._journal.unwritten:
                await asyncio.to_thread(self._journal.flush)
            self._flushed.set()


async def _all(tasks: Iterable[asyncio.Task[None]], needed: Iterable[asyncio.Task[None]]) -> None:
    """Wait until the needed tasks are done, or one of all fails: then its error is raised."""
    waiting, pending = set(needed), set(tasks)
    while waiting:
        ended, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            if not task.cancelled():
                task.result()
        waiting -= ended


class _Reader:
    """The inputs, one by one, with their positions. A plain iterable is read by a thread of its own, a little ahead."""

    def __init__(self, inputs: Inputs) -> None:
        self._ready: deque[tuple[int, Item]] = deque()
        self._read = 0
        self._ended = self._exhausted = False
        self._reading: asyncio.Task[Any] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="structgen-source")
        self._source: Any = aiter(inputs) if isinstance(inputs, AsyncIterable) else inputs
        self._sync: Iterator[Any] | None = None

    async def next(self) -> tuple[int, Item] | None:
        while not self._ready:
            async with self._one_at_a_time:
                if self._ended:
                    break
                if not self._ready:
                    self._reading = asyncio.current_task()
                    await self._more()
                    self._reading = None
        return self._ready.popleft() if self._ready else None

    async def _more(self) -> None:
        if hasattr(self._source, "__anext__"):
            try:
                found = [await anext(self._source)]
            except StopAsyncIteration:
                found, self._exhausted = [], True
        else:
            found, self._exhausted = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._some
            )
        self._ended = self._ended or self._exhausted
        for one in found:
            self._ready.append((self._read, item_of(one, self._read)))
            self._read += 1

    def _some(self) -> tuple[list[Any], bool]:
        if self._sync is None:
            self._sync = iter(self._source)
        found: list[Any] = []
        ends = time.monotonic() + _SOON
        for one in self._sync:
            found.append(one)
            if len(found) >= _AT_ONCE or time.monotonic() > ends:
                return found, False
        return found, True

    @property
    def exhausted(self) -> bool:
        """Was every input there is given out?"""
        return self._exhausted and not self._ready

    def end(self) -> None:
        """Give nothing further; the task that waits for a slow source is cancelled."""
        self._ended = True
        if self._reading is not None:
            self._reading.cancel()

    def close(self) -> None:
        self._thread.shutdown(wait=False)


def item_of(given: Any, position: int) -> Item:
    """An input as an Item: a text, or the messages of a conversation, has its position for a key."""
    if isinstance(given, Item):
        return given
    if isinstance(given, str) or (
        isinstance(given, (list, tuple)) and all(isinstance(one, dict) for one in given)
    ):
        return Item(str(position), given)
    error = InputError(
        f"Input {position} is a {type(given).__name__}.",
        hint="Give texts, lists of messages, or Items.",
    )
    return Item(str(position), "", error=error)
