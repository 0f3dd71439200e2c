"""Whether a target is asked about in parts, and the question about each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from structgen.errors import SchemaError, SchemaLimitError
from structgen.extraction.backend import Backend
from structgen.extraction.question import Question
from structgen.options import UNSET
from structgen.schema.compiler import compile_schema
from structgen.schema.split import SplitPart, project, size_of, split
from structgen.schema.subset import SchemaSubset
from structgen.schema.target import Target
from structgen.values import Json

_NO_PARTS: Final[tuple[SplitPart, ...]] = ()


def parts_for(backend: Backend, question: Question[Any]) -> tuple[SplitPart, ...]:
    """The parts in which a backend is asked about a target.

    The strongest mode decides that can hold the target, whole or in parts.

    Args:
        backend: Who is going to be asked first.
        question: What to ask.

    Returns:
        The parts; none if the target is asked about as a whole.

    Raises:
        SchemaLimitError: If no mode can hold the target, not even in parts.
        ConfigurationError: If no model is named, or the backend lacks the mode.
    """
    given = question.options.split
    if given == "off" or question.stream:
        return _NO_PARTS
    width = given if isinstance(given, int) else None
    over: SchemaLimitError | None = None
    for mode, subset in question.modes(backend):
        if mode == "decisions" and backend.lacks_decisions.is_set():
            continue
        try:
            return _split_for(question.target, question.language(backend, subset), width)
        except SchemaLimitError as error:
            over = over or error
        except SchemaError:
            continue
    if over is not None:
        raise over
    return _NO_PARTS


def question_about(question: Question[Any], part: SplitPart) -> Question[Json]:
    """The question about a part of the record.

    Args:
        question: The question about the whole.
        part: The part.
    """
    examples = question.examples
    if examples is not None:
        examples = examples.of_part(part.target, partial(project, part))
    return replace(
        question,
        target=part.target,
        examples=examples,
        options=replace(question.options, accept=UNSET),
        is_part=True,
    )


def _split_for(
    target: Target[Any], language: SchemaSubset, width: int | None
) -> tuple[SplitPart, ...]:
    """The parts of a target in a schema language, kept with the target."""
    known: dict[Any, Sequence[SplitPart]] = target.compiled
    key = "parts", language, width
    if key not in known:
        over = _limit(language, target)
        is_wide = width is not None and size_of(target) > width
        if over is None and not is_wide:
            known[key] = _NO_PARTS
        else:
            found = split(target, partial(_limit, language), width)
            if over is not None and not found:
                raise over
            known[key] = found
    return tuple(known[key])


def _limit(language: SchemaSubset, target: Target[Any]) -> SchemaLimitError | None:
    """The limit of a language that a target is over."""
    try:
        compile_schema(target, language)
    except SchemaLimitError as error:
        return error
    return None
