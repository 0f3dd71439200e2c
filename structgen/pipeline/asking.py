"""The question that a job asks about every input, and its outcomes on the way to the journal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar

from structgen.errors import Attempt, ConfigurationError, JobError, SchemaError, StructgenError
from structgen.extraction.attempts import cost_of
from structgen.extraction.backend import Backend
from structgen.extraction.judged import Basis, judgement
from structgen.extraction.plan import first_that_compiles, plan
from structgen.extraction.question import Question
from structgen.extraction.readings import extract_and_judge
from structgen.flow.drive import Rest, aperform
from structgen.flow.steps import Flow, Send, Sleep
from structgen.options import UNSET, Options
from structgen.pipeline.journal.journal import Journal, question_hash
from structgen.pipeline.journal.outcomes import entry_of, outcome_of
from structgen.pipeline.journal.rows import Entry
from structgen.pipeline.journal.view import CURRENT, RUN
from structgen.pipeline.record import Item, Outcome, record_of
from structgen.results import Extraction
from structgen.values import Json, Reply, Request, Usage
from structgen.wire.breaker import Breaker
from structgen.wire.link import Link
from structgen.wire.telemetry import Hook

T = TypeVar("T")
R = TypeVar("R")

_PROBE: Final = "-"
"""The document of the plan that a fingerprint is made from."""
_NOT_ASKED: Final = frozenset(
    {
        "timeout",
        "total_timeout",
        "max_retries",
        "token_budget",
        "cost_budget",
        "accept",
        "calibration",
        "prompt",
        "learned_rows",
    }
)
"""Options that bound a call, or judge what came, and do not change what the model is asked. The
messages show what `prompt` does.
"""


class JobQuestion(Generic[T]):
    """A question for every document of a job."""

    def __init__(
        self,
        backends: Sequence[Backend],
        question: Question[T],
        *,
        hook: Hook | None,
        journaled: bool,
    ) -> None:
        """Prepare the question.

        Args:
            backends: The backends to ask, in order.
            question: The question; its document does not matter.
            hook: Called after every try over HTTP.
            journaled: Whether outcomes go into a journal, so that each needs a plain form.

        Raises:
            StructgenError: If no document could be asked about: what `plan` raises.
        """
        self._question, self._journaled = question, journaled
        self.backends = tuple(
            _backend_of_job(backend, hook, alone=len(backends) == 1) for backend in backends
        )
        self.run = fingerprint(backends, question)
        """The fingerprint of everything that is asked, without the document and the examples that
        are chosen for it."""

    def hash_of(self, item: Item) -> bytes:
        """Give the hash of the question about an input; of its key, if it could not be read.

        The examples that are chosen for a document are part of the question: another pool from
        which the same ones are chosen asks the same.
        """
        if item.error:
            return question_hash(self.run, f"\0{item.key}")
        examples = self._question.examples
        if examples is None or not examples.vary:
            return question_hash(self.run, item.document)
        return question_hash(f"{self.run} {self._shown(item)}", item.document)

    def _shown(self, item: Item) -> str:
        """A fingerprint of the examples that are shown with a document, by every backend."""
        question = replace(self._question, document=item.document)
        shown = []
        for backend in self.backends:
            try:
                shown.append(first_that_compiles(backend, question)[1].shown)
            except StructgenError:
                shown.append(())  # it cannot be asked, or not about this document
        return _fingerprint(shown)

    async def ask(self, item: Item, rest: Rest | None = None) -> Outcome[T]:
        """Ask about one document. An error of any kind becomes the outcome.

        Args:
            item: The document.
            rest: Waits before a try; see `aperform`.
        """
        began = time.monotonic()
        try:
            return self._with_result(item, await aperform(self._flow(item), rest), began)
        except Exception as error:
            return self._with_error(item, error, began)

    def replay(self, item: Item, replies: Sequence[Reply]) -> Outcome[T] | Request:
        """Answer the requests about one document with these replies, in order.

        Returns:
            The outcome, or the next request if there are not enough replies.
        """
        began = time.monotonic()
        try:
            found = replay_flow(self._flow(item), replies)
            return found if isinstance(found, Request) else self._with_result(item, found, began)
        except Exception as error:
            return self._with_error(item, error, began)

    def unread(self, item: Item) -> Outcome[T]:
        """Give the outcome of an input that could not be read."""
        return Outcome(key=item.key, meta=item.meta, target=self._question.target, error=item.error)

    def _flow(self, item: Item) -> Flow[Extraction[T]]:
        return extract_and_judge(self.backends, replace(self._question, document=item.document))

    def _with_result(self, item: Item, result: Extraction[T], began: float) -> Outcome[T]:
        outcome = replace(self._outcome(item, result.attempts, began), result=result)
        if not self._journaled:
            return outcome
        return replace(outcome, stored=record_of(result, None))

    def _with_error(self, item: Item, error: Exception, began: float) -> Outcome[T]:
        if not isinstance(error, StructgenError):
            unexpected = JobError(
                f"An unexpected {type(error).__name__} was raised for one input.",
                hint="Check the target's validators; if they are fine, please report a bug.",
            )
            unexpected.__cause__ = error
            error = unexpected
        return replace(self._outcome(item, error.attempts, began), error=error)

    def _outcome(self, item: Item, attempts: Sequence[Attempt], began: float) -> Outcome[T]:
        return Outcome(
            key=item.key,
            meta=item.meta,
            target=self._question.target,
            tries=len(attempts),
            usage=_usage_of(attempts),
            cost=cost_of(attempts),
            seconds=time.monotonic() - began,
        )

    def note_in(self, journal: Journal) -> None:
        """Note in the journal what is asked, for whoever reads it later."""
        target = self._question.target
        models = [backend.name for backend in self.backends]
        noted = {"target": target.name, "schema": target.schema, "models": models}
        journal.set_note(f"{RUN}{self.run}", noted)
        journal.set_note(CURRENT, self.run)

    def entry_of(self, hash: bytes, outcome: Outcome[T]) -> Entry:
        """Give an outcome as the journal keeps it."""
        return entry_of(self.run, hash, outcome)

    def outcome_of(
        self, key: str, meta: Mapping[str, Json], entry: Entry, *, check: bool = True
    ) -> Outcome[T]:
        """Give the outcome that the journal kept, for an input with this key and meta."""
        if "kinds" in entry.body:
            judged = self._judged(entry.body["record"], entry.body)
            entry = replace(entry, body={**entry.body, "record": judged})
        return outcome_of(entry, self._question.target, key, meta, check=check)

    def _judged(self, record: Mapping[str, Json], body: Mapping[str, Json]) -> dict[str, Json]:
        """A record of the journal, judged as this job asks: its calibration may be another."""
        basis = Basis(
            raw=record.get("raw_confidence") or record.get("confidence") or {},
            kinds=body["kinds"],
            model=body.get("model") or "",
            by=record.get("confidence_by") or "",
        )
        found = judgement(basis, self._question.target, self._question.options)
        return {**record, **found.to_dict()}


def replay_flow(flow: Flow[R], replies: Sequence[Reply]) -> R | Request:
    """Answer a flow's requests with these replies, in order, and wait for nothing.

    Args:
        flow: A flow that asks a server.
        replies: The server's answers.

    Returns:
        The flow's result, or the next request if there are not enough replies.

    Raises:
        ConfigurationError: If the flow asks a model in this process.
        StructgenError: If the flow fails.
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
                    "A model in this process has no Batch API.", hint="Leave out `batch`."
                )
    except StopIteration as stop:
        result: R = stop.value
        return result
    finally:
        flow.close()


def fingerprint(backends: Sequence[Backend], question: Question[Any]) -> str:
    """Give 16 hexadecimal digits for everything that is asked, without the document.

    That is the target, the prompt, the models and the options.

    Raises:
        StructgenError: If the first backend could not be asked: what `plan` raises.
    """
    fixed = question.examples if question.examples and not question.examples.vary else None
    # What was learned of a server changes while a job runs, and is no reason to begin anew.
    options = replace(question.options, learned_rows="off")
    probe = replace(question, document=_PROBE, examples=fixed, options=options)
    asked: list[Any] = [probe.target.schema]
    for number, backend in enumerate(backends):
        try:
            planned = plan(backend, probe)
        except SchemaError:
            if number == 0:
                raise
            continue  # a fallback that cannot be asked
        asked_with = _options_asked(planned.options)
        schema, messages, body = planned.schema, planned.messages, planned.body
        asked.append([planned.backend, planned.mode, schema, messages, asked_with, body])
    return _fingerprint(asked)


def _fingerprint(data: Any) -> str:
    return sha256(json.dumps(data, sort_keys=True, default=repr).encode()).hexdigest()[:16]


def _options_asked(options: Options) -> dict[str, Any]:
    return {
        name: value
        for name, value in asdict(options).items()
        if value is not UNSET and name not in _NOT_ASKED
    }


def _backend_of_job(backend: Backend, hook: Hook | None, *, alone: bool) -> Backend:
    """Add a hook; remove the circuit breaker of a backend that is `alone`.

    A job with one backend has nowhere else to go, so it waits until the server is back.
    """
    if isinstance(backend.via, Link) and hook is not None:
        backend = replace(backend, via=replace(backend.via, hooks=(*backend.via.hooks, hook)))
    return replace(backend, breaker=Breaker(failures=sys.maxsize)) if alone else backend


def _usage_of(attempts: Sequence[Attempt]) -> Usage:
    if len(attempts) == 1:  # nearly always; it saves an addition for every document
        return attempts[0].usage
    return sum((attempt.usage for attempt in attempts), Usage())
