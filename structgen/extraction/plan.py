"""What a call would ask, without asking it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from pydantic_core import from_json

from structgen.errors import SchemaError
from structgen.extraction.ask import chat_request
from structgen.extraction.backend import Backend, ChecksMessages, streams
from structgen.extraction.deciding import decision_request
from structgen.extraction.parts import parts_for, question_about
from structgen.extraction.planned import Plan, PlannedPart
from structgen.extraction.question import Prompt, Question
from structgen.prompt.attachments import CountAttachment, estimate_tokens, usual_tokens
from structgen.schema.split import notes_of_split
from structgen.values import Mode
from structgen.wire.attachments import check_attachments, counter_of
from structgen.wire.link import Link
from structgen.wire.tiers import check_tier

T = TypeVar("T")


def plan(backend: Backend, question: Question[Any]) -> Plan:
    """What `extract` would ask this backend first. Nothing is sent.

    Args:
        backend: Who would be asked.
        question: The question.

    Returns:
        The plan.

    Raises:
        SchemaError: If no mode can hold the target.
        ConfigurationError: If the backend cannot do what the options ask for.
        InputError: If the model does not take the images or files of the document.
    """
    question.check_options(backend)
    parts = parts_for(backend, question)
    if not parts:
        return _plan_of_one(backend, question)
    plans = [_plan_of_one(backend, question_about(question, part)) for part in parts]
    notes = (*notes_of_split(question.target, parts), *(n for one in plans for n in one.notes))
    planned = [
        PlannedPart(part.fields, part.size, one.tokens, one.mode, one.schema)
        for part, one in zip(parts, plans, strict=True)
    ]
    return replace(plans[0], notes=tuple(dict.fromkeys(notes)), parts=tuple(planned))


def _plan_of_one(backend: Backend, question: Question[Any]) -> Plan:
    """What one question would be."""
    question = question.asked_of(backend)
    mode, (compiled, messages, _) = first_that_compiles(backend, question)
    streamed = question.stream and streams(backend, mode)
    body = None
    of_attachment: CountAttachment = usual_tokens
    if isinstance(backend.via, Link):
        caps = backend.via.caps
        options = question.options
        if mode == "decisions":
            link, request = decision_request(backend, compiled, messages, options)
            caps = link.caps
        else:
            request = chat_request(backend, mode, compiled, messages, options, stream=streamed)
        check_attachments(messages, caps, request.model)
        of_attachment = counter_of(caps, request.model)
        check_tier(request, caps)
        body = from_json(caps.dialect.build(request, caps).body)
    elif isinstance(backend.via, ChecksMessages):
        backend.via.check(messages)
    return Plan(
        backend=backend.name,
        mode=mode,
        schema=compiled.schema,
        notes=compiled.notes,
        messages=messages,
        options=question.options,
        body=body,
        tokens=estimate_tokens(messages, of_attachment),
        stream=streamed,
    )


def first_that_compiles(backend: Backend, question: Question[T]) -> tuple[Mode, Prompt[T]]:
    """The strongest mode whose schema language holds the target, and what is asked in it.

    Args:
        backend: Who would be asked.
        question: The question.

    Raises:
        SchemaError: If there is none.
    """
    *stronger, weakest = question.modes(backend)
    for mode, subset in stronger:
        try:
            return mode, question.compile_and_prompt(backend, mode, subset)
        except SchemaError:
            continue
    mode, subset = weakest
    return mode, question.compile_and_prompt(backend, mode, subset)
