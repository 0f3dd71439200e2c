"""The text of a mail (RFC 5322, MIME)."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Final, cast

from structgen.pipeline.inputs.texts.html import text_of_html

_SHOWN: Final = ("From", "To", "Cc", "Date", "Subject")
"""The headers that are part of the text."""


def text_of_mail(data: bytes) -> str:
    """Read a mail: its headers, its body (plain text before HTML), and the names of attachments.

    Args:
        data: The mail.
    """
    message = email.message_from_bytes(data, policy=email.policy.default)
    return "\n\n".join(part for part in _parts(message) if part.strip())


def _parts(message: EmailMessage) -> Iterator[str]:
    yield "\n".join(_headers(message))
    body = message.get_body(("plain", "html"))
    if body is not None:
        yield _content(cast("EmailMessage", body))
    names = (
        [_name_of(part) for part in message.iter_attachments()] if message.is_multipart() else []
    )
    if names:
        yield f"Attachments: {', '.join(names)}"


def _headers(message: EmailMessage) -> Iterator[str]:
    for name in _SHOWN:
        if value := _header(message, name):
            yield f"{name}: {_valid(value)}"


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message[name] or "")
    except Exception:  # a malformed header; the parser raises what it likes
        return ""


def _content(part: EmailMessage) -> str:
    payload = cast("bytes", part.get_payload(decode=True) or b"")
    charset = part.get_content_charset() or "utf-8"
    if part.get_content_subtype() == "html":
        return text_of_html(payload, charset)
    try:
        return payload.decode(charset, "replace").strip()
    except LookupError:  # a charset that nobody knows
        return payload.decode("utf-8", "replace").strip()


def _name_of(part: EmailMessage) -> str:
    try:
        name = part.get_filename()
    except Exception:  # as in `_headers`
        name = None
    return _valid(name or part.get_content_type())


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
