"""Tell the kind of a file by its first bytes, and what makes it unreadable."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Final

from structgen.errors import DocumentError
from structgen.reading.text import decode

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
    ("image/bmp", lambda head: head.startswith(b"BM")),
    ("image/tiff", lambda head: head[:4] in (b"II*\x00", b"MM\x00*")),
    ("image/avif", lambda head: head[4:12] in (b"ftypavif", b"ftypavis")),
    ("image/heic", lambda head: head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1")),
    ("application/pdf", lambda head: head.lstrip().startswith(b"%PDF-")),
)
"""Media types with how the first bytes of their files look (their specifications say so)."""
_HTML: Final = re.compile(rb"(?i)\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)\b", re.S)
_MAIL: Final = re.compile(
    rb"(?i)(?:From|Received|Return-Path|MIME-Version|Delivered-To|Message-ID|X-[\w-]+): ?\S"
)
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The mark of the compound files of older Office programs, and of encrypted newer ones."""
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")


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
    if b"%PDF-" in data[:_HEAD]:
        return "application/pdf"
    if data.startswith(b"PK\x03\x04"):
        return _zipped_kind(data)
    if (seen := sniff_media_type(data)) is not None:
        return seen
    if _HTML.match(data[:_HEAD]):
        return "text/html"
    if _MAIL.match(data):
        return "message/rfc822"
    return "text/plain" if _is_text(data) else None


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


def fault_of(data: bytes, name: str) -> DocumentError | None:
    """Say why a file cannot be read, if its first bytes tell.

    Args:
        data: The file.
        name: What to call it.
    """
    if not data.startswith(_OLE):
        return None
    if _ENCRYPTED in data:
        return DocumentError(
            f"{name} is encrypted: it needs a password.",
            hint="Save it without a password, then read it again.",
            reason="locked",
        )
    return DocumentError(
        f"{name} is in the format of Office 97 to 2003, which cannot be read.",
        hint="Save it as .docx, .xlsx, .pptx or .pdf, then read it again.",
        reason="unsupported",
    )


def check_archive(data: bytes, most: int, name: str) -> None:
    """Raise if an archive unpacks to too much, as zip bombs do.

    Args:
        data: The archive. Python unpacks no more of a member than the archive declares.
        most: The bytes that it may unpack to.
        name: What to call it.

    Raises:
        DocumentError: If it declares more.
        zipfile.BadZipFile: If it is no archive.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > most:
        raise DocumentError(
            f"{name} would unpack to {unpacked:,} bytes.",
            hint=f"At most {most:,} are read: check the file, or raise `max_bytes`.",
            reason="too-large",
        )
