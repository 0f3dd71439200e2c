"""Jobs: many inputs, one question, one outcome each. Stopped at any moment and started again, a job ends as if it never had been.

What comes goes into the journal, and from there, at the end, into the output.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, cast, overload

from typing_extensions import TypeVar, Unpack

from structgen.errors import ConfigurationError, JobError, JobStoppedError
from structgen.options import CallArgs
from structgen.pipeline.asking import Asking
from structgen.pipeline.batch import Batches, Batching, batched
from structgen.pipeline.journal import Journal
from structgen.pipeline.limits import JobLimits, Watch
from structgen.pipeline.record import Outcome, Sink
from structgen.pipeline.threads import finishing, in_thread
from structgen.pipeline.work import Counts, Inputs, Work
from structgen.schema.target import Target
from structgen.values import JsonSchema, Usage
from structgen.wire.link import Link

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from structgen.extraction.caller import Caller, HasCaller

T = TypeVar("T", default=Any)

_ROWS: Final = 500
INTERRUPTED: Final = "it was interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How far a run came. `cached`: outcomes that the journal had; `usage`, `cost` (US dollars) and `seconds`: of this run;
    `failures`, `retries`: by error; `stopped`: why it ended early."""

    ok: int
    failed: int
    cached: int
    usage: Usage = Usage()
    cost: float | None = None
    seconds: float = 0.0
    failures: Mapping[str, int] = field(default_factory=dict)
    retries: Mapping[str, int] = field(default_factory=dict)
    stopped: str | None = None
    output: str | None = None
    journal: str | None = None

    @property
    def done(self) -> int:
        return self.ok + self.failed


def summary(counts: Counts, began: float, **more: Any) -> Summary:
    return Summary(
        ok=counts.ok,
        failed=counts.failed,
        cached=counts.cached,
        usage=counts.usage,
        cost=counts.cost,
        seconds=time.monotonic() - began,
        failures=dict(counts.failures),
        retries=dict(counts.retries),
        **more,
    )


class JobArgs(CallArgs, total=False):
    """What `Job` takes besides a target, inputs and a client, and a call's arguments."""

    output: Sink | str | os.PathLike[str] | None
    journal: str | os.PathLike[str] | None
    concurrency: int | None
    retry_failed: bool
    batch: bool | Batching
    limits: JobLimits | None
    log: Callable[[str], None]
    on_progress: Callable[[Counts], None]


class Job(Generic[T]):
    """One question about every input, with a journal.

    `target`, `inputs`: as for `Client.map`; inputs that are read again have to be the same. `client`: who is asked, and stays open.
    `output`: a `Sink`, or the name of a file or table (`sinks.open_sink`); it appears when the job is at its end, whole.
    `journal`: a path, by default the output's with `.journal` behind it. `concurrency`: questions at a time at most, by default 64
    for a server and 2 for an engine in this process. `retry_failed`: ask again about inputs that failed in an earlier run.
    `batch`: through the server's Batch API, at half the price and within a day, without `concurrency` and `limits`. `limits`: when
    to stop. `log`: told what is worth a line; `on_progress`: told of progress, twice a second. The other arguments are
    those of a call (`CallArgs`).

    Raises ConfigurationError and JobError at once for a name that cannot be an output's.
    """

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
        journal: str | os.PathLike[str] | None = None,
        concurrency: int | None = None,
        retry_failed: bool = True,
        batch: bool | Batching = False,
        limits: JobLimits | None = None,
        log: Callable[[str], None] = lambda line: None,
        on_progress: Callable[[Counts], None] = lambda counts: None,
        **call: Unpack[CallArgs],
    ) -> None:
        named = isinstance(output, (str, os.PathLike))
        if journal is None and not named:
            raise ConfigurationError(
                "The job has no journal.", hint="Give `journal=PATH`, or an `output` with a name."
            )
        self._target, self._inputs, self._caller, self._call = target, inputs, client.caller, call
        self._output, self._retry_failed, self._limits = output, retry_failed, limits or JobLimits()
        self._open = _opening(output)
        self._concurrency, self._log, self._on_progress = concurrency, log, on_progress
        self.journal = Path(journal if journal is not None else f"{os.fspath(output)}.journal")  # type: ignore[arg-type]
        self._batch = Batching() if batch is True else batch
        self._work: Work | None = None
        self._waiting: asyncio.Task[Any] | None = None  # for batches

    def run(self) -> Summary:
        """Run to the end, on an event loop in a thread of its own.

        An interrupt (Ctrl-C) lets what is under way come to its end; a second one does not. Raises JobStoppedError where the job stopped
        early, JournalError, JobError where the output cannot be written, and what reading the inputs raises.
        """
        done: Summary = in_thread(self.arun, self.stop)
        return done

    def stop(self, reason: str = INTERRUPTED) -> bool:
        """Take no further inputs, and wait for no batch. On the job's own event loop. False where it was stopped before."""
        if self._waiting is not None:
            self._waiting.cancel()
        return self._work is not None and self._work.stop(reason)

    async def arun(self) -> Summary:
        """As `run`, on the running event loop. Cancelled, it finishes what is under way first."""
        began = time.monotonic()
        with Journal(self.journal, self._log) as journal:
            await asyncio.to_thread(journal.forget_inputs)
            most = concurrency_of(self._caller, self._concurrency)
            watch = Watch(self._limits)
            self._work = work = Work(
                self._inputs,
                most,
                watch,
                journal=journal,
                retry_failed=self._retry_failed,
                listed=True,
            )
            asking = asking_of(
                self._caller, self._target, self._call, work, kept=True, batch=bool(self._batch)
            )
            watch.spent_before(journal.cost(asking.run))
            working: Coroutine[Any, Any, None]
            if self._batch:
                working = self._batches(self._batch, journal, asking, work)
            else:
                working = work.run(asking, _nothing)
            await finishing(self._reporting(working, work), self.stop)
            if work.stopped is None and self._open is not None:
                await asyncio.to_thread(self._write, self._open(), journal, asking)
        done = summary(
            work.counts,
            began,
            stopped=work.stopped,
            output=os.fspath(self._output)
            if work.stopped is None and isinstance(self._output, (str, os.PathLike))
            else None,
            journal=str(self.journal),
        )
        if work.stopped is not None:
            raise JobStoppedError(
                f"The job stopped after {done.done} inputs: {work.stopped}.",
                summary=done,
                interrupted=work.stopped == INTERRUPTED,
                hint="Start the same job again, and it goes on from there.",
            )
        return done

    async def _batches(
        self, how: Batching, journal: Journal, asking: Asking[T], work: Work
    ) -> None:
        if not isinstance(self._inputs, Iterable) or isinstance(self._inputs, Iterator):
            raise ConfigurationError(
                "Batches go through the inputs several times.", hint="Give a list, or a source."
            )
        self._waiting = asyncio.current_task()
        link = cast("Link", asking.backends[0].via)  # `batched` has seen to it
        batches = Batches(link, journal, self._log, how, lambda: work.stopped is not None)
        await batches.run(self._inputs, asking, work.counts, retry_failed=self._retry_failed)

    async def _reporting(self, working: Any, work: Work) -> None:
        async def often() -> None:
            while True:
                self._on_progress(work.counts)
                await asyncio.sleep(0.5)

        reporting = asyncio.create_task(often())
        try:
            await working
        finally:
            reporting.cancel()
            self._on_progress(work.counts)

    def _write(self, sink: Sink, journal: Journal, asking: Asking[T]) -> None:
        try:
            for rows in _in_batches(self._outcomes(journal, asking), _ROWS):
                sink.write(rows)
            sink.close()
        except BaseException as error:
            sink.abort()
            if isinstance(error, OSError):
                raise JobError(
                    f"The output cannot be written: {error.strerror or error}.",
                    hint="All results are in the journal. Mend it, and start the same job again: nothing is asked again.",
                ) from error
            raise

    def _outcomes(self, journal: Journal, asking: Asking[T]) -> Iterator[Outcome[T]]:
        for one, entry in journal.results():
            if entry is None:
                raise JobError(
                    f"The result of the input {one.key!r} cannot be read back from the journal.",
                    hint="Start the same job again: what is damaged is asked again.",
                )
            yield asking.outcome(one.key, one.meta, entry)


# ---- the parts -------------------------------------------------------------------------------


def asking_of(
    caller: Caller, target: Any, call: CallArgs, work: Work, *, kept: bool, batch: bool = False
) -> Asking[Any]:
    """The question of a job. Raises ConfigurationError where a cost is bounded that cannot be known, and what `plan` raises."""
    unknown = [backend.name for backend in caller.backends if backend.price is None]
    if work.watch.limits.max_cost is not None and unknown:
        raise ConfigurationError(
            f"What {unknown[0]} costs is not known, so a bound on the cost cannot be kept.",
            hint="Give the client its price: prices=[structgen.wire.prices.Price(...)].",
        )
    question = caller.question(target, "", call)
    if batch:
        return Asking([batched(caller.backends[0])], question, hook=None, kept=kept)
    return Asking(caller.backends, question, hook=work.heard, kept=kept)


def _opening(output: Sink | str | os.PathLike[str] | None) -> Callable[[], Sink] | None:
    """What opens the output at the job's end; a name that cannot be opened is told at its beginning."""
    if output is None or not isinstance(output, (str, os.PathLike)):
        return None if output is None else lambda: output
    from structgen.pipeline.sinks import named_sink

    return named_sink(output)


def concurrency_of(caller: Caller, given: int | None) -> int:
    if given is None:
        return 64 if isinstance(caller.backends[0].via, Link) else 2
    if given < 1:
        raise ConfigurationError(f"`concurrency` is {given}.", hint="Give at least 1.")
    return given


async def _nothing(position: int, outcome: Outcome[Any]) -> None:
    """The journal has it already."""


def _in_batches(outcomes: Iterator[Outcome[T]], size: int) -> Iterator[list[Outcome[T]]]:
    while batch := list(islice(outcomes, size)):
        yield batch
