"""Chat Completions, as Groq, OpenAI and every compatible server speak it.

Nothing here does I/O. Envelopes are read with jiter into plain data: no model is built for them, unknown members are kept, and
what is missing or of the wrong type is a typed error, never a half-filled answer.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

from pydantic_core import from_json

from structgen.errors import ConfigurationError, ServerError, StreamBrokenError
from structgen.options import UNSET, Options
from structgen.values import Answer, Mode, Reply, Request, Usage
from structgen.wire import error_bodies
from structgen.wire.dialect import Ask, Capabilities, Delta, Dialect, to_json
from structgen.wire.sse import Event

_HEADERS: Final = {"content-type": "application/json", "accept": "application/json"}
_STREAM_HEADERS: Final = {"content-type": "application/json", "accept": "text/event-stream"}
_NEUTRAL: Final = {"n": 1, "tool_choice": "auto", "parallel_tool_calls": True}
_OWN: Final = frozenset({"model", "messages", "stream"})
_NO_USAGE: Final = Usage()
_Decoder: Final = codecs.getincrementaldecoder("utf-8")

# ---- build ----------------------------------------------------------------------------------------------------------------


def build(ask: Ask, caps: Capabilities) -> Request:
    """The request for a question: only what was set is sent. Raises ConfigurationError for what this server does not take."""
    members = {**_members(ask.options), **ask.members}
    messages = to_json(ask.messages)
    parts = [b'{"model":', to_json(ask.model), b',"messages":', messages]
    if caps.needs_json_word and _in_json_mode(ask, members) and b"json" not in messages.lower():
        raise ConfigurationError(
            f"{caps.provider} takes JSON object mode only with the word JSON in the messages.",
            hint="Say it: 'Answer in JSON.'",
        )
    if ask.schema is not None:
        parts.append(_held(ask.mode, caps.form, ask.name, ask.schema, caps.tool_strict))
        members.update(caps.schema_extra)
    if ask.stream:
        parts.append(b',"stream":true')
        if ask.count and caps.stream_usage:
            parts.append(b',"stream_options":{"include_usage":true}')
    if members:
        parts += b",", to_json(fit(members, ask, caps))[1:-1]
    parts.append(b"}")
    headers = _STREAM_HEADERS if ask.stream else _HEADERS
    if ask.headers:
        headers = {**headers, **{name.lower(): value for name, value in ask.headers.items()}}
    return Request(
        "POST",
        f"{caps.path}?{urlencode(ask.query)}" if ask.query else caps.path,
        headers,
        b"".join(parts),
    )


def _in_json_mode(ask: Ask, members: Mapping[str, Any]) -> bool:
    wanted = members.get("response_format")
    mine = ask.schema is not None and ask.mode == "json-object"
    return mine or (isinstance(wanted, Mapping) and wanted.get("type") == "json_object")


def fit(members: dict[str, Any], ask: Ask, caps: Capabilities) -> dict[str, Any]:
    """The members as this server takes them: under its names, and an error for what it refuses or would silently ignore."""
    if twice := sorted(_OWN.intersection(members)):
        raise ConfigurationError(
            f"{twice[0]!r} stands in the request already.",
            hint=f"Give `{twice[0]}` as a parameter of the call.",
        )
    for ours, theirs in caps.rename:
        if ours in members:
            members.setdefault(theirs, members[ours])
            del members[ours]
    refused = [
        name
        for name in caps.unsupported.intersection(members)
        if members[name] and members[name] != _NEUTRAL.get(name)
    ]
    if refused:
        raise _refused(caps, ", ".join(sorted(refused)))
    limit = members.get("max_completion_tokens") or members.get("max_tokens")
    if caps.max_output is not None and isinstance(limit, int) and limit > caps.max_output:
        raise ConfigurationError(
            f"{caps.provider}:{ask.model} writes at most {caps.max_output} tokens, not {limit}.",
            hint="Lower `max_tokens`.",
        )
    stop = members.get("stop")
    if isinstance(stop, str) and caps.stop_list:
        members["stop"] = [stop]
    elif (
        isinstance(stop, (list, tuple)) and caps.stop_max is not None and len(stop) > caps.stop_max
    ):
        raise ConfigurationError(
            f"{caps.provider} takes at most {caps.stop_max} stop sequences, not {len(stop)}.",
            hint="Name fewer of them.",
        )
    wanted = members.get("response_format")
    if isinstance(wanted, Mapping) and wanted.get("type") == "json_schema":
        members["response_format"] = _format(wanted, members, ask, caps)
    return members


def _format(
    wanted: Mapping[str, Any], members: Mapping[str, Any], ask: Ask, caps: Capabilities
) -> Mapping[str, Any]:
    """OpenAI's `response_format` with a schema, in this server's form. Some servers silently ignore a form they do not know."""
    if ask.stream and not caps.stream_with_schema:
        raise _refused(caps, "a schema together with stream")
    if members.get("tools") and not caps.tools_with_schema:
        raise _refused(caps, "a schema together with tools")
    held = wanted.get("json_schema")
    if caps.form == "tgi" and "value" in wanted:
        return wanted
    if not isinstance(held, Mapping) or not isinstance(held.get("schema"), (Mapping, bool)):
        raise ConfigurationError(
            "`response_format` of type json_schema holds no schema.",
            hint='Its form is {"type": "json_schema", "json_schema": {"name": ..., "schema": {...}}}.',
        )
    if caps.form == "tgi":
        return {
            "type": "json_schema",
            "value": {"name": held.get("name", "answer"), "schema": held["schema"]},
        }
    return (
        {"type": "json_object", "schema": held["schema"]} if caps.form == "json_object" else wanted
    )


def _refused(caps: Capabilities, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{caps.provider} does not take {what} (models {caps.model!r}).",
        hint="Leave it out; if the server has learned it since, give a row of your own as `capabilities`.",
    )


def _members(options: Options) -> dict[str, Any]:
    named = ("temperature", "top_p", "seed", "stop", "max_tokens")
    given = {name: value for name in named if (value := getattr(options, name)) is not UNSET}
    if options.logprobs is True:
        given["logprobs"] = True
    return {**given, **options.extra_body} if options.extra_body is not UNSET else given


@lru_cache(maxsize=1024)
def _held(mode: Mode, form: str, name: str, schema: bytes, tool_strict: bool) -> bytes:
    """The members that hold the answer to a schema, as bytes: the same for every call with this target."""
    quoted = to_json(name)
    if mode in ("strict", "best-effort"):
        strict = b"true" if mode == "strict" else b"false"
        if form == "tgi":
            return b',"response_format":{"type":"json_schema","value":{"name":%b,"schema":%b}}' % (
                quoted,
                schema,
            )
        if form == "json_object":
            return b',"response_format":{"type":"json_object","schema":%b}' % schema
        return (
            b',"response_format":{"type":"json_schema","json_schema":{"name":%b,"strict":%b,"schema":%b}}'
            % (
                quoted,
                strict,
                schema,
            )
        )
    if mode == "tool":
        strict = b',"strict":true' if tool_strict else b""
        return (
            b',"tools":[{"type":"function","function":{"name":%b%b,"parameters":%b}}],'
            b'"tool_choice":{"type":"function","function":{"name":%b}}'
            % (quoted, strict, schema, quoted)
        )
    return b',"response_format":{"type":"json_object"}' if mode == "json-object" else b""


# ---- parse ----------------------------------------------------------------------------------------------------------------


def parse(reply: Reply, caps: Capabilities, request: Request | None = None) -> Answer:
    """The answer in a reply. An error body is an APIError, whatever the status says."""
    if reply.status != 200:
        raise error_bodies.fault(reply, caps, request)
    try:
        raw = from_json(reply.body)
    except ValueError:
        raise _no_answer(caps, "its body is no JSON") from None
    if not isinstance(raw, dict):
        raise _no_answer(caps, "its body is no JSON object")
    if raw.get("error") or raw.get("object") == "error":
        raise error_bodies.fault(reply, caps, request)
    choices = raw.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise _no_answer(caps, "it holds no choice with a message")
    calls = message.get("tool_calls")
    usage = raw.get("usage")
    return Answer(
        text=_text(message.get("content")),
        finish_reason=_string(choice.get("finish_reason")),
        refusal=_string(message.get("refusal")),
        reasoning=_string(message.get("reasoning") or message.get("reasoning_content")),
        tool_calls=tuple(call for call in calls if isinstance(call, dict))
        if isinstance(calls, list)
        else (),
        usage=_usage(usage),
        model=_string(raw.get("model")),
        id=_string(raw.get("id")),
        seconds=_seconds(usage, raw.get("timings")),
        logprobs=_logprobs(choice.get("logprobs")),
        raw=raw,
    )


def parse_event(event: Event, caps: Capabilities, request: Request | None = None) -> Delta:
    """What an event adds. Raises the APIError that stands in it, or StreamBrokenError for what is no JSON."""
    if event.data == b"[DONE]":
        return Delta(done=True)
    try:
        raw = from_json(event.data)
    except ValueError:
        raw = None
    if (
        event.name == "error"
        or isinstance(raw, list)
        or (isinstance(raw, dict) and (raw.get("error") or raw.get("object") == "error"))
    ):
        raise error_bodies.fault(Reply(200, {}, event.data), caps, request)
    if not isinstance(raw, dict):
        raise StreamBrokenError(
            "An event of the stream is no JSON object.",
            sent=True,
            hint="The stream was cut or garbled on its way.",
        )
    usage = raw.get("usage")
    if "x_groq" in raw and isinstance(groq := raw["x_groq"], dict):
        if groq.get("error"):
            stopped = to_json({"error": {"message": groq["error"], "request_id": groq.get("id")}})
            raise error_bodies.fault(Reply(200, {}, stopped), caps, request)
        usage = usage or groq.get("usage")
    counted = _usage(usage) if usage else None
    choices = raw.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        if choices is None and "message" in raw:
            raise error_bodies.fault(Reply(200, {}, event.data), caps, request)
        return Delta(usage=counted, raw=raw)
    delta, finish = choice.get("delta"), choice.get("finish_reason")
    whole = delta is None and isinstance(choice.get("message"), dict)  # the server does not stream
    if whole:
        raw = _as_chunk(raw)
        delta = raw["choices"][0]["delta"]
    if not isinstance(delta, dict):
        return Delta(finish_reason=_string(finish), usage=counted, raw=raw)
    text = delta.get("content")
    if text.__class__ is str and len(delta) == 1:  # most events
        return Delta(text, None, None, (), _string(finish), counted, raw, whole)
    calls = delta.get("tool_calls")
    return Delta(
        _text(text),
        _string(delta.get("reasoning") or delta.get("reasoning_content")),
        _string(delta.get("refusal")),
        calls if isinstance(calls, list) else (),
        _string(finish),
        counted,
        raw,
        whole,
    )


def _as_chunk(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A whole answer as the event that says all of it."""
    choices = []
    for choice in raw["choices"]:
        message = dict(choice.get("message") or {})
        if isinstance(calls := message.get("tool_calls"), list):
            message["tool_calls"] = [
                {"index": index, **call}
                for index, call in enumerate(calls)
                if isinstance(call, dict)
            ]
        choices.append(
            {
                **{name: value for name, value in choice.items() if name != "message"},
                "delta": message,
            }
        )
    return {**raw, "object": "chat.completion.chunk", "choices": choices}


def _no_answer(caps: Capabilities, why: str) -> ServerError:
    return ServerError(
        f"{caps.provider} answered 200, but {why}.",
        status_code=200,
        hint="Is this the address of a Chat Completions server (`base_url`)?",
    )


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _text(content: Any) -> str | None:
    """A message's text; of a list of parts (Mistral's reasoning models), the text parts."""
    if isinstance(content, list):
        return "".join(_texts(content))
    return content if isinstance(content, str) else None


def _texts(parts: list[Any]) -> Iterator[str]:
    return (
        part["text"]
        for part in parts
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    )


def _logprobs(found: Any) -> tuple[tuple[str, float], ...]:
    """The answer's tokens and their logarithms: `logprobs.content` of a choice. A character that several tokens make up stands at
    the last of them, as their `bytes` say."""
    tokens = found.get("content") if isinstance(found, dict) else None
    decoder = _Decoder("replace")
    read: list[tuple[str, float]] = []
    for token in tokens if isinstance(tokens, list) else ():
        text, log = (
            (token.get("token"), token.get("logprob")) if isinstance(token, dict) else (None, None)
        )
        if not isinstance(text, str) or not isinstance(log, (int, float)):
            return ()
        raw = token.get("bytes")
        whole = isinstance(raw, list) and all(
            isinstance(byte, int) and 0 <= byte < 256 for byte in raw
        )
        read.append((decoder.decode(bytes(raw)) if whole else text, float(log)))
    return tuple(read)


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
    return value if isinstance(value, int) and 0 < value < 1 << 53 else 0


def _seconds(usage: Any, timings: Any) -> dict[str, float]:
    """Where the server's time went, if it says: Groq in its usage (seconds), llama.cpp in `timings` (milliseconds)."""
    found: dict[str, float] = {}
    for source, scale, names in (
        (
            usage,
            1.0,
            (("queue", "queue_time"), ("prefill", "prompt_time"), ("decode", "completion_time")),
        ),
        (timings, 1e-3, (("prefill", "prompt_ms"), ("decode", "predicted_ms"))),
    ):
        if isinstance(source, dict):
            found.update(
                (ours, source[theirs] * scale)
                for ours, theirs in names
                if isinstance(source.get(theirs), (int, float))
            )
    return found


CHAT: Final = Dialect(build, parse, parse_event, error_bodies.fault)
