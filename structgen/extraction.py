"""The extraction flow: ask, read, decode, prove; ask again with the violations; and say what held the value.

The flow is one generator for every backend, sync and async. It ends in an `Extraction` or in a typed error that carries every attempt.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import from_json

from structgen.dialects.base import Ask, Capabilities
from structgen.errors import InvalidOutput, NotJson, OutputError, Refused, StructgenError, Truncated
from structgen.flow import EnginePort, Flow, Generate, HttpPort, exchange
from structgen.prompt import estimate_tokens, reask
from structgen.types import UNSET, Answer, Attempt, Extraction, Guarantee, Message, Mode, Note, Options, Plan, Usage

if TYPE_CHECKING:
    from structgen.schema.compiler import Compiled

T = TypeVar("T")

_STOPPED_EARLY = {"length", "max_tokens", "content_filter", "abort", "repetition"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One model and the way to it: an HTTP port with a row of capabilities, or an engine in this process.

    `name` is for people ("groq:openai/gpt-oss-20b"); `subset` names the schema language its `mode` holds answers to.
    """

    name: str
    model: str
    mode: Mode
    subset: str
    http: HttpPort | None = None
    engine: EnginePort | None = None
    capabilities: Capabilities | None = None


def plan(backend: Backend, compiled: Compiled[Any], messages: Sequence[Message], options: Options) -> Plan:
    """What `extract` would ask. Nothing is sent."""
    body = None
    if backend.capabilities is not None:
        body = from_json(backend.capabilities.dialect.build(_question(backend, compiled, messages, options), backend.capabilities).body)
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
    ends_at = None if options.deadline in (UNSET, None) else time.monotonic() + options.deadline
    while True:
        began, answer, fault = time.monotonic(), None, None
        try:
            answer = yield from _ask(backend, compiled, conversation, options, ends_at)
            asked = time.monotonic()
            value, absent = _read(answer, compiled)
        except StructgenError as error:
            fault = error
        attempts.append(_attempt(backend, answer, time.monotonic() - began, fault))
        if fault is None:
            seconds = {**(answer.seconds or {"answer": asked - began}), "check": time.monotonic() - asked}
            return _extraction(backend, compiled, answer, value, absent, attempts, seconds)
        if reasks <= 0 or answer is None or not isinstance(fault, (InvalidOutput, NotJson)):
            fault.attempts = tuple(attempts)
            raise fault
        reasks -= 1
        faults = [str(violation) for violation in fault.violations] if isinstance(fault, InvalidOutput) else [fault.message]
        conversation = (*messages, *reask(answer.text or "", faults))


def _ask(
    backend: Backend, compiled: Compiled[Any], messages: Sequence[Message], options: Options, ends_at: float | None
) -> Flow[Answer]:
    """One answer, whichever way the backend is reached."""
    if backend.engine is not None:
        answer: Answer = yield Generate(backend.engine, messages, compiled.schema, options)
        return answer
    assert backend.http is not None
    assert backend.capabilities is not None
    question = _question(backend, compiled, messages, options)
    reply = yield from exchange(backend.http, question, backend.capabilities, options, ends_at)
    return backend.capabilities.dialect.parse(reply, backend.capabilities)


def _question(backend: Backend, compiled: Compiled[Any], messages: Sequence[Message], options: Options) -> Ask:
    return Ask(
        model=backend.model,
        messages=messages,
        options=options,
        mode=backend.mode,
        schema=compiled.schema,
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
    engine = backend.engine.name if backend.engine is not None else backend.name
    return Guarantee(by=held_by, engine=engine, checked=tuple(note for note in notes if note.action == "checked"))  # type: ignore[arg-type]
