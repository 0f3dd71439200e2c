"""Replies of Anthropic's Messages API: from bytes to answers, without any I/O.

Sources: platform.claude.com/docs/en/api/messages, .../build-with-claude/streaming and
.../handling-stop-reasons, and the types of anthropic 2.14.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from structgen.values import Answer, Reply, Request, Usage
from structgen.wire.dialect import Capabilities, Delta
from structgen.wire.dialects.anthropic_requests import NAME
from structgen.wire.dialects.anthropic_stream import BLOCKS
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
    event_object,
    json_text,
    not_an_answer,
    objects,
    string,
    texts,
)
from structgen.wire.sse import Event

_API: Final = "a server of Anthropic's Messages API"
_REASONS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
"""Stop reasons with their words in Chat Completions. Others, such as `pause_turn`, stay."""
_PLAIN_BLOCKS: Final = frozenset({"text", "tool_use"})
"""Blocks of which nothing is lost if they are sent back in the terms of Chat Completions."""


def parse(reply: Reply, caps: Capabilities, request: Request | None = None) -> Answer:
    """Read the answer in a reply.

    Args:
        reply: The whole reply.
        caps: The row of the server that sent it.
        request: The request it replies to; its texts are kept out of errors.

    Raises:
        APIError: If the reply is an error, whatever its status.
        ServerError: If the status is 200 but the body is not a message.
    """
    return _answer(body_object(reply, caps, request, _API), caps)


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
    kind = string(raw.get("type")) or event.name
    if kind == "message":  # a server that does not stream sends the whole answer
        return delta_of_answer(_answer(raw, caps))
    read = _EVENTS.get(kind)
    return read(raw) if read is not None else Delta()


# ---- whole answers -------------------------------------------------------------------


def _answer(raw: Mapping[str, Any], caps: Capabilities) -> Answer:
    if not isinstance(raw.get("content"), list):
        raise not_an_answer(caps, "the body has no list `content`", _API)
    blocks = objects(raw.get("content"))
    has_text = any(block.get("type") == "text" for block in blocks)
    calls = [_call(block) for block in blocks if block.get("type") == "tool_use"]
    is_plain = all(string(block.get("type")) in _PLAIN_BLOCKS for block in blocks)
    return answer_in_chat_shape(
        raw,
        text=texts(blocks, "text") if has_text else None,
        finish_reason=_finish_reason(raw),
        refusal=_refusal(raw),
        reasoning=texts(blocks, "thinking", "thinking") or None,
        tool_calls=calls,
        usage=_usage(raw.get("usage")),
        native=None if is_plain else {NAME: blocks},
    )


def _finish_reason(raw: Mapping[str, Any]) -> str | None:
    """Why the answer ended, in the words of Chat Completions."""
    reason = string(raw.get("stop_reason"))
    return _REASONS.get(reason, reason) if reason else None


def _refusal(raw: Mapping[str, Any]) -> str | None:
    """Why the model declined, if it did and says so."""
    details = raw.get("stop_details")
    if raw.get("stop_reason") != "refusal" or not isinstance(details, dict):
        return None
    return string(details.get("explanation"))


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    arguments = _arguments(block.get("input", {}))
    return tool_call(string(block.get("id")), string(block.get("name")), arguments)


def _arguments(found: Any) -> str:
    """The input of a call as JSON text. Gateways send a text that is no JSON as a text."""
    return found if isinstance(found, str) else json_text(found)


def _usage(usage: Any) -> Usage:
    """The token counts; what was written to the cache or read from it is not in `input_tokens`."""
    if not isinstance(usage, dict):
        return Usage()
    read = count(usage, "cache_read_input_tokens")
    written = count(usage, "cache_creation_input_tokens")
    return Usage(
        prompt_tokens=count(usage, "input_tokens") + read + written,
        completion_tokens=count(usage, "output_tokens"),
        cached_tokens=read,
        reasoning_tokens=count(usage.get("output_tokens_details"), "thinking_tokens"),
    )


# ---- events --------------------------------------------------------------------------


def _message_starts(raw: Mapping[str, Any]) -> Delta:
    message = raw.get("message")
    if not isinstance(message, dict):
        return Delta()
    return delta_in_chat_shape(message, usage=_usage(message.get("usage")))


def _block_starts(raw: Mapping[str, Any]) -> Delta:
    block = raw.get("content_block")
    kind = string(block.get("type")) if isinstance(block, dict) else None
    if not isinstance(block, dict) or kind not in BLOCKS:
        return Delta()
    if kind == "text":
        return delta_in_chat_shape({}, text=string(block.get("text")))
    if kind == "thinking":
        return delta_in_chat_shape({}, reasoning=string(block.get("thinking")))
    # The input follows in pieces, and is empty here; gateways may send it whole.
    arguments = _arguments(block["input"]) if block.get("input") else ""
    call = tool_call(string(block.get("id")), string(block.get("name")), arguments)
    return delta_in_chat_shape({}, tool_calls=[{"index": count(raw, "index"), **call}])


def _block_grows(raw: Mapping[str, Any]) -> Delta:
    delta = raw.get("delta")
    kind = delta.get("type") if isinstance(delta, dict) else None
    if not isinstance(delta, dict) or kind is None:
        return Delta()
    if kind == "text_delta":
        return text_delta(string(delta.get("text")))
    if kind == "thinking_delta":
        return delta_in_chat_shape({}, reasoning=string(delta.get("thinking")))
    if kind != "input_json_delta":
        return Delta()
    function = {"arguments": string(delta.get("partial_json")) or ""}
    return delta_in_chat_shape(
        {}, tool_calls=[{"index": count(raw, "index"), "function": function}]
    )


def _message_grows(raw: Mapping[str, Any]) -> Delta:
    delta = raw.get("delta")
    ended = delta if isinstance(delta, dict) else {}
    return delta_in_chat_shape(
        {},
        finish_reason=_finish_reason(ended),
        refusal=_refusal(ended),
        usage=_usage(raw.get("usage")),
    )


def _message_stops(raw: Mapping[str, Any]) -> Delta:
    return delta_in_chat_shape(raw, done=True)


_EVENTS: Final[Mapping[str, Callable[[Mapping[str, Any]], Delta]]] = {
    "message_start": _message_starts,
    "content_block_start": _block_starts,
    "content_block_delta": _block_grows,
    "message_delta": _message_grows,
    "message_stop": _message_stops,
}
"""What each event adds. `ping`, `content_block_stop` and events of other types add nothing."""
