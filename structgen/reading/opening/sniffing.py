"""Tell the kind of a file by its first bytes."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Final

from structgen.reading.opening.faults import ENVELOPE
from structgen.reading.text import decode, encoding_of

_HEAD: Final = 1024
"""The bytes at the beginning of a PDF in which its mark is (ISO 32000, annex H.3.4.1)."""
_HEAD_OF_IMAGE: Final = 32
"""Bytes at the beginning of a file, by which its kind is told."""
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_ZIPPED: Final = {
    "word/document.xml": f"{_OFFICE}.wordprocessingml.document",
    "xl/workbook.xml": f"{_OFFICE}.spreadsheetml.sheet",
    "ppt/presentation.xml": f"{_OFFICE}.presentationml.presentation",
}
"""The member of a zip archive that tells its kind."""
_SIGNATURES: Final[Sequence[tuple[str, Callable[[bytes], bool]]]] = (
    ("image/png", lambda head: head.startswith(b"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", lambda head: head.startswith(b"\xff\xd8\xff")),
    ("image/gif", lambda head: head[:6] in (b"GIF87a", b"GIF89a")),
    ("image/webp", lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP"),
    ("image/bmp", lambda head: head.startswith(b"BM") and head[6:10] == bytes(4)),
    ("image/tiff", lambda head: head[:4] in (b"II*\x00", b"MM\x00*")),
    ("image/avif", lambda head: head[4:12] in (b"ftypavif", b"ftypavis")),
    ("image/heic", lambda head: head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1")),
    ("application/pdf", lambda head: head.lstrip().startswith(b"%PDF-")),
)
"""Media types with how the first bytes of their files look (their specifications say so)."""
_HTML: Final = re.compile(
    rb"(?i)\s*(?:<\?xml.*?\?>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|table)\b", re.S
)
_PDF: Final = re.compile(rb"%PDF-\d")
_HEADER: Final = re.compile(rb"([!-9;-~]+):[ \t]?.*|[ \t].*")
"""A field of a mail, or a line that goes on with one (RFC 5322, 2.2)."""
_MAIL_HEADERS: Final = frozenset(
    b"from to subject received return-path mime-version delivered-to message-id date".split()
)
_ENVELOPE: Final = re.compile(rb"\A" + ENVELOPE)
_MAIL_FIELDS: Final = 2
"""Fields at the head of a mail, at least."""


def sniff_media_type(data: bytes) -> str | None:
    """Tell the media type of an image or a PDF by its first bytes; None if they do not tell.

    Args:
        data: The file, or its beginning.
    """
    head = bytes(data[:_HEAD_OF_IMAGE])
    return next((name for name, fits in _SIGNATURES if fits(head)), None)


def media_type_of(data: bytes) -> str | None:
    """Tell the kind of a file by its first bytes; None if they do not tell.

    Args:
        data: The file.
    """
    if data.startswith(b"PK\x03\x04"):
        return _zipped_kind(data)
    if (seen := sniff_media_type(data)) is not None:
        return seen
    is_text = _is_text(data)
    if not is_text and _PDF.search(data[:_HEAD]):
        return "application/pdf"  # after what somebody else put before it
    head = _as_ascii(data[:_HEAD])
    if _HTML.match(head):
        return "text/html"
    if _is_mail(head):
        return "message/rfc822"
    return "text/plain" if is_text else None


def _as_ascii(head: bytes) -> bytes:
    """The beginning of a text without its byte order mark, one byte a character."""
    encoding = encoding_of(head[:4])
    text = head.decode(encoding if encoding.startswith("utf") else "ascii", "replace")
    return text.encode("ascii", "replace")


def _is_mail(head: bytes) -> bool:
    """Whether a text begins with fields of a mail, up to an empty line."""
    head = _ENVELOPE.sub(b"", head, count=1)
    *lines, _ = re.split(rb"\r?\n", head + b"\n")
    block = lines[: lines.index(b"")] if b"" in lines else lines
    found = [_HEADER.fullmatch(line) for line in block]
    names = [one[1].lower() for one in found if one is not None and one[1]]
    known = sum(name in _MAIL_HEADERS for name in names)
    return None not in found[:-1] and known >= _MAIL_FIELDS


def _zipped_kind(data: bytes) -> str | None:
    try:
        names = set(zipfile.ZipFile(io.BytesIO(data)).namelist())
    except Exception:  # a damaged archive
        return None
    return next((kind for name, kind in _ZIPPED.items() if name in names), None)


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in decode(data, None)
    except UnicodeDecodeError:
        return False
