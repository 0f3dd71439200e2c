"""The question that a job asks about every input, and its outcomes on the way to the journal."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final, Generic, TypeVar

from structgen.documents.chunked import ChunkedQuestion, Piece, unexpected
from structgen.documents.need import is_too_long, room_for_document
from structgen.documents.options import settings_data
from structgen.errors import Attempt, SchemaError, StructgenError
from structgen.extraction.attempts import cost_of
from structgen.extraction.backend import Backend
from structgen.extraction.cascade import extract_and_judge, question_to
from structgen.extraction.fingerprint import asked_of_all, digest_of
from structgen.extraction.judged import Basis, judgement
from structgen.extraction.plan import first_that_compiles
from structgen.extraction.question import Question
from structgen.flow.drive import Rest, aperform
from structgen.pipeline.journal.inputs import Input
from structgen.pipeline.journal.journal import Journal, run_of_chunks
from structgen.pipeline.journal.outcomes import entry_of, outcome_of
from structgen.pipeline.journal.rows import Entry
from structgen.pipeline.journal.view import CURRENT, RUN
from structgen.pipeline.record import Item, Outcome, hash_of, record_of
from structgen.pipeline.replay import replay_flow
from structgen.pipeline.splitting import BY_DEFAULT, CHUNK, Asked, Splitting, chunk_data
from structgen.results import Extraction
from structgen.schema.target import Target
from structgen.values import Json, Reply, Request, Usage
from structgen.wire.breaker import Breaker
from structgen.wire.link import Link
from structgen.wire.telemetry import Hook

T = TypeVar("T")
R = TypeVar("R")

_PROBE: Final = "-"
"""The document of the plan that a fingerprint is made from."""
_PIECE: Final = "\0chunk"
"""The key of a piece of a document, which no input has."""


class JobQuestion(Generic[T]):
    """A question for every document of a job."""

    def __init__(
        self,
        backends: Sequence[Backend],
        question: Question[T],
        *,
        hook: Hook | None,
        journaled: bool,
        splitting: Splitting = BY_DEFAULT,
    ) -> None:
        """Prepare the question.

        Args:
            backends: The backends to ask, in order.
            question: The question; its document does not matter.
            hook: Called after every try over HTTP.
            journaled: Whether outcomes go into a journal, so that each needs a plain form.
            splitting: Which documents are split into chunks, and how.

        Raises:
            StructgenError: If no document could be asked about: what `plan` raises.
        """
        self._question, self._journaled = question, journaled
        self.backends = tuple(
            _backend_of_job(backend, hook, alone=len(backends) == 1) for backend in backends
        )
        if question.cascade is not None:
            observed = partial(_backend_of_job, hook=hook, alone=False)
            self._question = replace(question, cascade=question.cascade.mapped(observed))
        self._splitting = splitting
        self._room: int | None = None
        if splitting.chunked == "auto":
            self._room = room_for_document(self.backends[0], question)
        self.run = fingerprint(backends, question, splitting)
        """The fingerprint of everything that is asked, without the document and the examples that
        are chosen for it."""

    @property
    def tuned(self) -> str | None:
        """Says what it took from the file of `structgen tune`, or why nothing; None without it."""
        return None if self._question.tuned is None else self._question.tuned.said

    @property
    def all_backends(self) -> tuple[Backend, ...]:
        """Everybody who may be asked: the first model, and those of its cascade."""
        cascade = self._question.cascade
        return self.backends if cascade is None else (*self.backends, *cascade.backends())

    def hash_of(self, item: Item) -> bytes:
        """Give the hash of the question about an input; of its key, if it could not be read.

        The examples that are chosen for a document are part of the question: another pool from
        which the same ones are chosen asks the same.
        """
        if item.error:
            return hash_of(self.run, f"\0{item.key}")
        examples = self._question.examples
        if examples is None or not examples.vary:
            return hash_of(self.run, item.document)
        return hash_of(f"{self.run} {self._shown(item)}", item.document)

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
        return await self._answer(item, self._about(item), rest)

    def chunked(self, item: Item, *, failed_whole: bool) -> ChunkedQuestion[T] | None:
        """Give the questions about the chunks of a document; None if it is asked about whole.

        Args:
            item: The document.
            failed_whole: Whether it turned out to be too long when it was asked about.

        Raises:
            StructgenError: If it cannot be split.
        """
        when, question = self._splitting.chunked, self._about(item)
        is_text = isinstance(item.document, str) and bool(item.document.strip())
        if not is_text or when in ("never", False, None):
            return None
        if when == "auto" and not failed_whole:
            backend, room = self.backends[0], self._room
            if room is None or not is_too_long(backend, question, room):
                return None
        return ChunkedQuestion.of(question, self._splitting.chunking)

    def hash_of_piece(self, document: bytes, piece: Piece) -> bytes:
        """Give the hash of the question about a piece of a document.

        Args:
            document: The hash of the question about the whole.
            piece: The piece.
        """
        place = f"{piece.chunk.start} {piece.chunk.end} {piece.turn}"
        return hash_of(f"{self.run} {document.hex()} {place}", piece.chunk.text)

    async def ask_about_piece(
        self, chunked: ChunkedQuestion[T], piece: Piece, rest: Rest | None = None
    ) -> Outcome[Json]:
        """Ask about a piece of a document; see `ask`."""
        outcome = await self._answer(Item(_PIECE, ""), chunked.about(piece), rest)
        if outcome.stored is None:
            return outcome
        return replace(outcome, stored={**outcome.stored, CHUNK: chunk_data(outcome)})

    def entry_of_piece(self, hash: bytes, outcome: Outcome[Json]) -> Entry:
        """Give the outcome of a piece as the journal keeps it."""
        return entry_of(run_of_chunks(self.run), hash, outcome)

    def outcome_of_piece(self, chunked: ChunkedQuestion[T], entry: Entry) -> Outcome[Json]:
        """Give the outcome of a piece that the journal kept."""
        return outcome_of(entry, chunked.part.target, _PIECE, {})

    def merged(self, item: Item, chunked: ChunkedQuestion[T], asked: Sequence[Asked]) -> Outcome[T]:
        """Give the outcome of a document of which every piece has one.

        Args:
            item: The document.
            chunked: The questions about its pieces.
            asked: What came of them, in the order of the document.
        """
        began = time.monotonic()
        outcomes = [one.outcome for one in asked]
        try:
            result = chunked.merge(tuple(one.of_chunk for one in asked))
            outcome = replace(_outcome(item, self._question.target, (), began), result=result)
            if self._journaled:
                outcome = replace(outcome, stored=record_of(result, None))
        except Exception as error:
            outcome = self._with_error(item, self._question.target, error, began)
        costs = [one.cost for one in outcomes if one.cost is not None]
        return replace(
            outcome,
            tries=sum(one.tries for one in outcomes),
            usage=sum((one.usage for one in outcomes), Usage()),
            cost=sum(costs) if costs else None,
            seconds=sum(one.seconds for one in outcomes),
            chunks=len(asked),
            failed_chunks=sum(not one.ok for one in outcomes),
        )

    async def _answer(self, item: Item, question: Question[R], rest: Rest | None) -> Outcome[R]:
        began = time.monotonic()
        try:
            flow = extract_and_judge(self.backends, question)
            result = await aperform(flow, rest)
            return self._with_result(item, question.target, result, began)
        except Exception as error:
            return self._with_error(item, question.target, error, began)

    def failed(self, item: Item, error: Exception) -> Outcome[T]:
        """Give the outcome of an input about which nothing could be asked."""
        return self._with_error(item, self._question.target, error, time.monotonic())

    def replay(self, item: Item, replies: Sequence[Reply]) -> Outcome[T] | Request:
        """Answer the requests about one document with these replies, in order.

        Returns:
            The outcome, or the next request if there are not enough replies.
        """
        began = time.monotonic()
        try:
            found = replay_flow(extract_and_judge(self.backends, self._about(item)), replies)
            if isinstance(found, Request):
                return found
            return self._with_result(item, self._question.target, found, began)
        except Exception as error:
            return self._with_error(item, self._question.target, error, began)

    def unread(self, item: Item) -> Outcome[T]:
        """Give the outcome of an input that could not be read."""
        return Outcome(key=item.key, meta=item.meta, target=self._question.target, error=item.error)

    def _about(self, item: Item) -> Question[T]:
        return replace(self._question, document=item.document)

    def _with_result(
        self, item: Item, target: Target[R], result: Extraction[R], began: float
    ) -> Outcome[R]:
        outcome = replace(_outcome(item, target, result.attempts, began), result=result)
        if result.cached:
            outcome = replace(outcome, tries=0)
        if not self._journaled:
            return outcome
        return replace(outcome, stored=record_of(result, None))

    def _with_error(
        self, item: Item, target: Target[R], error: Exception, began: float
    ) -> Outcome[R]:
        typed = unexpected(error, "chunk" if item.key == _PIECE else "input")
        return replace(_outcome(item, target, typed.attempts, began), error=typed)

    def note_in(self, journal: Journal) -> None:
        """Note in the journal what is asked, for whoever reads it later."""
        target = self._question.target
        models = [backend.name for backend in self.all_backends]
        noted = {"target": target.name, "schema": target.schema, "models": models}
        journal.set_note(f"{RUN}{self.run}", noted)
        journal.set_note(f"{RUN}{run_of_chunks(self.run)}", noted)
        journal.set_note(CURRENT, self.run)

    def entry_of(self, hash: bytes, outcome: Outcome[T]) -> Entry:
        """Give an outcome as the journal keeps it."""
        return entry_of(self.run, hash, outcome)

    def outcome_of(self, of: Item | Input, entry: Entry, *, check: bool = True) -> Outcome[T]:
        """Give the outcome that the journal kept, for this input."""
        if "kinds" in entry.body:
            judged = self._judged(entry.body["record"], entry.body)
            entry = replace(entry, body={**entry.body, "record": judged})
        target, document_hash = self._question.target, of.document_hash
        return outcome_of(entry, target, of.key, of.meta, document_hash=document_hash, check=check)

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


def _outcome(
    item: Item, target: Target[R], attempts: Sequence[Attempt], began: float
) -> Outcome[R]:
    return Outcome(
        key=item.key,
        meta=item.meta,
        document_hash=item.document_hash,
        target=target,
        tries=len(attempts),
        usage=_usage_of(attempts),
        cost=cost_of(attempts),
        seconds=time.monotonic() - began,
    )


def fingerprint(
    backends: Sequence[Backend], question: Question[Any], splitting: Splitting = BY_DEFAULT
) -> str:
    """Give 16 hexadecimal digits for everything that is asked, without the document.

    That is the target, the prompt, the models and the options, and how documents are split.

    Raises:
        StructgenError: If the first backend could not be asked: what `plan` raises.
    """
    fixed = question.examples if question.examples and not question.examples.vary else None
    probe = replace(question, document=_PROBE, examples=fixed)
    asked: list[Any] = [probe.target.schema]
    if splitting != BY_DEFAULT:
        asked.append([splitting.chunked, settings_data(splitting.chunking)])
    asked += asked_of_all(backends, probe)
    if probe.cascade is not None:
        below = probe.options.cascade_below
        later = probe.cascade.of_further_models(probe.options).cascade_below
        asked.append(["cascade", below] if later == below else ["cascade", below, later])
        for stage in probe.cascade.stages:
            further = question_to(stage, probe, probe.cascade)
            with suppress(SchemaError):  # it cannot be asked about the whole record
                asked.append(asked_of_all(stage.backends, further))
    return _fingerprint(asked)


def _fingerprint(data: Any) -> str:
    return digest_of(data).hex()[:16]


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
