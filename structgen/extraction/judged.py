"""A result with its confidence calibrated, and what is accepted of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from structgen.answer.grounding import document_text
from structgen.calibration.judge import Judgement, judge
from structgen.calibration.kinds import NULL, kinds_of
from structgen.calibration.saved import find
from structgen.extraction.question import Question
from structgen.options import UNSET, Options
from structgen.results import Extraction
from structgen.schema.shown import shown
from structgen.schema.target import Target

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """All that a judgement follows from, besides the calibration file and the promise."""

    raw: Mapping[str, float]
    """The confidence of each leaf, before any calibration."""
    kinds: Mapping[str, str]
    """The kind of each leaf."""
    model: str
    """The name of the backend that answered."""
    by: str
    """What the confidence was made from."""


def judged(result: Extraction[T], question: Question[T]) -> Extraction[T]:
    """Calibrate the confidence of a result, and say what is accepted.

    A result is given as it is if it has no confidence, or only that of its decisions.

    Args:
        result: The result.
        question: What was asked.
    """
    if question.tuned is not None:
        result = replace(result, tuned=question.tuned.said)
    asked = question.options.confidence is True or question.options.accept is not UNSET
    if result.confidence_by in (None, "decisions") and not asked:
        return result
    data = shown(question.target, result.value)
    document = document_text(question.document)
    kinds = kinds_of(question.target.schema, data, document, result.absent)
    basis = Basis(
        raw=result.confidence,
        kinds=kinds,
        model=result.model or "",
        by=result.confidence_by or "",
    )
    found = judgement(basis, question.target, question.options)
    return replace(
        result,
        kinds=kinds,
        confidence=found.confidence,
        record_confidence=found.record_confidence,
        raw_confidence=found.raw_confidence,
        accepted=found.accepted,
        to_review=result.to_review | found.to_review,
    )


def judgement(basis: Basis, target: Target[Any], options: Options) -> Judgement:
    """Judge a confidence as the options ask; without a calibration for it, accept nothing.

    Args:
        basis: The confidence, and what it is about.
        target: What was extracted.
        options: The options of the call.
    """
    path = None if options.calibration is UNSET else options.calibration
    promised = None if options.accept is UNSET else options.accept
    calibration = find(target, basis.model, basis.by, path)
    found = judge(basis.raw, basis.kinds, calibration, promised)
    if promised is None or calibration is not None:
        return found
    stated = frozenset(path for path, kind in basis.kinds.items() if kind != NULL)
    return replace(found, accepted=False, to_review=stated)
