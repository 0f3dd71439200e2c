"""Gemini's own format, `models/{model}:generateContent`: https://ai.google.dev/api/generate-content.

Replies and events are `GenerateContentResponse` objects: a stream's events hold the new parts of
the answer, and count its tokens from the beginning each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from pydantic_core import from_json, to_json

from structgen.errors import APIError, OutputRejectedError
from structgen.values import Answer, Reply, Request, Usage
from structgen.wire import error_bodies
from structgen.wire.dialect import Capabilities, Delta, Dialect
from structgen.wire.dialects.chat_shape import (
    answer_in_chat_shape,
    arguments_as_text,
    count,
    delta_in_chat_shape,
    tool_call,
)
from structgen.wire.dialects.gemini_requests import NAME, build
from structgen.wire.dialects.numbered_calls import CallCounter, calls_before
from structgen.wire.dialects.reading import (
    body_object,
    event_object,
    not_an_answer,
    number,
    objects,
    string,
)
from structgen.wire.sse import Decoder, Event

_API: Final = "a server of the Gemini API"
_FILTERED: Final = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "MODEL_ARMOR",
    }
)
"""Finish reasons of answers that a filter stopped."""
_FINISH_REASONS: Final = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(_FILTERED, "content_filter"),
}
"""Finish reasons in the words of Chat Completions. The others stay as they are: no clean end is
among them (OTHER, NO_IMAGE ...)."""
_REJECTED: Final = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
    }
)
"""Finish reasons of answers that the server rejects, though its own model wrote them."""
_BAD_KEY: Final = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED"})
"""Reasons of a 400 that is about the key."""


# ---- replies -------------------------------------------------------------------------


def parse(reply: Reply, caps: Capabilities, request: Request | None = None) -> Answer:
    """Read the answer in a reply.

    Args:
        reply: The whole reply.
        caps: The row of the server that sent it.
        request: The request it replies to; its texts are kept out of errors.

    Raises:
        APIError: If the reply is an error, whatever its status, or the server rejects what its
            model wrote.
        ServerError: If the status is 200 but the body is not an answer.
    """
    raw = body_object(_in_usual_form(reply), caps, request, _API)
    candidate = _candidate(raw)
    refusal = _block(raw)
    if candidate is None and refusal is None:
        raise not_an_answer(caps, "the body has no candidate", _API)
    candidate = candidate or {"finishReason": "PROHIBITED_CONTENT"}
    parts = _parts(candidate)
    _check_accepted(candidate, caps)
    calls = _calls(parts, raw)
    finish_reason = _finish_reason(candidate, has_calls=bool(calls))
    return answer_in_chat_shape(
        _head(raw),
        text=_texts(parts, thought=False),
        finish_reason=finish_reason,
        refusal=refusal or _refusal(candidate),
        reasoning=_texts(parts, thought=True),
        tool_calls=calls,
        usage=_usage(raw) or Usage(),
        native=_native(parts),
        logprobs=_logprobs(candidate.get("logprobsResult")),
    )


def parse_event(event: Event, caps: Capabilities, request: Request | None = None) -> Delta:
    """Read what an event of a stream adds to the answer.

    Args:
        event: The event.
        caps: The row of the server that sent it.
        request: The request it belongs to; its texts are kept out of errors.

    Raises:
        APIError: If the event holds an error, or the server rejects what its model wrote.
        StreamBrokenError: If the event is not a JSON object.
    """
    if b'"error"' in event.data:
        event = event._replace(data=_in_usual_form(Reply(200, {}, event.data)).body)
    raw = event_object(event, caps, request)
    if raw is None:
        return Delta()
    candidate, refusal = _candidate(raw), _block(raw)
    if candidate is None and refusal is not None:
        return delta_in_chat_shape(
            _head(raw),
            refusal=refusal,
            finish_reason="content_filter",
            usage=_usage(raw),
            done=True,
        )
    candidate = candidate or {}
    parts, before = _parts(candidate), calls_before(event)
    if "finishReason" not in candidate and _is_one_text(parts):  # most events
        return delta_in_chat_shape(_head(raw), text=parts[0]["text"], usage=_usage(raw))
    _check_accepted(candidate, caps)
    calls = _calls(parts, raw, before)
    return delta_in_chat_shape(
        _head(raw),
        text=_texts(parts, thought=False),
        reasoning=_texts(parts, thought=True),
        refusal=_refusal(candidate),
        tool_calls=[{"index": index, **call} for index, call in enumerate(calls, before)],
        finish_reason=_finish_reason(candidate, has_calls=bool(calls or before)),
        usage=_usage(raw),
        native=_native(parts),
    )


def parse_error(reply: Reply, caps: Capabilities, request: Request | None = None) -> APIError:
    """Turn an error reply into a typed error, which is returned.

    Args:
        reply: The reply; for an error event of a stream, a reply of status 200 with its data.
        caps: The row of the server that sent it.
        request: The request it replies to.
    """
    return error_bodies.parse_error(_in_usual_form(reply), caps, request)


# ---- errors --------------------------------------------------------------------------


def _check_accepted(candidate: Mapping[str, Any], caps: Capabilities) -> None:
    """Raise if the server rejects what its model wrote."""
    reason = string(candidate.get("finishReason"))
    if reason not in _REJECTED:
        return
    error = OutputRejectedError(
        f"{caps.provider} rejected what its model wrote ({reason}).",
        code=reason,
        hint="Ask again, or simplify the schema. `failed_generation` has what is told of it.",
    )
    error.failed_generation = string(candidate.get("finishMessage"))
    raise error


def _in_usual_form(reply: Reply) -> Reply:
    """A reply whose `google.rpc.Status` is written as other servers write errors.

    Its details say why (`ErrorInfo`) and when to try again (`RetryInfo`). Replies without an error
    stay as they are.
    """
    if b'"error"' not in reply.body:
        return reply
    try:
        raw = from_json(reply.body)
    except ValueError:
        return reply
    outer = raw[0] if isinstance(raw, list) and raw else raw
    error = outer.get("error") if isinstance(outer, dict) else None
    if not isinstance(error, dict) or not string(error.get("status")):
        return reply
    details = objects(error.get("details"))
    reason = next((one["reason"] for one in details if string(one.get("reason"))), None)
    wait = next((one["retryDelay"] for one in details if string(one.get("retryDelay"))), None)
    status = error.get("code") if reply.status == 200 else reply.status
    usual = {
        **error,
        "type": error["status"],
        "code": reason,
        "status_code": 401 if reason in _BAD_KEY else status,
    }
    headers = {**reply.headers, "retry-after": wait} if wait else reply.headers
    status = 401 if reply.status == 400 and reason in _BAD_KEY else reply.status
    return Reply(status, headers, to_json({"error": usual}, inf_nan_mode="constants"))


# ---- members -------------------------------------------------------------------------


def _head(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The names of an answer and of its model, as Chat Completions calls them."""
    return {"id": raw.get("responseId"), "model": raw.get("modelVersion")}


def _candidate(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    candidates = objects(raw.get("candidates"))
    return candidates[0] if candidates else None


def _block(raw: Mapping[str, Any]) -> str | None:
    """What is said of a prompt that was blocked; None if it was not."""
    feedback = raw.get("promptFeedback")
    reason = string(feedback.get("blockReason")) if isinstance(feedback, dict) else None
    if reason is None:
        return None
    told = string(feedback.get("blockReasonMessage")) if isinstance(feedback, dict) else None
    return told or f"The prompt was blocked: {reason}."


def _refusal(candidate: Mapping[str, Any]) -> str | None:
    """What is said of an answer that a filter stopped."""
    reason = string(candidate.get("finishReason"))
    if reason not in _FILTERED:
        return None
    return string(candidate.get("finishMessage")) or f"The answer was stopped: {reason}."


def _finish_reason(candidate: Mapping[str, Any], *, has_calls: bool) -> str | None:
    reason = string(candidate.get("finishReason")) or None
    if reason == "STOP" and has_calls:
        return "tool_calls"
    return _FINISH_REASONS.get(reason or "", reason)


def _parts(candidate: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = candidate.get("content")
    return objects(content.get("parts")) if isinstance(content, dict) else []


def _is_one_text(parts: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a text of the answer is all there is."""
    if len(parts) != 1 or len(parts[0]) != 1:
        return False
    return isinstance(parts[0].get("text"), str)


def _texts(parts: Sequence[Mapping[str, Any]], *, thought: bool) -> str | None:
    """The texts of the answer, or those of the reasoning; None if there are none."""
    found = [
        text
        for part in parts
        if (text := string(part.get("text"))) is not None and bool(part.get("thought")) is thought
    ]
    return "".join(found) if found else None


def _calls(
    parts: Sequence[Mapping[str, Any]], raw: Mapping[str, Any], before: int = 0
) -> list[dict[str, Any]]:
    """The calls of functions, each with an id: the server's own, or one made of what it says."""
    calls = []
    for place, part in enumerate(parts):
        call = part.get("functionCall")
        if not isinstance(call, dict):
            continue
        given = call.get("args")  # left out of a call without arguments
        name, arguments = (
            string(call.get("name")),
            arguments_as_text({} if given is None else given),
        )
        said = f"{raw.get('responseId')} {before + place} {name} {arguments}"
        made = sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        id_ = string(call.get("id")) or f"call_{made}"
        calls.append(tool_call(id_, name, arguments))
    return calls


def _native(parts: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The parts as they came, if they hold what must come back to the server: signatures."""
    is_needed = any("thoughtSignature" in part for part in parts)
    return {NAME: list(parts)} if is_needed else None


def _usage(raw: Mapping[str, Any]) -> Usage | None:
    counts = raw.get("usageMetadata")
    if not isinstance(counts, dict):
        return None
    thoughts = count(counts, "thoughtsTokenCount")
    return Usage(
        prompt_tokens=count(counts, "promptTokenCount") + count(counts, "toolUsePromptTokenCount"),
        completion_tokens=count(counts, "candidatesTokenCount") + thoughts,
        cached_tokens=count(counts, "cachedContentTokenCount"),
        reasoning_tokens=thoughts,
    )


def _logprobs(found: Any) -> tuple[tuple[str, float], ...]:
    chosen = objects(found.get("chosenCandidates")) if isinstance(found, dict) else []
    tokens: list[tuple[str, float]] = []
    for one in chosen:
        token, logprob = one.get("token"), number(one.get("logProbability"))
        if not isinstance(token, str) or logprob is None:
            return ()
        tokens.append((token, logprob))
    return tuple(tokens)


def _count_calls(data: bytes) -> int:
    try:
        raw = from_json(data)
    except ValueError:
        return 0
    candidate = _candidate(raw) if isinstance(raw, dict) else None
    return len(_calls(_parts(candidate), {})) if candidate is not None else 0


def _decoder() -> CallCounter:
    return CallCounter(Decoder(), b'"functionCall"', _count_calls)


GEMINI: Final = Dialect(build, parse, parse_event, parse_error, _decoder)
"""Gemini's native dialect."""
