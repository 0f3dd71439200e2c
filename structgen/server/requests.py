"""Parse the body of a request, or raise the error that Groq would answer with.

Members that Groq documents are read. Members that it documents as unsupported, or not at all, are
refused in its words. Sources: Groq's API reference, its page on OpenAI compatibility, and recorded
error bodies.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic_core import from_json, to_json

from structgen.server.members import check_member, refuse, shown
from structgen.values import JsonSchema, Message
from structgen.wire.own_server import MEMBER

_ROLES: Final = ("system", "developer", "user", "assistant", "tool")
_MEMBERS: Final = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "reasoning"})
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_SEED: Final = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call."""

    name: str
    description: str
    parameters: JsonSchema = field(repr=False)
    """The schema of its arguments."""
    strict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRequest:
    """A request, parsed."""

    model: str
    messages: tuple[Message, ...] = field(repr=False)
    temperature: float
    top_p: float
    seed: int
    stop: tuple[str, ...]
    limit: int | None
    """Tokens of the answer; None for as many as fit."""
    stream: bool
    usage: bool
    """Whether a stream ends with an event that counts the tokens."""
    format: str
    """`text`, `json_object` or `json_schema`."""
    name: str
    """The name of the schema."""
    schema: JsonSchema | None = field(repr=False)
    """The client's schema, if the format is `json_schema`."""
    strict: bool
    tools: tuple[Tool, ...]
    choice: str | tuple[str]
    """`none`, `auto`, `required`, or the name of one tool in a tuple."""
    several_calls: bool
    """Whether several tools may be called, one after another."""
    logprobs: bool
    """Whether the answer has the probabilities of its tokens."""
    details: bool
    """Whether the answer has all that the engine knows of it."""


def parse_request(body: bytes, *, sees: bool = False) -> ServedRequest:
    """Parse the body of a request.

    Args:
        body: The body.
        sees: Whether the model reads images.

    Raises:
        BadRequestError: If the request is refused, in Groq's words.
    """
    try:
        given = from_json(body, allow_inf_nan=False)
    except ValueError:
        refuse("The body of the request is not valid JSON.", code="invalid_json")
    if not isinstance(given, dict):
        refuse("The body of the request is not a JSON object.", code="invalid_json")
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        check_member(name, value)
    for name in ("model", "messages"):
        if name not in given:
            refuse(f"'' : property '{name}' is missing", param=name)
    if "stream_options" in given and not given.get("stream"):
        refuse("`stream_options` is only allowed with `stream: true`", param="stream_options")
    messages = tuple(
        _message(index, message, sees) for index, message in enumerate(given["messages"])
    )
    tools = tuple(_tool(index, tool) for index, tool in enumerate(given.get("tools", ())))
    return _fitting(
        ServedRequest(
            model=given["model"],
            messages=messages,
            temperature=given.get("temperature", 1.0),
            top_p=given.get("top_p", 1.0),
            seed=given.get("seed", secrets.randbelow(_MAX_SEED)),
            stop=_stop(given.get("stop", ())),
            limit=given.get("max_completion_tokens", given.get("max_tokens")),
            stream=given.get("stream", False),
            usage=given.get("stream_options", {}).get("include_usage") is True,
            tools=tools,
            choice=_choice(given.get("tool_choice", "auto" if tools else "none"), tools),
            several_calls=given.get("parallel_tool_calls", False),
            logprobs=given.get("logprobs", False),
            details=given.get(MEMBER, {}).get("details") is True,
            **_format(given.get("response_format", {"type": "text"})),
        )
    )


def _fitting(request: ServedRequest) -> ServedRequest:
    """Raise BadRequestError for members that do not go together."""
    if request.format != "text" and request.stop:
        refuse(
            f"`stop` is not supported with `response_format` of type `{request.format}`",
            param="stop",
        )
    if request.format != "text" and request.choice != "none":
        refuse("json mode cannot be combined with tool/function calling", param="response_format")
    if request.format == "json_object" and b"json" not in to_json(request.messages).lower():
        refuse(
            "'messages' must contain the word 'json' in some form, to use 'response_format' "
            "of type 'json_object'.",
            param="messages",
        )
    return request


# ---- members -------------------------------------------------------------------------------------


def _stop(value: Any) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else value
    if (
        not isinstance(stops, (list, tuple))
        or len(stops) > 4
        or not all(isinstance(stop, str) and stop for stop in stops)
    ):
        refuse(
            "'stop' : value must be a string or an array of at most 4 strings, none of them empty",
            param="stop",
        )
    return tuple(stops)


# ---- messages ------------------------------------------------------------------------------------


def _message(index: int, given: Any, sees: bool) -> Message:
    """A message that every model's template takes: of a role that all of them know, and text alone
    unless the model sees and the user shows an image.
    """
    where = f"messages.{index}"
    if not isinstance(given, dict):
        refuse(f"'{where}' : value must be an object", param=where)
    role = given.get("role")
    if role not in _ROLES:
        refuse(f"'{where}' : discriminator property 'role' has invalid value", param=where)
    for name, value in given.items():
        if name not in _MEMBERS and value:
            refuse(f"'{where}' : property '{shown(name)}' is unsupported", param=where)
    calls = given.get("tool_calls") or []
    if not isinstance(calls, list):
        refuse(f"'{where}.tool_calls' : value must be an array", param=where)
    if given.get("content") is None and not (role == "assistant" and calls):
        refuse(
            f"'{where}' : for 'role:{role}' the following must be satisfied"
            f"[('{where}.content' : property 'content' is missing)]",
            param=where,
        )
    content = given.get("content")
    if sees and role == "user" and isinstance(content, list) and _has_image(content):
        return {"role": role, "content": [_part(part, where) for part in content]}
    text = _text(content, where)
    if role == "tool":
        return {
            "role": "user",
            "content": f"Result of the function call {given.get('tool_call_id', '')}:\n{text}",
        }
    written = [_called(call, f"{where}.tool_calls") for call in calls]
    return {
        "role": "system" if role == "developer" else role,
        "content": "\n".join(filter(None, (text, *written))),
    }


def _has_image(parts: list[Any]) -> bool:
    return any(isinstance(part, dict) and part.get("type") == "image_url" for part in parts)


def _part(part: Any, where: str) -> dict[str, Any]:
    """A text or an image of a message."""
    if not isinstance(part, dict) or part.get("type") != "image_url":
        return {"type": "text", "text": _text([part], where)}
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str) or not url.startswith("data:"):
        refuse(
            f"'{where}.content' : 'image_url.url' must hold the image itself, as a data URL",
            param=where,
        )
    return {"type": "image_url", "image_url": {"url": url}}


def _text(content: Any, where: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        refuse(f"'{where}.content' : value must be a string or an array", param=where)
    for part in content:
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            refuse(
                f"'{where}.content' : value must be an array of parts with a 'type'", param=where
            )
        if part["type"] != "text":
            refuse(
                f"'{where}.content' : only parts of type 'text' are supported with this model",
                param=where,
            )
        if not isinstance(part.get("text"), str):
            refuse(f"'{where}.content' : property 'text' is missing", param=where)
    return "".join(part["text"] for part in content)


def _called(call: Any, where: str) -> str:
    """A call that was made, written as the model may have written it."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        refuse(f"'{where}' : value must be an array of function calls", param=where)
    return to_json(
        {"call": function["name"], "id": call.get("id"), "arguments": function.get("arguments", "")}
    ).decode()


# ---- formats and tools ---------------------------------------------------------------------------


def _format(given: dict[str, Any]) -> dict[str, Any]:
    kind = given.get("type")
    if kind in ("text", "json_object"):
        return {"format": kind, "name": "", "schema": None, "strict": False}
    if kind != "json_schema":
        refuse(
            "'response_format.type' : value must be one of text, json_object, json_schema",
            param="response_format",
        )
    held = given.get("json_schema")
    if not isinstance(held, dict):
        refuse("'response_format' : property 'json_schema' is missing", param="response_format")
    name, schema, strict = held.get("name"), held.get("schema"), held.get("strict")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        refuse(
            "'response_format.json_schema.name' : value must match [A-Za-z0-9_-]{1,64}",
            param="response_format",
        )
    if not isinstance(schema, dict):
        refuse(
            "'response_format.json_schema' : property 'schema' is missing or not an object",
            param="response_format",
        )
    if not isinstance(strict, bool | None):
        refuse(
            "'response_format.json_schema.strict' : value must be a boolean",
            param="response_format",
        )
    return {"format": "json_schema", "name": name, "schema": schema, "strict": bool(strict)}


def _tool(index: int, given: Any) -> Tool:
    where = f"tools.{index}"
    function = given.get("function") if isinstance(given, dict) else None
    if not isinstance(function, dict) or given.get("type") != "function":
        refuse(
            f"'{where}' : only tools of type 'function' are supported with this model",
            param="tools",
        )
    name, parameters = (
        function.get("name"),
        function.get("parameters") or {"type": "object", "properties": {}},
    )
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        refuse(f"'{where}.function.name' : value must match [A-Za-z0-9_-]{{1,64}}", param="tools")
    if not isinstance(parameters, dict):
        refuse(f"'{where}.function.parameters' : value must be an object", param="tools")
    return Tool(
        name=name,
        description=str(function.get("description") or ""),
        parameters=parameters,
        strict=function.get("strict") is True,
    )


def _choice(given: Any, tools: tuple[Tool, ...]) -> str | tuple[str]:
    if given == "none" or (given == "auto" and not tools):
        return "none"
    if not tools:
        refuse("'tool_choice' : needs `tools`", param="tool_choice")
    if given in ("auto", "required"):
        return str(given)
    function = given.get("function") if isinstance(given, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if name not in [tool.name for tool in tools]:
        refuse(
            "'tool_choice' : value must be none, auto, required, or a function of `tools`",
            param="tool_choice",
        )
    return (str(name),)
