"""The one question that a job puts to every input, and its outcomes on their way to the journal and back."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar

from structgen.errors import Attempt, ConfigurationError, JobError, SchemaError, StructgenError
from structgen.extraction.attempts import cost_of
from structgen.extraction.backend import Backend
from structgen.extraction.plan import plan
from structgen.extraction.question import Question
from structgen.extraction.vote import consensus
from structgen.flow.drive import aperform
from structgen.flow.steps import Flow, Send, Sleep
from structgen.options import UNSET
from structgen.pipeline.journal import Entry
from structgen.pipeline.record import Item, Outcome, error_of, plain
from structgen.results import Extraction
from structgen.values import Json, Reply, Request, Usage
from structgen.wire.breaker import Breaker
from structgen.wire.link import Link
from structgen.wire.telemetry import Hook

T = TypeVar("T")
R = TypeVar("R")

_PROBE: Final = "-"
_COUNTS: Final = tuple(one.name for one in fields(Usage))
_NOT_ASKED: Final = frozenset(
    {"timeout", "total_timeout", "max_retries", "token_budget", "cost_budget"}
)
"""Options that bound a call and do not reach the model."""


class Asking(Generic[T]):
    """A question for every document. `run`: its fingerprint, without the document; `hook`: told of every try over HTTP; `kept`: do
    outcomes go into a journal, so that each has to have a plain form?

    Raises what `plan` raises: a target or schema that no document could be asked for.
    """

    def __init__(
        self, backends: Sequence[Backend], question: Question[T], *, hook: Hook | None, kept: bool
    ) -> None:
        self._question, self._kept = question, kept
        self.backends = tuple(
            _hooked(backend, hook, alone=len(backends) == 1) for backend in backends
        )
        self.run = fingerprint(backends, question)

    async def ask(self, item: Item) -> Outcome[T]:
        """Ask about one document. Whatever goes wrong is in the outcome."""
        began = time.monotonic()
        try:
            return self._came(item, await aperform(self._flow(item)), began)
        except Exception as error:
            return self._failed(item, error, began)

    def replay(self, item: Item, replies: Sequence[Reply]) -> Outcome[T] | Request:
        """The outcome of one document whose requests were answered by `replies`; the next request, where they are not enough."""
        began = time.monotonic()
        try:
            came = replayed(self._flow(item), replies)
            return came if isinstance(came, Request) else self._came(item, came, began)
        except Exception as error:
            return self._failed(item, error, began)

    def _flow(self, item: Item) -> Flow[Extraction[T]]:
        return consensus(self.backends, replace(self._question, document=item.document))

    def _came(self, item: Item, result: Extraction[T], began: float) -> Outcome[T]:
        stored = plain(result, None) if self._kept else None
        return self._outcome(
            item, result.attempts, time.monotonic() - began, result=result, stored=stored
        )

    def _failed(self, item: Item, error: Exception, began: float) -> Outcome[T]:
        if not isinstance(error, StructgenError):
            known = JobError(
                f"An unforeseen {type(error).__name__}.",
                hint="A validator of the target, or a fault of structgen.",
            )
            known.__cause__ = error
            error = known
        return self._outcome(item, error.attempts, time.monotonic() - began, error=error)

    def unread(self, item: Item) -> Outcome[T]:
        """The outcome of an input that could not be read."""
        return Outcome(key=item.key, meta=item.meta, target=self._question.target, error=item.error)

    def _outcome(
        self, item: Item, attempts: Sequence[Attempt], seconds: float, **came: Any
    ) -> Outcome[T]:
        return Outcome(
            key=item.key,
            meta=item.meta,
            target=self._question.target,
            tries=len(attempts),
            usage=attempts[0].usage
            if len(attempts) == 1
            else sum((attempt.usage for attempt in attempts), Usage()),
            cost=cost_of(attempts),
            seconds=seconds,
            **came,
        )

    def entry(self, hash: bytes, outcome: Outcome[T]) -> Entry:
        """An outcome for the journal, with every attempt that failed."""
        attempts = (outcome.result or outcome.error or StructgenError("")).attempts
        body = {
            "record": outcome.record(),
            "tries": outcome.tries,
            "usage": {name: count for name in _COUNTS if (count := getattr(outcome.usage, name))},
            "seconds": round(outcome.seconds, 3),
            "attempts": [_attempt(attempt) for attempt in attempts if attempt.error is not None],
        }
        return Entry(hash, self.run, outcome.ok, body, outcome.cost)

    def outcome(self, key: str, meta: Mapping[str, Json], entry: Entry) -> Outcome[T]:
        """An outcome out of the journal."""
        body = entry.body
        return Outcome(
            key=key,
            meta=meta,
            target=self._question.target,
            error=None if entry.ok else error_of(body["record"]["error"]),
            stored=body["record"],
            tries=body["tries"],
            usage=Usage(**body["usage"]),
            cost=entry.cost,
            seconds=body["seconds"],
        )


def replayed(flow: Flow[R], replies: Sequence[Reply]) -> R | Request:
    """A flow's result where its requests were answered by `replies`, in order; the first request that none is left for.

    Nothing is waited for. Raises what the flow raises, and ConfigurationError where it asks anything but a server.
    """
    left, value = list(replies), None
    try:
        while True:
            step, value = flow.send(value), None
            if isinstance(step, Send):
                if not left:
                    return step.request
                value = left.pop(0)
            elif not isinstance(step, Sleep):
                raise ConfigurationError(
                    "A model in this process has no batches.", hint="Leave `batch` away."
                )
    except StopIteration as stop:
        result: R = stop.value
        return result
    finally:
        flow.close()


def _hooked(backend: Backend, hook: Hook | None, *, alone: bool) -> Backend:
    """The backend with a hook; alone, without its circuit breaker: a job has nowhere else to go, and waits."""
    if isinstance(backend.via, Link) and hook is not None:
        backend = replace(backend, via=replace(backend.via, hooks=(*backend.via.hooks, hook)))
    return replace(backend, breaker=Breaker(failures=sys.maxsize)) if alone else backend


def fingerprint(backends: Sequence[Backend], question: Question[Any]) -> str:
    """16 hexadecimal digits for everything that is asked but the document: the target, the prompt, the models, the options.

    Raises what `plan` raises for the first backend.
    """
    probe = replace(question, document=_PROBE)
    asked: list[Any] = [probe.target.schema]
    for number, backend in enumerate(backends):
        try:
            planned = plan(backend, probe)
        except SchemaError:
            if not number:
                raise
            continue
        options = {
            name: value
            for name, value in asdict(planned.options).items()
            if value is not UNSET and name not in _NOT_ASKED
        }
        asked.append(
            [planned.backend, planned.mode, planned.schema, planned.messages, options, planned.body]
        )
    return sha256(json.dumps(asked, sort_keys=True, default=repr).encode()).hexdigest()[:16]


def _attempt(attempt: Attempt) -> dict[str, Json]:
    return {
        "backend": attempt.backend,
        "mode": attempt.mode,
        "text": attempt.text,
        "finish_reason": attempt.finish_reason,
        "seconds": round(attempt.seconds, 3),
        "error": f"{type(attempt.error).__name__}: {attempt.error}",
    }
