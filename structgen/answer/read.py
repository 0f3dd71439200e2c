"""Reading an answer: its text as a value, mended where that invents nothing; or the typed error that says why it is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from pydantic_core import from_json

from structgen.answer.grounding import grounded
from structgen.answer.repair import repaired
from structgen.answer.scanner import salvage
from structgen.errors import (
    InvalidOutputError,
    NotJsonError,
    OutputError,
    OutputRejectedError,
    Refused,
    Truncated,
)
from structgen.schema.check import validate
from structgen.schema.compiler import Compiled
from structgen.schema.json_text import parse_json
from structgen.values import Answer, Evidence, Rejected

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """A valid answer: its value, the pointers of its absent fields, the text it was read from and what was mended in that, where
    its grounded values stand, and the items that were left out of it."""

    value: T
    absent: frozenset[str]
    text: str
    repairs: tuple[str, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()


_CUT: Final = frozenset({"length", "max_tokens", "abort", "repetition", "error"})
"""Finish reasons after which the text is not whole, whatever it looks like."""

_RECOVERED: Final = "taken from what the server rejected"
_OUT_OF_TOKENS: Final = "max completion tokens reached"


def read(answer: Answer, compiled: Compiled[T], source: str | None = None) -> Reading[T]:
    """What an answer says; its grounded values stand in `source`. Raises Refused, Truncated, NotJsonError and InvalidOutputError."""
    text = document(answer)
    if answer.refusal or answer.finish_reason == "content_filter":
        raise Refused(
            "The model declined to answer."
            if answer.refusal
            else "The answer was stopped by a content filter.",
            refusal=answer.refusal or text,
            hint="What it said is in `refusal`.",
        )
    if is_cut(answer):
        raise truncated(
            text, f"finish reason {answer.finish_reason!r}, {answer.usage.completion_tokens} tokens"
        )
    repairs = (_RECOVERED,) if answer.finish_reason == _RECOVERED else ()
    try:
        return _reading(text, compiled, source, repairs)
    except NotJsonError:
        if not text.strip():
            raise NotJsonError(
                "The answer is empty.",
                hint="See `attempts`, and the backend's finish reason there.",
            ) from None
        mended, done = repaired(text)
        if not done:
            raise
        with suppress(NotJsonError):
            return _reading(mended, compiled, source, (*repairs, *done))
        raise


def _reading(
    text: str, compiled: Compiled[T], source: str | None, repairs: tuple[str, ...]
) -> Reading[T]:
    value, absent = compiled.read_json(text)
    if source is None:
        return Reading(value, absent, text, repairs)
    found = grounded(compiled.target, compiled.restored(parse_json(text))[0], source)
    if found.repairs:
        value = validate(compiled.target, found.data)
    return Reading(value, absent, text, (*repairs, *found.repairs), found.evidence)


def is_cut(answer: Answer) -> bool:
    """Did it end before the model was done, so that its text is not whole, whatever it looks like?"""
    return answer.finish_reason in _CUT


def truncated(text: str, why: str) -> Truncated:
    """The error for an answer that was cut, with what was closed in it by then."""
    return Truncated(
        f"The answer was cut off ({why}).",
        partial=salvage(text),
        hint="Raise max_tokens, or ask for less in one call. What had come is in `partial`.",
    )


def rejected(
    error: OutputRejectedError, compiled: Compiled[Any], source: str | None = None
) -> Answer | OutputError | None:
    """What is in the text that a server rejected of its own model: an answer that is valid after all, or why it is none.

    None where the server kept the text to itself.
    """
    text = _unwrapped(error.failed_generation or "", error.code)
    if _OUT_OF_TOKENS in error.message.lower():
        return truncated(text, "the server ran out of tokens")
    if not text.strip():
        return None
    answer = Answer(text=text, finish_reason=_RECOVERED)
    try:
        read(answer, compiled, source)
    except (InvalidOutputError, NotJsonError) as fault:
        return fault
    return answer


def left_the_schema(
    error: OutputError | OutputRejectedError, answer: Answer, compiled: Compiled[Any]
) -> bool:
    """Is a whole answer no value of the compiled schema, so that nothing can have held it to that?"""
    if isinstance(error, NotJsonError):
        return bool(document(answer).strip())
    if not isinstance(error, InvalidOutputError):
        return False
    try:
        validate(compiled.schema, parse_json(document(answer)))
    except (InvalidOutputError, NotJsonError):
        return True
    return False


def _unwrapped(text: str, code: str | None) -> str:
    """The document in a rejected text: of a tool call (`{"name": ..., "arguments": ...}`), its arguments."""
    if code != "tool_use_failed":
        return text
    try:
        call = from_json(repaired(text)[0])
    except ValueError:
        return text
    call = call[0] if isinstance(call, list) and len(call) == 1 else call
    arguments = call.get("arguments", call.get("parameters")) if isinstance(call, dict) else None
    if arguments is None:
        return text
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def document(answer: Answer) -> str:
    """The text that should be the JSON document: a tool call's arguments, where the answer is one."""
    if answer.tool_calls:
        function = answer.tool_calls[0].get("function")
        return str(function.get("arguments") or "") if isinstance(function, dict) else ""
    return answer.text or ""
