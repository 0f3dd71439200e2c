"""Files on servers and in object stores, through fsspec: https://, s3://, hf:// and others."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Callable, Iterator
from typing import IO, Any, Final, cast

from structgen.errors import InputError, MissingPackage
from structgen.extras import load
from structgen.pipeline.inputs.containers import partitions_of, read_file
from structgen.pipeline.inputs.options import ReadOptions
from structgen.pipeline.inputs.place import OneRead, Place, printable
from structgen.pipeline.inputs.rows import unreadable
from structgen.pipeline.record import Item
from structgen.pipeline.secrets import redact, scrub

_SCHEMES: Final = """
abfs abfss adl az file ftp gcs github gitlab gs hdfs hf http https memory oci oss s3 s3a sftp ssh
webhdfs
"""
SCHEMES: Final = frozenset(_SCHEMES.split())
"""What a URL of a file begins with; other URLs are those of databases."""


def is_remote(name: str) -> bool:
    """Whether a name is the URL of a file, rather than of a database."""
    return name.partition("://")[0].lower() in SCHEMES


def open_remote(url: str, options: ReadOptions) -> Callable[[], Iterator[Item]]:
    """Find a file or a folder by its URL.

    Args:
        url: The URL, as fsspec takes it.
        options: How to read it.

    Returns:
        What reads it.

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
        said = scrub(str(error).partition("\n")[0], url)
        raise InputError(
            f"Cannot open {redact(url)}: {type(error).__name__}: {said}.",
            hint="Check the URL, the network and your rights.",
        ) from None
    if not exists:
        raise InputError(
            f"There is nothing at {redact(url)}.", hint="Check the URL, and your rights to list it."
        )
    if is_folder:
        return lambda: _read_folder(files, path, url, options)
    name = posixpath.basename(url.partition("?")[0].rstrip("/")) or "document"
    return lambda: read_file(_place(files, path, name), options)


def _place(files: Any, path: str, name: str) -> Place:
    def open_raw() -> IO[bytes]:
        if not path.startswith(("http://", "https://")):
            return cast("IO[bytes]", files.open(path, "rb"))
        # A server may not know how to send a part of a file, so its files are streamed.
        file = files.open(path, "rb", block_size=0)
        return io.BufferedReader(cast("Any", OneRead(file, on_close=file.close)))

    return Place(printable(name), open_raw, partitions_of(path))


def _read_folder(files: Any, path: str, url: str, options: ReadOptions) -> Iterator[Item]:
    try:
        found = sorted(files.find(path))
    except Exception as error:
        yield unreadable(redact(url), InputError(scrub(str(error).partition("\n")[0], url)))
        return
    root = path.rstrip("/") + "/"
    for one in found:
        inside = one[len(root) :] if one.startswith(root) else posixpath.basename(one)
        hidden = any(part.startswith(".") for part in inside.split("/"))
        if inside and not hidden and options.wants_file(inside):
            yield from read_file(_place(files, one, inside), options)
