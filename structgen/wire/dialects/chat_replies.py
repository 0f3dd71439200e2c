"""Replies of the Chat Completions format: from bytes to answers, without any I/O.

A reply is parsed into plain data: no model is built for it, and members that we do not know are
kept. If something is missing or has the wrong type, a typed error is raised; no answer is ever
half filled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import from_json

from structgen.answer.endings import ending_of
from structgen.errors import APIError, ServerError, StreamBrokenError
from structgen.values import Answer, Reply, Request, Usage
from structgen.wire.dialect import Capabilities, Delta
from structgen.wire.dialects.reading import error_in, json_text, number, read_logprobs
from structgen.wire.error_bodies import parse_error
from structgen.wire.own_server import decided_in, names_in
from structgen.wire.sse import Event

_NO_USAGE: Final = Usage()
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_END_MARKS: Final = (b"[DONE]", b'"[DONE]"')
_NOTHING: Final = (b"", b"null")
"""Events of servers that only keep the connection alive."""
_MAX_COUNT: Final = 1 << 53
"""No count of tokens is as large as this; JSON numbers from here on are not exact."""


def parse(reply: Reply, caps: Capabilities, request: Request | None = None) -> Answer:
    """Read the answer in a reply.

    Args:
        reply: The whole reply.
        caps: The row of the server that sent it.
        request: The request it replies to; its texts are kept out of errors.

    Raises:
        APIError: If the reply is an error, whatever its status.
        ServerError: If the status is 200 but the body is not a chat completion.
    """
    if not 200 <= reply.status < 300:
        raise parse_error(reply, caps, request)
    try:
        raw = from_json(reply.body.removeprefix(_BYTE_ORDER_MARK))
    except ValueError:
        raise _not_a_completion(caps, "the body is not JSON") from None
    if not isinstance(raw, dict):
        raise _not_a_completion(caps, "the body is not a JSON object")
    if _is_error(raw):
        raise parse_error(reply, caps, request)
    choice = _first_choice(raw)
    message = choice.get("message") if choice is not None else None
    if choice is not None and _has_failed(choice):
        raise _failure_of(choice, caps, request)
    if choice is None or not isinstance(message, dict):
        raise _not_a_completion(caps, "the body has no choice with a message")
    usage = raw.get("usage")
    return Answer(
        text=_text(message.get("content")),
        finish_reason=_string(choice.get("finish_reason")) or None,
        refusal=_string(message.get("refusal")),
        reasoning=_reasoning(message),
        tool_calls=_calls(message.get("tool_calls")),
        usage=_usage(usage),
        model=_string(raw.get("model")),
        id=_string(raw.get("id")),
        seconds=_server_seconds(usage, raw.get("timings")),
        logprobs=_logprobs(choice.get("logprobs")),
        shortened=names_in(raw, "shortened"),
        shortened_by=names_in(raw, "shortened_by"),
        repeated=names_in(raw, "repeated"),
        **decided_in(raw),
        raw=raw,
    )


def parse_event(event: Event, caps: Capabilities, request: Request | None = None) -> Delta:
    """Read what an event of a stream adds to the answer.

    Args:
        event: The event.
        caps: The row of the server that sent it.
        request: The request it belongs to; its texts are kept out of errors.

    Raises:
        APIError: If the event holds an error.
        StreamBrokenError: If the event is not a JSON object.
    """
    data = event.data.strip()
    if data in _END_MARKS:
        return Delta(done=True)
    if data in _NOTHING and event.name != "error":
        return Delta()
    try:
        raw = from_json(event.data)
    except ValueError:
        raw = None
    if event.name == "error" or isinstance(raw, list) or (raw.__class__ is dict and _is_error(raw)):
        raise error_in(event.data, caps, request)
    if not isinstance(raw, dict):
        raise StreamBrokenError(
            "An event of the stream is not a JSON object.",
            sent=True,
            hint="The stream was cut or changed on its way. Ask again.",
        )
    usage = raw.get("usage")
    if "x_groq" in raw and isinstance(groq := raw["x_groq"], dict):
        if groq.get("error"):
            body = {"error": {"message": groq["error"], "request_id": groq.get("id")}}
            raise error_in(body, caps, request)
        usage = usage or groq.get("usage")
    counted = _usage(usage) if usage else None
    choice = _first_choice(raw)
    if choice is None:
        if raw.get("choices") is None and "message" in raw:
            raise error_in(event.data, caps, request)
        return Delta(usage=counted, raw=raw)
    if _has_failed(choice):
        raise _failure_of(choice, caps, request)
    delta = _choice_delta(choice, counted, raw)
    if "x_structgen" not in raw:
        return delta
    return delta._replace(
        shortened=names_in(raw, "shortened"),
        shortened_by=names_in(raw, "shortened_by"),
        repeated=names_in(raw, "repeated"),
    )


def _choice_delta(choice: dict[str, Any], usage: Usage | None, raw: dict[str, Any]) -> Delta:
    delta = choice.get("delta")
    finish_reason = _string(choice.get("finish_reason")) or None
    # A server that does not stream sends the whole answer as one event.
    whole = delta is None and isinstance(choice.get("message"), dict)
    if whole:
        raw = _as_chunk(raw)
        delta = raw["choices"][0]["delta"]
    if not isinstance(delta, dict):
        return Delta(finish_reason=finish_reason, usage=usage, raw=raw)
    text = delta.get("content")
    if text.__class__ is str and len(delta) == 1:  # most events
        return Delta(text, None, None, (), finish_reason, usage, raw, whole)
    return Delta(
        text=_text(text),
        reasoning=_reasoning(delta),
        refusal=_string(delta.get("refusal")),
        tool_calls=_calls(delta.get("tool_calls")),
        finish_reason=finish_reason,
        usage=usage,
        raw=raw,
        done=whole,
    )


def _as_chunk(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a whole answer into the one event that says all of it."""
    choices = []
    for choice in raw["choices"]:
        rest = {name: value for name, value in choice.items() if name != "message"}
        message = dict(choice.get("message") or {})
        calls = message.get("tool_calls")
        if isinstance(calls, list):
            message["tool_calls"] = [
                {"index": index, **call}
                for index, call in enumerate(calls)
                if isinstance(call, dict)
            ]
        choices.append({**rest, "delta": message})
    return {**raw, "object": "chat.completion.chunk", "choices": choices}


# ---- errors --------------------------------------------------------------------------


def _is_error(raw: Mapping[str, Any]) -> bool:
    return bool(raw.get("error")) or raw.get("object") == "error"


def _has_failed(choice: Mapping[str, Any]) -> bool:
    """Whether the server, or one behind it, failed while it answered."""
    if choice.get("error"):
        return True
    finish_reason = choice.get("finish_reason")  # None in nearly every event of a stream
    return isinstance(finish_reason, str) and ending_of(finish_reason) == "failed"


def _failure_of(choice: Mapping[str, Any], caps: Capabilities, request: Request | None) -> APIError:
    if isinstance(error := choice.get("error"), dict):
        return error_in({"error": error}, caps, request)
    return ServerError(
        f"{caps.provider} failed while it answered.",
        hint="Ask again.",
    )


def _not_a_completion(caps: Capabilities, why: str) -> ServerError:
    return ServerError(
        f"{caps.provider} answered 200, but {why}.",
        status_code=200,
        hint="Check that `base_url` is the address of a Chat Completions server.",
    )


# ---- members -------------------------------------------------------------------------


def _first_choice(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    """The choice of index 0; if none says so, the first one."""
    choices = raw.get("choices")
    if not isinstance(choices, list) or not choices:
        return None
    first = choices[0]
    if len(choices) > 1:
        first = next(
            (one for one in choices if isinstance(one, dict) and one.get("index") == 0), first
        )
    return first if isinstance(first, dict) else None


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _objects(value: Any) -> tuple[dict[str, Any], ...]:
    if not isinstance(value, list):
        return ()
    return tuple(item for item in value if isinstance(item, dict))


def _calls(value: Any) -> tuple[dict[str, Any], ...]:
    """The calls of tools. Some servers write the arguments as an object, not as JSON text."""
    return tuple(_with_text_arguments(call) for call in _objects(value))


def _with_text_arguments(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(arguments, dict | list):
        return call
    return {**call, "function": {**function, "arguments": json_text(arguments)}}


def _text(content: Any) -> str | None:
    """The text of a message. Mistral's reasoning models send a list of parts, not all texts."""
    if not isinstance(content, list):
        return _string(content)
    texts = (part.get("text") for part in _objects(content))
    return "".join(text for text in texts if isinstance(text, str))


def _reasoning(message: Mapping[str, Any]) -> str | None:
    """The reasoning of a message: in a member of its own, or in parts of the content."""
    own = message.get("reasoning") or message.get("reasoning_content")
    content = message.get("content")
    if own or not isinstance(content, list):
        return _string(own)
    # A part of Mistral has the type "thinking" and a list of texts under the same name.
    texts = [_text(part.get("thinking")) for part in _objects(content)]
    return "".join(text for text in texts if text) or None


def _logprobs(found: Any) -> tuple[tuple[str, float], ...]:
    """The tokens of an answer with their log-probabilities, from `logprobs` of a choice."""
    return read_logprobs(found.get("content") if isinstance(found, dict) else None)


def _usage(usage: Any) -> Usage:
    if not isinstance(usage, dict):
        return _NO_USAGE
    return Usage(
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        cached_tokens=_count(usage.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_count(usage.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _count(counts: Any, name: str) -> int:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) and 0 < value < _MAX_COUNT else 0


_GROQ_SECONDS: Final = (
    ("queue", "queue_time"),
    ("prefill", "prompt_time"),
    ("decode", "completion_time"),
)
_LLAMA_CPP_MILLISECONDS: Final = (("prefill", "prompt_ms"), ("decode", "predicted_ms"))


def _server_seconds(usage: Any, timings: Any) -> dict[str, float]:
    """Where the server's time went, in seconds: Groq says it in `usage`, llama.cpp in `timings`."""
    seconds: dict[str, float] = {}
    if isinstance(usage, dict):
        for ours, theirs in _GROQ_SECONDS:
            if (value := number(usage.get(theirs))) is not None:
                seconds[ours] = value
    if isinstance(timings, dict):
        for ours, theirs in _LLAMA_CPP_MILLISECONDS:
            if (value := number(timings.get(theirs))) is not None:
                seconds[ours] = value * 1e-3
    return seconds
