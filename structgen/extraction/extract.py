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
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

from pydantic_core import from_json

from structgen.answer.confidence import confidence
from structgen.answer.continuation import Rest
from structgen.answer.grounding import evidence_of, has_grounded, source_of
from structgen.answer.origins import Origins
from structgen.answer.read import Reading, document, is_cut, left_the_schema, read, rejected
from structgen.answer.repair import repaired
from structgen.answer.salvage import sift
from structgen.errors import (
    BadRequest,
    BudgetExceeded,
    ConfigurationError,
    DeadlineExceeded,
    InputError,
    InvalidOutput,
    NotJson,
    OutputError,
    OutputRejected,
    SchemaError,
    StructgenError,
    TargetError,
    Truncated,
)
from structgen.extraction.attempts import Asker, Run, cost_of
from structgen.extraction.backend import Backend, streams
from structgen.extraction.prompt import estimate_tokens, messages_for, reask
from structgen.flow import Flow, Generate
from structgen.schema.compiler import Compiled
from structgen.schema.compiler import compile as compile_target
from structgen.schema.json_text import parse_json
from structgen.schema.target import Target
from structgen.types import UNSET, Answer, Attempt, Document, Extraction, Guarantee, Message, Mode, Note, Options, Plan, Usage
from structgen.wire.dialect import Ask
from structgen.wire.exchange import Link, exchange

T = TypeVar("T")

_SHOWN_IN_PROMPT: Final = frozenset({"best-effort", "json-object", "prompt"})
"""Modes in which the prompt shows the schema itself: nothing else tells the model, or nothing holds it to it."""

_SAME_EVERYWHERE: Final = (ConfigurationError, InputError, TargetError, DeadlineExceeded, BudgetExceeded)
"""Errors that no other mode or backend can mend."""

_ABOUT_THE_SCHEMA: Final = ("response_format", "json_schema", "schema", "structured", "grammar")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[T]):
    """What is asked, whichever backend answers. `examples` are (text, value) pairs; `context` helps to read the document;
    `stream`: is the answer read as it comes."""

    target: Target[T]
    document: Document = field(repr=False)
    instructions: str | None = field(default=None, repr=False)
    examples: Sequence[tuple[str, T]] = field(default=(), repr=False)
    context: str | None = field(default=None, repr=False)
    options: Options = Options()
    stream: bool = False

    def fit(self, backend: Backend) -> None:
        """Raises ConfigurationError where the options ask for what this backend cannot give."""
        if self.options.logprobs is True and isinstance(backend.via, Link) and (self.stream or not backend.via.caps.logprobs):
            raise ConfigurationError(
                f"{backend.name} gives no token probabilities{' of a streamed answer' * self.stream}.",
                hint="Leave out `logprobs`, and ask `extract` for `samples` to vote on instead.",
            )
        if self.stream and self.options.samples not in (UNSET, 1):
            raise ConfigurationError("Answers that are voted on cannot be streamed.", hint="Use `extract` with `samples`.")
        if self.options.cost_budget is not UNSET and backend.price is None:
            raise ConfigurationError(
                f"What {backend.name} costs is not known, so `cost_budget` cannot be kept.",
                hint="Give the client its price: prices=[structgen.wire.prices.Price(provider, model, input, output)].",
            )

    def modes(self, backend: Backend) -> tuple[tuple[Mode, str], ...]:
        """The modes to go through: all of the backend's, or the one the options pin. Raises ConfigurationError."""
        if not backend.model:
            raise ConfigurationError(f"No model of {backend.name} is named.", hint=f"Write {backend.name}:MODEL.")
        if self.options.mode is UNSET:
            streamed = tuple(pair for pair in backend.modes if self.stream and streams(backend, pair[0]))
            return streamed or backend.modes
        pinned = tuple(pair for pair in backend.modes if pair[0] == self.options.mode)
        if not pinned:
            offered = ", ".join(mode for mode, _ in backend.modes)
            raise ConfigurationError(f"{backend.name} has no mode {self.options.mode!r}.", hint=f"It offers: {offered}.")
        return pinned

    def put(self, mode: Mode, subset: str) -> tuple[Compiled[T], tuple[Message, ...]]:
        """The compiled target and the messages, for one mode. Raises SchemaError where its language cannot hold the target."""
        compiled = compile_target(self.target, subset)
        messages = messages_for(
            compiled.dumps(),
            self.document,
            instructions=self.instructions,
            examples=[(text, compiled.encode(value)) for text, value in self.examples],
            context=self.context,
            show_schema=mode in _SHOWN_IN_PROMPT,
        )
        return compiled, messages


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
        body = from_json(caps.dialect.build(ask_of(backend, mode, compiled, messages, question.options, streamed), caps).body)
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
    backends: Sequence[Backend], question: Question[T], ask: Asker | None = None, spent: list[Attempt] | None = None
) -> Flow[Extraction[T]]:
    """The value that the document states, from the first backend that gives one. Raises any StructgenError, with `attempts`.

    `spent` takes the attempts of several samples of one call, whose budgets cover them all.
    """
    deadline = question.options.deadline
    ends_at = time.monotonic() + deadline if isinstance(deadline, (int, float)) else None
    source = source_of(question.document) if has_grounded(question.target) else None
    run = Run(question.options, ask or whole, spent=[] if spent is None else spent, ends_at=ends_at, source=source)
    for backend in backends:
        question.fit(backend)
    for backend in backends:
        try:
            return (yield from _on(backend, question, run))
        except StructgenError as error:
            error.attempts = tuple(run.attempts)
            if run.handed_on or backend is backends[-1] or isinstance(error, _SAME_EVERYWHERE):
                raise
    raise ConfigurationError("There is no backend to ask.", hint="Give the client a model.")


def _on(backend: Backend, question: Question[T], run: Run) -> Flow[Extraction[T]]:
    """One backend, down its modes."""
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
        try:
            return (yield from _in(backend, mode, compiled, messages, run))
        except (OutputRejected, BadRequest) as error:
            if run.handed_on or mode == modes[-1][0] or not _steps_down(error):
                raise
    raise ConfigurationError(f"{backend.name} has no mode to answer in.", hint="Give a row of `capabilities` with modes.")


def _steps_down(error: OutputRejected | BadRequest) -> bool:
    """Is it the mode that failed, so that a weaker one may do?"""
    if isinstance(error, OutputRejected):
        return True
    said = f"{error.param} {error.code} {error.message}".lower()
    return error.status in (400, 422) and any(word in said for word in _ABOUT_THE_SCHEMA)


def _in(backend: Backend, mode: Mode, compiled: Compiled[T], messages: Sequence[Message], run: Run) -> Flow[Extraction[T]]:
    """One backend in one mode, asked again while its answers are invalid."""
    conversation = tuple(messages)
    left = 0 if run.options.max_reasks is UNSET else run.options.max_reasks
    rest = Rest(compiled, messages, 0 if run.options.max_continuations is UNSET else run.options.max_continuations)
    while True:
        run.check()
        began, answer, whole_answer = time.monotonic(), None, None
        try:
            answer = yield from _asked(backend, mode, compiled, conversation, run)
            asked = time.monotonic()
            whole_answer = answer if is_cut(answer) else rest.whole(answer, document(answer))
            reading = read(whole_answer, compiled, run.source)
        except (OutputError, OutputRejected) as error:
            if mode == "strict" and answer is not None and left_the_schema(error, answer, compiled):
                backend.ignores.set()
                error.hint = f"{backend.name} did not hold its answer to the schema it was given: does it know structured outputs?"
            run.add(backend, mode, began, answer, error)
            if isinstance(error, Truncated) and not run.handed_on and (more := _more(rest, answer, error, run)):
                conversation, run.options = more
                continue
            faults = _worth_asking_again(error, compiled, run.source)
            if run.handed_on or left <= 0 or not faults or rest.begun:
                kept = _sifted(error, whole_answer, compiled, run)
                if kept is None or whole_answer is None:
                    raise
                return _extraction(backend, mode, compiled, whole_answer, kept, run, {"answer": time.monotonic() - began})
            left -= 1
            conversation = (*messages, *reask(run.attempts[-1].text or "", faults))
        except StructgenError as error:
            run.add(backend, mode, began, answer, error)
            raise
        else:
            run.add(backend, mode, began, answer, None)
            seconds = {**(answer.seconds or {"answer": asked - began}), "check": time.monotonic() - asked}
            reading = replace(reading, repairs=(*reading.repairs, *rest.repairs))
            return _extraction(backend, mode, compiled, whole_answer, reading, run, seconds)


def _more(rest: Rest, answer: Answer | None, error: Truncated, run: Run) -> tuple[tuple[Message, ...], Options] | None:
    """The question for the rest of an answer that was cut, and its options."""
    text = document(answer) if answer else run.attempts[-1].text or ""
    return rest.after(text, error, answer.usage.completion_tokens if answer else 0, run.options)


def _sifted(error: StructgenError, answer: Answer | None, compiled: Compiled[T], run: Run) -> Reading[T] | None:
    """What is good of an answer that stays invalid: on the error; and given, where the options keep it."""
    if not isinstance(error, InvalidOutput) or answer is None:
        return None
    text = repaired(document(answer))[0]
    sifted = sift(text, compiled, error.violations, run.source)
    if sifted is None:
        return None
    error.salvaged, error.rejected = sifted
    if run.options.on_invalid_items != "keep":
        return None
    return Reading(sifted[0], frozenset(), text, (), evidence_of(compiled.target, sifted[0], run.source), sifted[1])


def _worth_asking_again(error: OutputError | OutputRejected, compiled: Compiled[Any], source: str | None) -> list[str]:
    """What to tell the model about its answer; [] where another answer would fare no better."""
    if isinstance(error, OutputRejected):
        inner = rejected(error, compiled, source)
        return _worth_asking_again(inner, compiled, source) if isinstance(inner, OutputError) else [error.message]
    if isinstance(error, InvalidOutput):
        return [str(violation) for violation in error.violations]
    return [error.message] if isinstance(error, NotJson) else []


def _asked(backend: Backend, mode: Mode, compiled: Compiled[Any], messages: Sequence[Message], run: Run) -> Flow[Answer]:
    """One answer, whichever way the backend is reached; what a server rejected of its own is taken where it is whole and valid."""
    backend.breaker.check(backend.name)
    try:
        answer = yield from run.ask(backend, mode, compiled, messages, run)
    except OutputRejected as error:
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


def whole(backend: Backend, mode: Mode, compiled: Compiled[Any], messages: Sequence[Message], run: Run) -> Flow[Answer]:
    """An answer that comes whole."""
    if isinstance(backend.via, Link):
        question = ask_of(backend, mode, compiled, messages, run.options)
        return (yield from exchange(backend.via, question, run.options, run.ends_at, run.attempts))
    answer: Answer = yield Generate(backend.via, messages, compiled.schema, run.options_left(), run.source)
    return answer


def ask_of(
    backend: Backend, mode: Mode, compiled: Compiled[Any], messages: Sequence[Message], options: Options, stream: bool = False
) -> Ask:
    """The question as a dialect takes it."""
    return Ask(
        model=backend.model,
        messages=messages,
        options=options,
        mode=mode,
        schema=compiled.dumps(),
        name=compiled.name,
        stream=stream,
        count=stream,
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
    shortened = answer.shortened
    if shortened:
        origins = Origins(compiled, parse_json(reading.text))
        shortened = tuple(at if (place := origins.place(at)) is None else place for at in shortened)
    return Extraction(
        value=reading.value,
        guarantee=_guarantee(backend, mode, notes, reading.repairs),
        notes=notes,
        absent=reading.absent,
        shortened=frozenset(shortened),
        rejected=reading.rejected,
        evidence=reading.evidence,
        confidence=confidence(reading.text, answer.logprobs, compiled) if answer.logprobs else {},
        usage=sum((attempt.usage for attempt in run.attempts), Usage()),
        cost=cost_of(run.attempts),
        attempts=tuple(run.attempts),
        seconds=seconds,
    )


def _guarantee(backend: Backend, mode: Mode, notes: tuple[Note, ...], repairs: tuple[str, ...]) -> Guarantee:
    checked = tuple(note for note in notes if note.action == "checked")
    if not isinstance(backend.via, Link):
        return Guarantee(by="decoder", engine=backend.via.name, checked=checked, repairs=repairs)
    held = mode == "strict" and not repairs and not backend.ignores.is_set()
    return Guarantee(by="server" if held else "check", engine=f"{backend.name}, {mode}", checked=checked, repairs=repairs)
