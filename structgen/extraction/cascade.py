"""The flow of a call: one model answers, and others are asked about what is in doubt.

    the first model gives no value         the next one is asked about the whole record
    some of its fields are in doubt        the next one is asked about these, as a schema of their
                                           own; the other fields are shown as settled
    the record with its answers is         the answers that the check blames are dropped; if it
    invalid                                still is, the record stays as it was
    the next one fails                     the record stays as it was, and the result says so

Each further model is asked once, about the fields that are in doubt by then. A field that was not
escalated never changes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

from structgen.errors import Attempt, InvalidOutputError, SchemaError, StructgenError
from structgen.extraction.backend import Backend
from structgen.extraction.doubt import check_thresholds, doubts
from structgen.extraction.extract import SAME_EVERYWHERE
from structgen.extraction.overlay import Answered, answered, overlaid
from structgen.extraction.question import Question
from structgen.extraction.readings import ask_and_judge, with_time_left
from structgen.extraction.stages import Cascade, Stage
from structgen.flow.steps import Flow
from structgen.options import UNSET
from structgen.results import Escalation, Extraction
from structgen.schema.check import validate
from structgen.schema.json import to_text
from structgen.schema.portion import Portion, portion
from structgen.schema.renamed import renamed
from structgen.schema.shown import shown
from structgen.schema.target import Target
from structgen.values import Json, Note

T = TypeVar("T")
V = TypeVar("V")

_LOG: Final = logging.getLogger("structgen.extraction")
"""Where it is logged that fields are escalated."""
_INSTRUCTIONS: Final = (
    "A part of the record is settled already; the context shows it. Give only the open fields, as "
    "the document states them. Items of a list are numbered from 1."
)
_SETTLED: Final = "The settled part of the record:\n{}"


def extract_and_judge(backends: Sequence[Backend], question: Question[T]) -> Flow[Extraction[T]]:
    """The flow of a call, from the question to a result whose confidence is calibrated.

    Args:
        backends: Who to ask, in order.
        question: What to ask, and the further models of its cascade.

    Returns:
        The result.

    Raises:
        StructgenError: If no model gives a value.
    """
    first = ask_and_judge(backends, first_question(backends, question))
    return (yield from escalate(backends, question, first))


def first_question(backends: Sequence[Backend], question: Question[T]) -> Question[T]:
    """Give the question to the first model of a cascade; as it is if there is no cascade.

    Args:
        backends: Who is going to be asked.
        question: What to ask.
    """
    if question.cascade is None:
        return question
    options = replace(question.options, cascade_below=UNSET)
    return replace(question, options=options).with_probabilities(backends)


def question_to(stage: Stage, question: Question[T], cascade: Cascade) -> Question[T]:
    """Give the question to a further model of a cascade.

    Args:
        stage: The model.
        question: What is asked of the whole cascade.
        cascade: The cascade.
    """
    options = stage.options(cascade.of_further_models(question.options))
    asked = replace(question, options=options, cascade=None, tuned=None, stream=False)
    if "wire_names" in cascade.untuned:
        names = cascade.untuned["wire_names"]
        asked = replace(asked, target=renamed(asked.target, {} if names is UNSET else names))
    return asked.with_probabilities(stage.backends)


def escalate(
    backends: Sequence[Backend], question: Question[T], first: Flow[Extraction[T]]
) -> Flow[Extraction[T]]:
    """Ask the first model, and the further ones of the cascade about what is in doubt then.

    Args:
        backends: The first model, and its fallbacks.
        question: What is asked.
        first: The flow that asks the first model, whole or streamed.

    Raises:
        StructgenError: If no model gives a value.
    """
    if question.cascade is None:
        return (yield from first)
    run = _Run(question, question.cascade)
    run.check(backends)
    try:
        result = yield from first
    except StructgenError as error:
        run.take(error.attempts)
        return (yield from run.without_value(backends[0].name, error))
    run.take(result.attempts)
    return (yield from run.escalated(result))


@dataclass(slots=True)
class _Run(Generic[T]):
    """One call that a cascade answers."""

    question: Question[T]
    cascade: Cascade
    began: float = field(default_factory=time.monotonic)
    attempts: list[Attempt] = field(default_factory=list)
    """Every attempt of the call."""
    billed: list[Attempt] = field(default_factory=list)
    """Those that count against its budgets."""
    done: list[Escalation] = field(default_factory=list)

    def check(self, backends: Sequence[Backend]) -> None:
        """Raise if the options ask for something that a model cannot give, or name no field."""
        below = self.question.options.cascade_below
        if isinstance(below, Mapping):
            check_thresholds(self.question.target.schema, below)
        first = first_question(backends, self.question)
        for backend in backends:
            first.check_options(backend)
        for stage in self.cascade.stages:
            asked = self._asked_of(stage)
            for backend in stage.backends:
                asked.check_options(backend)

    def _asked_of(self, stage: Stage) -> Question[T]:
        """The question to a further model, for the time that is left."""
        left = with_time_left(self.question, time.monotonic() - self.began)
        return question_to(stage, left, self.cascade)

    def take(self, attempts: Sequence[Attempt]) -> None:
        """Take in the attempts of the first model."""
        self.attempts += attempts
        self.billed += attempts

    def ask(self, backends: Sequence[Backend], question: Question[V]) -> Flow[Extraction[V]]:
        """Ask one model, and keep its attempts."""
        try:
            result = yield from ask_and_judge(backends, question, self.billed)
        except StructgenError as error:
            self.attempts += error.attempts
            raise
        self.attempts += result.attempts
        return result

    # ---- the first model gave no value ------------------------------------------------------

    def without_value(self, failed: str, error: StructgenError) -> Flow[Extraction[T]]:
        """Ask the further models about the whole record, until one gives it."""
        for number, stage in enumerate(self.cascade.stages, start=1):
            if isinstance(error, SAME_EVERYWHERE) or self.cascade.reason_to_stop():
                break
            kind = type(error).__name__
            why = {"": f"{failed} gave no value ({kind})"}
            _LOG.warning("%s gave no value (%s): %s is asked", failed, kind, stage.name)
            try:
                result = yield from self.ask(stage.backends, self._asked_of(stage))
            except StructgenError as again:
                failed, error = stage.name, again
                self._tell(stage, why, str(again))
            else:
                self._tell(stage, why)
                return (yield from self.escalated(result, number))
        error.attempts = tuple(self.attempts)
        raise error

    # ---- some fields are in doubt -----------------------------------------------------------

    def escalated(self, result: Extraction[T], start: int = 0) -> Flow[Extraction[T]]:
        """Ask the models from a number on about what is in doubt, each about what is left of it."""
        further = self.cascade.stages[start:]
        known = answered(self.question, result, _notes_of(result) if further else ())
        open_fields: Mapping[str, str] = self._doubts(result, start) if further else {}
        for stage in further:
            if not open_fields:
                break
            reason = self.cascade.reason_to_stop()
            if reason:
                left = Escalation(
                    model=stage.name, fields=open_fields, error=reason, held_back=True
                )
                self.done.append(left)
                break
            known, open_fields = yield from self._ask_about(stage, known, open_fields)
        return known.finished(self.attempts, self.done, self.began)

    def _ask_about(
        self, stage: Stage, known: Answered[T], open_fields: Mapping[str, str]
    ) -> Flow[tuple[Answered[T], Mapping[str, str]]]:
        """Ask one model about the fields in doubt; give the record, and what is in doubt then."""
        asked = self._asked_of(stage)
        data, part = self._portion(known.result.value, asked.target, open_fields)
        why = _by_field(open_fields, part)
        _LOG.info("%s is asked about %d fields in doubt", stage.name, len(why))
        try:
            if part is None:
                whole = yield from self.ask(stage.backends, asked)
                self._tell(stage, why)
                now = answered(self.question, whole, (*known.notes, *self._notes(stage, whole)))
                return now, self._doubts(whole)
            found = yield from self.ask(stage.backends, _about(asked, part, data))
        except StructgenError as error:
            self._tell(stage, why, str(error))
            return known, open_fields
        taken, value, fault = self._valid(data, part, found.value)
        refused = None if fault is None else f"the record with the answer is invalid: {fault}"
        self._tell(stage, why, refused)
        if taken is None:
            return known, open_fields
        merged = overlaid(self.question, known, taken, found, value, self._notes(stage, found))
        again = self._doubts(merged.result)
        still = {path: why for path, why in again.items() if taken.holds(path)}
        left = {path: why for path, why in open_fields.items() if not taken.holds(path)}
        return merged, {**left, **still}

    def _doubts(self, result: Extraction[T], by: int = 1) -> Mapping[str, str]:
        """What is in doubt of an answer, by the number of its model.

        Thresholds that were tuned are about the first model, and say nothing of the others.
        """
        question = self.question
        if by:
            options = self.cascade.of_further_models(question.options)
            question = replace(question, options=options)
        return doubts(question, result)

    def _portion(
        self, value: T, target: Target[T], open_fields: Mapping[str, str]
    ) -> tuple[Json, Portion | None]:
        """A record as plain data, and the question about its fields in doubt.

        A record that its type does not read back takes no answer about a part of it.
        """
        try:
            data = target.dump(value)
        except SchemaError:
            return shown(target, value), None
        return data, portion(target, data, open_fields)

    def _valid(
        self, data: Json, part: Portion, answer: Json
    ) -> tuple[Portion | None, Any, InvalidOutputError | None]:
        """The most of an answer with which the record is valid; and what is wrong with all of it.

        The record's own validators run again: a field may be fine and not fit the others.
        """
        taken: Portion | None = part
        fault: InvalidOutputError | None = None
        while taken is not None:
            try:
                value = validate(self.question.target, taken.merged(data, answer))
            except InvalidOutputError as error:
                fault = fault or error
                taken = taken.without(one.path for one in error.violations)
            else:
                return taken, value, fault
        return None, None, fault

    def _notes(self, stage: Stage, result: Extraction[Any]) -> tuple[Note, ...]:
        return () if stage is self.cascade.stages[-1] else _notes_of(result)

    def _tell(self, stage: Stage, fields: Mapping[str, str], error: str | None = None) -> None:
        if error is not None:
            _LOG.warning("%s settled no field, or not every one that was in doubt", stage.name)
        self.done.append(Escalation(model=stage.name, fields=fields, error=error))


def _notes_of(result: Extraction[Any]) -> tuple[Note, ...]:
    """The note on an answer whose model gives no confidence."""
    if result.confidence_by is not None:
        return ()
    detail = (
        f"{result.model} gives no confidence: its values are in doubt by the checks and the "
        "document alone"
    )
    return (Note("", "cascade", "checked", detail),)


def _about(question: Question[Any], part: Portion, data: Json) -> Question[Json]:
    """The question about the open fields of a record."""
    settled = _SETTLED.format(to_text(part.settled(data, question.target.schema)))
    examples = None
    if question.examples is not None and not part.has_items:
        examples = question.examples.of_part(part.target, part.of_example)
    return replace(
        question,
        target=part.target,
        examples=examples,
        instructions="\n\n".join(filter(None, (question.instructions, _INSTRUCTIONS))),
        context="\n\n".join(filter(None, (question.context, settled))),
    )


def _by_field(open_fields: Mapping[str, str], part: Portion | None) -> dict[str, str]:
    """Why each field that is asked about is in doubt."""
    return {
        name: ", ".join(
            dict.fromkeys(
                why for path, why in open_fields.items() if f"{path}/".startswith(f"{name}/")
            )
        )
        for name in (part.fields if part else ("",))
    }
