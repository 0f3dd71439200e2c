"""The workers of a job: few tasks on one event loop, however many inputs there are.

Each takes the next input, looks it up in the journal, asks if it has to, and hands the outcome on.
What goes wrong for one input stops no other; a server that is away is waited for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from itertools import count
from operator import length_hint
from typing import Any, Final, TypeAlias

from structgen.pipeline.asking import JobQuestion
from structgen.pipeline.chunks import AskOnce, DocumentsOfAnyLength
from structgen.pipeline.concurrency import Concurrency, Gate
from structgen.pipeline.counts import Counts
from structgen.pipeline.inputs.given import Inputs
from structgen.pipeline.journal.journal import Journal
from structgen.pipeline.journal.shared import SharedJournal
from structgen.pipeline.limits import LimitWatch
from structgen.pipeline.reading import InputReader
from structgen.pipeline.record import Item, Outcome
from structgen.wire.link import Link
from structgen.wire.rate_limits import Pacer
from structgen.wire.retry import Policy, retryable
from structgen.wire.telemetry import CallRecord

LOG: Final = logging.getLogger("structgen.pipeline")
"""Where it is logged that a job stops, and what holds it back."""

OnOutcome: TypeAlias = "Callable[[int, Outcome[Any]], Awaitable[None]]"
"""Takes an outcome and the position of its input."""

_ROUNDS: Final = 3
"""How often to ask about an input that fails while others are answered."""
_FIRST_WAIT: Final = 1.0
"""Seconds between the first two rounds; they double up to `_LONGEST_WAIT`."""
_LONGEST_WAIT: Final = 8.0
_POLICY: Final = Policy()
_WORKERS_PER_PLACE: Final = 8
"""Workers at most for each question at a time. Those above one wait for another try."""
_SILENCE: Final = "the server answers nothing"
_LONG_SILENCE: Final = 3.0
"""Seconds without an answer from which on that is said."""
_LONG_REST: Final = 2.0
"""Seconds of a wait that a job which is told to stop does not wait for."""
_MANY_UNWRITTEN: Final = 2_000
"""Rows that may wait for the disk, a few MB, before workers wait for it."""
_FLUSH_EVERY: Final = 0.1
"""Seconds between two flushes: what a killed process may lose."""


class Workers:
    """One run over the inputs, on one event loop."""

    def __init__(
        self,
        inputs: Inputs,
        concurrency: int,
        watch: LimitWatch,
        *,
        journal: Journal | SharedJournal | None,
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
        self.watch, self._reader = watch, InputReader(inputs)
        self._journal, self._retry_failed = journal, retry_failed
        self._record_inputs = record_inputs
        self._of_any_length = DocumentsOfAnyLength(
            self, journal, retry_failed=retry_failed, at_once=concurrency
        )
        self._waiting_for: dict[bytes, list[tuple[int, Item]]] = {}  # equal inputs, by the hash
        self._asked: set[bytes] = set()
        self._flushed = asyncio.Event()
        self._skipped = False  # was an input taken and not asked about?
        self._pacers: list[Pacer] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._resting = 0  # workers that wait without a place
        self._work_on: Callable[[], Coroutine[Any, Any, None]]
        self._failure: BaseException | None = None
        self._last_fault = ""  # the kind of the last try's error, and where
        self._stopping, self._ended = asyncio.Event(), asyncio.Event()

    def observe(self, record: CallRecord) -> None:
        """Take into account one try over HTTP: this is a hook of the backends."""
        self.gate.concurrency.observe(record.seconds, record.error, time.monotonic())
        if record.error is None:
            self._last_fault = ""
            return
        where = f" at {record.server}" if record.server else ""
        self._last_fault = f"{type(record.error).__name__}{where}"
        if not record.final:
            self.counts.retries[type(record.error).__name__] += 1

    def stop(self, reason: str) -> bool:
        """Take no more inputs, and finish what is under way.

        Returns:
            Whether this is the first call.
        """
        first = self.stopped is None
        if first:
            self.stopped = reason
            LOG.info("The job stops: %s", reason)
        self._stopping.set()
        self._reader.end()
        return first

    def look(self) -> None:
        """Note in the counts what holds the job back now."""
        cause = self._held_by()
        if cause is not None and not self.counts.held[cause]:
            LOG.info("The job is held back by: %s", cause)
        self.counts.held_by = cause
        if cause is not None:
            self.counts.held[cause] += 1
        if cause == _SILENCE:
            left = self.watch.limits.patience - self.watch.silence
            self.counts.held_by = f"{cause}: {self._last_fault}; it gives up in {left:.0f} s"

    def _held_by(self) -> str | None:
        now, concurrency, inside = time.monotonic(), self.gate.concurrency, self.gate.inside
        for pacer in self._pacers:
            if cause := pacer.held_by(now):
                return cause
        if self._journal is not None and self._journal.unwritten > _MANY_UNWRITTEN:
            return "the disk of the journal"
        if self._reader.is_awaited and inside < concurrency.limit / 2:
            return "reading the inputs"
        if self._last_fault and self.watch.silence > _LONG_SILENCE:
            return _SILENCE
        if self._resting > max(inside, 1):
            return "waits before another try"
        if not self.gate.is_full:
            return None
        if concurrency.was_cut and concurrency.limit < concurrency.most:
            return f"signs of overload, concurrency below {concurrency.most}"
        is_open = concurrency.limit >= concurrency.most
        return f"concurrency ({concurrency.most})" if is_open else None

    async def run(self, question: JobQuestion[Any], on_outcome: OnOutcome) -> None:
        """Work until no input is left, or `stopped`.

        Args:
            question: The question about each input.
            on_outcome: Awaited with every outcome, as it comes.

        Raises:
            JournalError: If the journal cannot be read or written.
            Exception: If reading the inputs, or `on_outcome`, fails: its own error.
        """
        links = [one.via for one in question.all_backends if isinstance(one.via, Link)]
        self._pacers = [link.pacer for link in links if link.pacer is not None]
        if not links:  # there is no server to go easy on
            self.gate.concurrency.limit = self.gate.concurrency.most
        self._work_on = lambda: self._work(question, on_outcome)
        flushing = asyncio.create_task(self._flush_periodically())
        flushing.add_done_callback(self._on_end)
        self._add_workers()
        clock = self._start_clock()
        try:
            await self._ended.wait()
            if self._failure is not None:
                raise self._failure
        finally:
            if clock is not None:
                clock.cancel()
            tasks = (flushing, *self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._reader.close()
        if self._journal is not None:
            await asyncio.to_thread(self._journal.flush)
        if self._reader.exhausted and not self._skipped:
            self.stopped = None  # it was told to stop, and had nothing left to do

    def _start_clock(self) -> asyncio.TimerHandle | None:
        """Stop in time even if no outcome comes: a server that is away would be waited for."""
        left = self.watch.seconds_left
        if left is None:
            return None
        loop = asyncio.get_running_loop()
        return loop.call_later(max(0.0, left), self.stop, self.watch.time_is_over)

    # ---- as many workers as there are places, and one more for each that rests ----------------

    @property
    def _wanted(self) -> int:
        concurrency = self.gate.concurrency
        return min(int(concurrency.limit) + self._resting, _WORKERS_PER_PLACE * concurrency.most)

    def _add_workers(self) -> None:
        """Start workers, as far as there is work for more."""
        while len(self._tasks) < self._wanted and not self._reader.ended:
            task = asyncio.create_task(self._work_on())
            self._tasks.add(task)
            task.add_done_callback(self._on_end)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        """End the run with the last worker, or with the first error."""
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
        if not self._tasks or self._failure is not None:
            self._ended.set()

    async def _rest(self, seconds: float) -> None:
        """Wait before a try, without a place: another worker takes it in the meantime.

        Raises:
            _Abandoned: If the job stops and the wait has long to go.
        """
        self.gate.leave()
        try:
            await self._pause(seconds)
        except BaseException:
            self.gate.inside += 1  # whoever entered leaves
            raise
        await self.gate.enter()

    async def _pause(self, seconds: float) -> None:
        """Wait, and let another worker work in the meantime.

        Raises:
            _Abandoned: If the job stops and the wait has long to go.
        """
        self._resting += 1
        self._add_workers()
        ends = time.monotonic() + seconds
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
            left = ends - time.monotonic()
            if left > _LONG_REST:
                raise _Abandoned
            await asyncio.sleep(max(0.0, left))
        except asyncio.TimeoutError:
            return
        finally:
            self._resting -= 1

    # ---- one input ---------------------------------------------------------------------------

    async def _work(self, question: JobQuestion[Any], on_outcome: OnOutcome) -> None:
        """One worker: take inputs until there are no more, or there are workers enough."""
        while self.stopped is None and len(self._tasks) <= self._wanted:
            taken = await self._reader.next()
            if taken is None:
                return
            position, item = taken
            hash = question.hash_of(item)
            cached = await self._look_up(position, item, hash, question)
            if cached is not None:
                equal = hash in self._asked
                self.watch.add_cached(cached.ok, None if equal else cached.cost, hash)
                await self._hand_on(position, cached, on_outcome, cached=True, equal=equal)
            elif hash in self._waiting_for:
                self._waiting_for[hash].append((position, item))
            else:
                await self._ask_once(position, item, hash, question, on_outcome)
                self._add_workers()  # the limit may have grown

    async def _look_up(
        self, position: int, item: Item, hash: bytes, question: JobQuestion[Any]
    ) -> Outcome[Any] | None:
        """The outcome that the journal has for an input, unless it is to be asked again."""
        if self._journal is None:
            return None
        if self._record_inputs and isinstance(self._journal, Journal):
            self._journal.add_input(position, item, hash)
        if self._journal.unwritten > _MANY_UNWRITTEN:
            self._flushed.clear()
            await self._flushed.wait()
        if (entry := self._journal.find(hash)) is None:
            return None
        outcome = question.outcome_of(item, entry)
        lacks = not outcome.ok or outcome.failed_chunks or outcome.was_held_back
        retry = lacks and self._retry_failed and not self._journal.is_decided(item)
        return None if retry else outcome

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
        self._asked.add(hash)
        try:
            outcome: Outcome[Any] | None
            if item.error:  # it costs nothing, and stops no job
                outcome = question.unread(item)
            else:
                outcome = await self._of_any_length.ask(item, hash, question)
        finally:
            equal = self._waiting_for.pop(hash)
        if outcome is None:
            self._skipped = True
            return
        if self._journal is not None:
            self._journal.add(question.entry_of(hash, outcome))
        await self._hand_on(position, outcome, on_outcome, cached=False)
        for place, other in equal:
            copy = replace(outcome, key=other.key, meta=other.meta)
            await self._hand_on(place, copy, on_outcome, cached=True, equal=True)

    async def _hand_on(
        self,
        position: int,
        outcome: Outcome[Any],
        on_outcome: OnOutcome,
        *,
        cached: bool,
        equal: bool = False,
    ) -> None:
        self.counts.add(outcome, cached=cached, equal=equal)
        await on_outcome(position, outcome)

    def count_asked(self, outcome: Outcome[Any]) -> None:
        """Count a question that was asked, and stop the job if a limit says so."""
        self.counts.add_spent(outcome)
        self.watch.add_asked(outcome.error, outcome.cost, outcome.tries)
        if reason := self.watch.stop_reason(self.gate.inside + self._resting):
            self.stop(reason)

    def count_found(self, outcome: Outcome[Any]) -> None:
        """Count an outcome that the journal had."""
        self.watch.add_cached(outcome.ok, outcome.cost)

    async def ask(self, once: AskOnce) -> Outcome[Any] | None:
        """Ask; if that fails for a reason that may pass, ask again.

        That happens a few times, and as long as nothing at all is answered (`patience`). None says
        that the job stopped before anything was asked.
        """
        began, patience = time.monotonic(), self.watch.limits.patience
        for asked in count(1):
            await self.gate.enter()
            try:
                others = self.gate.inside + self._resting - 1  # they may use up a limit
                if asked == 1 and (reason := self.watch.spent_reason(others)):
                    self.stop(reason)
                if self.stopped:
                    return None
                outcome = await once(self._rest)
            except _Abandoned:
                return None
            finally:
                self.gate.leave()
            if outcome.error is None or not retryable(outcome.error, _POLICY):
                return outcome
            answered = self.watch.answered_at
            others_are_answered = answered > began
            silence = time.monotonic() - max(answered, began)
            if silence >= patience or (asked >= _ROUNDS and others_are_answered):
                return outcome
            wait = min(_FIRST_WAIT * 2 ** (asked - 1), _LONGEST_WAIT, patience)
            with suppress(_Abandoned):
                await self._pause(wait)
        return None

    async def _flush_periodically(self) -> None:
        while self._journal is not None:
            few = self._journal.unwritten < _MANY_UNWRITTEN // 2
            await asyncio.sleep(_FLUSH_EVERY if few else 0)
            if self._journal.unwritten:
                await asyncio.to_thread(self._journal.flush)
            self._flushed.set()


class _Abandoned(BaseException):
    """The job stopped while a question waited for its next try."""
