"""The one question that a job puts to every input, and its outcomes on their way to the journal and back."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar

from structgen.backend import Backend
from structgen.breaker import Breaker
from structgen.consensus import consensus
from structgen.drive import aperform
from structgen.errors import JobError, SchemaError, StructgenError
from structgen.exchange import Link
from structgen.extraction import Question, plan
from structgen.pipeline.journal import Entry
from structgen.pipeline.record import Item, Outcome, error_of, plain
from structgen.run import cost_of
from structgen.telemetry import Hook
from structgen.types import UNSET, Attempt, Json, Usage

T = TypeVar("T")

_PROBE: Final = "-"
_COUNTS: Final = tuple(one.name for one in fields(Usage))
_NOT_ASKED: Final = frozenset({"timeout", "deadline", "max_retries", "token_budget", "cost_budget"})
"""Options that bound a call and do not reach the model."""


class Asking(Generic[T]):
    """A question for every document. `run`: its fingerprint, without the document; `hook`: told of every try over HTTP; `kept`: do
    outcomes go into a journal, so that each has to have a plain form?

    Raises what `plan` raises: a target or schema that no document could be asked for.
    """

    def __init__(self, backends: Sequence[Backend], question: Question[T], *, hook: Hook, kept: bool) -> None:
        self._question, self._kept = question, kept
        self.backends = tuple(_hooked(backend, hook, alone=len(backends) == 1) for backend in backends)
        self.run = fingerprint(backends, question)

    async def ask(self, item: Item) -> Outcome[T]:
        """Ask about one document. Whatever goes wrong is in the outcome."""
        began = time.monotonic()
        try:
            result = await aperform(consensus(self.backends, replace(self._question, document=item.text)))
            stored = plain(self._question.target, result, None) if self._kept else None
        except StructgenError as error:
            return self._outcome(item, error.attempts, time.monotonic() - began, error=error)
        except Exception as error:
            unforeseen = JobError(
                f"An unforeseen {type(error).__name__}.", hint="A validator of the target, or a fault of structgen."
            )
            unforeseen.__cause__ = error
            return self._outcome(item, (), time.monotonic() - began, error=unforeseen)
        return self._outcome(item, result.attempts, time.monotonic() - began, result=result, stored=stored)

    def unread(self, item: Item) -> Outcome[T]:
        """The outcome of an input that could not be read."""
        return Outcome(key=item.key, meta=item.meta, target=self._question.target, error=item.error)

    def _outcome(self, item: Item, attempts: Sequence[Attempt], seconds: float, **came: Any) -> Outcome[T]:
        return Outcome(
            key=item.key,
            meta=item.meta,
            target=self._question.target,
            tries=len(attempts),
            usage=attempts[0].usage if len(attempts) == 1 else sum((attempt.usage for attempt in attempts), Usage()),
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


def _hooked(backend: Backend, hook: Hook, *, alone: bool) -> Backend:
    """The backend with a hook; alone, without its circuit breaker: a job has nowhere else to go, and waits."""
    if isinstance(backend.via, Link):
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
        options = {name: value for name, value in asdict(planned.options).items() if value is not UNSET and name not in _NOT_ASKED}
        asked.append([planned.backend, planned.mode, planned.schema, planned.messages, options, planned.body])
    return sha256(json.dumps(asked, sort_keys=True, default=repr).encode()).hexdigest()[:16]


def _attempt(attempt: Attempt) -> dict[str, Json]:
    return {
        "backend": attempt.backend,
        "mode": attempt.mode,
        "text": attempt.text,
        "finish": attempt.finish,
        "seconds": round(attempt.seconds, 3),
        "error": f"{type(attempt.error).__name__}: {attempt.error}",
    }
