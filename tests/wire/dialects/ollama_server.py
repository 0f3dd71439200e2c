"""What an Ollama server sends, after https://docs.ollama.com/api/chat and its `api/types.go`."""

from __future__ import annotations

import json
from typing import Any

from structgen.values import Reply
from tests.wire.dialects.said import Said, Server, as_object, encoded, pieces

HEAD = {"model": "qwen3:8b", "created_at": "2026-11-20T09:30:00.123456789Z"}
COUNTS = {
    "total_duration": 3_000_000_000,
    "load_duration": 1_000_000_000,
    "prompt_eval_count": 7,
    "prompt_eval_duration": 500_000_000,
    "eval_count": 5,
    "eval_duration": 1_500_000_000,
}


def answer(content: str, done_reason: str = "stop", **message: Any) -> dict[str, Any]:
    """One `ChatResponse` that ends an answer."""
    said = {"role": "assistant", "content": content, **message}
    return {**HEAD, "message": said, "done_reason": done_reason, "done": True, **COUNTS}


def whole(text: str | None, done_reason: str = "stop", thinking: str = "") -> bytes:
    """The body of an answer."""
    more = {"thinking": thinking} if thinking else {}
    return json.dumps(answer(text or "", done_reason, **more)).encode()


def stream(text: str, done_reason: str | None = "stop", thinking: str = "") -> list[bytes]:
    """The lines of a streamed answer."""
    said: list[dict[str, Any]] = []
    if thinking:
        said.append({"content": "", "thinking": thinking})
    said += [{"content": text[at : at + 4]} for at in range(0, len(text), 4)]
    lines = [{**HEAD, "message": {"role": "assistant", **one}, "done": False} for one in said]
    if done_reason:
        lines.append(answer("", done_reason))
    return [line(one) for one in lines]


def line(value: Any) -> bytes:
    return f"{json.dumps(value)}\n".encode()


def call(name: str, arguments: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A call of a tool."""
    return {"function": {"name": name, "arguments": arguments, **members}}


def error(message: str) -> bytes:
    """The body of an error, or the line of a stream that ends in one."""
    return json.dumps({"error": message}).encode()


TOO_LONG = json.dumps(
    {
        "error": {
            "code": 400,
            "message": "request (8889 tokens) exceeds the available context size (4096 tokens)",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 8889,
            "n_ctx": 4096,
        }
    }
)
"""What the runner says of a prompt that is too long; the server passes it on as a text."""


# ---- as a row of the scripted servers ------------------------------------------------


def said_line(said: Said, message: dict[str, Any], *, done: bool) -> dict[str, Any]:
    """A `ChatResponse` with some part of an answer."""
    found: dict[str, Any] = {**HEAD, "done": done}
    found["message"] = {"role": "assistant", "content": "", **message}
    if done:
        end = "stop" if said.end == "tool_calls" else said.end
        found |= {**COUNTS, "done_reason": end}
    return found


def _calls(said: Said) -> list[dict[str, Any]]:
    return [
        {"id": id_, "function": {"name": name, "arguments": as_object(arguments)}}
        for id_, name, arguments in said.calls
    ]


def said_whole(said: Said) -> bytes:
    members = {"thinking": said.reasoning, "tool_calls": _calls(said)}
    message = {name: value for name, value in members.items() if value}
    return encoded(said_line(said, {"content": said.text or "", **message}, done=True))


def said_events(said: Said) -> list[bytes]:
    messages: list[dict[str, Any]] = []
    messages += ({"thinking": piece} for piece in pieces(said.reasoning, said.size))
    messages += ({"content": piece} for piece in pieces(said.text, said.size))
    messages += ({"tool_calls": [one]} for one in _calls(said))
    lines = [said_line(said, message, done=False) for message in messages]
    return [encoded(one) + b"\n" for one in (*lines, said_line(said, {}, done=True))]


OLLAMA = Server(
    model="ollama-native:qwen",
    modes=("strict", "json-object", "prompt"),
    whole=said_whole,
    events=said_events,
    ends=1,
    error=lambda status, text: Reply(status, {}, error(text)),
    event_error=lambda text: error(text) + b"\n",
    forced=lambda body: None,
    schema=lambda body: body["format"],
    texts=lambda body: [(one["role"], one["content"]) for one in body["messages"]],
    refuses=False,
    has_lists=True,
)
