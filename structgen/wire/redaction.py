"""Redaction of servers' error messages: they must show no API key and no text of the request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pydantic_core import from_json

from structgen.values import Json, Request

_API_KEY: Final = re.compile(
    r"\b(?:sk|gsk|pk|csk|fw|r8|xai|hf)[-_][\w*-]{6,}"
    r"|Bearer\s+\S+|AIza[\w-]{20,}|\b[0-9a-fA-F]{32,}\b"
)
"""Keys in the forms that the providers of the table give out."""
_QUOTED_INPUT: Final = re.compile(r"""(['"]?input(?:_value)?['"]?\s*[:=]\s*).*""", re.DOTALL)
"""The input that a validation error of FastAPI quotes, to the end of the message."""
_MESSAGES: Final = ("messages", "contents", "systemInstruction", "input", "instructions", "system")
"""Members of a body that hold its messages, in every format."""
_SHORTEST_QUOTE: Final = 16
"""Characters in a row that count as a quote; fewer may be equal by chance."""
_SHORTEST_TEXT: Final = 5
"""Characters of a text that is hidden as a whole; shorter ones are words of any message."""
_MAX_MESSAGE: Final = 600
"""Characters that are kept of a message."""


def redacted(message: str, request: Request | None = None) -> str:
    """Shorten a server's message, and replace keys and quotes of the request by "…".

    Args:
        message: The server's words.
        request: The request whose messages must not be quoted.
    """
    # Redacting takes time in proportion to the length, so most of a huge message goes first.
    text = _API_KEY.sub("…", message[: 4 * _MAX_MESSAGE])
    text = _QUOTED_INPUT.sub(r"\1…", text)
    for source in _texts_of(request):
        text = _without_quotes(text, source)
    text = " ".join(re.sub("\0+", "…", text).split())
    return text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + "…"


def without_keys(value: Json) -> Json:
    """Replace the API keys in an error object by "…".

    Args:
        value: The object as plain data, or any part of it.
    """
    if isinstance(value, str):
        return _API_KEY.sub("…", value)
    if isinstance(value, list):
        return [without_keys(item) for item in value]
    if isinstance(value, dict):
        return {name: without_keys(item) for name, item in value.items()}
    return value


def _without_quotes(text: str, source: str) -> str:
    """Replace the runs that a text shares with a source by NUL characters.

    A source that is too short to be quoted in part is replaced as a whole, by "…".
    """
    if len(source) <= _SHORTEST_QUOTE:
        return text.replace(source, "…") if len(source) >= _SHORTEST_TEXT else text
    hidden = bytearray(len(text))
    for start in range(len(text) - _SHORTEST_QUOTE + 1):
        end = start + _SHORTEST_QUOTE
        if text[start:end] in source:
            hidden[start:end] = b"\x01" * _SHORTEST_QUOTE
    if not any(hidden):
        return text
    return "".join("\0" if hide else letter for letter, hide in zip(text, hidden, strict=True))


def _texts_of(request: Request | None) -> Iterator[str]:
    """Every text in a request's messages."""
    if request is None or not request.body.startswith(b"{"):  # a form that uploads a file
        return
    body = from_json(request.body)
    stack = [body.get(name) for name in _MESSAGES]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            stack.extend(value for key, value in item.items() if key not in ("role", "type"))
        elif isinstance(item, list):
            stack.extend(item)
