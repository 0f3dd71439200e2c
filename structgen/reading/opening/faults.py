"""Say why a file cannot be read: its kind has no reader, it needs a password, or is too large."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from typing import Final

from structgen.errors import DocumentError

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The mark of the compound files of older Office programs, and of encrypted newer ones."""
_ENCRYPTED: Final = "EncryptedPackage"
_SAVE: Final = "Save it as {} or PDF, then read it again."
_UNPACK: Final = "Unpack it, then read the files in it one by one."
_JOB: Final = "Unpack it, or read it in a job: structgen.pipeline.open_source(path)."
_ROWS: Final = "Read its rows in a job: structgen.pipeline.open_source."
_SPLIT: Final = "Save each mail as an .eml file, for example with Python's `mailbox`."
_TRANSCRIBE: Final = "Transcribe it, then pass the text."
_STREAMS: Final[Sequence[tuple[str, str, str]]] = (
    ("WordDocument", "a Word document of 1997 to 2003 (.doc)", _SAVE.format(".docx")),
    ("PowerPoint Document", "a presentation of 1997 to 2003 (.ppt)", _SAVE.format(".pptx")),
    ("Workbook", "a workbook of 1997 to 2003 (.xls)", _SAVE.format(".xlsx")),
    ("Book", "a workbook of 1995 (.xls)", _SAVE.format(".xlsx")),
    ("__properties_version1.0", "a mail of Outlook (.msg)", "Save it as .eml, then read it again."),
    ("", "in the format of Office 97 to 2003", _SAVE.format(".docx, .xlsx, .pptx")),
)
"""The streams of compound files that tell their kind ([MS-DOC], [MS-XLS], [MS-PPT], [MS-OXMSG])."""
_DAY: Final = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
ENVELOPE: Final = rb"From \S+ +" + _DAY + rb" \w{3} +\d+ [\d:]+[^\r\n]*\r?\n"
"""The line before each mail of a mailbox (RFC 4155, appendix A)."""
_MAILBOX: Final = ENVELOPE + rb"[\w-]+:.*\n\r?\n" + ENVELOPE
_TEXT_BEGINNINGS: Final = (
    (rb"\s*\{\\rtf", "Rich Text (RTF)", _SAVE.format(".docx")),
    (_MAILBOX, "a mailbox of several mails", _SPLIT),
    (rb"%!PS", "PostScript", "Convert it to PDF, then read it again."),
)
_BINARY_BEGINNINGS: Final = (
    (rb"\x78\x9f\x3e\x22", "an attachment of Outlook (winmail.dat)", _UNPACK),
    (rb".{257}ustar", "an archive (tar)", _JOB),
    (rb"7z\xbc\xaf\x27\x1c", "an archive (7z)", _UNPACK),
    (rb"Rar!\x1a\x07", "an archive (RAR)", _UNPACK),
    (rb"\x28\xb5\x2f\xfd", "compressed with Zstandard", _UNPACK),
    (rb"\0\0\0.ftyp(?:hei|mif1|msf1)", "an image in HEIC", "Save it as JPEG or PNG."),
    (rb"\0\0\0.ftyp(?!avi[fs])", "sound or video", _TRANSCRIBE),
    (rb"ID3[\2-\4]|OggS\0|fLaC\0|RIFF.{4}(?:WAVE|AVI )", "sound or video", _TRANSCRIBE),
    (rb"SQLite format 3\0", "a database (SQLite)", _ROWS),
    (rb"PAR1[\0-\x1f]", "a table (Parquet)", _ROWS),
)
_BEGINNINGS: Final = tuple(
    (re.compile(pattern, re.DOTALL), kind, hint)
    for pattern, kind, hint in (*_TEXT_BEGINNINGS, *_BINARY_BEGINNINGS)
)
"""How files begin that no reader of the library reads, with what they are, and what to do."""
_MEMBERS: Final[Sequence[tuple[str, str, str]]] = (
    ("xl/workbook.bin", "a binary workbook (.xlsb)", _SAVE.format(".xlsx")),
    ("META-INF/container.xml", "an e-book (EPUB)", _SAVE.format(".docx, .html")),
    ("content.xml", "an OpenDocument file", _SAVE.format(".docx, .xlsx, .pptx")),
    ("Index/Document.iwa", "a document of iWork", _SAVE.format(".docx, .xlsx, .pptx")),
)
"""Members of zip archives that tell what kind of file they are."""


def fault_of(data: bytes, name: str) -> DocumentError | None:
    """Say why a file cannot be read, if its bytes tell.

    Args:
        data: The file.
        name: What to call it.
    """
    if data.startswith(_OLE):
        if _ENCRYPTED.encode("utf-16-le") in data:
            return DocumentError(
                f"{name} is encrypted: it needs a password.",
                hint="Save it without a password, then read it again.",
                reason="locked",
            )
        streams = ((stream.encode("utf-16-le"), kind, hint) for stream, kind, hint in _STREAMS)
        return next(_unsupported(name, kind, hint) for one, kind, hint in streams if one in data)
    for pattern, kind, hint in _BEGINNINGS:
        if pattern.match(data):
            return _unsupported(name, kind, hint)
    return _fault_of_archive(data, name) if data.startswith(b"PK\x03\x04") else None


def _fault_of_archive(data: bytes, name: str) -> DocumentError | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except Exception:  # damaged, which its reader says
        return None
    for member, kind, hint in _MEMBERS:
        if member in names:
            return _unsupported(name, kind, hint)
    files = f"{len(names)} file{'' if len(names) == 1 else 's'}"
    return _unsupported(
        name,
        f"a zip archive of {files}, and no Office file",
        _JOB,
    )


def _unsupported(name: str, kind: str, hint: str) -> DocumentError:
    message = f"{name} is {kind}, which cannot be read."
    return DocumentError(message, hint=hint, reason="unsupported")


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
        members = archive.infolist()
    check_size(sum(member.file_size for member in members), most, name)


def check_size(declared: int, most: int, name: str) -> None:
    """Raise if a file would unpack to too much.

    Args:
        declared: The bytes that it says it unpacks to.
        most: The bytes that it may unpack to.
        name: What to call it.

    Raises:
        DocumentError: If it does.
    """
    if declared > most:
        raise DocumentError(
            f"{name} would unpack to {declared:,} bytes.",
            hint=f"At most {most:,} are read: check the file, or raise `max_bytes`.",
            reason="too-large",
        )
