"""Requests of Gemini's own format: from a `ChatRequest` to bytes, without any I/O.

See https://ai.google.dev/api/generate-content. What it has and Chat Completions has not, such as
`safetySettings` or `cachedContent`, goes into `extra_body`.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, urlsplit

from pydantic_core import from_json

from structgen.errors import ConfigurationError, InputError
from structgen.values import Request
from structgen.wire.dialect import Capabilities, ChatRequest, post, to_json
from structgen.wire.dialects.given import (
    check_max_tokens,
    forced_function,
    given_format,
    given_tool,
    parameters,
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

NAME: Final = "gemini"
"""The name of this dialect in the `native` member of messages."""
_WRITTEN: Final = frozenset({"contents", "systemInstruction"})
_SCHEMA_AT: Final = (("generationConfig", "responseJsonSchema"), ("tools",), ("toolConfig",))
_GENERATION: Final = {
    "temperature": "temperature",
    "top_p": "topP",
    "seed": "seed",
    "max_tokens": "maxOutputTokens",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
"""Parameters of Chat Completions, with their names in `generationConfig`."""
_CHOICES: Final = {"none": "NONE", "auto": "AUTO", "required": "ANY"}
"""The words of `tool_choice`, with their modes of function calling."""
_BUDGETS: Final = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24_576,
}
"""Tokens of reasoning by level, for models before Gemini 3, which take no levels. They are those
of Google's own layer over Chat Completions (ai.google.dev/gemini-api/docs/openai)."""
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
"""The roles of Chat Completions. Gemini's own word `model` is none of them."""
_STOP_MAX: Final = 5
"""The greatest number of stop sequences."""


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
    body = _contents(chat_request, caps)
    body.update(take_renamed(members, {"service_tier": "serviceTier"}))
    config = _generation_config(members, chat_request, caps)
    body.update(_tools(members))
    _hold_to_schema(chat_request, members.pop("response_format", None), body, config)
    refuse_rest(members, chat_request, caps)
    if config:
        body["generationConfig"] = config
    written = to_json(with_extra_body(body, chat_request, _WRITTEN, _SCHEMA_AT))
    return post(_path(chat_request), written, chat_request, caps)


def _path(chat_request: ChatRequest) -> str:
    model = quote(chat_request.model, safe="/-._~@")
    named = model if "/" in model else f"models/{model}"
    if chat_request.stream:
        return f"{named}:streamGenerateContent?alt=sse"
    return f"{named}:generateContent"


# ---- parameters ----------------------------------------------------------------------


def _generation_config(
    members: dict[str, Any], chat_request: ChatRequest, caps: Capabilities
) -> dict[str, Any]:
    config: dict[str, Any] = take_renamed(members, _GENERATION, caps.unsupported)
    if stop := members.pop("stop", None):
        sequences = [stop] if isinstance(stop, str) else list(stop)
        if len(sequences) > _STOP_MAX:
            raise ConfigurationError(
                f"{caps.provider} takes at most {_STOP_MAX} stop sequences; "
                f"{len(sequences)} were given.",
                hint="Give fewer stop sequences.",
            )
        config["stopSequences"] = sequences
    if effort := members.pop("reasoning_effort", None):
        config["thinkingConfig"] = _thinking(effort, chat_request.model, caps)
    return config


def _thinking(effort: str, model: str, caps: Capabilities) -> dict[str, Any]:
    """How much to reason: a budget for models before Gemini 3, a level for later ones."""
    if any(one in model for one in ("gemini-1", "gemini-2")):
        if effort not in _BUDGETS:
            raise ConfigurationError(
                f"{caps.provider}:{model} has no level of reasoning {effort!r}.",
                hint=f"Use one of {', '.join(_BUDGETS)}.",
            )
        return {"thinkingBudget": _BUDGETS[effort], "includeThoughts": effort != "none"}
    if effort == "none":
        raise ConfigurationError(
            f"{caps.provider}:{model} always reasons.",
            hint="Use the lowest level that it takes: minimal or low.",
        )
    return {"thinkingLevel": effort, "includeThoughts": True}


def _tools(members: dict[str, Any]) -> dict[str, Any]:
    """The tools of a call and which of them must be called, taken out of the members."""
    body: dict[str, Any] = {}
    functions, others = [], []
    for tool in members.pop("tools", None) or ():
        given = given_tool(tool)
        if given is None:
            others.append(tool)
            continue
        declared: dict[str, Any] = {"name": given.name, "parametersJsonSchema": given.parameters}
        if given.description:
            declared["description"] = given.description
        functions.append(declared)
    declarations = [{"functionDeclarations": functions}] if functions else []
    if declarations or others:
        body["tools"] = [*declarations, *others]
    choice = members.pop("tool_choice", None)
    name = forced_function(choice)
    if name is not None:
        body["toolConfig"] = _forced(name)
    elif isinstance(choice, str) and choice in _CHOICES:
        body["toolConfig"] = {"functionCallingConfig": {"mode": _CHOICES[choice]}}
    elif choice is not None:
        members["tool_choice"] = choice
    return body


def _forced(name: str) -> dict[str, Any]:
    return {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [name]}}


def _hold_to_schema(
    chat_request: ChatRequest, response_format: Any, body: dict[str, Any], config: dict[str, Any]
) -> None:
    """Write how the answer is held to a schema, or to JSON."""
    mode, schema = chat_request.mode, chat_request.schema
    given = given_format(response_format)
    if schema is not None and mode == "tool":
        declared = {"name": chat_request.schema_name, "parametersJsonSchema": _parsed(schema)}
        body["tools"] = [{"functionDeclarations": [declared]}]
        body["toolConfig"] = _forced(chat_request.schema_name)
        return
    is_held = schema is not None and mode in ("strict", "best-effort")
    if is_held or mode == "json-object" or given.kind != "text":
        config["responseMimeType"] = "application/json"
    if schema is not None and is_held:
        config["responseJsonSchema"] = _parsed(schema)
    elif given.kind == "json_schema":
        config["responseJsonSchema"] = given.schema


@lru_cache(maxsize=256)
def _parsed(schema: bytes) -> Any:
    return from_json(schema)


# ---- messages ------------------------------------------------------------------------


def _contents(chat_request: ChatRequest, caps: Capabilities) -> dict[str, Any]:
    """The messages: instructions apart, and the turns, of which each follows another's.

    Instructions in the middle of a conversation stay there, as words of the user.
    """
    system: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    called: dict[str, str] = {}  # names of functions by the ids of their calls
    for message in plain_messages(chat_request.messages):
        role = message["role"]
        parts = _parts(message, called, caps)
        if role in ("system", "developer") and not turns:
            system += parts
            continue
        theirs = _turn_of(role)
        if turns and turns[-1]["role"] == theirs:
            turns[-1]["parts"] += parts
        else:
            turns.append({"role": theirs, "parts": parts})
    body: dict[str, Any] = {"contents": turns}
    if system:
        body["systemInstruction"] = {"parts": system}
    return body


def _turn_of(role: str) -> str:
    """Whose turn a message belongs to."""
    if role not in _ROLES:
        raise InputError(
            f"A message has the role {role!r}.", hint=f"Use one of: {', '.join(sorted(_ROLES))}."
        )
    return "model" if role == "assistant" else "user"


def _parts(
    message: Mapping[str, Any], called: dict[str, str], caps: Capabilities
) -> list[dict[str, Any]]:
    role = message["role"]
    if role in ("system", "developer"):
        return [{"text": text_of(message.get("content"), caps)}]
    if role in ("tool", "function"):
        return [_function_response(message, called, caps)]
    calls = calls_of(message)
    called.update({call.id: call.name for call in calls})
    if role == "assistant" and (native := native_of(message, NAME)):
        return list(native)
    said = message.get("content") or message.get("refusal")
    parts = [_part(part) for part in parts_of(said, caps)]
    for call in calls:
        written: dict[str, Any] = {"name": call.name, "args": call.arguments_as_object()}
        parts.append({"functionCall": {**written, "id": call.id} if call.id else written})
    return parts or [{"text": ""}]


def _part(part: Part) -> dict[str, Any]:
    if part.kind == "text":
        return {"text": part.text, **part.more}
    if part.data:
        held = {"mimeType": part.media_type, "data": part.data}
        return {"inlineData": held, **part.more}
    uri = part.file_id or part.url
    guessed, _ = mimetypes.guess_type(urlsplit(uri).path)
    located = {"fileUri": uri, "mimeType": guessed} if guessed else {"fileUri": uri}
    return {"fileData": located, **part.more}


def _function_response(
    message: Mapping[str, Any], called: Mapping[str, str], caps: Capabilities
) -> dict[str, Any]:
    """The result of a call, which has to be an object."""
    id_ = message.get("tool_call_id")
    text = text_of(message.get("content"), caps)
    try:
        result = from_json(text)
    except ValueError:
        result = None
    written: dict[str, Any] = {
        "name": message.get("name") or called.get(str(id_)) or "",
        "response": result if isinstance(result, dict) else {"result": text},
    }
    return {"functionResponse": {**written, "id": id_} if id_ else written}
