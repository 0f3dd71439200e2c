"""Requests of the Chat Completions format: from a `ChatRequest` to bytes, without any I/O.

Only what was set is sent, under the names that this server uses. A member that the server would
refuse or silently ignore is an error before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from structgen.errors import ConfigurationError
from structgen.options import UNSET
from structgen.values import Mode, Request
from structgen.wire.dialect import Capabilities, ChatRequest, post, to_json
from structgen.wire.dialects.given import asks_for_nothing, check_json_word, option_members
from structgen.wire.dialects.given_messages import NATIVE
from structgen.wire.models.reasoning import check_format, with_reasoning

_TOKEN_LIMITS: Final = frozenset({"max_tokens", "max_completion_tokens"})
"""The two names of one parameter: the old one and the new one."""
_WRITTEN: Final = frozenset({"model", "messages", "stream"})
"""Members that `build` writes for every request."""
_WRITTEN_FOR_SCHEMA: Final[dict[Mode, frozenset[str]]] = {
    "decoder": frozenset({"response_format"}),
    "strict": frozenset({"response_format"}),
    "best-effort": frozenset({"response_format"}),
    "tool": frozenset({"tools", "tool_choice"}),
    "json-object": frozenset({"response_format"}),
}
"""Members that `build` writes for a request with a schema, by output mode."""


def build(chat_request: ChatRequest, caps: Capabilities) -> Request:
    """Turn a chat request into an HTTP request.

    Args:
        chat_request: The request to send.
        caps: The row of the server, which says what it takes, and under which names.

    Raises:
        ConfigurationError: If the server does not take something that the request has.
        InputError: If the messages or members are not plain JSON data.
    """
    members = _merged_members(chat_request, caps)
    roles = dict(caps.roles)
    messages = to_json([_sendable(message, roles) for message in chat_request.messages])
    _check_json_word(chat_request, members, messages, caps)
    parts = [b'{"model":', to_json(chat_request.model), b',"messages":', messages]
    if chat_request.schema is not None:
        parts.append(
            _schema_members(
                chat_request.mode,
                caps.schema_form,
                chat_request.schema_name,
                chat_request.schema,
                caps.tool_strict,
            )
        )
    if chat_request.stream:
        parts.append(b',"stream":true')
    adapted = _adapted_members(members, chat_request, caps) if members else {}
    if adapted:
        parts += b",", to_json(adapted)[1:-1]
    parts.append(b"}")
    return post(caps.path, b"".join(parts), chat_request, caps)


def _sendable(message: Any, roles: Mapping[str, str]) -> Any:
    """A message under the role that this server knows, without what another dialect wrote."""
    plain = message.to_dict() if hasattr(message, "to_dict") else message
    if not isinstance(plain, Mapping):
        return message
    if NATIVE in plain:
        plain = {name: value for name, value in plain.items() if name != NATIVE}
    role = plain.get("role")
    if isinstance(role, str) and role in roles:
        plain = {**plain, "role": roles[role]}
    return plain


def _merged_members(chat_request: ChatRequest, caps: Capabilities) -> dict[str, Any]:
    """Merge what the options, the call and the provider's row add to the body, the call first."""
    members = option_members(chat_request.options)
    if chat_request.options.extra_body is not UNSET:
        members.update(chat_request.options.extra_body)
    given = {**chat_request.members, **chat_request.extra_body}
    if not _TOKEN_LIMITS.isdisjoint(given):
        for name in _TOKEN_LIMITS:
            members.pop(name, None)
    members.update(given)
    if chat_request.include_usage and chat_request.stream and caps.stream_usage:
        members.update(_below("stream_options", {"include_usage": True}, members))
    if chat_request.schema is not None:
        for name, value in caps.schema_extra:
            members.update(_below(name, value, members))
        if chat_request.mode == "tool" and caps.one_call:
            members.setdefault("parallel_tool_calls", False)
    return members


def _below(name: str, value: Any, members: Mapping[str, Any]) -> dict[str, Any]:
    """One member with a value of ours, under what the user gave for the same member."""
    given = members.get(name)
    if isinstance(value, Mapping) and isinstance(given, Mapping):
        return {name: {**value, **given}}
    return {name: given if name in members else value}


def _check_json_word(
    chat_request: ChatRequest, members: Mapping[str, Any], messages: bytes, caps: Capabilities
) -> None:
    """Raise ConfigurationError if the server wants the word JSON in the messages and it is not."""
    by_us = chat_request.schema is not None and chat_request.mode == "json-object"
    response_format = members.get("response_format")
    by_user = isinstance(response_format, Mapping) and response_format.get("type") == "json_object"
    if by_us or by_user:
        check_json_word(messages, caps)


# ---- members that differ from server to server ---------------------------------------


def _adapted_members(
    members: dict[str, Any], chat_request: ChatRequest, caps: Capabilities
) -> dict[str, Any]:
    """Give the members the form and the names that this server takes, or raise an error."""
    _check_written_once(members, chat_request)
    check_format(members, caps.provider, wants_json=_wants_json(members, chat_request))
    members = with_reasoning(members, caps.reasoning)
    for ours, theirs in caps.rename:
        if ours in members:
            members.setdefault(theirs, members[ours])
            del members[ours]
    _check_supported(members, caps)
    _check_token_limit(members, chat_request, caps)
    _adapt_stop(members, caps)
    response_format = members.get("response_format")
    if isinstance(response_format, Mapping) and response_format.get("type") == "json_schema":
        members["response_format"] = _adapted_format(response_format, members, chat_request, caps)
    return members


def _wants_json(members: Mapping[str, Any], chat_request: ChatRequest) -> bool:
    """Whether the answer is to be JSON, or may call tools."""
    response_format = members.get("response_format")
    kind = response_format.get("type") if isinstance(response_format, Mapping) else None
    by_us = chat_request.schema is not None and chat_request.mode != "prompt"
    return by_us or kind in ("json_object", "json_schema") or bool(members.get("tools"))


def _check_written_once(members: Mapping[str, Any], chat_request: ChatRequest) -> None:
    if always := sorted(_WRITTEN.intersection(members)):
        raise ConfigurationError(
            f"{always[0]!r} is already in the request.",
            hint=f"Give `{always[0]}` as a parameter of the call.",
        )
    if chat_request.schema is None:
        return
    for_schema = _WRITTEN_FOR_SCHEMA.get(chat_request.mode, frozenset())
    if twice := sorted(for_schema.intersection(members)):
        raise ConfigurationError(
            f"{twice[0]!r} is already in the request: it holds the schema of the target.",
            hint=f"Remove `{twice[0]}` from `extra_body`, or use chat.completions.create.",
        )


def _check_supported(members: Mapping[str, Any], caps: Capabilities) -> None:
    refused = [
        name
        for name in caps.unsupported.intersection(members)
        if members[name] is not None and not asks_for_nothing(name, members[name])
    ]
    if refused:
        raise _unsupported(caps, ", ".join(sorted(refused)))


def _check_token_limit(
    members: Mapping[str, Any], chat_request: ChatRequest, caps: Capabilities
) -> None:
    wanted = members.get("max_completion_tokens") or members.get("max_tokens")
    if caps.max_output is not None and isinstance(wanted, int) and wanted > caps.max_output:
        raise ConfigurationError(
            f"{caps.provider}:{chat_request.model} writes at most {caps.max_output} tokens; "
            f"{wanted} were asked for.",
            hint="Lower `max_tokens`.",
        )


def _adapt_stop(members: dict[str, Any], caps: Capabilities) -> None:
    stop = members.get("stop")
    if isinstance(stop, str) and caps.stop_list:
        members["stop"] = [stop]
    if not isinstance(stop, (list, tuple)) or caps.stop_max is None:
        return
    if len(stop) > caps.stop_max:
        raise ConfigurationError(
            f"{caps.provider} takes at most {caps.stop_max} stop sequences; "
            f"{len(stop)} were given.",
            hint="Give fewer stop sequences.",
        )


def _adapted_format(
    response_format: Mapping[str, Any],
    members: Mapping[str, Any],
    chat_request: ChatRequest,
    caps: Capabilities,
) -> Mapping[str, Any]:
    """Give OpenAI's `response_format` with a schema the form that this server reads.

    Some servers silently ignore a form that they do not know.
    """
    if chat_request.stream and not caps.stream_with_schema:
        raise _unsupported(caps, "a schema together with stream")
    if members.get("tools") and not caps.tools_with_schema:
        raise _unsupported(caps, "a schema together with tools")
    if caps.schema_form == "tgi" and "value" in response_format:
        return response_format
    inner = response_format.get("json_schema")
    if not isinstance(inner, Mapping) or not isinstance(inner.get("schema"), (Mapping, bool)):
        raise ConfigurationError(
            "`response_format` has the type json_schema but no schema.",
            hint=('Write {"type": "json_schema", "json_schema": {"name": ..., "schema": {...}}}.'),
        )
    schema = inner["schema"]
    if caps.schema_form == "tgi":
        value = {"name": inner.get("name", "answer"), "schema": schema}
        return {"type": "json_schema", "value": value}
    if caps.schema_form == "json_object":
        return {"type": "json_object", "schema": schema}
    return response_format


def _unsupported(caps: Capabilities, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{caps.provider} does not take {what} (models {caps.model!r}).",
        hint=(
            "Leave it out. If the server takes it by now, give a row of your own as `capabilities`."
        ),
    )


# ---- members with the schema ---------------------------------------------------------


@lru_cache(maxsize=1024)
def _schema_members(mode: Mode, form: str, name: str, schema: bytes, tool_strict: bool) -> bytes:
    """The members with the schema, as bytes, which are equal for all calls with a target."""
    quoted = to_json(name)
    if mode in ("decoder", "strict", "best-effort"):
        return _response_format(form, quoted, mode == "strict", schema)
    if mode == "tool":
        return _forced_tool(quoted, tool_strict, schema)
    return b',"response_format":{"type":"json_object"}' if mode == "json-object" else b""


def _response_format(form: str, name: bytes, strict: bool, schema: bytes) -> bytes:
    if form == "tgi":
        inner = b'"json_schema","value":{"name":%b,"schema":%b}' % (name, schema)
    elif form == "json_object":
        inner = b'"json_object","schema":%b' % schema
    else:
        flag = b"true" if strict else b"false"
        named = b'{"name":%b,"strict":%b,"schema":%b}' % (name, flag, schema)
        inner = b'"json_schema","json_schema":%b' % named
    return b',"response_format":{"type":%b}' % inner


def _forced_tool(name: bytes, strict: bool, schema: bytes) -> bytes:
    flag = b',"strict":true' if strict else b""
    function = b'{"name":%b%b,"parameters":%b}' % (name, flag, schema)
    choice = b'{"type":"function","function":{"name":%b}}' % name
    return b',"tools":[{"type":"function","function":%b}],"tool_choice":%b' % (function, choice)
