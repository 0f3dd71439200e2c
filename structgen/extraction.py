"""The extraction flow: ask, read, decode, prove; ask again with the violations; and say what held the value.

The flow is one generator for every backend, sync and async. It ends in an `Extraction`, or in a typed error that carries every
attempt.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import from_json

from structgen.dialects.base import Ask
from structgen.errors import DeadlineExceeded, InvalidOutput, NotJson, Refused, StructgenError, Truncated
from structgen.flow import EnginePort, Flow, Generate, HttpPort, Link, exchange
from structgen.prompt import estimate_tokens, reask
from structgen.types import UNSET, Answer, Attempt, Extraction, Guarantee, Message, Mode, Note, Options, Plan, Usage

if TYPE_CHECKING:
    from structgen.schema.compiler import Compiled

T = TypeVar("T")

_STOPPED_EARLY = {"length", "max_tokens", "content_filter", "abort", "repetition"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One model and the way to it: a link to a server, or an engine in this process.

    `name` is for people ("groq:openai/gpt-oss-20b"); `subset` names the schema language its `mode` holds answers to.
    """

    name: str
    model: str
    mode: Mode
    subset: str
    via: Link | EnginePort

    @property
    def port(self) -> HttpPort | EnginePort:
        """What its steps are performed on."""
        return self.via.port if isinstance(self.via, Link) else self.via


def plan(backend: Backend, compiled: Compiled[Any], messages: Sequence[Message], options: Options) -> Plan:
    """What `extract` would ask. Nothing is sent."""
    body = None
    if isinstance(backend.via, Link):
        caps = backend.via.caps
        body = from_json(caps.dialect.build(_question(backend, compiled, messages, options), caps).body)
    return Plan(
        backend=backend.name,
        mode=backend.mode,
        schema=compiled.schema,
        notes=compiled.notes,
        messages=tuple(messages),
        options=options,
        body=body,
        tokens=estimate_tokens(messages),
    )


def extract(backend: Backend, compiled: Compiled[T], messages: Sequence[Message], options: Options) -> Flow[Extraction[T]]:
    """One value of the compiled target from the messages. Raises any StructgenError, with `attempts`."""
    attempts: list[Attempt] = []
    conversation = tuple(messages)
    reasks = 0 if options.max_reasks is UNSET else options.max_reasks
    ends_at = time.monotonic() + options.deadline if isinstance(options.deadline, (int, float)) else None
    while True:
        began, answer = time.monotonic(), None
        try:
            answer = yield from _ask(backend, compiled, conversation, options, ends_at, attempts)
            asked = time.monotonic()
            value, absent = _read(answer, compiled)
        except StructgenError as error:
            attempts.append(_attempt(backend, answer, time.monotonic() - began, error))
            if reasks <= 0 or answer is None or not isinstance(error, (InvalidOutput, NotJson)):
                error.attempts = tuple(attempts)
                raise
            reasks -= 1
            conversation = (*messages, *reask(answer.text or "", _faults(error)))
        else:
            attempts.append(_attempt(backend, answer, time.monotonic() - began, None))
            seconds = {**(answer.seconds or {"answer": asked - began}), "check": time.monotonic() - asked}
            return _extraction(backend, compiled, answer, value, absent, attempts, seconds)


def _faults(error: InvalidOutput | NotJson) -> list[str]:
    return [str(violation) for violation in error.violations] if isinstance(error, InvalidOutput) else [error.message]


def _ask(
    backend: Backend,
    compiled: Compiled[Any],
    messages: Sequence[Message],
    options: Options,
    ends_at: float | None,
    attempts: list[Attempt],
) -> Flow[Answer]:
    """One answer, whichever way the backend is reached."""
    if isinstance(backend.via, Link):
        return (yield from exchange(backend.via, _question(backend, compiled, messages, options), options, ends_at, attempts))
    if ends_at is not None:
        options = replace(options, timeout=_within(options, ends_at))
    answer: Answer = yield Generate(backend.via, messages, compiled.schema, options)
    return answer


def _within(options: Options, ends_at: float) -> float:
    """Seconds one try may take: its own timeout, or what is left of the deadline."""
    left = ends_at - time.monotonic()
    if left <= 0:
        raise DeadlineExceeded("The deadline of the call is over.", hint="Raise `deadline`.")
    return left if options.timeout in (UNSET, None) else min(left, options.timeout)


def _question(backend: Backend, compiled: Compiled[Any], messages: Sequence[Message], options: Options) -> Ask:
    return Ask(
        model=backend.model,
        messages=messages,
        options=options,
        mode=backend.mode,
        schema=compiled.dumps(),
        name=compiled.target.name,
    )


def _read(answer: Answer, compiled: Compiled[T]) -> tuple[T, frozenset[str]]:
    """The value in an answer, and which of its fields the text did not state. Raises OutputErrors."""
    if answer.refusal:
        raise Refused("The model declined to answer.", refusal=answer.refusal, hint="Its words are in `refusal`.")
    text = _document_of(answer)
    if answer.finish in _STOPPED_EARLY:
        raise Truncated(
            f"The answer was cut off (finish reason {answer.finish!r}) after {answer.usage.completion_tokens} tokens.",
            partial=_salvaged(text),
            hint="Raise max_tokens, or ask for less in one call. What had come is in `partial`.",
        )
    if not text.strip():
        raise NotJson("The answer is empty.", hint="See `attempts` for what the model sent instead.")
    return compiled.read_json(text)


def _document_of(answer: Answer) -> str:
    """The text that should be the JSON document: a tool call's arguments, where the answer is one."""
    if answer.tool_calls:
        return str(answer.tool_calls[0].get("function", {}).get("arguments") or "")
    return answer.text or ""


def _salvaged(text: str) -> Any:
    """Plain data of what was closed when the text was cut, or None."""
    try:
        return from_json(text, allow_partial=True)
    except ValueError:
        return None


def _attempt(backend: Backend, answer: Answer | None, seconds: float, error: StructgenError | None) -> Attempt:
    return Attempt(
        backend=backend.name,
        mode=backend.mode,
        text=answer.text if answer else getattr(error, "failed_generation", None),
        finish=answer.finish if answer else None,
        usage=answer.usage if answer else Usage(),
        seconds=seconds,
        error=error,
    )


def _extraction(
    backend: Backend,
    compiled: Compiled[T],
    answer: Answer,
    value: T,
    absent: frozenset[str],
    attempts: list[Attempt],
    seconds: dict[str, float],
) -> Extraction[T]:
    notes = (*compiled.notes, *answer.notes)
    return Extraction(
        value=value,
        guarantee=_guarantee(backend, notes),
        notes=notes,
        absent=absent,
        usage=sum((attempt.usage for attempt in attempts), Usage()),
        attempts=tuple(attempts),
        seconds=seconds,
    )


def _guarantee(backend: Backend, notes: tuple[Note, ...]) -> Guarantee:
    held_by = {"decoder": "decoder", "strict": "server"}.get(backend.mode, "check")
    engine = backend.name if isinstance(backend.via, Link) else backend.via.name
    return Guarantee(by=held_by, engine=engine, checked=tuple(note for note in notes if note.action == "checked"))  # type: ignore[arg-type]
