"""Tell the kind of a file by its first bytes, and what makes it unreadable."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Final

from structgen.errors import DocumentError
from structgen.reading.text import decode

_HEAD: Final = 1024
"""The bytes at the beginning of a PDF in which its mark is (ISO 32000, annex H.3.4.1)."""
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_ZIPPED: Final = {
    "word/document.xml": f"{_OFFICE}.wordprocessingml.document",
    "xl/workbook.xml": f"{_OFFICE}.spreadsheetml.sheet",
    "ppt/presentation.xml": f"{_OFFICE}.presentationml.presentation",
}
"""The member of a zip archive that tells its kind."""
_IMAGES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"BM", "image/bmp"),
)
_HTML: Final = re.compile(rb"(?i)\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)\b", re.S)
_MAIL: Final = re.compile(
    rb"(?i)(?:From|Received|Return-Path|MIME-Version|Delivered-To|Message-ID|X-[\w-]+): ?\S"
)
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The mark of the compound files of older Office programs, and of encrypted newer ones."""
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")


def media_type_of(data: bytes) -> str | None:
    """Tell the kind of a file by its first bytes; None if they do not tell.

    Args:
        data: The file.
    """
    if b"%PDF-" in data[:_HEAD]:
        return "application/pdf"
    if data.startswith(b"PK\x03\x04"):
        return _zipped_kind(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    for mark, kind in _IMAGES:
        if data.startswith(mark):
            return kind
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
