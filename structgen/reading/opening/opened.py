"""The bytes of a file, wherever it is: at a path, at a URL, in memory, or open already."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, TypeGuard

from structgen.errors import DocumentError, InputError
from structgen.reading.opening.remote import is_remote, open_url, printable
from structgen.reading.opening.secrets import redact
from structgen.reading.options import ReadSettings
from structgen.values import kind_of_value

_CHUNK: Final = 1 << 20
"""Bytes that are asked for at once; a pipe or a socket may give fewer."""
_NAME_CHARACTERS: Final = 255
"""The longest name of a file on common file systems, so a longer string is no path."""
_SHOWN_CHARACTERS: Final = 40
_INHERITED: Final = ("/dev/", "/proc/")
"""Where the system names pipes that this process was given, such as /dev/stdin."""
_SPECIAL: Final[tuple[tuple[Callable[[int], bool], str], ...]] = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
"""Other things that a path may name; reading one might never end."""


def bytes_of(source: Any, settings: ReadSettings) -> tuple[bytes, str | None]:
    """Give the bytes of a file, and its name.

    Args:
        source: A path, a URL, bytes, or an open binary file.
        settings: The size of the file at most.

    Raises:
        DocumentError: If the file is too large.
        InputError: If there is no such file, or it cannot be read.
        MissingPackage: If fsspec, or what it needs for this kind of URL, is not installed.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _bounded(io.BytesIO(source), settings, settings.name or "The file"), None
    if isinstance(source, str) and is_remote(source):
        name = PurePosixPath(source.partition("?")[0]).name or None
        with open_url(source) as file:
            return _bounded(file, settings, redact(source)), name
    if isinstance(source, (str, os.PathLike)):
        _check_is_path(source)
        return _of_path(Path(source), settings)
    if _is_file(source):
        name = getattr(source, "name", None)
        shown = printable(os.path.basename(name)) if isinstance(name, str) else None
        try:
            return _bounded(source, settings, shown or "The file"), shown
        except (OSError, ValueError) as error:  # closed, or open for writing
            hint = 'Open it for reading in binary mode: open(path, "rb").'
            raise _unreadable(shown or "the file", error, hint) from None
    raise InputError(
        f"Cannot read {kind_of_value(source)}.",
        hint="Give a path, a URL, bytes, or a file that is open in binary mode.",
    )


def check_is_file(path: Path) -> None:
    """Raise if a path names something else than a file, such as a folder or a named pipe.

    Args:
        path: The path.

    Raises:
        InputError: If it does.
        OSError: If there is nothing at the path, or the system refuses to look.
    """
    mode = path.stat().st_mode
    name = printable(path.name) or str(path)
    if stat.S_ISDIR(mode):
        raise InputError(
            f"{name} is a folder.",
            hint="Name one file. To read a folder, use `structgen run`, or "
            "structgen.pipeline.open_source(folder).",
        )
    if stat.S_ISFIFO(mode) and str(path).startswith(_INHERITED):
        return
    kind = next((kind for is_kind, kind in _SPECIAL if is_kind(mode)), None)
    if kind is not None:
        raise InputError(
            f"{name} is {kind}, not a file.",
            hint="Read it yourself until it ends, and pass the bytes.",
        )


def url_in_path(path: str | os.PathLike[str]) -> str | None:
    """Give the URL that somebody made a path of; None if the path is none.

    Args:
        path: The path, such as Path("https://host/a.pdf"), which keeps one slash of the two.
    """
    scheme, found, rest = os.fspath(path).partition(":/")
    is_url = bool(found) and len(scheme) > 1 and scheme.replace("+", "").isalnum()
    return f"{scheme}://{rest.lstrip('/')}" if is_url else None


def _check_is_path(source: str | os.PathLike[str]) -> None:
    """Raise if a string or a path is a URL that nothing opens, or a text."""
    if isinstance(source, os.PathLike):
        url = url_in_path(source)
        if url is not None and is_remote(url) and not Path(source).exists():
            raise InputError(
                f"A Path cannot hold the URL {redact(url)}.",
                hint=f'Pass the string: structgen.read("{redact(url)}").',
            )
        return
    scheme, found, _ = source.partition("://")
    if found and scheme.isalnum():
        raise InputError(
            f"Cannot read a document from a {scheme}:// URL.",
            hint="Download it, then pass its path or its bytes. A job reads rows of databases: "
            "structgen.pipeline.open_source(url).",
        )
    if "\n" in source or len(os.path.basename(source)) > _NAME_CHARACTERS:
        raise InputError(
            f'"{source[:_SHOWN_CHARACTERS].strip()}..." is a text, not a path.',
            hint="Pass a text to `extract` as it is. `read` takes a path, a URL, bytes or an open "
            "file.",
        )


def _is_file(source: Any) -> TypeGuard[IO[bytes]]:
    return callable(getattr(source, "read", None))


def _of_path(path: Path, settings: ReadSettings) -> tuple[bytes, str]:
    name = printable(path.name)
    try:
        check_is_file(path)
        with path.open("rb") as file:
            return _bounded(file, settings, name), name
    except (OSError, ValueError) as error:
        raise _unreadable(name, error, "Check the path and your rights.") from None


def _unreadable(name: str, error: Exception, hint: str) -> InputError:
    said = getattr(error, "strerror", None) or str(error)
    return InputError(f"Cannot read {name}: {said}.", hint=hint)


def _bounded(file: IO[bytes], settings: ReadSettings, name: str) -> bytes:
    """Read a file to its end, if that is near enough."""
    pieces: list[bytes] = []
    left = settings.max_bytes + 1
    while left > 0 and (piece := _piece(file, min(left, _CHUNK), name)):
        pieces.append(piece)
        left -= len(piece)
    if left <= 0:
        raise DocumentError(
            f"{name} holds more than {settings.max_bytes:,} bytes.",
            hint="Split it, or raise `max_bytes`.",
            reason="too-large",
        )
    return b"".join(pieces)


def _piece(file: IO[bytes], size: int, name: str) -> bytes:
    piece: Any = file.read(size)
    if isinstance(piece, str):
        raise InputError(
            f"{name} is open as a text.", hint='Open it in binary mode: open(path, "rb").'
        )
    if piece is None:
        raise InputError(
            f"{name} has no bytes to read yet.",
            hint="Open it in blocking mode, or pass its bytes once they are there.",
        )
    return bytes(piece)
