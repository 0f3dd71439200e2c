"""Ollama's own format, `/api/chat`: https://docs.ollama.com/api/chat and its `api/types.go`.

It holds answers to the schema in `format`, streams one JSON text per line, and takes the options of
its runner (`num_ctx` and others, as `extra_body={"options": {...}}`). Unless the call says
otherwise, a prompt that is longer than the context is an error, and so no part of a document is
left out without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from pydantic_core import from_json

from structgen.errors import APIError, InputError
from structgen.values import Answer, Reply, Request, Usage
from structgen.wire import error_bodies
from structgen.wire.dialect import Capabilities, ChatRequest, Delta, Dialect, post, to_json
from structgen.wire.dialects.chat_shape import (
    answer_in_chat_shape,
    arguments_as_text,
    count,
    delta_in_chat_shape,
    tool_call,
)
from structgen.wire.dialects.given import (
    check_max_tokens,
    given_format,
    given_tool,
    parameters,
    refuse_rest,
    take_renamed,
    with_extra_body,
)
from structgen.wire.dialects.given_messages import calls_of, parts_of, plain_messages
from structgen.wire.dialects.numbered_calls import CallCounter, calls_before
from structgen.wire.dialects.reading import (
    body_object,
    event_object,
    not_an_answer,
    number,
    objects,
    string,
)
from structgen.wire.ndjson import LineDecoder
from structgen.wire.sse import Event

_API: Final = "a server of the Ollama API"
_WRITTEN: Final = frozenset({"model", "messages", "stream", "format"})
_OPTIONS: Final = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "max_tokens": "num_predict",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
"""Parameters of Chat Completions, with their names among the runner's options."""
_THINK: Final = {"none": False, "default": True, "minimal": "low", "xhigh": "high"}
"""Levels of reasoning that have another name here."""
_ROLES: Final = {"developer": "system", "function": "tool"}
_TEXT_ALONE: Final = frozenset({"role", "content"})
"""Members of the message of an event that only adds text."""
_NANO: Final = 1e-9
_DURATIONS: Final = (
    ("load", "load_duration"),
    ("prefill", "prompt_eval_duration"),
    ("decode", "eval_duration"),
)


# ---- requests ------------------------------------------------------------------------


def build(chat_request: ChatRequest, caps: Capabilities) -> Request:
    """Turn a chat request into an HTTP request.

    Args:
        chat_request: The request to send.
        caps: The row of the server.

    Raises:
        ConfigurationError: If the server does not take something that the request has.
        InputError: If the messages cannot be said in this format.
    """
    members = parameters(chat_request, caps)
    check_max_tokens(members.get("max_tokens"), chat_request, caps)
    body: dict[str, Any] = {
        "model": chat_request.model,
        "messages": _messages(chat_request, caps),
        "stream": chat_request.stream,
        "truncate": False,
        "shift": False,
        **_taken(members),
    }
    schema = _format(chat_request, members.pop("response_format", None))
    refuse_rest(members, chat_request, caps)
    written = to_json(with_extra_body(body, chat_request, _WRITTEN))
    if schema:
        written = b'%b,"format":%b}' % (written[:-1], schema)
    return post(caps.path, written, chat_request, caps)


def _taken(members: dict[str, Any]) -> dict[str, Any]:
    """The parameters that have words here, taken out of the members."""
    body: dict[str, Any] = take_renamed(
        members, {"logprobs": "logprobs", "top_logprobs": "top_logprobs"}
    )
    options = take_renamed(members, _OPTIONS)
    if stop := members.pop("stop", None):
        options["stop"] = [stop] if isinstance(stop, str) else list(stop)
    if options:
        body["options"] = options
    if effort := members.pop("reasoning_effort", None):
        body["think"] = _THINK.get(effort, effort)
    tools = members.pop("tools", None)
    if tools and members.get("tool_choice") != "none":
        body["tools"] = [_tool(tool) for tool in tools]
    elif members.get("tool_choice") == "none":
        members.pop("tool_choice")
    return body


def _tool(tool: Any) -> Any:
    given = given_tool(tool)
    if given is None:
        return tool
    function = {"name": given.name, "parameters": given.parameters}
    if given.description:
        function["description"] = given.description
    return {"type": "function", "function": function}


def _format(chat_request: ChatRequest, response_format: Any) -> bytes:
    """The value of `format`, as JSON text; empty for none."""
    if chat_request.schema is not None and chat_request.mode != "prompt":
        is_loose = chat_request.mode == "json-object"
        return b'"json"' if is_loose else chat_request.schema
    given = given_format(response_format)
    if given.kind == "json_schema":
        return to_json(given.schema)
    return b'"json"' if given.kind == "json_object" else b""


def _messages(chat_request: ChatRequest, caps: Capabilities) -> list[dict[str, Any]]:
    called: dict[str, str] = {}  # names of functions by the ids of their calls
    return [_message(message, called, caps) for message in plain_messages(chat_request.messages)]


def _message(
    message: Mapping[str, Any], called: dict[str, str], caps: Capabilities
) -> dict[str, Any]:
    role = _ROLES.get(message["role"], message["role"])
    parts = parts_of(message.get("content") or message.get("refusal"), caps)
    written: dict[str, Any] = {
        "role": role,
        "content": "".join(part.text for part in parts if part.kind == "text"),
    }
    attached = [part for part in parts if part.kind != "text"]
    for part in attached:
        if part.kind != "image" or not part.data:
            raise InputError(
                f"{caps.provider} reads images whose data is in the message, and no files.",
                hint="Pass the image itself: structgen.image(path).",
            )
    if attached:
        written["images"] = [part.data for part in attached]
    if reasoning := message.get("reasoning"):
        written["thinking"] = reasoning
    if calls := calls_of(message):
        called.update({call.id: call.name for call in calls})
        written["tool_calls"] = [
            {"function": {"name": call.name, "arguments": call.arguments_as_object()}}
            for call in calls
        ]
    name = message.get("name") or called.get(str(message.get("tool_call_id")))
    if role == "tool" and name:
        written["tool_name"] = name
    return written


# ---- replies -------------------------------------------------------------------------


def parse(reply: Reply, caps: Capabilities, request: Request | None = None) -> Answer:
    """Read the answer in a reply.

    Args:
        reply: The whole reply.
        caps: The row of the server that sent it.
        request: The request it replies to; its texts are kept out of errors.

    Raises:
        APIError: If the reply is an error, whatever its status.
        ServerError: If the status is 200 but the body is not an answer.
    """
    raw = body_object(_in_usual_form(reply), caps, request, _API)
    message = raw.get("message")
    if not isinstance(message, dict) or raw.get("done") is not True:
        raise not_an_answer(caps, "the body has no whole message", _API)
    calls = _calls(message, raw)
    answer = answer_in_chat_shape(
        raw,
        text=_text(message, "content"),
        finish_reason=_finish_reason(raw, has_calls=bool(calls)),
        reasoning=_text(message, "thinking"),
        tool_calls=calls,
        usage=_usage(raw),
        logprobs=_logprobs(raw.get("logprobs")),
    )
    return replace(answer, seconds=_seconds(raw))


def parse_event(event: Event, caps: Capabilities, request: Request | None = None) -> Delta:
    """Read what a line of a stream adds to the answer.

    Args:
        event: The line.
        caps: The row of the server that sent it.
        request: The request it belongs to; its texts are kept out of errors.

    Raises:
        APIError: If the line holds an error.
        StreamBrokenError: If it is not a JSON object.
    """
    if b'"error"' in event.data:
        event = event._replace(data=_in_usual_form(Reply(200, {}, event.data)).body)
    raw = event_object(event, caps, request)
    if raw is None:
        return Delta()
    found = raw.get("message")
    message: dict[str, Any] = found if isinstance(found, dict) else {}
    done, before = raw.get("done") is True, calls_before(event)
    if not done and message.keys() <= _TEXT_ALONE:  # most events
        return delta_in_chat_shape(raw, text=_text(message, "content"))
    calls = _calls(message, raw, before)
    return delta_in_chat_shape(
        raw,
        text=_text(message, "content"),
        reasoning=_text(message, "thinking"),
        tool_calls=[{"index": index, **call} for index, call in enumerate(calls, before)],
        finish_reason=_finish_reason(raw, has_calls=bool(calls or before)) if done else None,
        usage=_usage(raw) if done else None,
        done=done,
    )


def parse_error(reply: Reply, caps: Capabilities, request: Request | None = None) -> APIError:
    """Turn an error reply into a typed error, which is returned.

    Args:
        reply: The reply; for a line of a stream, a reply of status 200 with its data.
        caps: The row of the server that sent it.
        request: The request it replies to.
    """
    return error_bodies.parse_error(_in_usual_form(reply), caps, request)


def _in_usual_form(reply: Reply) -> Reply:
    """A reply whose error is one text. Ollama passes on what its runner says as JSON text in it."""
    if b'"error"' not in reply.body:
        return reply
    outer = _object(reply.body)
    told = string(outer.get("error")) if outer else None
    inner = _object(told.encode("utf-8", "replace")) if told else None
    if told is None or inner is None or "error" not in inner:
        return reply
    return Reply(reply.status, reply.headers, told.encode("utf-8", "replace"))


# ---- members -------------------------------------------------------------------------


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        value = from_json(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _text(message: Mapping[str, Any], name: str) -> str | None:
    return string(message.get(name)) or None


def _finish_reason(raw: Mapping[str, Any], *, has_calls: bool) -> str:
    """Why the answer has ended; servers before 0.1.36 do not say."""
    reason = _text(raw, "done_reason") or "stop"
    return "tool_calls" if reason == "stop" and has_calls else reason


def _calls(
    message: Mapping[str, Any], raw: Mapping[str, Any], before: int = 0
) -> list[dict[str, Any]]:
    """The calls of tools, each with an id: the server's own, or one made of what it says."""
    calls = []
    for place, call in enumerate(objects(message.get("tool_calls"))):
        function = call.get("function")
        if not isinstance(function, dict):
            continue
        name, text = _text(function, "name"), arguments_as_text(function.get("arguments"))
        said = f"{raw.get('created_at')} {before + place} {name} {text}"
        made = sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        id_ = _text(call, "id") or f"call_{made}"
        calls.append(tool_call(id_, name, text))
    return calls


def _usage(raw: dict[str, Any]) -> Usage:
    return Usage(
        prompt_tokens=count(raw, "prompt_eval_count"), completion_tokens=count(raw, "eval_count")
    )


def _seconds(raw: Mapping[str, Any]) -> dict[str, float]:
    """How long the parts of the work took, in seconds; the server counts nanoseconds."""
    values = ((ours, number(raw.get(theirs))) for ours, theirs in _DURATIONS)
    return {ours: value * _NANO for ours, value in values if value is not None and value > 0}


def _logprobs(found: Any) -> tuple[tuple[str, float], ...]:
    tokens: list[tuple[str, float]] = []
    for one in objects(found):
        token, logprob = one.get("token"), number(one.get("logprob"))
        if not isinstance(token, str) or logprob is None:
            return ()
        tokens.append((token, logprob))
    return tuple(tokens)


def _count_calls(data: bytes) -> int:
    message = (_object(data) or {}).get("message")
    return len(_calls(message, {})) if isinstance(message, dict) else 0


def _decoder() -> CallCounter:
    return CallCounter(LineDecoder(), b'"tool_calls"', _count_calls)


OLLAMA: Final = Dialect(build, parse, parse_event, parse_error, _decoder)
"""Ollama's native dialect."""
