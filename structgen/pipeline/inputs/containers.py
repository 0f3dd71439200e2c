"""Files of many files: folders and archives. One bad file costs itself alone."""

from __future__ import annotations

import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, cast
from urllib.parse import unquote

from structgen.pipeline.inputs.formats.readers import is_table, read_place
from structgen.pipeline.inputs.options import ReadOptions
from structgen.pipeline.inputs.place import Place, place_of
from structgen.pipeline.inputs.rows import bad_item, unreadable
from structgen.pipeline.record import Item
from structgen.reading.opening.remote import printable
from structgen.values import Json

_DEPTH: Final = 3
"""How deep archives may be in archives; one can hold itself."""
_PARTITION: Final = re.compile(r"([^=/]+)=([^/]*)")
_NULL_PARTITION: Final = "__HIVE_DEFAULT_PARTITION__"
_ADD_FILE: Final = "Add the file itself to the archive, or leave the member out."
_ZIP: Final = (".zip",)
_TAR: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tbz2", ".txz")
ARCHIVES: Final = (*_ZIP, *_TAR)
"""The suffixes of archives."""


def is_archive(name: str) -> bool:
    """Whether the name of a file says that it is an archive."""
    return name.lower().endswith(ARCHIVES)


def read_file(place: Place, options: ReadOptions) -> Iterator[Item]:
    """Read a file, or the files of an archive."""
    if not is_archive(place.name) or options.format is not None:
        yield from read_place(place, options)
        return
    if place.depth == _DEPTH:
        yield bad_item(place.name, f"it is inside {_DEPTH} archives")
        return
    read = _read_zip if place.name.lower().endswith(_ZIP) else _read_tar
    try:
        yield from read(place, options)
    except Exception as error:  # a damaged archive
        yield unreadable(place.name, error)


# ---- folders ---------------------------------------------------------------------------------


def read_folder(folder: Path, options: ReadOptions, skip: frozenset[Path]) -> Iterator[Item]:
    """Read every file of a folder and its subfolders, in the order of their names.

    Args:
        folder: The folder. Links to folders are followed, each once.
        options: How to read it.
        skip: Files to leave out, with all links followed: those that the job itself writes.
    """
    for path, error in _files_in(folder, set()):
        inside = path.relative_to(folder).as_posix()
        name = printable(inside)
        if not options.wants_file(name):
            continue
        if error is not None:
            yield unreadable(name, error, "Check the rights and links of the folder.")
        elif not path.is_file():
            yield bad_item(name, "it is a broken link or no regular file")
        elif not (skip and Path(os.path.realpath(path)) in skip):
            yield from read_file(place_of(path, inside, partitions_of(inside)), options)


def folder_length(folder: Path, options: ReadOptions) -> int:
    """Give how many documents a folder holds; 0 if it has files of rows, which have to be read."""
    count = 0
    for path, _ in _files_in(folder, set()):
        inside = path.relative_to(folder).as_posix()
        if options.wants_file(printable(inside)):
            count += 1
            if is_archive(inside) or is_table(place_of(path, inside), options):
                return 0
    return count


def _files_in(folder: Path, seen: set[tuple[int, int]]) -> Iterator[tuple[Path, OSError | None]]:
    """Every path in a folder that is no folder, and every folder that cannot be read."""
    try:
        known = folder.stat()
        found = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield folder, error
        return
    if (known.st_dev, known.st_ino) in seen:
        return
    seen.add((known.st_dev, known.st_ino))
    for entry in found:
        if entry.name.startswith("."):
            continue
        path = folder / entry.name
        if path.is_dir():
            yield from _files_in(path, seen)
        else:
            yield path, None


def partitions_of(inside: str) -> Mapping[str, Json]:
    """Give the columns that the folders of a path name, as Hive writes them: `year=2026/`."""
    found: dict[str, Json] = {}
    for part in inside.split("/")[:-1]:
        if match := _PARTITION.fullmatch(part):
            value = unquote(match[2], errors="replace")
            found[unquote(match[1], errors="replace")] = _partition_value(value)
    return found


def _partition_value(text: str) -> Json:
    if text == _NULL_PARTITION:
        return None
    return int(text) if re.fullmatch(r"0|-?[1-9]\d{0,17}", text) else text


# ---- archives --------------------------------------------------------------------------------


def _read_zip(place: Place, options: ReadOptions) -> Iterator[Item]:
    with place.open_seekable() as raw, zipfile.ZipFile(raw) as archive:
        for info in sorted(archive.infolist(), key=lambda one: one.filename):
            if info.is_dir():
                continue
            mode = info.external_attr >> 16
            fault = "it is a link" if stat.S_ISLNK(mode) else None
            opener = partial(archive.open, info)
            yield from _read_member(info.filename, place, options, opener, fault)


def _read_tar(place: Place, options: ReadOptions) -> Iterator[Item]:
    with place.open_seekable() as raw, tarfile.open(fileobj=raw, mode="r:*") as archive:
        for info in archive:
            fault, is_folder = _tar_kind(archive, info)
            if not is_folder:
                opener = partial(archive.extractfile, info)
                yield from _read_member(info.name, place, options, opener, fault)


def _tar_kind(archive: tarfile.TarFile, info: tarfile.TarInfo) -> tuple[str | None, bool]:
    """Why a member cannot be read, if so, and whether it is a folder or a link to one."""
    if not (info.islnk() or info.issym()):
        regular = info.isfile() or info.isdir()
        return None if regular else "it is no regular file", info.isdir()
    try:
        return None, archive.extractfile(info) is None
    except (KeyError, RecursionError):
        return "it is a link to nothing in the archive", False


def _read_member(
    inside: str, place: Place, options: ReadOptions, opener: Any, fault: str | None
) -> Iterator[Item]:
    """Read a member of an archive, unless it is hidden or not wanted.

    Nothing is written to the disk, so a name that points out of the archive does no harm.
    """
    inside = inside.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    parts = [part for part in inside.split("/") if part not in ("", ".", "..")]
    inside = "/".join(parts)
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    if hidden or not options.wants_file(inside):
        return
    if fault is not None:
        yield bad_item(f"{place.name}/{inside}", fault, hint=_ADD_FILE)
        return
    member = replace(
        place,
        name=f"{place.name}/{inside}",
        open_raw=lambda: cast("IO[bytes]", opener()),
        partitions={**place.partitions, **partitions_of(inside)},
        depth=place.depth + 1,
    )
    yield from read_file(member, options)
