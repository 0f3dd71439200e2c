"""Replies of OpenAI's Responses API: from bytes to answers, without any I/O.

Source: platform.openai.com/docs/api-reference/responses and its streaming events, and the types of
openai 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from structgen.errors import APIError, ServerError
from structgen.values import Answer, Reply, Request, Usage
from structgen.wire.dialect import Capabilities, Delta
from structgen.wire.dialects.chat_shape import (
    answer_in_chat_shape,
    count,
    delta_in_chat_shape,
    delta_of_answer,
    text_delta,
    tool_call,
)
from structgen.wire.dialects.reading import (
    body_object,
    error_in,
    event_object,
    json_text,
    not_an_answer,
    objects,
    read_logprobs,
    string,
    texts,
)
from structgen.wire.dialects.responses_requests import NAME
from structgen.wire.sse import Event

_API: Final = "a server of the Responses API"
_REASONS: Final = {"max_output_tokens": "length"}
"""Reasons for incomplete answers, with their words in Chat Completions."""
_PLAIN_ITEMS: Final = frozenset({"message", "function_call"})
"""Items of which nothing is lost if they are sent back in the terms of Chat Completions."""
_BETWEEN_SUMMARIES: Final = "\n\n"


def parse(reply: Reply, caps: Capabilities, request: Request | None = None) -> Answer:
    """Read the answer in a reply.

    Args:
        reply: The whole reply.
        caps: The row of the server that sent it.
        request: The request it replies to; its texts are kept out of errors.

    Raises:
        APIError: If the reply is an error, whatever its status.
        ServerError: If the status is 200 but the body is not a response.
    """
    return _answer(body_object(reply, caps, request, _API), caps, request)


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
        return Delta()
    if raw.get("object") == "response":  # a server that does not stream sends the whole answer
        return delta_of_answer(_answer(raw, caps, request))
    kind = string(raw.get("type")) or event.name
    if kind in _ENDS:
        return _end({**raw, "type": kind}, caps, request)
    read = _EVENTS.get(kind)
    return read(raw) if read is not None else Delta()


# ---- whole answers -------------------------------------------------------------------


def _answer(raw: Mapping[str, Any], caps: Capabilities, request: Request | None) -> Answer:
    if raw.get("status") == "failed":
        raise _failure(raw, caps, request)
    if not isinstance(raw.get("output"), list):
        raise not_an_answer(caps, "the body has no list `output`", _API)
    items = objects(raw.get("output"))
    messages = [item for item in items if item.get("type") == "message"]
    calls = [item for item in items if item.get("type") == "function_call"]
    parts = [part for message in messages for part in objects(message.get("content"))]
    has_text = any(part.get("type") == "output_text" for part in parts)
    refusal = texts(parts, "refusal", "refusal")
    reasoning = "".join(_reasoning(item) for item in items if item.get("type") == "reasoning")
    return answer_in_chat_shape(
        raw,
        text=texts(parts, "output_text") if has_text else None,
        finish_reason=_finish_reason(raw),
        refusal=refusal or None,
        reasoning=reasoning or None,
        tool_calls=[_call(item) for item in calls],
        usage=_usage(raw.get("usage")),
        native=_native(raw),
        logprobs=_logprobs(parts),
    )


def _failure(raw: Mapping[str, Any], caps: Capabilities, request: Request | None) -> APIError:
    if isinstance(error := raw.get("error"), dict):
        return error_in({"error": error}, caps, request)
    return ServerError(f"{caps.provider} failed while it answered.", hint="Ask again.")


def _finish_reason(raw: Mapping[str, Any]) -> str | None:
    """Why the answer ended, in the words of Chat Completions."""
    status = string(raw.get("status"))
    if status == "incomplete":
        details = raw.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return _REASONS.get(str(reason), string(reason) or status)
    if status != "completed":
        return status
    items = objects(raw.get("output"))
    if any(item.get("status") == "incomplete" for item in items):
        return "incomplete"
    kinds = [item.get("type") for item in items]
    return "tool_calls" if "function_call" in kinds else "stop"


def _reasoning(item: Mapping[str, Any]) -> str:
    """The summary of a reasoning item, and the reasoning itself if the server shows it."""
    parts = [part.get("text") for part in objects(item.get("summary"))]
    summary = _BETWEEN_SUMMARIES.join(part for part in parts if isinstance(part, str))
    return summary + texts(item.get("content"), "reasoning_text")


def _call(item: Mapping[str, Any]) -> dict[str, Any]:
    arguments = item.get("arguments")
    text = arguments if isinstance(arguments, str) else json_text(arguments or {})
    return tool_call(string(item.get("call_id")), string(item.get("name")), text)


def _native(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    """The items as they came, if Chat Completions has no words for one of them."""
    items = objects(raw.get("output"))
    is_plain = all(string(item.get("type")) in _PLAIN_ITEMS for item in items)
    return None if is_plain else {NAME: items}


def _usage(usage: Any) -> Usage:
    if not isinstance(usage, dict):
        return Usage()
    return Usage(
        prompt_tokens=count(usage, "input_tokens"),
        completion_tokens=count(usage, "output_tokens"),
        cached_tokens=count(usage.get("input_tokens_details"), "cached_tokens"),
        reasoning_tokens=count(usage.get("output_tokens_details"), "reasoning_tokens"),
    )


def _logprobs(parts: list[dict[str, Any]]) -> tuple[tuple[str, float], ...]:
    """The tokens of the texts with their log-probabilities."""
    found = [part.get("logprobs") for part in parts if part.get("type") == "output_text"]
    tokens = [token for listed in found if isinstance(listed, list) for token in listed]
    return read_logprobs(tokens)


# ---- events --------------------------------------------------------------------------


def _end(raw: Mapping[str, Any], caps: Capabilities, request: Request | None) -> Delta:
    """The event that ends the answer. It repeats all of it, of which only the end is new."""
    response = raw.get("response")
    if not isinstance(response, dict):
        return Delta()
    if not isinstance(response.get("status"), str):
        response = {**response, "status": str(raw["type"]).removeprefix("response.")}
    if response.get("status") == "failed":
        raise _failure(response, caps, request)
    return delta_in_chat_shape(
        response,
        finish_reason=_finish_reason(response),
        usage=_usage(response.get("usage")),
        native=_native(response),
        done=True,
    )


def _created(raw: Mapping[str, Any]) -> Delta:
    response = raw.get("response")
    return delta_in_chat_shape(response if isinstance(response, dict) else raw)


def _text_delta(raw: Mapping[str, Any]) -> Delta:
    return text_delta(string(raw.get("delta")))


def _refusal_delta(raw: Mapping[str, Any]) -> Delta:
    return delta_in_chat_shape({}, refusal=string(raw.get("delta")))


def _reasoning_delta(raw: Mapping[str, Any]) -> Delta:
    return delta_in_chat_shape({}, reasoning=string(raw.get("delta")))


def _summary_begins(raw: Mapping[str, Any]) -> Delta:
    is_first = not count(raw, "summary_index")
    return delta_in_chat_shape({}, reasoning=None if is_first else _BETWEEN_SUMMARIES)


def _item_begins(raw: Mapping[str, Any]) -> Delta:
    item = raw.get("item")
    if not isinstance(item, dict) or item.get("type") != "function_call":
        return Delta()
    call = tool_call(
        string(item.get("call_id")), string(item.get("name")), string(item.get("arguments")) or ""
    )
    return delta_in_chat_shape({}, tool_calls=[{"index": count(raw, "output_index"), **call}])


def _arguments_delta(raw: Mapping[str, Any]) -> Delta:
    part = {
        "index": count(raw, "output_index"),
        "function": {"arguments": string(raw.get("delta")) or ""},
    }
    return delta_in_chat_shape({}, tool_calls=[part])


_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
_EVENTS: Final[Mapping[str, Callable[[Mapping[str, Any]], Delta]]] = {
    "response.created": _created,
    "response.output_text.delta": _text_delta,
    "response.refusal.delta": _refusal_delta,
    "response.reasoning_text.delta": _reasoning_delta,
    "response.reasoning_summary_text.delta": _reasoning_delta,
    "response.reasoning_summary_part.added": _summary_begins,
    "response.output_item.added": _item_begins,
    "response.function_call_arguments.delta": _arguments_delta,
}
"""What each event adds. Events of other types repeat what these said, or say nothing of it."""
