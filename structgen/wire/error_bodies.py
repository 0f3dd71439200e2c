"""Errors that servers answer, in any of the forms in use, as typed errors.

The forms, from the servers' sources and from recordings:

- `{"error": {...}}`: OpenAI, Groq, vLLM, llama.cpp; Gemini sends it in a list
- `{"type": "error", "error": {...}, "request_id": ...}`: Anthropic
- `{"object": "error", ...}`: SGLang
- `{"error": "text", "error_type": ...}`: Text Generation Inference, Ollama
- `{"detail": ...}`: FastAPI, and so Fireworks and Mistral
- plain text or HTML: proxies
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pydantic_core import from_json

from structgen.errors import (
    APIError,
    APIPromptTooLongError,
    AuthenticationError,
    BadRequestError,
    ModelRetiredError,
    NotFoundError,
    OutputRejectedError,
    RateLimitError,
    ServerError,
)
from structgen.values import Reply, Request
from structgen.wire.dialect import Capabilities
from structgen.wire.models.retired import retired_model
from structgen.wire.redaction import redacted, without_keys
from structgen.wire.retry import retry_after

_REJECTED_OUTPUT: Final = frozenset({"json_validate_failed", "tool_use_failed"})
"""Codes of a server that rejects what its own model wrote."""
_PROMPT_TOO_LONG: Final = re.compile(
    r"context.{0,20}(length|size|window)|maximum context"
    r"|exceeds? the (available )?context|reduce the length"
    r"|exceeds? the maximum number of tokens|prompt is too long",
    re.IGNORECASE,
)
_CONTEXT_LENGTH: Final = re.compile(
    r"(?:context (?:length|size|window)\D{0,20}|n_ctx\D{0,4}|of tokens allowed\D{0,3}|tokens > )"
    r"(\d+)",
    re.IGNORECASE,
)
_PROMPT_LENGTH: Final = re.compile(
    r"(?:requested|resulted in|at least|contains|prompt has|token count|too long:|^request)"
    r"\D{0,20}(\d+)",
    re.IGNORECASE,
)
_MODEL_IN_PATH: Final = re.compile(r"(?:^|/)models/([^:/?]+):")
_MAX_TEXT: Final = 2000
"""Characters that are kept of a body that is not JSON."""
_MAX_WORD: Final = 200
"""Characters that are kept of a code or a type."""
_MAX_VALIDATION_ERRORS: Final = 5
"""Validation errors that one message lists."""

_STATUSES: Final = {
    # Chat Completions servers
    "invalid_request_error": 400,
    "BadRequestError": 400,
    # OpenAI's Responses
    "invalid_prompt": 400,
    "rate_limit_exceeded": 429,
    "server_error": 500,
    # platform.claude.com/docs/en/api/errors
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Statuses of errors inside of a 200 or a stream, by their type or code."""

_CLASSES: Final[dict[int, type[APIError]]] = {
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFoundError,
    429: RateLimitError,
    498: RateLimitError,
}

_HINTS: Final[dict[int, str]] = {
    401: "Check the API key.",
    403: "Check that this key may use this model.",
    404: "Check the model's name and the base URL.",
    413: (
        "The request is too large for the server or for the tokens per minute of this key. "
        "Send less in one call."
    ),
    422: "The server understood the request but could not process it. Check its parameters.",
    429: "Send fewer requests at once, or raise `max_retries` and `total_timeout`.",
    498: "The flex tier has no room. Try later, or use another `service_tier`.",
    529: "The provider is overloaded for all its customers. Try later, or use another model.",
}


def parse_error(reply: Reply, caps: Capabilities, request: Request | None = None) -> APIError:
    """Turn an error reply into a typed error, which is returned.

    The server's own words become part of the message, without keys and without texts of the
    request's messages.

    Args:
        reply: The reply; for an error event of a stream, a reply of status 200 with its data.
        caps: The row of the server that sent it.
        request: The request it replies to.
    """
    body = _error_object(reply)
    status = _status(reply, body)
    message = _message(body)
    code, kind = _short_text(body.get("code")), _short_text(_error_type(body))
    is_retired = code == "model_decommissioned" or _has_ended(status, caps.owner, request)
    kind_of_error = (
        ModelRetiredError if is_retired else _error_class(status, code, kind, body, message)
    )
    error = kind_of_error(
        _summary(caps.provider, status, (code, kind), redacted(message, request)),
        status_code=status,
        code=code,
        type=kind,
        param=_short_text(body.get("param")),
        request_id=_request_id(reply, body),
        retry_after=retry_after(reply.headers, message, kind),
        body=without_keys(body.get("_text", body)),
        hint=_HINTS.get(status or 0),
    )
    if isinstance(error, ModelRetiredError):
        _name_replacement(error, caps.owner, request)
    if status is not None and 300 <= status < 400:
        where = _target_of(reply)
        error.hint = f"The server points {where}, and redirects are not followed: see `base_url`."
    should_retry = reply.headers.get("x-should-retry")
    if should_retry in ("true", "false"):
        error.should_retry = should_retry == "true"
    if isinstance(error, OutputRejectedError):
        rejected = body.get("failed_generation")
        error.failed_generation = rejected if isinstance(rejected, str) else None
        error.hint = "Ask again, or simplify the schema. `failed_generation` has the model's text."
    elif "insufficient_quota" in (code, kind):
        error.should_retry = False
        error.hint = "The account has no credit left: another try fares no better."
    elif isinstance(error, APIPromptTooLongError):
        error.tokens, error.limit = _prompt_and_context_length(body, message)
        error.hint = "Send less text, or split it."
    return error


def _target_of(reply: Reply) -> str:
    """Where a redirect leads, without what may hold a key."""
    try:
        parts = urlsplit(reply.headers.get("location", ""))
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "elsewhere"
    address = f"{parts.scheme}://{host}{parts.path}" if host else parts.path
    return f"to {redacted(address)}" if address and address.isprintable() else "elsewhere"


def _has_ended(status: int | None, provider: str, request: Request | None) -> bool:
    """Whether a 404 is of a model whose end is known and has passed."""
    if status != 404:
        return False
    found = retired_model(provider, _model_of(request))
    return found is not None and found.has_ended


def _name_replacement(error: ModelRetiredError, provider: str, request: Request | None) -> None:
    found = retired_model(provider, _model_of(request))
    error.replacement = found.replacement if found else None
    error.hint = f"{found.end_in_words()}." if found else "See the provider's page of deprecations."


def _model_of(request: Request | None) -> str:
    """The model that a request asked for: in its body, or in its path, as Gemini has it."""
    if request is None:
        return ""
    if found := _MODEL_IN_PATH.search(request.path):
        return unquote(found[1])
    try:
        body = from_json(request.body)
    except ValueError:
        body = None
    return str(body.get("model", "")) if isinstance(body, dict) else ""


def _summary(provider: str, status: int | None, names: tuple[str | None, ...], words: str) -> str:
    """Such as "groq answered 400 (json_validate_failed): Failed to generate JSON."."""
    text = f"{provider} answered {status or 'with an error'}"
    if named := ", ".join(name for name in names if name):
        text += f" ({named})"
    if words:
        text += f": {words}"
    return text if words.endswith((".", "!", "?")) else f"{text}."


# ---- members of an error -------------------------------------------------------------


def _error_object(reply: Reply) -> dict[str, Any]:
    """The innermost error object, whatever the form; `_text` holds what is not a JSON object."""
    try:
        parsed = from_json(reply.body)
    except ValueError:
        return {"_text": reply.body[:_MAX_TEXT].decode("utf-8", "replace").strip()}
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    if not isinstance(parsed, dict):
        return {"_text": str(parsed)[:_MAX_TEXT]}
    inner = parsed.get("error")
    if isinstance(inner, dict):
        outer = {"request_id": parsed["request_id"]} if parsed.get("request_id") else {}
        return {**outer, **inner}
    return {**parsed, "message": inner} if isinstance(inner, str) else parsed


def _status(reply: Reply, body: dict[str, Any]) -> int | None:
    """The status of the reply; for an error inside a 200, the status that the error names."""
    if reply.status >= 400 or reply.status in range(201, 400):
        return reply.status
    for value in (body.get("status_code"), body.get("code"), body.get("status")):
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
    names = (str(body.get("type")), str(body.get("code")))
    return next((_STATUSES[name] for name in names if name in _STATUSES), None)


def _error_type(body: dict[str, Any]) -> Any:
    kind = body.get("type") or body.get("error_type")
    return None if kind == "error" else kind


def _request_id(reply: Reply, body: dict[str, Any]) -> str | None:
    headers = reply.headers
    return (
        _short_text(body.get("request_id"))
        or headers.get("x-request-id")
        or headers.get("request-id")
    )


def _message(body: dict[str, Any]) -> str:
    for value in (body.get("message"), body.get("detail"), body.get("_text")):
        if isinstance(value, str) and value:
            return "a page of HTML" if value.lstrip()[:1] == "<" else value
        if isinstance(value, list):
            return "; ".join(_validation_errors(value))
    return ""


def _validation_errors(details: list[Any]) -> Iterator[str]:
    """FastAPI's validation errors, without the input that they quote."""
    for detail in details[:_MAX_VALIDATION_ERRORS]:
        if isinstance(detail, dict):
            location = ".".join(map(str, detail.get("loc") or ()))
            yield f"{location}: {detail.get('msg')}"


def _error_class(
    status: int | None, code: str | None, kind: str | None, body: dict[str, Any], message: str
) -> type[APIError]:
    if code in _REJECTED_OUTPUT or kind in _REJECTED_OUTPUT:
        return OutputRejectedError
    says_too_long = (
        code == "context_length_exceeded"
        or kind == "exceed_context_size_error"
        or body.get("param") == "input_tokens"
    )
    if says_too_long or (status in (400, 413, 422) and _PROMPT_TOO_LONG.search(message)):
        return APIPromptTooLongError
    if status in _CLASSES:
        return _CLASSES[status]
    return BadRequestError if status is not None and 400 <= status < 500 else ServerError


def _prompt_and_context_length(body: dict[str, Any], message: str) -> tuple[int | None, int | None]:
    """Both in tokens: from llama.cpp's members, or from the words of the other servers."""
    prompt, context = body.get("n_prompt_tokens"), body.get("n_ctx")
    if prompt is None and (found := _PROMPT_LENGTH.search(message)):
        prompt = int(found[1])
    if context is None and (found := _CONTEXT_LENGTH.search(message)):
        context = int(found[1])
    return prompt, context


def _short_text(value: Any) -> str | None:
    """A string or number of the error object, as a short text without keys."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        return None
    return redacted(str(value)[:_MAX_WORD])
