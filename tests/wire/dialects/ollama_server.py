"""What an Ollama server sends, after https://docs.ollama.com/api/chat and its `api/types.go`."""

from __future__ import annotations

import json
from typing import Any

HEAD = {"model": "qwen3:8b", "created_at": "2026-11-20T09:30:00.123456789Z"}
COUNTS = {
    "total_duration": 3_000_000_000,
    "load_duration": 1_000_000_000,
    "prompt_eval_count": 12,
    "prompt_eval_duration": 500_000_000,
    "eval_count": 8,
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
