"""One model's answer: extract, read a second time if a confidence needs it, and judge.

A model that gives no probabilities is asked a second time, in another way: the first question goes
through the fields and looks for each in the document, the second one goes through the document and
looks for the field of each statement. Two such readings disagree where a value is doubtful, while
the probability that a model names itself, or the votes on one question, are nearly always high
(ExtractConf, arXiv 2606.24420).

Each signal is a weight of evidence (Good 1950): it multiplies the odds that a value is right by 3
if it speaks for the value and divides them by 3 if it speaks against it. The odds begin at 1, and
odds of o are a confidence of o / (1 + o).

| signal | for | against |
|---|---|---|
| the second reading | has the same value (null too) | has another one, or failed |
| the document | holds a stated text or number | does not hold it |
| the answer's text | - | had to be mended |
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from structgen.answer.grounding import document_text
from structgen.calibration.kinds import COPIED, ELSEWHERE, kinds_of
from structgen.errors import Attempt, StructgenError
from structgen.extraction.attempts import cost_of
from structgen.extraction.backend import Backend
from structgen.extraction.cache import through_cache
from structgen.extraction.judged import judged
from structgen.extraction.question import Question
from structgen.extraction.vote import agreement
from structgen.extraction.wide import extract_in_parts
from structgen.flow.steps import Flow
from structgen.results import Extraction
from structgen.schema.shown import shown
from structgen.values import Json, Usage

T = TypeVar("T")

WEIGHT: Final = 3.0
"""How much a signal multiplies or divides the odds."""
_BY_DOCUMENT: Final = (
    "Go through the document sentence by sentence. Put each statement into the field that it is "
    "about, word for word. A field that no sentence is about is not stated."
)
"""The instructions of the second reading."""


def ask_and_judge(
    backends: Sequence[Backend], question: Question[T], billed: list[Attempt] | None = None
) -> Flow[Extraction[T]]:
    """Ask one model, or its fallbacks, and calibrate the confidence of what comes.

    Args:
        backends: Who to ask, in order.
        question: What to ask.
        billed: Takes the attempts, if several questions of one call share its budgets.

    Returns:
        The result.

    Raises:
        StructgenError: If no backend gives a value.
    """
    result = yield from through_cache(backends, question, _unjudged(backends, question, billed))
    return judged(result, question)


def _unjudged(
    backends: Sequence[Backend], question: Question[T], billed: list[Attempt] | None
) -> Flow[Extraction[T]]:
    """A result before its confidence is calibrated and judged."""
    began = time.monotonic()
    result = yield from extract_in_parts(backends, question, billed)
    return (yield from _with_readings(backends, question, result, began))


def with_confidence(
    backends: Sequence[Backend], question: Question[T], result: Extraction[T], began: float
) -> Flow[Extraction[T]]:
    """A result with the confidence that its question asks for, calibrated and judged.

    Args:
        backends: Who to ask a second time, if the result has no confidence of its own.
        question: What was asked.
        result: What came.
        began: When the call began, as `time.monotonic()` counts.
    """
    return judged((yield from _with_readings(backends, question, result, began)), question)


def _with_readings(
    backends: Sequence[Backend], question: Question[T], result: Extraction[T], began: float
) -> Flow[Extraction[T]]:
    """A result that was read a second time, if it has no confidence and needs one."""
    if question.options.confidence is not True or not _lacks_confidence(question, result):
        return result
    left = with_time_left(question, time.monotonic() - began)
    return (yield from _read_again(backends, left, result))


def _lacks_confidence(question: Question[T], result: Extraction[T]) -> bool:
    """Whether a stated value has no confidence yet: not every one was decided among options."""
    if result.confidence_by != "decisions":
        return result.confidence_by is None
    data = shown(question.target, result.value)
    kinds = kinds_of(question.target.schema, data, document_text(question.document), result.absent)
    return not kinds.keys() <= result.confidence.keys()


def with_time_left(question: Question[T], spent: float) -> Question[T]:
    """Give the question what its total timeout leaves.

    Args:
        question: The question.
        spent: Seconds that are over.
    """
    whole = question.options.total_timeout
    if not isinstance(whole, int | float):
        return question
    options = replace(question.options, total_timeout=max(whole - spent, 0.0))
    return replace(question, options=options)


def _read_again(
    backends: Sequence[Backend], question: Question[T], first: Extraction[T]
) -> Flow[Extraction[T]]:
    """The first result with the confidence that a second reading gives it."""
    told = "\n\n".join(filter(None, (question.instructions, _BY_DOCUMENT)))
    attempts: list[Attempt] = list(first.attempts)
    second: Json = None
    failed = False
    try:
        again = replace(question, instructions=told, stream=False)
        found = yield from extract_in_parts(backends, again, list(first.attempts))
        attempts += found.attempts
        second = shown(question.target, found.value)
    except StructgenError as error:
        attempts += error.attempts
        failed = True
    data = shown(question.target, first.value)
    document = document_text(question.document)
    kinds = kinds_of(question.target.schema, data, document, first.absent)
    agreed = agreement(data, [] if failed else [second], 1)
    return replace(
        first,
        confidence=weigh(agreed, kinds, is_mended=bool(first.guarantee.repairs)),
        confidence_by="readings",
        attempts=tuple(attempts),
        usage=sum((attempt.usage for attempt in attempts), Usage()),
        cost=cost_of(attempts),
    )


def weigh(
    agreed: Mapping[str, float], kinds: Mapping[str, str], *, is_mended: bool
) -> dict[str, float]:
    """Weigh the signals for each leaf of a value.

    Args:
        agreed: By JSON Pointer, 1 if the second reading has the same there, else 0.
        kinds: The kind of each leaf (`kinds_of`), which says whether the document holds it.
        is_mended: Whether the answer had to be mended before it could be read.
    """
    found = {}
    for path, kind in kinds.items():
        odds = WEIGHT if agreed.get(path) else 1 / WEIGHT
        if kind.removesuffix(ELSEWHERE) in COPIED:
            odds = odds / WEIGHT if kind.endswith(ELSEWHERE) else odds * WEIGHT
        if is_mended:
            odds /= WEIGHT
        found[path] = odds / (1 + odds)
    return found
