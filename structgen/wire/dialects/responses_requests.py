"""Requests of OpenAI's Responses API: from a `ChatRequest` to bytes, without any I/O.

Every request is whole in itself: `store` is false, and the conversation goes as `input` items.
Source: platform.openai.com/docs/api-reference/responses/create, and the types of openai 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from structgen.values import Request
from structgen.wire.dialect import Capabilities, ChatRequest, post, to_json
from structgen.wire.dialects.given import (
    GivenFormat,
    check_json_word,
    check_max_tokens,
    forced_function,
    given_format,
    given_tool,
    parameters,
    parsed_schema,
    refuse_rest,
    take_renamed,
    with_extra_body,
)
from structgen.wire.dialects.given_messages import (
    Part,
    calls_of,
    native_of,
    parts_of,
    plain_messages,
    text_of,
)

NAME: Final = "openai-responses"
"""The name of the dialect, under which messages keep the items that the server wrote."""

_NAMES: Final = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_output_tokens",
    "parallel_tool_calls": "parallel_tool_calls",
    "top_logprobs": "top_logprobs",
    "metadata": "metadata",
    "service_tier": "service_tier",
    "store": "store",
    "user": "user",
    "safety_identifier": "safety_identifier",
    "prompt_cache_key": "prompt_cache_key",
    "prompt_cache_options": "prompt_cache_options",
    "prompt_cache_retention": "prompt_cache_retention",
    "moderation": "moderation",
}
"""Parameters of Chat Completions, with their names here."""
_WRITTEN: Final = frozenset({"model", "input", "stream"})
_SCHEMA_AT: Final = (("text", "format"), ("tools",), ("tool_choice",))
_LOGPROBS: Final = "message.output_text.logprobs"


def build(chat_request: ChatRequest, caps: Capabilities) -> Request:
    """Turn a chat request into an HTTP request.

    Args:
        chat_request: The request to send.
        caps: The row of the server.

    Raises:
        ConfigurationError: If the server does not take something that the request has.
        InputError: If the messages are not plain data, or hold what the server does not read.
    """
    items = list(_items(chat_request, caps))
    body: dict[str, Any] = {"model": chat_request.model, "input": items, "store": False}
    if chat_request.stream:
        body["stream"] = True
    given = parameters(chat_request, caps)
    body.update(take_renamed(given, _NAMES, caps.unsupported))
    check_max_tokens(body.get("max_output_tokens"), chat_request, caps)
    _add_tools(body, given)
    _add_format(body, given_format(given.pop("response_format", None)))
    if "reasoning_effort" in given:
        body["reasoning"] = {"effort": given.pop("reasoning_effort")}
    if "verbosity" in given:
        body.setdefault("text", {})["verbosity"] = given.pop("verbosity")
    if given.get("logprobs") is True and "logprobs" not in caps.unsupported:
        body["include"] = [_LOGPROBS]
        del given["logprobs"]
    refuse_rest(given, chat_request, caps)
    if chat_request.schema is not None:
        _add_schema(body, chat_request, parsed_schema(chat_request.schema), caps)
    _check_json_word(body, caps)
    body = with_extra_body(body, chat_request, _WRITTEN, _SCHEMA_AT)
    return post(caps.path, to_json(body), chat_request, caps)


def _add_tools(body: dict[str, Any], given: dict[str, Any]) -> None:
    """Write the functions that the model may call, and which of them it must call."""
    if tools := given.pop("tools", None):
        body["tools"] = [_tool(tool) for tool in tools]
    choice = given.pop("tool_choice", None)
    if choice is not None:
        name = forced_function(choice)
        body["tool_choice"] = {"type": "function", "name": name} if name else choice


def _tool(tool: Any) -> dict[str, Any]:
    found = given_tool(tool)
    if found is None:
        return dict(tool)
    return _function(found.name, found.parameters, found.strict or False, found.description)


def _function(
    name: str, schema: Any, strict: bool, description: str | None = None
) -> dict[str, Any]:
    function = {"type": "function", "name": name, "parameters": schema, "strict": strict}
    return {**function, "description": description} if description else function


def _add_format(body: dict[str, Any], wanted: GivenFormat) -> None:
    if wanted.kind == "json_object":
        body["text"] = {"format": {"type": "json_object"}}
    elif wanted.kind == "json_schema":
        body["text"] = {"format": _schema_format(wanted.name, wanted.schema, wanted.strict)}


def _schema_format(name: str, schema: Any, strict: bool) -> dict[str, Any]:
    return {"type": "json_schema", "name": name, "strict": strict, "schema": schema}


def _add_schema(
    body: dict[str, Any], chat_request: ChatRequest, schema: Any, caps: Capabilities
) -> None:
    """Write the schema of the answer, in the way of the output mode."""
    mode, name = chat_request.mode, chat_request.schema_name
    if mode in ("strict", "best-effort"):
        text = body.setdefault("text", {})
        text["format"] = _schema_format(name, schema, mode == "strict")
    elif mode == "tool":
        body["tools"] = [_function(name, schema, caps.tool_strict)]
        body["tool_choice"] = {"type": "function", "name": name}
        if caps.one_call:
            body.setdefault("parallel_tool_calls", False)
    elif mode == "json-object":
        body.setdefault("text", {})["format"] = {"type": "json_object"}


def _check_json_word(body: Mapping[str, Any], caps: Capabilities) -> None:
    wanted = (body.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_object":
        check_json_word(to_json(body["input"]), caps)


# ---- messages ------------------------------------------------------------------------


def _items(chat_request: ChatRequest, caps: Capabilities) -> Iterator[dict[str, Any]]:
    """The conversation as input items, in its order."""
    for message in plain_messages(chat_request.messages):
        role = message["role"]
        if role == "tool":
            yield _result(message, caps)
        elif role == "assistant":
            yield from native_of(message, NAME) or _own_items(message, caps)
        else:
            yield {"role": role, "content": _content(message.get("content"), caps)}


def _result(message: Mapping[str, Any], caps: Capabilities) -> dict[str, Any]:
    """The result of a tool."""
    call_id = str(message.get("tool_call_id") or "")
    output = _content(message.get("content"), caps)
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def _own_items(message: Mapping[str, Any], caps: Capabilities) -> Iterator[dict[str, Any]]:
    """What the model said and called in an earlier turn."""
    if text := text_of(message.get("content") or message.get("refusal"), caps):
        yield {"role": "assistant", "content": text}
    for call in calls_of(message):
        yield {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }


def _content(content: Any, caps: Capabilities) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    return [_part(part) for part in parts_of(content, caps)]


def _part(part: Part) -> dict[str, Any]:
    if part.kind == "text":
        return {"type": "input_text", "text": part.text, **part.more}
    if part.kind == "image":
        image = {"type": "input_image", "detail": part.detail or "auto", **part.more}
        return {**image, **_located(part, "image_url")}
    named = {"filename": part.name} if part.name and not part.file_id else {}
    return {"type": "input_file", **named, **part.more, **_located(part, "file_data")}


def _located(part: Part, member: str) -> dict[str, str]:
    """Where the data of a part is: uploaded, elsewhere, or in the part."""
    if part.file_id:
        return {"file_id": part.file_id}
    if part.url:
        return {"image_url" if part.kind == "image" else "file_url": part.url}
    return {member: f"data:{part.media_type};base64,{part.data}"}
