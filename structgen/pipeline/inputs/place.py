"""A file to read, wherever it is: on the disk, on a server, inside an archive."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
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


class OneRead:
    """Hands out what a file gives in one read: what comes before the damage is not lost with it."""

    def __init__(
        self, file: IO[bytes], head: bytes = b"", on_close: Callable[[], Any] | None = None
    ) -> None:
        """Wrap a file.

        Args:
            file: The file.
            head: What was read from it already.
            on_close: Closes the file, unless whoever opened it does.
        """
        self._on_close = on_close
        self._read = getattr(file, "read1", file.read)
        self._head = head
        self.closed = False

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from its beginning, and tell how far."""
        data = self._head or self._read(len(buffer))
        data, self._head = data[: len(buffer)], data[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def readable(self) -> bool:
        """Say yes: it is read."""
        return True

    def writable(self) -> bool:
        """Say no: nothing is written."""
        return False

    def seekable(self) -> bool:
        """Say no: what was read is gone."""
        return False

    def flush(self) -> None:
        """Do nothing: nothing is written."""

    def close(self) -> None:
        """Let go of the file."""
        if not self.closed and self._on_close is not None:
            self._on_close()
        self.closed = True


def place_of(path: Path, name: str | None = None, partitions: Mapping[str, Json] = {}) -> Place:
    """Give the place of a file on the disk.

    Args:
        path: The file.
        name: Its name in keys and messages, by default the file's own.
        partitions: The columns that its folders name.
    """
    shown = printable(path.name if name is None else name)
    return Place(shown, lambda: path.open("rb"), partitions)


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


def printable(name: str | os.PathLike[str]) -> str:
    r"""Give the name of a file as valid Unicode: bytes that are no text become `\xNN`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


# ---- text ------------------------------------------------------------------------------------

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


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


def encoding_of(head: bytes) -> str:
    """Tell an encoding by the first four bytes of a file: its byte order mark, else its zeros."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    zeros = tuple(byte == 0 for byte in head)
    if zeros == (False, True, False, True):
        return "utf-16-le"
    if zeros == (True, False, True, False):
        return "utf-16-be"
    return "utf-8-sig"


def decode(data: bytes, encoding: str | None) -> str:
    """Decode a document that was read whole.

    Raises:
        UnicodeDecodeError: If it is not in this encoding.
    """
    return data.decode(encoding or encoding_of(data[:4]))
