"""Error answers of Chat Completions servers -> typed errors, from any of the shapes in use.

Shapes (from the servers' sources and recordings): nested `{"error": {...}}` (OpenAI, Groq, vLLM, llama.cpp), flat `{"object":
"error", ...}` (SGLang), `{"error": "text", "error_type": ...}` (TGI, Ollama), `{"detail": ...}` (FastAPI: Fireworks, Mistral),
plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import from_json

from structgen.errors import (
    APIError,
    APIPromptTooLongError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    OutputRejectedError,
    RateLimitError,
    ServerError,
)
from structgen.values import Reply, Request
from structgen.wire.dialect import Capabilities
from structgen.wire.retry import retry_after

_REJECTED: Final = frozenset({"json_validate_failed", "tool_use_failed"})
_TOO_LONG: Final = re.compile(
    r"context.{0,20}(length|size|window)|maximum context|exceeds? the (available )?context|reduce the length",
    re.IGNORECASE,
)
_LIMIT: Final = re.compile(
    r"(?:context (?:length|size|window)\D{0,20}|n_ctx\D{0,4})(\d+)", re.IGNORECASE
)
_NEEDED: Final = re.compile(
    r"(?:requested|resulted in|at least|contains|prompt has)\D{0,20}(\d+)", re.IGNORECASE
)

_CLASSES: Final[dict[int, type[APIError]]] = {
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFoundError,
    429: RateLimitError,
    498: RateLimitError,
}

_HINTS: Final[dict[int, str]] = {
    401: "Check the API key.",
    403: "The key lacks the right, or the model is not open to it.",
    404: "Check the model's name and the base URL.",
    413: "The request is too large, for the server or for the tokens a minute of this key: send less in one call.",
    422: "The server understood the request but could not process it.",
    429: "Send less at once, or raise `max_retries` and `total_timeout`.",
    498: "The flex tier is full: try later, or use another `service_tier`.",
}


def fault(reply: Reply, caps: Capabilities, request: Request | None = None) -> APIError:
    """The typed error in an error answer, or in an error event of a stream (a Reply of status 200 with the event's data).

    The server's words are part of the message, but for texts that come from the request's own messages, and for keys.
    """
    body = _body(reply)
    status = _status(reply, body)
    message, code, kind = (
        _message(body),
        _word(body.get("code")),
        _word(body.get("type") or body.get("error_type")),
    )
    cls = _class(status, code, kind, body, message)
    named = ", ".join(part for part in (code, kind) if part)
    said = scrubbed(message, request)
    error = cls(
        f"{caps.provider} answered {status or 'with an error'}{f' ({named})' if named else ''}{f': {said}' if said else ''}"
        + ("" if said.endswith((".", "!", "?")) else "."),
        status_code=status,
        code=code,
        type=kind,
        param=_word(body.get("param")),
        request_id=_word(body.get("request_id"))
        or reply.headers.get("x-request-id")
        or reply.headers.get("request-id"),
        retry_after=retry_after(reply.headers, message, kind),
        body=body.get("_text", body),
        hint=_HINTS.get(status or 0),
    )
    if (should := reply.headers.get("x-should-retry")) in ("true", "false"):
        error.should_retry = should == "true"
    if isinstance(error, OutputRejectedError):
        error.failed_generation = (
            body.get("failed_generation")
            if isinstance(body.get("failed_generation"), str)
            else None
        )
        error.hint = (
            "What the model wrote is in `failed_generation`. Ask again, or simplify the schema."
        )
    elif isinstance(error, APIPromptTooLongError):
        error.tokens, error.limit = _sizes(body, message)
        error.hint = "Send less text, or split it."
    return error


def _body(reply: Reply) -> dict[str, Any]:
    """The innermost error object, whatever the shape; `_text` holds what is no JSON object."""
    try:
        parsed = from_json(reply.body)
    except ValueError:
        return {"_text": reply.body[:2000].decode("utf-8", "replace").strip()}
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]  # Gemini wraps its error in a list
    if not isinstance(parsed, dict):
        return {"_text": str(parsed)[:2000]}
    inner = parsed.get("error")
    if isinstance(inner, dict):
        return inner
    return {**parsed, "message": inner} if isinstance(inner, str) else parsed


def _status(reply: Reply, body: dict[str, Any]) -> int | None:
    """The status line's; of an error inside a 200, what the error object names."""
    if reply.status >= 400 or reply.status in range(201, 400):
        return reply.status
    for value in (body.get("status_code"), body.get("code"), body.get("status")):
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
    kind = str(body.get("type") or "")
    return 400 if kind in ("invalid_request_error", "BadRequestError") else None


def _message(body: dict[str, Any]) -> str:
    for value in (body.get("message"), body.get("detail"), body.get("_text")):
        if isinstance(value, str) and value:
            return "a page of HTML" if value.lstrip()[:1] == "<" else value
        if isinstance(value, list):
            return "; ".join(_validation(value))
    return ""


def _validation(faults: list[Any]) -> Iterator[str]:
    """FastAPI's validation errors, without the input they quote."""
    for item in faults[:5]:
        if isinstance(item, dict):
            yield f"{'.'.join(map(str, item.get('loc') or ()))}: {item.get('msg')}"


def _class(
    status: int | None, code: str | None, kind: str | None, body: dict[str, Any], message: str
) -> type[APIError]:
    if code in _REJECTED or kind in _REJECTED:
        return OutputRejectedError
    too_long = (
        code == "context_length_exceeded"
        or kind == "exceed_context_size_error"
        or body.get("param") == "input_tokens"
    )
    if too_long or (status in (400, 413, 422) and _TOO_LONG.search(message)):
        return APIPromptTooLongError
    if status in _CLASSES:
        return _CLASSES[status]
    return BadRequestError if status is not None and 400 <= status < 500 else ServerError


def _sizes(body: dict[str, Any], message: str) -> tuple[int | None, int | None]:
    """(tokens needed, tokens there), by llama.cpp's members or from the words of the others."""
    needed, limit = body.get("n_prompt_tokens"), body.get("n_ctx")
    if needed is None and (found := _NEEDED.search(message)):
        needed = int(found[1])
    if limit is None and (found := _LIMIT.search(message)):
        limit = int(found[1])
    return needed, limit


def _word(value: Any) -> str | None:
    """A short string or number of the error object, as text."""
    return (
        str(value)[:200]
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""
        else None
    )


# ---- what must not stand in a message -------------------------------------------------------------------------------------

_KEY: Final = re.compile(
    r"\b(?:sk|gsk|pk|csk|fw|r8|xai|hf)[-_][\w*-]{6,}|Bearer\s+\S+|AIza[\w-]{20,}|\b[0-9a-fA-F]{32,}\b"
)
_QUOTED_INPUT: Final = re.compile(r"""(['"]?input(?:_value)?['"]?\s*[:=]\s*).*""", re.DOTALL)
_WINDOW: Final = 16
_LONGEST: Final = 600


def scrubbed(message: str, request: Request | None = None) -> str:
    """A server's words without keys and without what they quote of the request's messages, at most 600 characters."""
    text = _KEY.sub("…", message[: 4 * _LONGEST])
    text = _QUOTED_INPUT.sub(r"\1…", text)
    for source in _texts_of(request):
        text = _without(text, source)
    text = " ".join(re.sub("\0+", "…", text).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _without(text: str, source: str) -> str:
    """`text` with every run it shares with `source` replaced, if the run is 16 characters or longer (or the whole source)."""
    if len(source) <= _WINDOW:
        return text.replace(source, "…") if len(source) > 4 else text
    hidden = bytearray(len(text))
    for start in range(len(text) - _WINDOW + 1):
        if text[start : start + _WINDOW] in source:
            hidden[start : start + _WINDOW] = b"\x01" * _WINDOW
    return (
        "".join("\0" if hide else letter for letter, hide in zip(text, hidden, strict=True))
        if any(hidden)
        else text
    )


def _texts_of(request: Request | None) -> Iterator[str]:
    """Every text in a request's messages, as it is and as JSON writes it."""
    if request is None or not request.body:
        return
    stack = [from_json(request.body).get("messages")]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            stack.extend(value for key, value in item.items() if key not in ("role", "type"))
        elif isinstance(item, list):
            stack.extend(item)
