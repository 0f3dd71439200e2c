"""Replies of the Chat Completions format: from bytes to answers, without any I/O.

A reply is parsed into plain data: no model is built for it, and members that we do not know are
kept. If something is missing or has the wrong type, a typed error is raised; no answer is ever
half filled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from structgen.answer.endings import ending_of
from structgen.errors import APIError, ServerError
from structgen.values import Answer, Reply, Request, Usage
from structgen.wire.dialect import Capabilities, Delta
from structgen.wire.dialects.chat_shape import count
from structgen.wire.dialects.reading import (
    body_object,
    error_in,
    event_object,
    json_text,
    not_an_answer,
    number,
    objects,
    read_logprobs,
    string,
)
from structgen.wire.own_server import decided_in, names_in
from structgen.wire.sse import Event

_NO_USAGE: Final = Usage()
_END_MARKS: Final = (b"[DONE]", b'"[DONE]"')
_API: Final = "a Chat Completions server"


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
    raw = body_object(reply, caps, request, _API)
    choice = _first_choice(raw)
    message = choice.get("message") if choice is not None else None
    if choice is not None and _has_failed(choice):
        raise _failure_of(choice, caps, request)
    if choice is None or not isinstance(message, dict):
        raise not_an_answer(caps, "the body has no choice with a message", _API)
    usage = raw.get("usage")
    return Answer(
        text=_text(message.get("content")),
        finish_reason=string(choice.get("finish_reason")) or None,
        refusal=string(message.get("refusal")),
        reasoning=_reasoning(message),
        tool_calls=_calls(message.get("tool_calls")),
        usage=_usage(usage),
        model=string(raw.get("model")),
        id=string(raw.get("id")),
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
    raw = event_object(event, caps, request)
    if raw is None:
        return Delta(done=event.data.strip() in _END_MARKS)
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
    finish_reason = string(choice.get("finish_reason")) or None
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
        refusal=string(delta.get("refusal")),
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


def _calls(value: Any) -> tuple[dict[str, Any], ...]:
    """The calls of tools. Some servers write the arguments as an object, not as JSON text."""
    return tuple(_with_text_arguments(call) for call in objects(value))


def _with_text_arguments(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(arguments, dict | list):
        return call
    return {**call, "function": {**function, "arguments": json_text(arguments)}}


def _text(content: Any) -> str | None:
    """The text of a message. Mistral's reasoning models send a list of parts, not all texts."""
    if not isinstance(content, list):
        return string(content)
    texts = (part.get("text") for part in objects(content))
    return "".join(text for text in texts if isinstance(text, str))


def _reasoning(message: Mapping[str, Any]) -> str | None:
    """The reasoning of a message: in a member of its own, or in parts of the content."""
    own = message.get("reasoning") or message.get("reasoning_content")
    content = message.get("content")
    if own or not isinstance(content, list):
        return string(own)
    # A part of Mistral has the type "thinking" and a list of texts under the same name.
    texts = [_text(part.get("thinking")) for part in objects(content)]
    return "".join(text for text in texts if text) or None


def _logprobs(found: Any) -> tuple[tuple[str, float], ...]:
    """The tokens of an answer with their log-probabilities, from `logprobs` of a choice."""
    return read_logprobs(found.get("content") if isinstance(found, dict) else None)


def _usage(usage: Any) -> Usage:
    if not isinstance(usage, dict):
        return _NO_USAGE
    return Usage(
        prompt_tokens=count(usage, "prompt_tokens"),
        completion_tokens=count(usage, "completion_tokens"),
        cached_tokens=count(usage.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=count(usage.get("completion_tokens_details"), "reasoning_tokens"),
    )


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
