"""Jobs: many inputs, one question, one outcome for each.

A job can be stopped and restarted at any time; the result is the same. Outcomes go into the journal
as they come, and at the end from there into the output.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, overload

from typing_extensions import TypeVar, Unpack

from structgen.documents.options import InputArgs
from structgen.errors import ConfigurationError, JobError, JobStoppedError
from structgen.kinds import check_values
from structgen.pipeline.asking import JobQuestion
from structgen.pipeline.batch import Batches, link_of
from structgen.pipeline.batch_rounds import Batching
from structgen.pipeline.counts import Counts
from structgen.pipeline.inputs.given import Inputs, checked_inputs
from structgen.pipeline.journal.journal import Journal
from structgen.pipeline.journal.keys import tell_repeated_keys
from structgen.pipeline.journal.reviews import Outdated, outdated_reviews, reviewed
from structgen.pipeline.limits import JobLimits, LimitWatch
from structgen.pipeline.outputs.columns.table import Layout
from structgen.pipeline.outputs.job_output import job_output
from structgen.pipeline.outputs.mode import IfExists
from structgen.pipeline.questions import KINDS, concurrency_of, job_question
from structgen.pipeline.record import Outcome, Sink
from structgen.pipeline.summary import Summary, summarize
from structgen.pipeline.threads import await_to_end, run_in_thread
from structgen.pipeline.work import Workers
from structgen.schema.target import Target, target_of
from structgen.values import JsonSchema
from structgen.wire.telemetry import call_hook

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from structgen.extraction.caller import HasCaller

T = TypeVar("T", default=Any)

_ROWS: Final = 500
"""Outcomes to write to the output at a time: a row group of Parquet, an insert of SQL."""
_PROGRESS_EVERY: Final = 0.5
"""Seconds between two calls of `on_progress`."""
INTERRUPTED: Final = "it was interrupted"
"""The reason to stop after Ctrl-C."""


class JobArgs(InputArgs, total=False):
    """The keyword arguments of `Job`, besides the client: these, those of a call, and those of
    `ChunkingArgs` with `chunked`."""

    output: Sink | str | os.PathLike[str] | None
    """A `Sink`, or the name of a file or table; see `open_sink`."""
    if_exists: IfExists
    """What to do if the output exists (default "fail": replace only what this job wrote)."""
    layout: Layout
    """How values become columns (default "fields": one for each field)."""
    journal: str | os.PathLike[str] | None
    """Path of the journal (default: the output's name with ".journal")."""
    concurrency: int | None
    """Questions at a time at most (default: 64 for a server, 2 for an engine in this process)."""
    retry_failed: bool
    """Whether to ask again about inputs that failed in an earlier run (default True)."""
    batch: bool | Batching
    """Whether to use the server's Batch API, and how (default False)."""
    limits: JobLimits | None
    """When to stop before the end."""
    log: Callable[[str], None]
    """Called with a line about each thing worth telling."""
    on_progress: Callable[[Counts], None]
    """Called twice a second with how far the job is."""


class Job(Generic[T]):
    """One question about every input, with a journal and an output."""

    @overload
    def __init__(
        self, target: TypeForm[T], inputs: Inputs, *, client: HasCaller, **job: Unpack[JobArgs]
    ) -> None: ...
    @overload
    def __init__(
        self,
        target: Target[T] | JsonSchema,
        inputs: Inputs,
        *,
        client: HasCaller,
        **job: Unpack[JobArgs],
    ) -> None: ...
    def __init__(
        self,
        target: Any,
        inputs: Inputs,
        *,
        client: HasCaller,
        output: Sink | str | os.PathLike[str] | None = None,
        if_exists: IfExists = "fail",
        layout: Layout = "fields",
        journal: str | os.PathLike[str] | None = None,
        concurrency: int | None = None,
        retry_failed: bool = True,
        batch: bool | Batching = False,
        limits: JobLimits | None = None,
        log: Callable[[str], None] = lambda line: None,
        on_progress: Callable[[Counts], None] = lambda counts: None,
        **call: Unpack[InputArgs],
    ) -> None:
        """Prepare a job.

        Args:
            target: A type, a Target, or a JSON Schema.
            inputs: Texts, conversations or Items, or an asynchronous iterable of them. Inputs that
                are read again have to be the same. They are read a little ahead, never all at once.
            client: A `Client` or `AsyncClient`; its model is asked. It stays open.
            output: A `Sink`, or the name of a file or table (see `open_sink`). It appears when the
                job is finished, complete.
            if_exists: What to do if the output exists: "fail" replaces it if this job wrote it and
                nobody changed it since, else refuses; "replace" replaces it; "append" adds the rows
                whose key it does not have; "upsert" also replaces its rows of the same keys.
            layout: How values become columns: "fields" (one for each field), "flat" (also one for
                each field of objects inside), or "value" (one for the whole value).
            journal: Path of the journal, by default the output's name with ".journal".
            concurrency: Questions at a time at most, by default 64 for a server and 2 for an
                engine in this process.
            retry_failed: Whether to ask again about inputs that failed in an earlier run.
            batch: Whether to use the server's Batch API: half the price, within a day.
                `concurrency` and `limits` then have no effect. A `Batching` says how.
            limits: When to stop before the end.
            log: Called with a line about each thing worth telling.
            on_progress: Called twice a second with how far the job is.
            **call: The arguments of each question; see `CallArgs`.

        Raises:
            InputError: If the inputs are one text or a name, or nothing to iterate, or the output
                or the journal is an input.
            ConfigurationError: If there is no journal, or the output's name has an unknown kind.
            JobError: If the output's folder or database driver does not exist.
            MissingPackage: If the package that writes the output is not installed.
        """
        is_named = isinstance(output, (str, os.PathLike))
        self._output = job_output(output, if_exists, layout)
        if journal is None and not is_named:
            raise ConfigurationError(
                "The job has no journal.", hint="Pass journal=PATH, or the name of an output."
            )
        given = {
            "client": client,
            "journal": journal,
            "concurrency": concurrency,
            "retry_failed": retry_failed,
            "batch": batch,
            "limits": limits,
            "log": log,
            "on_progress": on_progress,
        }
        check_values(given, KINDS)
        if "://" in str(journal or ""):
            raise ConfigurationError(
                "The journal of a job is a file, but its name is a URL.",
                hint="Pass the path of a file; it can be on any disk that is always there.",
            )
        self._inputs = checked_inputs(inputs)
        self._target, self._caller, self._call = target, client.caller, call
        self._retry_failed, self._limits = retry_failed, limits or JobLimits()
        self._concurrency, self._on_progress = concurrency, on_progress
        self._log: Callable[[str], None] = lambda line: call_hook(log, line)
        self.journal = Path(self._output.journal if journal is None else journal)
        """The path of the journal."""
        self._inputs = self._output.guarded(self._inputs, self.journal)
        self._batching = batch if isinstance(batch, Batching) else Batching() if batch else None
        self._workers: Workers | None = None
        self._batch_task: asyncio.Task[Any] | None = None
        self._under_way = 0

    def run(self) -> Summary:
        """Run to the end, on an event loop in a thread of its own.

        The first interrupt (Ctrl-C, SIGTERM, SIGHUP) finishes what is under way, the second one
        does not. So does an exception that a signal handler of your own, or of a scheduler, raises;
        it goes on when the job has stopped.

        Raises:
            JobStoppedError: If the job stopped early, by a limit or an interrupt.
            JournalError: If the journal is in use, or cannot be read or written.
            JobError: If the output cannot be written.
            ConfigurationError: If an argument does not fit the client's model.
            Exception: If reading the inputs fails, with its own error.
        """
        return run_in_thread(self.arun, self.stop)

    def stop(self, reason: str = INTERRUPTED) -> bool:
        """Take no more inputs, and wait for no batch. Call it on the job's own event loop.

        Args:
            reason: Shown in `JobStoppedError` and the summary.

        Returns:
            Whether the job was running and not stopped before.
        """
        if self._batch_task is not None:
            self._batch_task.cancel()
        first = self._workers is not None and self._workers.stop(reason)
        if first and self._batch_task is None:
            self._log(f"stopping ({reason}): finishing what is under way; again to stop at once")
        return first

    async def arun(self) -> Summary:
        """As `run`, on the running event loop. If cancelled, it finishes what is under way."""
        began = time.monotonic()
        with Journal(self.journal, self._log) as journal:
            await asyncio.to_thread(journal.begin_inputs)
            target = target_of(self._target)
            await asyncio.to_thread(self._output.check, journal, self._inputs, target)
            self._workers = workers = Workers(
                self._inputs,
                concurrency_of(self._caller, self._concurrency),
                LimitWatch(self._limits),
                journal=journal,
                retry_failed=self._retry_failed,
                record_inputs=True,
            )
            question = job_question(
                self._caller,
                self._target,
                self._call,
                workers,
                journaled=True,
                batch=self._batching is not None,
            )
            if question.tuned is not None:
                self._log(f"tuned: {question.tuned}")
            await asyncio.to_thread(question.note_in, journal)
            workers.watch.add_earlier_cost(journal.cost(question.run))
            working: Coroutine[Any, Any, None]
            if self._batching is not None:
                working = self._run_batches(self._batching, journal, question, workers)
            else:
                working = workers.run(question, _ignore)
            await await_to_end(self._report_while(working, workers), self.stop)
            is_done = workers.stopped is None and not self._under_way
            if workers.stopped is None:
                await asyncio.to_thread(journal.end_inputs)
            if is_done:
                await asyncio.to_thread(self._write, journal, question)
        done = summarize(
            workers.counts,
            began,
            workers.stopped,
            output=self._output.name if is_done else None,
            journal=str(self.journal),
            under_way=self._under_way,
        )
        if workers.stopped is not None:
            raise JobStoppedError(
                f"The job stopped after {done.done} inputs: {workers.stopped}.",
                summary=done,
                interrupted=workers.stopped == INTERRUPTED,
                hint="Start the same job again to continue.",
            )
        return done

    async def _run_batches(
        self, how: Batching, journal: Journal, question: JobQuestion[T], workers: Workers
    ) -> None:
        inputs = self._inputs
        if isinstance(inputs, (AsyncIterable, Iterator)):
            raise ConfigurationError(
                "The Batch API needs to read the inputs several times.",
                hint="Pass a list or a source instead of an iterator.",
            )
        self._batch_task = asyncio.current_task()
        link = link_of(question.backends[0])
        batches = Batches(link, journal, self._log, how, lambda: workers.stopped is not None)
        self._under_way = await batches.run(
            inputs, question, workers.counts, retry_failed=self._retry_failed
        )

    async def _report_while(self, working: Awaitable[None], workers: Workers) -> None:
        """Call `on_progress` while the work goes on, and once at its end."""

        async def report() -> None:
            while True:
                workers.look()
                call_hook(self._on_progress, workers.counts)
                await asyncio.sleep(_PROGRESS_EVERY)

        reporting = asyncio.create_task(report())
        try:
            await working
        finally:
            reporting.cancel()
            workers.counts.held_by = None
            call_hook(self._on_progress, workers.counts)

    def _write(self, journal: Journal, question: JobQuestion[T]) -> None:
        tell_repeated_keys(journal.path, self._log)
        sink = self._output.open(journal, target_of(self._target))
        if sink is None:
            return
        try:
            outcomes = self._outcomes(journal, question)
            while rows := list(islice(outcomes, _ROWS)):
                sink.write(rows)
            sink.close()
        except BaseException as error:
            sink.abort()
            if isinstance(error, OSError):
                raise JobError(
                    f"Cannot write the output: {error.strerror or error}.",
                    hint="All results are in the journal. Make room or choose another output, then "
                    "start the same job again: nothing is asked twice.",
                ) from error
            raise

    def _outcomes(self, journal: Journal, question: JobQuestion[T]) -> Iterator[Outcome[T]]:
        reviews = journal.reviews()
        outdated: dict[str, Outdated] = {}
        for one, entry in journal.results():
            if entry is None:
                raise JobError(
                    f"The journal has no readable result for the input {one.key!r}.",
                    hint="To ask about it again, start the same job again.",
                )
            # Values were checked when they were looked up, and asked for again if they failed.
            check = not self._retry_failed
            outcome = question.outcome_of(one, entry, check=check)
            yield reviewed(outcome, reviews, outdated.__setitem__)
        for line in outdated_reviews(outdated):
            self._log(line)


async def _ignore(position: int, outcome: Outcome[Any]) -> None:
    """Do nothing: the journal has the outcome."""
