"""Requests of Anthropic's Messages API: from a `ChatRequest` to bytes, without any I/O.

Sources: platform.claude.com/docs/en/api/messages/create, .../build-with-claude/structured-outputs,
.../thinking and .../prompt-caching, and the types of anthropic 2.14.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from structgen.errors import ConfigurationError, InputError
from structgen.values import FixedMessage, Request
from structgen.wire.dialect import Capabilities, ChatRequest, post, to_json
from structgen.wire.dialects.given import (
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

NAME: Final = "anthropic"
"""The name of the dialect, under which messages keep the blocks that the server wrote."""

_NAMES: Final = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "service_tier": "service_tier",
}
"""Parameters of Chat Completions that have their names here."""
_WRITTEN: Final = frozenset({"model", "messages", "system", "stream", "max_tokens"})
_SCHEMA_AT: Final = (("output_config", "format"), ("tools",), ("tool_choice",))
_CHOICES: Final = {"auto": "auto", "none": "none", "required": "any"}
"""What `tool_choice` says, and its type here."""
_CACHED: Final = {"type": "ephemeral"}
"""The `cache_control` that marks the end of a prefix worth keeping."""
_MAX_TOKENS: Final = 4096
"""The `max_tokens` of models whose row has no default: what the oldest of them write."""
_ROOM_FOR_ANSWER: Final = 1024
"""Tokens that are left for the answer if a call's limit does not cover a budget for thinking."""


def build(chat_request: ChatRequest, caps: Capabilities) -> Request:
    """Turn a chat request into an HTTP request.

    Args:
        chat_request: The request to send.
        caps: The row of the server.

    Raises:
        ConfigurationError: If the server does not take something that the request has.
        InputError: If the messages are not plain data, or hold what the server does not read.
    """
    given = parameters(chat_request, caps)
    body: dict[str, Any] = {
        "model": chat_request.model,
        "max_tokens": _default_limit(caps),
        **_conversation(chat_request, caps),
        **take_renamed(given, _NAMES, caps.unsupported),
    }
    if chat_request.stream:
        body["stream"] = True
    check_max_tokens(body["max_tokens"], chat_request, caps)
    _add_small_parameters(body, given)
    _add_tools(body, given)
    wanted = given_format(given.pop("response_format", None))
    if wanted.kind == "json_object":
        given["response_format"] = {"type": "json_object"}  # it is refused with the rest
    elif wanted.kind == "json_schema":
        _set_format(body, wanted.schema)
    _add_effort(body, given, caps)
    refuse_rest(given, chat_request, caps)
    if chat_request.schema is not None:
        _add_schema(body, chat_request, parsed_schema(chat_request.schema), caps)
    body = with_extra_body(body, chat_request, _WRITTEN, _SCHEMA_AT)
    _check_forced_tool(body, caps)
    return post(caps.path, to_json(body), chat_request, caps)


def _default_limit(caps: Capabilities) -> int:
    """The `max_tokens` of a call that gives none: the server requires one."""
    limit = caps.default_max_tokens or _MAX_TOKENS
    return min(limit, caps.max_output or limit)


def _add_small_parameters(body: dict[str, Any], given: dict[str, Any]) -> None:
    """Write the parameters that have another form here."""
    stop = given.pop("stop", None)
    if stop:
        body["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
    user = given.pop("safety_identifier", None) or given.pop("user", None)
    if user:
        body["metadata"] = {"user_id": user}
        given.pop("user", None)


def _add_effort(body: dict[str, Any], given: dict[str, Any], caps: Capabilities) -> None:
    """Write how much the model is to think: a level, or for older models a number of tokens."""
    effort = given.pop("reasoning_effort", None)
    if effort is None or effort == "default":
        return
    budgets = dict(caps.thinking_budgets)
    if effort == "none":
        body["thinking"] = {"type": "disabled"}
    elif budgets:
        budget = budgets.get(effort) or max(budgets.values())
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}
        # The limit includes what is thought, and must be above it.
        body["max_tokens"] = max(body["max_tokens"], budget + _ROOM_FOR_ANSWER)
    else:
        body["thinking"] = {"type": "adaptive"}
        body.setdefault("output_config", {})["effort"] = effort


# ---- tools and schemas ---------------------------------------------------------------


def _add_tools(body: dict[str, Any], given: dict[str, Any]) -> None:
    """Write the functions that the model may call, and which of them it must call."""
    tools = given.pop("tools", None)
    choice, parallel = given.pop("tool_choice", None), given.pop("parallel_tool_calls", True)
    if not tools:
        if choice not in (None, "auto", "none"):
            given["tool_choice"] = choice
        return
    body["tools"] = [_tool(tool) for tool in tools]
    if name := forced_function(choice):
        chosen: dict[str, Any] = {"type": "tool", "name": name}
    elif isinstance(choice, Mapping):
        chosen = dict(choice)
    elif choice is None or choice in _CHOICES:
        chosen = {"type": _CHOICES[choice or "auto"]}
    else:
        given["tool_choice"] = choice
        return
    if not parallel and chosen.get("type") != "none":
        chosen["disable_parallel_tool_use"] = True
    if chosen != {"type": "auto"}:
        body["tool_choice"] = chosen


def _tool(tool: Any) -> dict[str, Any]:
    found = given_tool(tool)
    if found is None:
        return dict(tool)
    return _function(found.name, found.parameters, bool(found.strict), found.description)


def _function(
    name: str, schema: Any, strict: bool, description: str | None = None
) -> dict[str, Any]:
    function: dict[str, Any] = {"name": name}
    if description:
        function["description"] = description
    if strict:
        function["strict"] = True
    return {**function, "input_schema": schema}


def _set_format(body: dict[str, Any], schema: Any) -> None:
    held = body.setdefault("output_config", {})
    held["format"] = {"type": "json_schema", "schema": schema}


def _add_schema(
    body: dict[str, Any], chat_request: ChatRequest, schema: Any, caps: Capabilities
) -> None:
    """Write the schema of the answer, in the way of the output mode."""
    if chat_request.mode == "strict":
        _set_format(body, schema)
    elif chat_request.mode == "tool":
        name = chat_request.schema_name
        body["tools"] = [_function(name, schema, caps.tool_strict)]
        choice = {"type": "tool", "name": name, "disable_parallel_tool_use": True}
        body["tool_choice"] = choice
    elif chat_request.mode != "prompt":
        raise ConfigurationError(
            f"{caps.provider} has no output mode {chat_request.mode!r}.",
            hint=f"It has: {', '.join(mode for mode, _ in caps.modes)}.",
        )


def _check_forced_tool(body: Mapping[str, Any], caps: Capabilities) -> None:
    """Raise if the model is to think, but must call a tool: the server answers 400 to both."""
    thinking, choice = body.get("thinking"), body.get("tool_choice")
    thinks = isinstance(thinking, Mapping) and thinking.get("type") in ("enabled", "adaptive")
    forces = isinstance(choice, Mapping) and choice.get("type") in ("any", "tool")
    if thinks and forces:
        raise ConfigurationError(
            f"{caps.provider} does not let a model think that must call a tool.",
            hint='Leave `reasoning_effort` out, or use the mode "strict" instead of "tool".',
        )


# ---- messages ------------------------------------------------------------------------


def _conversation(chat_request: ChatRequest, caps: Capabilities) -> dict[str, Any]:
    """The system prompt and the messages. The part that is the same for every call is cached."""
    system: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    last_fixed: list[dict[str, Any]] | None = None
    for given, message in zip(
        chat_request.messages, plain_messages(chat_request.messages), strict=True
    ):
        role, blocks = _blocks(message, caps)
        if not blocks:  # the server refuses a turn without any
            continue
        if role == "system" and not turns:
            system += blocks
            held = system
        elif turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
            held = turns[-1]["content"]
        else:
            turns.append({"role": role, "content": blocks})
            held = blocks
        if isinstance(given, FixedMessage):
            last_fixed = held[-1:]
    if last_fixed and caps.caches_prefix:
        last_fixed[0].setdefault("cache_control", _CACHED)
    return {**({"system": system} if system else {}), "messages": turns}


def _blocks(message: Mapping[str, Any], caps: Capabilities) -> tuple[str, list[dict[str, Any]]]:
    """The role of a message here, and its content as blocks."""
    role, content = message["role"], message.get("content")
    if role == "tool":
        return "user", [_result(message, caps)]
    if role in ("system", "developer"):
        text = text_of(content, caps)
        return "system", [{"type": "text", "text": text}] if text else []
    if role == "assistant":
        native = native_of(message, NAME)
        return role, [*map(dict, native)] if native else _own_blocks(message, caps)
    return role, _content(content, caps)


def _result(message: Mapping[str, Any], caps: Capabilities) -> dict[str, Any]:
    """The result of a tool."""
    return {
        "type": "tool_result",
        "tool_use_id": str(message.get("tool_call_id") or ""),
        "content": _content(message.get("content"), caps),
    }


def _own_blocks(message: Mapping[str, Any], caps: Capabilities) -> list[dict[str, Any]]:
    """What the model said and called in an earlier turn."""
    blocks = _content(message.get("content") or message.get("refusal"), caps)
    for call in calls_of(message):
        arguments = call.arguments_as_object()
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments})
    return blocks


def _content(content: Any, caps: Capabilities) -> list[dict[str, Any]]:
    """Blocks of a content. Empty texts are left out: the server refuses them."""
    parts = parts_of(content, caps)
    return [_block(part, caps) for part in parts if part.kind != "text" or part.text]


def _block(part: Part, caps: Capabilities) -> dict[str, Any]:
    if part.kind == "text":
        return {"type": "text", "text": part.text, **part.more}
    if part.kind == "image":
        return {"type": "image", "source": _source(part), **part.more}
    document = {"type": "document", "source": _document(part, caps), **part.more}
    return {**document, "title": part.name} if part.name else document


def _source(part: Part) -> dict[str, Any]:
    """Where the data of a part is: uploaded, elsewhere, or in the part."""
    if part.file_id:
        return {"type": "file", "file_id": part.file_id}
    if part.url:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": part.media_type, "data": part.data}


def _document(part: Part, caps: Capabilities) -> dict[str, Any]:
    """The source of a document: a PDF, or a text."""
    if not part.data or part.media_type == "application/pdf":
        return _source(part)
    if part.media_type.startswith("text/"):
        return {"type": "text", "media_type": "text/plain", "data": _decoded(part)}
    raise InputError(
        f"{caps.provider} does not read files of type {part.media_type}.",
        hint="Give a PDF, a text or an image.",
    )


def _decoded(part: Part) -> str:
    try:
        return base64.b64decode(part.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InputError(
            "A file of a text type in the messages is not a text in UTF-8.",
            hint="Give it as a text, or convert it.",
        ) from None
