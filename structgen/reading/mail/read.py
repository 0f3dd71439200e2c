"""The text of a mail (RFC 5322, MIME)."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from itertools import chain
from typing import Final, cast

from structgen.errors import DocumentError, InputError
from structgen.reading.builder import DocumentBuilder
from structgen.reading.document import Document
from structgen.reading.html.read import decoded_as, write_page
from structgen.reading.mail.parts import parts_of
from structgen.reading.options import ReadSettings

_SHOWN: Final = ("From", "To", "Cc", "Date", "Subject")
"""The headers that are part of the text."""
_QUOTE: Final = ">"
_SIGNATURE: Final = "-- "
"""The line before a signature, whose space does not join it to the next line (RFC 3676, 4.3)."""


def read_mail(data: bytes, settings: ReadSettings) -> Document:
    """Read a mail: its headers, its body (plain text before HTML), and the names of attachments.

    A mail that is forwarded inside it is read under its subject as a heading.

    Args:
        data: The mail.
        settings: Whether to read the attachments, too.

    Raises:
        DocumentError: If it is encrypted.
    """
    message = email.message_from_bytes(data, policy=email.policy.default)
    writer = _MailWriter(DocumentBuilder(), settings)
    writer.write(message, 1)
    kind = settings.media_type or "message/rfc822"
    return writer.builder.build(name=settings.name, media_type=kind, notes=writer.notes)


class _MailWriter:
    """Writes a mail, and those that are in it."""

    def __init__(self, builder: DocumentBuilder, settings: ReadSettings) -> None:
        self.builder, self.settings = builder, settings
        self.notes: list[str] = []

    def write(self, message: EmailMessage, level: int) -> None:
        parts = parts_of(message)
        if parts.is_encrypted:
            raise DocumentError(
                f"{self.settings.name or 'The mail'} is encrypted.",
                hint="Open it in a mail program and save it decrypted, then read it again.",
                reason="locked",
            )
        self.builder.write("\n".join(_headers(message)))
        for part in parts.body:
            self.builder.separate()
            self.text(part)
        attached = list(chain(parts.attached, parts.forwarded_as_files))
        if attached:
            self.builder.separate()
            self.builder.write(f"Attachments: {', '.join(map(_name_of, attached))}")
        for forwarded in parts.forwarded:
            self.forwarded(forwarded, level)
        if self.settings.attachments:
            for part in parts.attached:
                self.attachment(part)
            for forwarded in parts.forwarded_as_files:
                self.forwarded(forwarded, level)

    def text(self, part: EmailMessage) -> None:
        """Write a part of the body."""
        if part.get_content_maintype() == "message":  # what a server says of a mail it returns
            inner = cast("list[EmailMessage]", part.get_payload())
            self.builder.write(_valid("\n".join(map(str, inner))).strip())
            return
        text, notes = decoded_as(_payload(part), part.get_content_charset() or "")
        self.notes += notes
        if part.get_content_subtype() == "html":
            write_page(self.builder, text, hidden=self.settings.hidden)
            return
        if str(part.get_param("format", "")).lower() == "flowed":
            text = _flowed(text, str(part.get_param("delsp", "")).lower() == "yes")
        self.builder.write("\n".join(text.splitlines()).strip())

    def forwarded(self, part: EmailMessage, level: int) -> None:
        """Write a mail that is in a mail, under its subject."""
        [inner] = cast("list[EmailMessage]", part.get_payload())
        title = " ".join(_header(inner, "Subject").split()) or "Forwarded mail"
        self.heading(level, title)
        self.write(inner, level + 1)

    def attachment(self, part: EmailMessage) -> None:
        """Write the text of an attachment under its name; say why if it cannot be read."""
        name, read_inner = _name_of(part), self.settings.read_inner
        if read_inner is None:
            return
        settings = replace(
            self.settings, name=name, media_type=None, reader=None, page_numbers=None
        )
        try:
            document = read_inner(_payload(part), settings)
        except InputError as error:
            self.notes.append(f"The attachment {name} was not read: {error.message}")
            return
        self.heading(1, name)
        self.builder.add(document)
        self.notes += document.notes

    def heading(self, level: int, title: str) -> None:
        self.builder.separate()
        self.builder.heading(level, title)
        self.builder.write(f"# {title}")
        self.builder.separate()


def _payload(part: EmailMessage) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else part.as_bytes()


def _flowed(text: str, joins_words: bool) -> str:
    """Join the lines that a mail program broke, which end in a space (RFC 3676)."""
    found: list[str] = []
    depth, is_open = 0, False
    for line in text.splitlines():
        inner = line.lstrip(_QUOTE)
        quoted = len(line) - len(inner)
        words = inner[1:] if inner.startswith(" ") else inner
        if is_open and quoted == depth:
            found[-1] += words
        else:
            found.append(f"{_QUOTE * quoted} {words}" if quoted else words)
        depth = quoted
        is_open = words.endswith(" ") and words != _SIGNATURE
        if is_open and joins_words:
            found[-1] = found[-1][:-1]
    return "\n".join(found)


def _headers(message: EmailMessage) -> list[str]:
    values = {name: " ".join(_header(message, name).split()) for name in _SHOWN}
    return [f"{name}: {value}" for name, value in values.items() if value]


def _header(message: EmailMessage, name: str) -> str:
    try:
        return _valid(str(message[name] or ""))
    except Exception:  # a malformed header; the parser raises what it likes
        raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
        return _valid(raw)


def _name_of(part: EmailMessage) -> str:
    try:
        name = part.get_filename()
    except Exception:  # as in `_header`
        name = None
    if not name and part.get_content_type() == "message/rfc822":
        [inner] = cast("list[EmailMessage]", part.get_payload())
        name = _header(inner, "Subject")
    return " ".join(_valid(name or part.get_content_type()).split())


def _valid(text: str) -> str:
    """A text of a header whose bytes may be in no encoding."""
    return decoded_as(text.encode("utf-8", "surrogateescape"), "")[0]
