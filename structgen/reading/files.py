"""Read a file as a document, wherever it is and whatever its kind."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, TypeGuard

from typing_extensions import Unpack

from structgen.errors import DocumentError, InputError, StructgenError
from structgen.reading.document import Document
from structgen.reading.options import ReadArgs, Reader, ReadSettings, settings_of
from structgen.reading.registry import reader_for, reader_named, suffixes
from structgen.reading.remote import is_remote, open_url, printable
from structgen.reading.secrets import redact
from structgen.reading.sniffing import fault_of, media_type_of
from structgen.values import kind_of_value

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
    data, name = _opened(source, settings)
    return read_bytes(data, replace(settings, name=settings.name or name))


# ---- the bytes of a file ---------------------------------------------------------------------


def _opened(source: Any, settings: ReadSettings) -> tuple[bytes, str | None]:
    """The bytes of a file, and its name."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _bounded(io.BytesIO(source), settings, settings.name or "The file"), None
    if isinstance(source, str) and is_remote(source):
        name = PurePosixPath(source.partition("?")[0]).name or None
        with open_url(source) as file:
            return _bounded(file, settings, redact(source)), name
    if isinstance(source, (str, os.PathLike)):
        return _of_path(Path(source), settings)
    if _is_file(source):
        name = getattr(source, "name", None)
        shown = printable(os.path.basename(name)) if isinstance(name, str) else None
        return _bounded(source, settings, shown or "The file"), shown
    raise InputError(
        f"Cannot read {kind_of_value(source)}.",
        hint="Give a path, a URL, bytes, or a file that is open in binary mode.",
    )


def _is_file(source: Any) -> TypeGuard[IO[bytes]]:
    return callable(getattr(source, "read", None))


def _of_path(path: Path, settings: ReadSettings) -> tuple[bytes, str]:
    name = printable(path.name)
    if path.is_dir():
        raise InputError(
            f"{name} is a folder.",
            hint="Name one file. A job reads folders: structgen.pipeline.open_source(folder).",
        )
    try:
        with path.open("rb") as file:
            return _bounded(file, settings, name), name
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"Cannot read {name}: {said}.", hint="Check the path and your rights."
        ) from None


def _bounded(file: IO[bytes], settings: ReadSettings, name: str) -> bytes:
    data = file.read(settings.max_bytes + 1)
    if not isinstance(data, bytes):
        raise InputError(
            f"{name} is open as a text.", hint='Open it in binary mode: open(path, "rb").'
        )
    if len(data) > settings.max_bytes:
        raise DocumentError(
            f"{name} holds more than {settings.max_bytes:,} bytes.",
            hint="Split it, or raise `max_bytes`.",
            reason="too-large",
        )
    return data


# ---- a document of bytes ---------------------------------------------------------------------


def read_bytes(data: bytes, settings: ReadSettings) -> Document:
    """Read the bytes of a file.

    Args:
        data: The bytes.
        settings: How to read them.

    Raises:
        InputError: As `read` does.
        MissingPackage: As `read` does.
    """
    name = settings.name or "The file"
    reader, settings = _reader_of(data, settings, name)
    made = _read_with(reader, data, settings, name)
    if isinstance(made, Document):
        document = made
    else:
        kind = settings.media_type or "text/plain"
        document = Document(made, name=settings.name, media_type=kind)
    if not document.strip() and not document.images:
        raise InputError(f"{name} contains no text.", hint="Check whether the file is complete.")
    if is_binary(document):
        raise InputError(
            f"{name} is not text: it holds control characters.",
            hint="Check the kind of the file, or name its `encoding`.",
        )
    return document


def _reader_of(data: bytes, settings: ReadSettings, name: str) -> tuple[Reader, ReadSettings]:
    """What reads a file, and the settings with the kind of the file."""
    kind = settings.media_type
    suffix = PurePosixPath(settings.name or "").suffix.lower()
    wanted = settings.reader
    if isinstance(wanted, str):
        wanted = reader_named(wanted)
    found = wanted
    if found is None and kind is not None:
        found = reader_for(media_type=kind)
    elif found is None:
        found = reader_for(suffix=suffix)
        if found is None and (kind := media_type_of(data)) is not None:
            found = reader_for(media_type=kind)
    if found is None:
        fault = fault_of(data, name)
        if fault is not None:
            raise fault
        known = ", ".join(suffixes())
        raise DocumentError(
            f"Cannot read {name}: unsupported file type.",
            hint=f"Supported: {known}. Others: `register_reader`, or convert the file.",
            reason="unsupported",
        )
    if kind is None:
        is_of_suffix = suffix in found.suffixes
        sniffed = media_type_of(data)
        is_told = sniffed in found.media_types or not (is_of_suffix and found.media_types)
        kind = sniffed if is_told else found.media_types[0]
    return found, replace(settings, media_type=kind, read_inner=read_bytes)


def _read_with(reader: Reader, data: bytes, settings: ReadSettings, name: str) -> Document | str:
    """Read bytes with a reader. Whatever it raises becomes an error of ours."""
    try:
        return reader.read(data, settings)
    except StructgenError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not {error.encoding} text at byte {error.start}.",
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
