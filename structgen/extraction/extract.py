"""The extraction flow: ask, read, decode, prove; ask again, step down or go to the next backend; and say what held the value.

One generator for every backend, sync and async. It ends in an `Extraction`, or in a typed error that carries every attempt. What is
tried after a failure, and after which:

    the same request again      what may pass (`retry`): connection, 429, 5xx
    the same question again     an answer that is invalid, with its violations; never after a refused one
    the rest of the answer      one that was cut, where `max_continuations` allows it
    the next weaker mode        the schema cannot be held in this mode, or the server rejects the schema or its own output
    the next backend            everything that another backend may do better
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from pydantic_core import from_json

from structgen.answer.confidence import confidence
from structgen.answer.continuation import Rest
from structgen.answer.grounding import evidence_of, has_grounded, source_of
from structgen.answer.origins import Origins
from structgen.answer.read import Reading, document, is_cut, left_the_schema, read, rejected
from structgen.answer.repair import repaired
from structgen.answer.salvage import sift
from structgen.errors import (
    Attempt,
    BadRequestError,
    BudgetExceededError,
    ConfigurationError,
    InputError,
    InvalidOutputError,
    NotJsonError,
    OutputError,
    OutputRejectedError,
    SchemaError,
    StructgenError,
    TargetError,
    TotalTimeoutError,
    Truncated,
)
from structgen.extraction.attempts import Asker, Run, cost_of
from structgen.extraction.backend import Backend, streams
from structgen.extraction.prompt import estimate_tokens, reask
from structgen.extraction.question import Question
from structgen.flow.steps import Flow, Generate
from structgen.options import UNSET, Options
from structgen.results import Extraction, Guarantee, Plan
from structgen.schema.compiler import Compiled
from structgen.schema.json_text import parse_json
from structgen.values import Answer, Message, Mode, Note, Usage
from structgen.wire.dialect import ChatRequest
from structgen.wire.exchange import exchange
from structgen.wire.link import Link

T = TypeVar("T")

_SAME_EVERYWHERE: Final = (
    ConfigurationError,
    InputError,
    TargetError,
    TotalTimeoutError,
    BudgetExceededError,
)
"""Errors that no other mode or backend can mend."""

_ABOUT_THE_SCHEMA: Final = ("response_format", "json_schema", "schema", "structured", "grammar")


def plan(backend: Backend, question: Question[Any]) -> Plan:
    """What `extract` would ask this backend first. Nothing is sent. Raises SchemaError where no mode can hold the target."""
    question.fit(backend)
    modes = question.modes(backend)
    for mode, subset in modes:
        try:
            compiled, messages = question.put(mode, subset)
            break
        except SchemaError:
            if mode == modes[-1][0]:
                raise
    body = None
    if isinstance(backend.via, Link):
        caps = backend.via.caps
        streamed = question.stream and streams(backend, mode)
        body = from_json(
            caps.dialect.build(
                ask_of(backend, mode, compiled, messages, question.options, streamed), caps
            ).body
        )
    return Plan(
        backend=backend.name,
        mode=mode,
        schema=compiled.schema,
        notes=compiled.notes,
        messages=messages,
        options=question.options,
        body=body,
        tokens=estimate_tokens(messages),
        stream=question.stream and streams(backend, mode),
    )


def extract(
    backends: Sequence[Backend],
    question: Question[T],
    ask: Asker | None = None,
    spent: list[Attempt] | None = None,
) -> Flow[Extraction[T]]:
    """The value that the document states, from the first backend that gives one. Raises any StructgenError, with `attempts`.

    `spent` takes the attempts of several samples of one call, whose budgets cover them all.
    """
    total_timeout = question.options.total_timeout
    ends_at = time.monotonic() + total_timeout if isinstance(total_timeout, (int, float)) else None
    source = source_of(question.document) if has_grounded(question.target) else None
    run = Run(
        question.options,
        ask or whole,
        spent=[] if spent is None else spent,
        ends_at=ends_at,
        source=source,
    )
    for backend in backends:
        question.fit(backend)
    for backend in backends:
        try:
            return (yield from one_backend(backend, question, run))
        except StructgenError as error:
            error.attempts = tuple(run.attempts)
            if run.handed_on or backend is backends[-1] or isinstance(error, _SAME_EVERYWHERE):
                raise
    raise ConfigurationError("There is no backend to ask.", hint="Give the client a model.")


def one_backend(backend: Backend, question: Question[T], run: Run) -> Flow[Extraction[T]]:
    """Try one backend, strongest mode first."""
    modes = question.modes(backend)
    for mode, subset in modes:
        began = time.monotonic()
        try:
            compiled, messages = question.put(mode, subset)
        except SchemaError as error:
            run.add(backend, mode, began, None, error)
            if mode == modes[-1][0]:
                raise
            continue
        run.options = question.options  # a continuation may have raised those of the mode before
        try:
            return (yield from one_mode(backend, mode, compiled, messages, run))
        except (OutputRejectedError, BadRequestError) as error:
            if run.handed_on or mode == modes[-1][0] or not _steps_down(error):
                raise
    raise ConfigurationError(
        f"{backend.name} has no mode to answer in.", hint="Give a row of `capabilities` with modes."
    )


def _steps_down(error: OutputRejectedError | BadRequestError) -> bool:
    """Is it the mode that failed, so that a weaker one may do?"""
    if isinstance(error, OutputRejectedError):
        return True
    said = f"{error.param} {error.code} {error.message}".lower()
    return error.status_code in (400, 422) and any(word in said for word in _ABOUT_THE_SCHEMA)


def one_mode(
    backend: Backend, mode: Mode, compiled: Compiled[T], messages: Sequence[Message], run: Run
) -> Flow[Extraction[T]]:
    """One backend in one mode, asked again while its answers are invalid."""
    conversation = tuple(messages)
    left = 0 if run.options.max_reasks is UNSET else run.options.max_reasks
    rest = Rest(
        compiled,
        messages,
        0 if run.options.max_continuations is UNSET else run.options.max_continuations,
    )
    while True:
        run.check()
        began, answer, whole_answer = time.monotonic(), None, None
        try:
            answer = yield from _asked(backend, mode, compiled, conversation, run)
            asked = time.monotonic()
            short = bool(answer.shortened) and run.options.on_shortened != "keep"
            whole_answer = (
                answer if short or is_cut(answer) else rest.whole(answer, document(answer))
            )
            reading = read(whole_answer, compiled, run.source)
            if short:
                raise _cut_short(whole_answer, reading, compiled)
        except (OutputError, OutputRejectedError) as error:
            if mode == "strict" and answer is not None and left_the_schema(error, answer, compiled):
                backend.ignores.set()
                error.hint = f"{backend.name} did not hold its answer to the schema it was given: does it know structured outputs?"
            run.add(backend, mode, began, answer, error)
            if (
                isinstance(error, Truncated)
                and not run.handed_on
                and (more := _more(rest, answer, error, run))
            ):
                conversation, run.options = more
                continue
            faults = _worth_asking_again(error, compiled, run.source)
            if run.handed_on or left <= 0 or not faults or rest.begun:
                kept = _sifted(error, whole_answer, compiled, run)
                if kept is None or whole_answer is None:
                    raise
                return _extraction(
                    backend,
                    mode,
                    compiled,
                    whole_answer,
                    kept,
                    run,
                    {"answer": time.monotonic() - began},
                )
            left -= 1
            conversation = (*messages, *reask(run.attempts[-1].text or "", faults))
        except StructgenError as error:
            run.add(backend, mode, began, answer, error)
            raise
        else:
            run.add(backend, mode, began, answer, None)
            seconds = {
                **(answer.seconds or {"answer": asked - began}),
                "check": time.monotonic() - asked,
            }
            reading = replace(reading, repairs=(*reading.repairs, *rest.repairs))
            return _extraction(backend, mode, compiled, whole_answer, reading, run, seconds)


def _cut_short(answer: Answer, reading: Reading[Any], compiled: Compiled[Any]) -> Truncated:
    """The error for an answer that the decoder ended early, so that it is valid but not all that the model wanted to say."""
    error = Truncated(
        "The answer was cut short: it did not fit into `max_tokens`, or went round in circles.",
        partial=parse_json(reading.text),
        hint="Raise max_tokens, ask for less in one call, or take the value as it is with on_shortened='keep'. It is in `salvaged`.",
    )
    error.salvaged, error.shortened = reading.value, _places(answer.shortened, reading, compiled)
    return error


def _places(
    shortened: Sequence[str], reading: Reading[Any], compiled: Compiled[Any]
) -> frozenset[str]:
    """The parts of the value that were cut short, from those of the answer."""
    if not shortened:
        return frozenset()
    origins = Origins(compiled, parse_json(reading.text))
    return frozenset(at if (place := origins.place(at)) is None else place for at in shortened)


def _more(
    rest: Rest, answer: Answer | None, error: Truncated, run: Run
) -> tuple[tuple[Message, ...], Options] | None:
    """The question for the rest of an answer that was cut, and its options."""
    text = document(answer) if answer else run.attempts[-1].text or ""
    used, shortened = (answer.usage.completion_tokens, answer.shortened) if answer else (0, ())
    return rest.after(text, error, used, run.options, shortened)


def _sifted(
    error: StructgenError, answer: Answer | None, compiled: Compiled[T], run: Run
) -> Reading[T] | None:
    """What is good of an answer that stays invalid: on the error; and given, where the options keep it."""
    if not isinstance(error, InvalidOutputError) or answer is None:
        return None
    text = repaired(document(answer))[0]
    sifted = sift(text, compiled, error.violations, run.source)
    if sifted is None:
        return None
    error.salvaged, error.rejected = sifted
    if run.options.on_invalid_items != "keep":
        return None
    return Reading(
        sifted[0],
        frozenset(),
        text,
        (),
        evidence_of(compiled.target, sifted[0], run.source),
        sifted[1],
    )


def _worth_asking_again(
    error: OutputError | OutputRejectedError, compiled: Compiled[Any], source: str | None
) -> list[str]:
    """What to tell the model about its answer; [] where another answer would fare no better."""
    if isinstance(error, OutputRejectedError):
        inner = rejected(error, compiled, source)
        return (
            _worth_asking_again(inner, compiled, source)
            if isinstance(inner, OutputError)
            else [error.message]
        )
    if isinstance(error, InvalidOutputError):
        return [str(violation) for violation in error.violations]
    return [error.message] if isinstance(error, NotJsonError) else []


def _asked(
    backend: Backend, mode: Mode, compiled: Compiled[Any], messages: Sequence[Message], run: Run
) -> Flow[Answer]:
    """One answer, whichever way the backend is reached; what a server rejected of its own is taken where it is whole and valid."""
    backend.breaker.check(backend.name)
    try:
        answer = yield from run.ask(backend, mode, compiled, messages, run)
    except OutputRejectedError as error:
        backend.breaker.record(error)
        recovered = rejected(error, compiled, run.source)
        if isinstance(recovered, Truncated):
            raise recovered from error
        if isinstance(recovered, Answer):
            return recovered
        raise
    except StructgenError as error:
        backend.breaker.record(error)
        raise
    backend.breaker.record(None)
    return answer


def whole(
    backend: Backend, mode: Mode, compiled: Compiled[Any], messages: Sequence[Message], run: Run
) -> Flow[Answer]:
    """An answer that comes whole."""
    if isinstance(backend.via, Link):
        question = ask_of(backend, mode, compiled, messages, run.options)
        return (yield from exchange(backend.via, question, run.options, run.ends_at, run.attempts))
    answer: Answer = yield Generate(
        backend.via, messages, compiled.schema, run.options_left(), run.source
    )
    return answer


def ask_of(
    backend: Backend,
    mode: Mode,
    compiled: Compiled[Any],
    messages: Sequence[Message],
    options: Options,
    stream: bool = False,
) -> ChatRequest:
    """The question as a dialect takes it."""
    return ChatRequest(
        model=backend.model,
        messages=messages,
        options=options,
        mode=mode,
        schema=compiled.dumps(),
        schema_name=compiled.name,
        stream=stream,
        include_usage=stream,
    )


def _extraction(
    backend: Backend,
    mode: Mode,
    compiled: Compiled[T],
    answer: Answer,
    reading: Reading[T],
    run: Run,
    seconds: dict[str, float],
) -> Extraction[T]:
    notes = (*compiled.notes, *answer.notes)
    if reading.rejected:
        answer = replace(answer, logprobs=(), shortened=())  # what they speak of has moved
    return Extraction(
        value=reading.value,
        target=compiled.target,
        guarantee=_guarantee(backend, mode, notes, reading.repairs),
        notes=notes,
        absent=reading.absent,
        shortened=_places(answer.shortened, reading, compiled),
        rejected=reading.rejected,
        evidence=reading.evidence,
        confidence=confidence(reading.text, answer.logprobs, compiled) if answer.logprobs else {},
        usage=sum((attempt.usage for attempt in run.attempts), Usage()),
        cost=cost_of(run.attempts),
        attempts=tuple(run.attempts),
        seconds=seconds,
    )


def _guarantee(
    backend: Backend, mode: Mode, notes: tuple[Note, ...], repairs: tuple[str, ...]
) -> Guarantee:
    checked = tuple(note for note in notes if note.action == "checked")
    if not isinstance(backend.via, Link):
        return Guarantee(by="decoder", engine=backend.via.name, checked=checked, repairs=repairs)
    held = mode == "strict" and not repairs and not backend.ignores.is_set()
    return Guarantee(
        by="server" if held else "check",
        engine=f"{backend.name}, {mode}",
        checked=checked,
        repairs=repairs,
    )
