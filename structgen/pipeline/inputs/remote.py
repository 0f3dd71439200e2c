"""Files on servers and in object stores, through fsspec: https://, s3://, hf:// and others."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import Any

from structgen.errors import InputError
from structgen.pipeline.inputs.containers import partitions_of, read_file
from structgen.pipeline.inputs.options import ReadOptions
from structgen.pipeline.inputs.place import Place
from structgen.pipeline.inputs.rows import unreadable
from structgen.pipeline.record import Item
from structgen.reading.opening.remote import found_at, open_in, printable
from structgen.reading.opening.secrets import redact, scrub


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
    files, path, is_folder = found_at(url)
    if is_folder:
        return lambda: _read_folder(files, path, url, options)
    name = posixpath.basename(url.partition("?")[0].rstrip("/")) or "document"
    return lambda: read_file(_place(files, path, name), options)


def _place(files: Any, path: str, name: str) -> Place:
    return Place(printable(name), lambda: open_in(files, path), partitions_of(path))


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
