"""What a Gemini server sends, after https://ai.google.dev/api/generate-content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from structgen.values import Reply
from tests.wire.dialects.said import Said, Server, as_object, data, encoded, pieces

HEAD = {"modelVersion": "gemini-3.8-flash", "responseId": "resp-1"}
USAGE = {
    "promptTokenCount": 7,
    "candidatesTokenCount": 3,
    "thoughtsTokenCount": 2,
    "cachedContentTokenCount": 3,
    "totalTokenCount": 12,
}


def response(
    parts: Sequence[dict[str, Any]], finish_reason: str | None = "STOP", **members: Any
) -> dict[str, Any]:
    """One `GenerateContentResponse`."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish_reason:
        candidate["finishReason"] = finish_reason
    return {"candidates": [candidate], "usageMetadata": USAGE, **HEAD, **members}


def whole(text: str | None, finish_reason: str = "STOP", thought: str = "") -> bytes:
    """The body of an answer."""
    parts: list[dict[str, Any]] = [{"text": thought, "thought": True}] if thought else []
    if text is not None:
        parts.append({"text": text})
    return json.dumps(response(parts, finish_reason)).encode()


def stream(text: str, finish_reason: str | None = "STOP", thought: str = "") -> list[bytes]:
    """The events of a streamed answer, as `alt=sse` gives them."""
    pieces = [text[at : at + 4] for at in range(0, len(text), 4)]
    thoughts = [response([{"text": thought, "thought": True}], None)] if thought else []
    answers = [response([{"text": piece}], None) for piece in pieces]
    ends = [response([{"text": ""}], finish_reason)] if finish_reason else []
    return [event(one) for one in [*thoughts, *answers, *ends]]


def event(value: Any) -> bytes:
    return f"data: {json.dumps(value)}\r\n\r\n".encode()


def call(name: str, arguments: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A part that calls a function."""
    return {"functionCall": {"name": name, "args": arguments}, **members}


def blocked(reason: str = "PROHIBITED_CONTENT") -> bytes:
    """The body for a prompt that is not answered."""
    return json.dumps({"promptFeedback": {"blockReason": reason}, **HEAD}).encode()


def error(
    code: int, status: str, message: str, *details: dict[str, Any], in_list: bool = False
) -> bytes:
    """The body of an error: a `google.rpc.Status`."""
    told = {"code": code, "message": message, "status": status, "details": list(details)}
    body: Any = {"error": told}
    return json.dumps([body] if in_list else body, indent=2).encode()


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}
BAD_KEY = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
}


# ---- as a row of the scripted servers ------------------------------------------------

_ENDS = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}


def said_parts(said: Said) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    if said.reasoning:
        parts.append({"text": said.reasoning, "thought": True})
    if said.text is not None:
        parts.append({"text": said.text})
    for id_, name, arguments in said.calls:
        made = {"id": id_, "name": name, "args": as_object(arguments)}
        parts.append({"functionCall": made, "thoughtSignature": "c2ln"})
    return parts


def said_response(said: Said, parts: list[dict[str, Any]], *, ended: bool) -> dict[str, Any]:
    """A response with some parts of an answer."""
    found = response(parts, _ENDS.get(said.end, said.end) if ended else None)
    if ended and said.refusal is not None:
        refused = {"finishReason": "PROHIBITED_CONTENT", "finishMessage": said.refusal}
        found["candidates"][0] |= refused
    return found


def said_events(said: Said) -> list[bytes]:
    parts: list[dict[str, Any]] = []
    for part in said_parts(said):
        if "text" in part:
            parts += ({**part, "text": piece} for piece in pieces(part["text"], said.size))
        else:
            parts.append(part)
    found = [said_response(said, [part], ended=False) for part in parts]
    return [data(one) for one in (*found, said_response(said, [], ended=True))]


def _forced(body: Any) -> str | None:
    config = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    name: str | None = next(iter(config.get("allowedFunctionNames") or ()), None)
    return name


def _texts(body: Any) -> list[tuple[str, str]]:
    turns = [{"role": "system", **body.get("systemInstruction", {"parts": []})}, *body["contents"]]
    return [(turn["role"], part["text"]) for turn in turns for part in turn["parts"]]


def _overloaded(message: str) -> bytes:
    return data({"error": {"code": 503, "status": "UNAVAILABLE", "message": message}})


GEMINI = Server(
    model="gemini-native:gemini",
    modes=("strict", "tool", "json-object", "prompt"),
    whole=lambda said: encoded(said_response(said, said_parts(said), ended=True)),
    events=said_events,
    ends=1,
    error=lambda status, text: Reply(status, {}, error(status, "SOME_STATUS", text)),
    event_error=_overloaded,
    forced=_forced,
    schema=lambda body: body["generationConfig"]["responseJsonSchema"],
    texts=_texts,
    streams=lambda request: ":streamGenerateContent" in request.path,
    omits_absent=True,
)
