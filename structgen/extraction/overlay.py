"""A record of which several models gave a part each, and what is known about every leaf of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Generic, TypeVar

from structgen.answer.grounding import document_text
from structgen.calibration.kinds import NULL, kinds_of
from structgen.errors import Attempt
from structgen.extraction.attempts import cost_of
from structgen.extraction.judged import Basis, judgement
from structgen.extraction.question import Question
from structgen.extraction.vote import joint_guarantee
from structgen.options import UNSET
from structgen.results import ConfidenceBy, Escalation, Extraction
from structgen.schema.json import leaves_of, pointer
from structgen.schema.portion import Portion
from structgen.schema.shown import shown
from structgen.values import Json, Note, Usage

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """A record, and who gave what of it."""

    result: Extraction[T]
    """The record, with what is known about it."""
    by: Mapping[str, str]
    """The model that gave each leaf, by JSON Pointer."""
    notes: tuple[Note, ...] = ()
    """Notes on the models."""

    def finished(
        self, attempts: Sequence[Attempt], escalations: Sequence[Escalation], began: float
    ) -> Extraction[T]:
        """Give the result of the call.

        Args:
            attempts: All attempts of the call.
            escalations: The further models that were asked.
            began: When the call began, as `time.monotonic()` counts.
        """
        result, several = self.result, len({*self.by.values()}) > 1
        seconds = result.seconds
        if escalations:
            seconds = {"answer": time.monotonic() - began}
        return replace(
            result,
            notes=tuple(dict.fromkeys((*result.notes, *self.notes))),
            answered_by=self.by,
            escalations=tuple(escalations),
            kinds={} if several else result.kinds,
            attempts=tuple(attempts),
            usage=sum((attempt.usage for attempt in attempts), Usage()),
            cost=cost_of(attempts),
            seconds=seconds,
        )


def answered(question: Question[T], result: Extraction[T], notes: tuple[Note, ...]) -> Answered[T]:
    """Give a record that one model gave.

    Args:
        question: What was asked.
        result: What came.
        notes: What is to be said of the model.
    """
    leaves = _leaves(shown(question.target, result.value))
    return Answered(result, dict.fromkeys(leaves, result.model or ""), notes)


def overlaid(
    question: Question[T],
    known: Answered[T],
    part: Portion,
    found: Extraction[Json],
    value: T,
    notes: tuple[Note, ...],
) -> Answered[T]:
    """Give a record with the answer about some of its fields.

    Args:
        question: The question about the whole record.
        known: The record before.
        part: The fields that were asked about and take their answer.
        found: The answer.
        value: The record with it.
        notes: What is to be said of the model that gave the answer.
    """
    data, before = question.target.dump(value), known.result
    over = _Over(part)
    model = found.model or ""
    by = {path: model if part.holds(path) else known.by.get(path, "") for path in _leaves(data)}
    raw = {path: sure for path, sure in over.moved(found.confidence).items() if path in by}
    kinds = kinds_of(question.target.schema, data, document_text(question.document))
    basis = Basis(
        raw=raw,
        kinds={path: kind for path, kind in kinds.items() if part.holds(path)},
        model=model,
        by=found.confidence_by or "",
    )
    judged = judgement(basis, question.target, question.options)
    confidence = over.on(before.confidence, judged.confidence)
    stated = {path for path, kind in kinds.items() if kind != NULL}
    is_known = bool(confidence) and stated <= confidence.keys()
    to_review = over.kept(before.to_review) | over.places(found.to_review) | judged.to_review
    promised = question.options.accept is not UNSET
    result = replace(
        before,
        value=value,
        guarantee=replace(
            joint_guarantee(
                (before, found), max(before.guarantee.samples, found.guarantee.samples)
            ),
            checked=_once((*before.guarantee.checked, *over.notes(found.guarantee.checked))),
        ),
        notes=_once((*before.notes, *over.notes(found.notes))),
        absent=over.kept(before.absent) | over.places(found.absent),
        shortened=over.kept(before.shortened) | over.places(found.shortened),
        copied=over.kept(before.copied) | over.places(found.copied),
        rejected=(
            *(one for one in before.rejected if not part.holds(one.path)),
            *(replace(one, path=part.place(one.path)) for one in found.rejected),
        ),
        removed=(
            *(one for one in before.removed if not part.holds(one.path)),
            *(replace(one, path=part.place(one.path)) for one in found.removed),
        ),
        evidence=over.on(before.evidence, over.moved(found.evidence)),
        leaf_evidence=over.on(before.leaf_evidence, over.moved(found.leaf_evidence)),
        alternatives=over.on(before.alternatives, over.moved(found.alternatives)),
        pressure=over.on(before.pressure, over.moved(found.pressure)),
        confidence=confidence,
        raw_confidence=over.on(before.raw_confidence, judged.raw_confidence),
        record_confidence=prod(confidence.values()) if is_known else None,
        confidence_by=_source(before.confidence_by, found.confidence_by),
        cached=before.cached and found.cached,
        accepted=False if promised else None,
        to_review=to_review,
        reasoning="\n\n".join(filter(None, (before.reasoning, found.reasoning))) or None,
        # The name of the result's model is that of its last attempt.
        attempts=(*before.attempts, *found.attempts),
    )
    return Answered(result, by, (*known.notes, *notes))


@dataclass(frozen=True, slots=True)
class _Over:
    """Puts what is known of an answer over what was known of its fields."""

    part: Portion

    def moved(self, found: Mapping[str, V]) -> dict[str, V]:
        """The facts of the fields that take their answer, by its place in the record."""
        places = {self.part.place(path): one for path, one in found.items()}
        return {path: one for path, one in places.items() if self.part.holds(path)}

    def on(self, before: Mapping[str, V], found: Mapping[str, V]) -> dict[str, V]:
        """The facts of the record: as before, except for those that were found."""
        kept = {path: one for path, one in before.items() if not self.part.holds(path)}
        return {**kept, **found}

    def kept(self, before: Iterable[str]) -> frozenset[str]:
        return frozenset(path for path in before if not self.part.holds(path))

    def places(self, found: Iterable[str]) -> frozenset[str]:
        return frozenset(self.moved(dict.fromkeys(found)))

    def notes(self, found: Iterable[Note]) -> tuple[Note, ...]:
        """Notes about the schema of the fields, at their places in the schema of the record."""
        return tuple(replace(note, path=self.part.place_in_schema(note.path)) for note in found)


def _once(notes: Iterable[Note]) -> tuple[Note, ...]:
    return tuple(dict.fromkeys(notes))


def _leaves(data: Json) -> list[str]:
    """JSON Pointers of the scalars and the empty containers of a value."""
    return [pointer(path) for path, _ in leaves_of(data, with_empty=True)]


def _source(one: ConfidenceBy | None, other: ConfidenceBy | None) -> ConfidenceBy | None:
    """The source of a confidence that two answers make together."""
    sources = {one, other} - {None}
    return sources.pop() if len(sources) == 1 else "cascade" if sources else None
