"""What a Gemini server sends, after https://ai.google.dev/api/generate-content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

HEAD = {"modelVersion": "gemini-3.8-flash", "responseId": "resp-1"}
USAGE = {
    "promptTokenCount": 12,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 3,
    "cachedContentTokenCount": 4,
    "totalTokenCount": 20,
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
