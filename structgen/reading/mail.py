"""The text of a mail (RFC 5322, MIME)."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from typing import Final, cast

from structgen.errors import InputError
from structgen.reading.builder import DocumentBuilder
from structgen.reading.document import Document
from structgen.reading.html import markdown_of
from structgen.reading.options import ReadSettings

_SHOWN: Final = ("From", "To", "Cc", "Date", "Subject")
"""The headers that are part of the text."""


def read_mail(data: bytes, settings: ReadSettings) -> Document:
    """Read a mail: its headers, its body (plain text before HTML), and the names of attachments.

    Args:
        data: The mail.
        settings: Whether to read the attachments, too.
    """
    message = email.message_from_bytes(data, policy=email.policy.default)
    builder, notes = DocumentBuilder(), list[str]()
    builder.write("\n".join(_headers(message)))
    body = message.get_body(("plain", "html"))
    if body is not None:
        builder.separate()
        builder.write(_content(cast("EmailMessage", body)).strip())
    attached = list(message.iter_attachments()) if message.is_multipart() else []
    if attached:
        builder.separate()
        builder.write(f"Attachments: {', '.join(map(_name_of, attached))}")
    if settings.attachments:
        for part in attached:
            notes += _add_attachment(builder, part, settings)
    kind = settings.media_type or "message/rfc822"
    return builder.build(name=settings.name, media_type=kind, notes=notes)


def _add_attachment(
    builder: DocumentBuilder, part: EmailMessage, settings: ReadSettings
) -> Iterator[str]:
    """Write the text of an attachment under its name; say why if it cannot be read."""
    name = _name_of(part)
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else part.as_bytes()
    if settings.read_inner is None:
        return
    try:
        inner = replace(settings, name=name, media_type=None, reader=None)
        document = settings.read_inner(data, inner)
    except InputError as error:
        yield f"The attachment {name} was not read: {error.message}"
        return
    builder.separate()
    builder.heading(1, name)
    builder.write(f"# {name}")
    builder.separate()
    builder.add(document)
    yield from document.notes


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
        return markdown_of(payload, charset)
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
