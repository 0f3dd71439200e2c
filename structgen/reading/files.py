"""Read a file as a document, wherever it is and whatever its kind."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import PurePosixPath
from typing import IO, Final

from typing_extensions import Unpack

from structgen.errors import DocumentError, InputError, StructgenError
from structgen.reading.document import Document
from structgen.reading.opening.compressed import unpacked
from structgen.reading.opening.faults import fault_of
from structgen.reading.opening.opened import bytes_of
from structgen.reading.opening.sniffing import media_type_of
from structgen.reading.options import ReadArgs, Reader, ReadSettings, settings_of
from structgen.reading.registry import is_own, reader_for, reader_named, suffixes

_NOT_TEXT_SHARE: Final = 0.05
"""The share of control characters from which on a file is no text."""
_CONTROLS: Final = frozenset(map(chr, range(32))) - frozenset("\t\n\r\f\v\x1b")


def read(
    source: str | os.PathLike[str] | bytes | IO[bytes] | Document, **options: Unpack[ReadArgs]
) -> Document:
    """Read a file as a document: its text, and where each part of it is.

    PDF, DOCX, XLSX, PPTX, HTML, Markdown, mail (.eml), images and plain text can be read, and what
    `register_reader` adds.

    Args:
        source: A path, a URL (https://, s3:// and what else fsspec opens), the bytes of a file, or
            an open binary file. A Document is given back as it is.
        **options: What kind of file it is, what to take from its pages, and what else `ReadArgs`
            lists.

    Returns:
        The document.

    Raises:
        DocumentError: If the file needs a password, is damaged, holds scans without text, is too
            large, or is of a kind that nothing reads; `reason` says which.
        InputError: If there is no such file, or it holds no text.
        ConfigurationError: If an option has an impossible value, or there is no such reader.
        MissingPackage: If the package that reads its kind is not installed.
    """
    settings = settings_of(options)
    if isinstance(source, Document):
        return source
    data, name = bytes_of(source, settings)
    return read_bytes(data, replace(settings, name=settings.name or name))


def read_bytes(data: bytes, settings: ReadSettings) -> Document:
    """Read the bytes of a file.

    Args:
        data: The bytes.
        settings: How to read them.

    Raises:
        InputError: As `read` does.
        MissingPackage: As `read` does.
    """
    reader, note = _asked(settings), None
    if reader is None:
        data, name = unpacked(data, settings)
        settings = replace(settings, name=name)
    name = settings.name or "The file"
    if not data:
        raise InputError(f"{name} is empty.", hint="Check whether it was copied completely.")
    if reader is None:
        reader, note = _reader_of(data, settings, name)
    settings = replace(settings, media_type=_kind(reader, data, settings), read_inner=read_bytes)
    document = _document(_read_with(reader, data, settings, name), settings, note)
    if not document.strip() and not document.images:
        raise InputError(f"{name} contains no text.", hint="Check whether the file is complete.")
    if is_binary(document):
        raise InputError(
            f"{name} is not text: it holds control characters.",
            hint="Check the kind of the file, or name its `encoding`.",
        )
    return document


def _document(made: Document | str, settings: ReadSettings, note: str | None) -> Document:
    """The text or document of a reader, as a document with one more note."""
    if not isinstance(made, Document):
        kind = settings.media_type or "text/plain"
        made = Document(made, name=settings.name, media_type=kind)
    if note is None:
        return made
    return Document(
        made.text,
        layout=made.layout,
        offset=made.offset,
        name=made.name,
        media_type=made.media_type,
        notes=(note, *made.notes),
    )


# ---- which reader reads it -----------------------------------------------------------------------


def _asked(settings: ReadSettings) -> Reader | None:
    """The reader that the call names, or that was registered for this name or kind of file."""
    if isinstance(settings.reader, str):
        return reader_named(settings.reader)
    if settings.reader is not None:
        return settings.reader
    found = reader_for(media_type=settings.media_type, suffix=_suffix_of(settings))
    is_by_name = settings.media_type is None
    return None if found is None or (is_by_name and is_own(found)) else found


def _suffix_of(settings: ReadSettings) -> str:
    return PurePosixPath(settings.name or "").suffix.lower()


def _reader_of(data: bytes, settings: ReadSettings, name: str) -> tuple[Reader, str | None]:
    """The reader of a file. Its content decides; a note says if its name tells another kind."""
    suffix = _suffix_of(settings)
    named = None if settings.media_type else reader_for(suffix=suffix)
    told = media_type_of(data) or ("text/plain" if settings.encoding else None)
    found = reader_for(media_type=told) if told and not settings.media_type else None
    may_be_other = found is None or told in ("text/plain", "message/rfc822")
    fault = fault_of(data, name) if may_be_other else None
    if fault is not None:
        raise fault
    if named is not None and told in named.media_types:
        return named, None
    if named is not None and (told is None or (_is_text(told) and _is_text(*named.media_types))):
        return named, None  # which says what is wrong, if it is no text
    if named is not None and told == "text/plain":
        raise DocumentError(
            f"{name} is plain text, whatever its name says.",
            hint='Check where it is from. To read it all the same, pass media_type="text/plain".',
            reason="damaged",
        )
    if found is not None:
        return found, f"Its name ends in {suffix}, but it was read as {told}." if named else None
    known = ", ".join(suffixes())
    raise DocumentError(
        f"Cannot read {name}: unsupported file type.",
        hint=f"Supported: {known}. Others: `register_reader`, or convert the file.",
        reason="unsupported",
    )


def _is_text(*kinds: str) -> bool:
    return any(kind.startswith("text/") or kind == "message/rfc822" for kind in kinds)


def _kind(reader: Reader, data: bytes, settings: ReadSettings) -> str | None:
    """The kind of a file that a reader is told: the call's, else what its bytes or name tell."""
    if settings.media_type is not None:
        return settings.media_type
    is_of_suffix = _suffix_of(settings) in reader.suffixes
    told = media_type_of(data)
    is_told = told in reader.media_types or not (is_of_suffix and reader.media_types)
    return told if is_told else reader.media_types[0]


def _read_with(reader: Reader, data: bytes, settings: ReadSettings, name: str) -> Document | str:
    """Read bytes with a reader. Whatever it raises becomes an error of ours."""
    try:
        return reader.read(data, settings)
    except StructgenError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not {error.encoding.upper()} text at byte {error.start}.",
            hint='Name its `encoding`, such as "cp1252".',
        ) from error
    except RecursionError:
        raise DocumentError(
            f"Cannot read {name}: its elements are nested too deeply.",
            hint="Save its text as a .txt file, or pass a reader of your own (`reader`).",
            reason="damaged",
        ) from None
    except Exception as error:  # libraries raise anything for damaged files
        fault = fault_of(data, name)
        if fault is not None:
            raise fault from None
        raise DocumentError(
            f"Cannot read {name}: the file is damaged ({type(error).__name__}).",
            hint="Check whether another program opens it.",
            reason="damaged",
        ) from error


def is_binary(text: str) -> bool:
    """Whether a text holds so many control characters that it is none."""
    if "\0" in text:
        return True
    controls = sum(text.count(one) for one in _CONTROLS)
    return controls > len(text) * _NOT_TEXT_SHARE
