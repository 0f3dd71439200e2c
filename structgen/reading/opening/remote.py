"""Files on servers and in object stores, through fsspec: https://, s3://, hf:// and others."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, cast

from structgen.errors import InputError, MissingPackage
from structgen.extras import load
from structgen.reading.opening.secrets import redact, scrub

_SCHEMES: Final = """
abfs abfss adl az file ftp gcs github gitlab gs hdfs hf http https memory oci oss s3 s3a sftp ssh
webhdfs
"""
SCHEMES: Final = frozenset(_SCHEMES.split())
"""What a URL of a file begins with; other URLs are those of databases."""


def is_remote(name: str) -> bool:
    """Whether a name is the URL of a file, rather than of a database."""
    scheme, found, _ = name.partition("://")
    return bool(found) and scheme.lower() in SCHEMES


def found_at(url: str) -> tuple[Any, str, bool]:
    """Find a file or a folder by its URL.

    Args:
        url: The URL, as fsspec takes it.

    Returns:
        The file system, the path in it, and whether it is a folder.

    Raises:
        InputError: If it does not exist, or the server refuses.
        MissingPackage: If fsspec, or what it needs for this kind of URL, is not installed.
    """
    url_to_fs = load("fsspec.core", "remote").url_to_fs
    try:
        files, path = url_to_fs(url)
        is_folder = files.isdir(path)
        exists = is_folder or files.exists(path)
    except ImportError as error:
        raise MissingPackage(error.name or f"for {url.partition(':')[0]}://", "remote") from None
    except Exception as error:  # each store raises what it likes, which may hold the URL
        raise _refused(url, error) from None
    if not exists:
        raise InputError(
            f"There is nothing at {redact(url)}.", hint="Check the URL, and your rights to list it."
        )
    return files, path, is_folder


def _refused(url: str, error: Exception) -> InputError:
    said = scrub(str(error).partition("\n")[0], url)
    return InputError(
        f"Cannot open {redact(url)}: {type(error).__name__}: {said}.",
        hint="Check the URL, the network and your rights.",
    )


def open_in(files: Any, path: str) -> IO[bytes]:
    """Open a file of a file system.

    Args:
        files: The file system of fsspec.
        path: The path in it.
    """
    if not path.startswith(("http://", "https://")):
        return cast("IO[bytes]", files.open(path, "rb"))
    # A server may not know how to send a part of a file, so its files are streamed.
    file = files.open(path, "rb", block_size=0)
    return io.BufferedReader(cast("Any", OneRead(file, on_close=file.close)))


@contextmanager
def open_url(url: str) -> Iterator[IO[bytes]]:
    """Open the file at a URL.

    Args:
        url: The URL, as fsspec takes it.

    Raises:
        InputError: If there is no file, or the server refuses.
        MissingPackage: If fsspec, or what it needs for this kind of URL, is not installed.
    """
    files, path, is_folder = found_at(url)
    if is_folder:
        raise InputError(
            f"{redact(url)} is a folder.",
            hint="Name one file. To read a folder, use `structgen run`, or "
            "structgen.pipeline.open_source(url).",
        )
    try:
        with open_in(files, path) as file:
            yield file
    except OSError as error:
        raise _refused(url, error) from None


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


def printable(name: str | os.PathLike[str]) -> str:
    r"""Give the name of a file as valid Unicode: bytes that are no text become `\xNN`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
