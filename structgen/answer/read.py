"""Read an answer: a value, or the typed error that says why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

from pydantic_core import from_json

from structgen.answer.endings import ending_of, is_at_limit
from structgen.answer.grounding import require_grounded
from structgen.answer.repair import repair
from structgen.answer.ruled import UNRULED, Ruled
from structgen.answer.scanner import closed_part
from structgen.answer.unstated import Rules
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
from structgen.schema.json import resolve, short
from structgen.schema.json_text import parse_json
from structgen.values import Answer, Evidence, Rejected, Violation

T = TypeVar("T")

_RECOVERED: Final = "taken from what the server rejected"
_RAISE: Final = "Raise max_tokens, or ask for less in one call."
_ASK_AGAIN: Final = "Ask again: the server stopped for another reason than the token limit."
_OUT_OF_TOKENS: Final = "max completion tokens reached"
"""What Groq's error says when the model ran out of tokens, in lower case."""


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What a valid answer says."""

    value: T
    """The value, in the user's terms."""
    absent: frozenset[str]
    """JSON Pointers of the fields that the document does not state."""
    text: str
    """The JSON text that the value was read from."""
    repairs: tuple[str, ...] = ()
    """What was mended in the text."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    """Where each grounded value stands, by JSON Pointer."""
    rejected: tuple[Rejected, ...] = ()
    """The items that were left out because they are not valid."""
    ruled: Ruled = UNRULED
    """What the rules took out of the value."""


def read_answer(
    answer: Answer,
    compiled: Compiled[T],
    document: str | None = None,
    rules: Rules | None = None,
) -> Reading[T]:
    """Read a whole answer.

    Args:
        answer: The answer.
        compiled: The target, as the model was asked for it.
        document: The text that grounded values must be copied from; None if none is grounded.
        rules: What takes out texts that the document does not state; None keeps all.

    Returns:
        What it says.

    Raises:
        Refused: If the model declined, or a content filter stopped it.
        Truncated: If it was cut.
        NotJsonError: If it is not one JSON document.
        InvalidOutputError: If it is no value of the target.
    """
    text = json_text(answer)
    if answer.refusal or ending_of(answer.finish_reason) == "filtered":
        declined = "The model declined to answer."
        raise Refused(
            declined if answer.refusal else "A content filter stopped the answer.",
            refusal=answer.refusal or text,
            hint="What the model said is in `refusal`.",
        )
    if is_cut(answer):
        tokens = answer.usage.completion_tokens
        why = f"finish reason {answer.finish_reason!r}, {tokens} tokens"
        raise _cut_off(text, why, _RAISE if is_at_limit(answer.finish_reason) else _ASK_AGAIN)
    _require_one_call(answer, compiled.name)
    repairs = (_RECOVERED,) if answer.finish_reason == _RECOVERED else ()
    try:
        return _read_text(text, compiled, document, rules, repairs)
    except NotJsonError:
        if not text.strip():
            raise NotJsonError(
                "The answer is empty.",
                hint="See the backend's finish reason in `attempts`.",
            ) from None
        mended, done = repair(text)
        if not done:
            raise
        with suppress(NotJsonError):
            return _read_text(mended, compiled, document, rules, (*repairs, *done))
        raise


def _read_text(
    text: str,
    compiled: Compiled[T],
    document: str | None,
    rules: Rules | None,
    repairs: tuple[str, ...],
) -> Reading[T]:
    reading = None if rules is None else _read_by_rules(text, compiled, rules)
    if reading is None:
        reading = Reading(*compiled.read_json(text), text)
    _require_a_member(text, compiled, reading.absent)
    if document is None:
        return replace(reading, repairs=repairs)
    data = reading.ruled.data
    if not reading.ruled.removed:
        data = compiled.restored(parse_json(text))[0]
    found = require_grounded(compiled.target, data, document)
    value = validate(compiled.target, found.data) if found.repairs else reading.value
    repairs = (*repairs, *found.repairs)
    return replace(reading, value=value, repairs=repairs, evidence=found.evidence)


def _require_a_member(text: str, compiled: Compiled[Any], absent: frozenset[str]) -> None:
    """Raise InvalidOutputError if an answer has members, but none of the target's.

    A model that repeats the schema, or answers something else, gives such an object. It is valid
    if every field may be absent, but says nothing of the document.
    """
    schema = compiled.schema
    while isinstance(ref := schema.get("$ref"), str):
        schema = resolve(compiled.schema, ref)
    fields = schema.get("properties", {})
    if not fields or schema.get("additionalProperties") is not False:
        return
    if sum(path.count("/") == 1 for path in absent) < len(fields):
        return
    data = parse_json(text)
    if isinstance(data, dict) and data and not fields.keys() & data.keys():
        raise InvalidOutputError(
            "The answer is an object, but has none of the target's members.",
            violations=(Violation("", "", short(list(data)), f"members of {short(list(fields))}"),),
            hint="What the model wrote is in `attempts`.",
        )


def _read_by_rules(text: str, compiled: Compiled[T], rules: Rules) -> Reading[T] | None:
    """What an answer says by the rules; None if they change nothing, or make it invalid."""
    if not rules.may_change_text(text):
        return None
    data, absent = compiled.restored(parse_json(text))
    ruled = rules.apply(data)
    if not ruled.removed:
        return None
    try:
        value = validate(compiled.target, ruled.data)
    except InvalidOutputError:  # a validator of the user's wants what the rules took out
        return None
    return Reading(value, ruled.moved(absent) | ruled.absent, text, ruled=ruled)


def is_cut(answer: Answer) -> bool:
    """Whether an answer ended before the model was done, or may have, even if it looks whole.

    Not so if the decoder ended its values: then it is whole, and `shortened` says what is cut.
    """
    if answer.shortened or answer.finish_reason == _RECOVERED:
        return False
    return ending_of(answer.finish_reason) in ("cut", "failed", "unknown")


def _require_one_call(answer: Answer, name: str) -> None:
    """Raise InvalidOutputError if the model called several functions, or another one."""
    functions = [call.get("function") for call in answer.tool_calls]
    called = [function.get("name") for function in functions if isinstance(function, dict)]
    if len(answer.tool_calls) > 1:
        found = f"{len(answer.tool_calls)} calls: {', '.join(map(str, called))}"
        raise _wrong_call("The model made more than one call.", found, f"one call of {name}")
    if called and called[0] not in (None, "", name):
        raise _wrong_call(
            "The model called another function.", f"a call of {called[0]}", f"a call of {name}"
        )


def _wrong_call(message: str, found: str, wanted: str) -> InvalidOutputError:
    return InvalidOutputError(
        message,
        violations=(Violation("", "", found, wanted),),
        hint="What the model wrote is in `attempts`.",
    )


def _cut_off(text: str, why: str, remedy: str = _RAISE) -> Truncated:
    """The error for an answer that was cut, with what was closed in it by then."""
    if not text.strip():
        return Truncated(
            f"The answer was cut off before it began ({why}).",
            hint="Raise max_tokens: no answer fits into it, or thoughts took all of it.",
        )
    return Truncated(
        f"The answer was cut off ({why}).",
        partial=closed_part(text),
        hint=f"{remedy} What had come is in `partial`.",
    )


def recover_rejected(
    error: OutputRejectedError, compiled: Compiled[Any], document: str | None = None
) -> Answer | OutputError | None:
    """Read the text that a server rejected, although its own model wrote it.

    Args:
        error: The server's error.
        compiled: The target, as the model was asked for it.
        document: The text that grounded values must be copied from; None if none is grounded.

    Returns:
        The answer if the text is valid after all, else the error that says why not; None if the
        server did not send the text.
    """
    text = _rejected_text(error.failed_generation or "", error.code)
    if _OUT_OF_TOKENS in error.message.lower():
        return _cut_off(text, "the server ran out of tokens")
    if not text.strip():
        return None
    answer = Answer(text=text, finish_reason=_RECOVERED)
    try:
        read_answer(answer, compiled, document)
    except (InvalidOutputError, NotJsonError) as fault:
        return fault
    return answer


def breaks_schema(
    error: OutputError | OutputRejectedError, answer: Answer, compiled: Compiled[Any]
) -> bool:
    """Whether an answer is outside the compiled schema, so that nothing can have enforced it.

    Args:
        error: Why the answer gives no value.
        answer: The answer, which is whole.
        compiled: The target, as the model was asked for it.
    """
    if isinstance(error, NotJsonError):
        return bool(json_text(answer).strip())
    if not isinstance(error, InvalidOutputError):
        return False
    try:
        validate(compiled.schema, parse_json(json_text(answer)))
    except (InvalidOutputError, NotJsonError):
        return True
    return False


def _rejected_text(text: str, code: str | None) -> str:
    """The JSON in a rejected text; the arguments if it is a call (`{"name":, "arguments":}`)."""
    if code != "tool_use_failed":
        return text
    try:
        call = from_json(repair(text)[0])
    except ValueError:
        return text
    call = call[0] if isinstance(call, list) and len(call) == 1 else call
    arguments = call.get("arguments", call.get("parameters")) if isinstance(call, dict) else None
    if arguments is None:
        return text
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def json_text(answer: Answer) -> str:
    """The text that should be JSON: the arguments of a tool call, or the answer's text."""
    if answer.tool_calls:
        function = answer.tool_calls[0].get("function")
        return str(function.get("arguments") or "") if isinstance(function, dict) else ""
    return answer.text or ""
