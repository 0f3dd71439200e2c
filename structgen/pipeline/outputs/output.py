"""Open what a job writes, by its name: a file or a table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from structgen.errors import ConfigurationError, InputError, JobError
from structgen.extras import load
from structgen.pipeline.inputs.databases import TableName, database_errors, reads_table, table_names
from structgen.pipeline.inputs.source import Origin
from structgen.pipeline.outputs.claims import Claim, NoNotes, Notes
from structgen.pipeline.outputs.columns.table import LAYOUTS, Layout, Table
from structgen.pipeline.outputs.database import TableSink, check_table, shown_table
from structgen.pipeline.outputs.files import (
    FileSink,
    check_file,
    check_folder,
    check_room,
    format_of,
    may_replace,
)
from structgen.pipeline.outputs.mode import MODES, IfExists
from structgen.pipeline.record import Sink
from structgen.reading.opening.remote import is_remote, printable
from structgen.reading.opening.secrets import redact, split_table
from structgen.schema.target import Target

BESIDE: Final = ("", "-wal", "-shm", "-journal", ".lock")
"""What SQLite and the lock add to the name of a journal."""


def open_sink(
    name: str | os.PathLike[str],
    *,
    if_exists: IfExists = "fail",
    layout: Layout = "fields",
    target: Target[Any] | None = None,
) -> Sink:
    """Open a sink by its name.

    Args:
        name: A file (JSON Lines, CSV, TSV, also .gz and .zst; Parquet; Arrow, Feather), or a table
            of a database as "URL#TABLE" or "URL#SCHEMA.TABLE". It appears when the sink is closed.
        if_exists: What to do with a file or table that exists: "fail" refuses, "replace" replaces
            it, "append" adds the rows whose key it does not have, and "upsert" also replaces its
            rows of the same keys.
        layout: How values become columns: "fields" (one for each field), "flat" (also one for each
            field of objects inside), or "value" (one for the whole value). JSON Lines have no
            columns.
        target: The target of the outcomes, so that the columns of an empty table are known.

    Raises:
        ConfigurationError: If a file has an unknown kind, or a database has no table.
        JobError: If it exists, or cannot be written.
        MissingPackage: If the package that writes it is not installed.
    """
    return output_of(name, if_exists, layout).open(NoNotes(), target)


@dataclass(frozen=True, slots=True)
class Output:
    """A file or a table to write."""

    name: str
    """Its name for people, without passwords."""
    if_exists: IfExists
    """What to do if it exists."""
    layout: Layout
    """How values become columns."""
    path: Path | None = None
    """The file, with all links followed; None for a table."""
    table: TableName | None = None
    """The database and what was given as the table; None for a file."""

    @property
    def journal(self) -> Path:
        """Where the journal of a job with this output is, unless one is named."""
        if self.table is None:
            return Path(f"{self.name}.journal")
        url = load("sqlalchemy", "files").make_url(self.table.url)
        table = "".join(one if one.isalnum() or one in "._-" else "_" for one in self.table.table)
        if url.get_backend_name() == "sqlite" and url.database:
            return Path(f"{url.database}.{table}.journal")
        base = "".join(one if one.isalnum() else "_" for one in url.database or "database")
        return Path(f"{base}.{table}.journal")

    def refuse_inputs(self, origins: Iterable[Origin], journal: Path) -> None:
        """Refuse an output that is an input, or a journal that is either.

        Args:
            origins: What the job reads.
            journal: Its journal.

        Raises:
            InputError: If two of them are the same file or table.
        """
        own = [Path(f"{journal}{suffix}") for suffix in BESIDE]
        if self.path is not None and any(_same(self.path, one) for one in own):
            raise _same_error("The output", "the journal", self.name)
        if self.table is not None and self._is_database(own[0]):
            raise _same_error("The database of the output", "the journal", self.name)
        for origin in origins:
            if isinstance(origin, Path) and any(_same(origin, one) for one in own):
                raise _same_error("The journal", "an input", printable(origin))
            if self._is(origin):
                raise _same_error("The output", "an input", self.name)

    def _is(self, origin: Origin) -> bool:
        if isinstance(origin, Path):
            return self.path is not None and _same(self.path, origin)
        url, what = split_table(origin)
        if self.table is None or is_remote(origin):
            return False
        schema, table = next(table_names(self.table.table))
        return reads_table(url, what, TableName(self.table.url, table, schema))

    def _is_database(self, path: Path) -> bool:
        url = load("sqlalchemy", "files").make_url(self.table.url if self.table else "")
        is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
        return is_file and _same(Path(str(url.database)), path)

    def check(self, notes: Notes, origins: Iterable[Origin], target: Target[Any]) -> None:
        """Find out whether it may and can be written, before anything is asked.

        Args:
            notes: What the job noted about earlier outputs.
            origins: What the job reads.
            target: The target of the job.

        Raises:
            InputError: If it is a file that the job reads with its folder.
            JobError: If it exists and is not ours, or cannot be written.
        """
        claim = Claim(notes, self.name)
        columns = Table(target, self.layout).columns()
        if self.path is None:
            if self.table is not None:
                check_table(self.table.url, self.table.table, claim, self.if_exists, columns)
            return
        folders = [one for one in origins if isinstance(one, Path)]
        is_input = self.path.is_file() and any(_inside(self.path, one) for one in folders)
        if is_input and not may_replace(self.path, claim, "fail"):
            raise _same_error("The output", "a file of an input folder", self.name)
        check_file(self.path, claim, self.if_exists)
        if self.if_exists in ("append", "upsert"):
            check_room(self.path, columns)

    def open(self, notes: Notes, target: Target[Any] | None) -> Sink:
        """Begin to write.

        Args:
            notes: Where to note what was written.
            target: The target of the rows.

        Raises:
            JobError: If it may not or cannot be written.
        """
        claim = Claim(notes, self.name)
        if self.table is not None:
            return TableSink(self.table, claim, self.if_exists, self.layout, target)
        return FileSink(self.path or Path(self.name), claim, self.if_exists, self.layout, target)


def output_of(
    name: str | os.PathLike[str], if_exists: IfExists = "fail", layout: Layout = "fields"
) -> Output:
    """Give what a name means as an output. Nothing is opened yet.

    Args:
        name: As `open_sink` takes it.
        if_exists: What to do if it exists.
        layout: How values become columns.

    Raises:
        ConfigurationError: If a file has an unknown kind, or a database has no table.
        JobError: If the URL of a database cannot be understood.
        MissingPackage: If the package that writes it is not installed.
    """
    _check_choice("if_exists", if_exists, MODES)
    _check_choice("layout", layout, LAYOUTS)
    given = os.fspath(name)
    if "://" not in given:
        path = Path(given)
        format_of(path)
        check_folder(path)
        return Output(given, if_exists, layout, path=Path(os.path.realpath(path)))
    url, table = split_table(given)
    if is_remote(given):
        raise ConfigurationError(
            f"Cannot write to {redact(given)}.",
            hint="Write a file or a table, then copy it there.",
        )
    if not table:
        raise ConfigurationError("Missing table.", hint="Use URL#TABLE.")
    sql = load("sqlalchemy", "files")
    with database_errors(url, "write to", JobError):
        sql.create_engine(url).dispose()  # loads the driver, and connects to nothing yet
    return Output(shown_table(url, table), if_exists, layout, table=TableName(url, table))


def _check_choice(argument: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise ConfigurationError(
            f"`{argument}` is {given!r}.", hint=f"Choose from: {', '.join(known)}."
        )


def _same(one: Path, other: Path) -> bool:
    """Whether two names are of one file, through links of any kind."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def _inside(path: Path, folder: Path) -> bool:
    return folder.is_dir() and Path(os.path.realpath(folder)) in path.parents


def _same_error(one: str, other: str, name: str) -> InputError:
    return InputError(
        f"{one} and {other} are the same: {name}.",
        hint="Name another one. Nothing was read or written.",
    )
