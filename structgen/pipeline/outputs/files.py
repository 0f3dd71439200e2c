"""Outputs that are files: each gets its name once it is complete and on the disk."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from structgen.errors import ConfigurationError, JobError, StructgenError
from structgen.extras import load
from structgen.pipeline.outputs.claims import Claim, digest_of_file
from structgen.pipeline.outputs.columns.spool import Spool
from structgen.pipeline.outputs.columns.table import Column, Layout
from structgen.pipeline.outputs.formats import (
    FORMATS,
    PACKAGES,
    PACKED,
    WriteRows,
    json_lines,
    write_jsonl,
)
from structgen.pipeline.outputs.merging import MERGES, check_columns, columns_in
from structgen.pipeline.outputs.mode import IfExists, foreign
from structgen.pipeline.record import Outcome
from structgen.reading.opening.remote import printable
from structgen.schema.target import Target
from structgen.values import Json

_TOKEN_BYTES: Final = 4
SUPPORTED: Final = ", ".join((*FORMATS, "URL#TABLE"))
"""The kinds of outputs, for people."""


def format_of(path: Path) -> tuple[WriteRows, str]:
    """Give the function that writes a file, and its last suffix.

    Raises:
        ConfigurationError: If nothing writes this kind of file.
        MissingPackage: If the package that writes it is not installed.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    for suffix in ("".join(suffixes[-2:]), "".join(suffixes[-1:])):
        if suffix in FORMATS:
            last = suffixes[-1]
            if last in PACKAGES:
                load(PACKAGES[last], "files")
            return FORMATS[suffix], last
    raise ConfigurationError(
        f"Cannot write {printable(path.name)}: unsupported file type.",
        hint=f"Supported: {SUPPORTED}.",
    )


def check_file(path: Path, claim: Claim, if_exists: IfExists) -> None:
    """Find out whether a file may and can be written, before anything is asked.

    Raises:
        JobError: If it may not or cannot.
    """
    claim.remove_parts()
    if os.path.lexists(path) and not path.is_file():
        raise JobError(
            f"{printable(path)} is a folder or no regular file.",
            hint="Name a file to write, which need not exist.",
        )
    check_folder(path)
    if path.exists() and not may_replace(path, claim, if_exists):
        raise foreign(printable(path))
    part = part_of(path)
    try:
        part.touch(exist_ok=False)
        part.unlink()
    except OSError as error:
        raise JobError(
            f"{printable(path)} cannot be written: {error.strerror or error}.",
            hint="Check that the folder is writable.",
        ) from error


def check_folder(path: Path) -> None:
    """Raise JobError if the folder of a file does not exist."""
    if not path.parent.is_dir():
        raise JobError(
            f"{printable(path)} cannot be written: its folder does not exist.",
            hint="Create the folder first.",
        )


def check_room(path: Path, columns: Sequence[Column]) -> None:
    """Find out whether rows can be added to a file that exists.

    Raises:
        JobError: If it is damaged, or lacks a column.
    """
    if not path.exists():
        return
    with _merging(path):
        names = columns_in(path, format_of(path)[0])
    if names is not None:
        check_columns(names, columns, printable(path))


@contextmanager
def _merging(path: Path) -> Iterator[None]:
    """Raise JobError if the rows of a file cannot be read."""
    try:
        yield
    except (StructgenError, OSError):
        raise
    except Exception as error:  # libraries raise anything for damaged files
        raise JobError(
            f"Cannot add rows to {printable(path)}: it cannot be read ({type(error).__name__}).",
            hint="Check whether the file is complete, or name another output.",
        ) from error


def may_replace(path: Path, claim: Claim, if_exists: IfExists) -> bool:
    """Whether a file that exists may be replaced: we were told so, or wrote it, as it is now."""
    if if_exists != "fail":
        return True
    return claim.owns(digest_of_file(path))


def part_of(path: Path) -> Path:
    """Give the name of the unfinished file: one that nobody else has."""
    return path.with_name(f"{path.name}.{secrets.token_hex(_TOKEN_BYTES)}.part")


class FileSink:
    """A file that appears once it is complete; before, it is one of another name."""

    def __init__(
        self,
        path: Path,
        claim: Claim,
        if_exists: IfExists,
        layout: Layout,
        target: Target[Any] | None,
    ) -> None:
        """Begin to write.

        Args:
            path: The file.
            claim: What the job wrote there before.
            if_exists: What to do with a file that exists.
            layout: How values become columns.
            target: The target of the rows; by default that of the first one.

        Raises:
            JobError: If the file cannot or may not be written.
        """
        check_file(path, claim, if_exists)
        self._path, self._claim, self._if_exists = path, claim, if_exists
        self._write, self._suffix = format_of(path)
        self._merges = if_exists in ("append", "upsert") and path.exists()
        self._part = part_of(path)
        self._rows = 0
        claim.note_part(self._part)
        self._files = ExitStack()
        try:
            self._file = self._files.enter_context(self._part.open("xb"))
            self._packed = self._pack(self._file)
            self._spool: Spool | None = None
            if self._merges or self._write is not write_jsonl:
                self._spool = Spool(target, layout, path.parent)
                self._files.callback(self._spool.close)
        except OSError as error:
            self.abort()
            raise JobError(
                f"{printable(path)} cannot be written: {error.strerror or error}.",
                hint="Check that the folder is writable.",
            ) from error

    def _pack(self, file: IO[bytes]) -> IO[bytes]:
        pack: Callable[[IO[bytes]], IO[bytes]] | None = PACKED.get(self._suffix)
        return file if pack is None else self._files.enter_context(pack(file))

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        """Take the next outcomes."""
        self._rows += len(rows)
        if self._spool is not None:
            self._spool.write(rows)
            return
        for lines in json_lines([row.row() for row in rows]):
            self._packed.write(lines)

    def close(self) -> None:
        """Write what is left, and give the file its name.

        Raises:
            JobError: If the file that it would replace has changed in the meantime.
        """
        if not self._rows and self._if_exists == "fail":
            self._claim.refuse_loss(printable(self._path))
        before = _state(self._path)
        if self._spool is not None and self._merges:
            with _merging(self._path):
                upsert = self._if_exists == "upsert"
                MERGES[self._write](self._path, self._packed, self._spool, upsert)
        elif self._spool is not None:
            self._write(self._packed, self._spool)
        self._files.close()
        with self._part.open("rb+") as file:
            os.fsync(file.fileno())
        self._publish(before)

    def _publish(self, before: Json) -> None:
        exists = before is not None
        if exists and not may_replace(self._path, self._claim, self._if_exists):
            raise foreign(printable(self._path))
        if _state(self._path) != before:
            raise _changed(self._path)
        if not self._merges:
            # Before it appears: a process that ends in between still knows its own file.
            self._claim.note_written(digest_of_file(self._part), self._rows)
        if exists:
            shutil.copymode(self._path, self._part)
            self._part.replace(self._path)
            return
        try:
            os.link(self._part, self._path)  # fails if somebody made the file in the meantime
            self._part.unlink()
        except FileExistsError:
            raise _changed(self._path) from None
        except OSError:  # a file system without hard links
            self._part.replace(self._path)

    def abort(self) -> None:
        """Discard what was written."""
        with suppress(Exception):  # a full disk does not take what the buffers hold
            self._files.close()
        self._part.unlink(missing_ok=True)


def _state(path: Path) -> Json:
    """What changes if somebody writes a file; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def _changed(path: Path) -> JobError:
    return JobError(
        f"{printable(path)} was changed by somebody else while the job ran.",
        hint="All results are in the journal. Start the same job again, with another output.",
    )
