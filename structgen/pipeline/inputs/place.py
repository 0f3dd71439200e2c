"""A file to read, wherever it is: on the disk, on a server, inside an archive."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, TextIO, cast

from structgen.errors import InputError
from structgen.extras import load
from structgen.reading.opening.opened import check_is_file
from structgen.reading.opening.remote import OneRead, printable
from structgen.reading.text import encoding_of
from structgen.values import Json

UNDECODABLE: Final = "\udcff"
"""Stands for bytes that are no text. It is no character of any text, so the row is found by it."""
_ERRORS: Final = "structgen-undecodable"
_MOST_BYTES: Final = 2**30
"""The size of a file that is read whole, at most: beyond it, memory would end the job."""

codecs.register_error(_ERRORS, lambda error: (UNDECODABLE, cast("Any", error).end))


def _unzstd(file: IO[bytes]) -> IO[bytes]:
    arrow = load("pyarrow", "files")
    stream = arrow.CompressedInputStream(arrow.PythonFile(file, "r"), "zstd")
    return cast("IO[bytes]", io.BufferedReader(stream))


def _ungzip(file: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file))


def _unbzip(file: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", bz2.BZ2File(file))


def _unxz(file: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", lzma.LZMAFile(file))


COMPRESSED: Final[Mapping[str, Callable[[IO[bytes]], IO[bytes]]]] = {
    ".gz": _ungzip,
    ".zst": _unzstd,
    ".bz2": _unbzip,
    ".xz": _unxz,
}
"""What decompresses a file, by its last suffix."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file to read."""

    name: str
    """Its name in keys and messages, always valid Unicode."""
    open_raw: Callable[[], IO[bytes]] = field(repr=False)
    """Opens it, without decompressing."""
    partitions: Mapping[str, Json] = field(default_factory=dict)
    """The columns that its folders name, as in `year=2026/`."""
    depth: int = 0
    """How many archives it is inside of."""

    @property
    def suffixes(self) -> tuple[str, str]:
        """The last two suffixes together, and the last one, in lower case."""
        found = [suffix.lower() for suffix in PurePosixPath(self.name).suffixes]
        return "".join(found[-2:]), "".join(found[-1:])

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open it for reading, decompressed if its suffix says so."""
        with self.open_raw() as raw:
            decompress = COMPRESSED.get(self.suffixes[1])
            if decompress is None:
                yield raw
                return
            with decompress(raw) as file:
                yield io.BufferedReader(cast("Any", OneRead(file)))

    @contextmanager
    def open_seekable(self) -> Iterator[IO[bytes]]:
        """Open it without decompressing, for formats that are read from their end."""
        with self.open_raw() as raw:
            if raw.seekable():
                yield raw
                return
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(raw, copy)
                copy.seek(0)
                yield copy

    def read(self) -> bytes:
        """Read all of it.

        Raises:
            InputError: If it holds more than a gibibyte.
        """
        with self.open() as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise InputError(
                f"{self.name} holds more than {_MOST_BYTES >> 30} GiB.", hint="Split it first."
            )
        return data


def place_of(path: Path, name: str | None = None, partitions: Mapping[str, Json] = {}) -> Place:
    """Give the place of a file on the disk.

    Args:
        path: The file.
        name: Its name in keys and messages, by default the file's own.
        partitions: The columns that its folders name.
    """
    shown = printable(path.name if name is None else name)

    def open_file() -> IO[bytes]:
        check_is_file(path)  # to open a named pipe might wait for ever
        return path.open("rb")

    return Place(shown, open_file, partitions)


def standard_input(kind: str) -> Place:
    """Give standard input as a place, to be read once.

    Args:
        kind: The suffix of the kind of file that it is, such as ".csv".
    """

    def open_once() -> IO[bytes]:
        binary = getattr(sys.stdin, "buffer", None)
        if binary is None or binary.closed:
            raise InputError(
                "Standard input is closed, or was read already.",
                hint="Write the input to a file if it is needed several times.",
            )
        return cast("IO[bytes]", binary)

    return Place(f"stdin{kind}", open_once)


# ---- text ------------------------------------------------------------------------------------


@contextmanager
def open_text(file: IO[bytes], encoding: str | None, newline: str = "") -> Iterator[TextIO]:
    """Read a file as text, and leave it open at the end.

    Bytes that are no text become `UNDECODABLE`.

    Args:
        file: The file.
        encoding: Its encoding; by default what its first bytes tell, else UTF-8.
        newline: As for `open`: "" keeps every line ending, "\\n" knows this one only.
    """
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("Any", file))
    if encoding is None:
        encoding = encoding_of(buffered.peek(4)[:4])
    text = io.TextIOWrapper(buffered, encoding, errors=_ERRORS, newline=newline)
    try:
        yield text
    finally:
        text.detach()
