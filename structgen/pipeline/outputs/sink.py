"""Where outcomes go: JSONL, CSV, Parquet, tables of a database. An output appears when complete."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, Protocol

from pydantic_core import to_json

from structgen.errors import ConfigurationError, JobError
from structgen.extras import load
from structgen.pipeline.inputs.databases import database_errors
from structgen.pipeline.outputs.flat import arrow_schema, flat_row, to_arrow
from structgen.pipeline.record import COLUMNS, Outcome, Sink


def open_sink(name: str | os.PathLike[str]) -> Sink:
    """Open a sink by its name.

    Args:
        name: A file (JSONL, also gzipped; CSV; Parquet), or a table of a database as "URL#TABLE".
            Either is replaced when the sink is closed.

    Raises:
        ConfigurationError: If a file has an unknown kind, or a database has no table.
        JobError: If it cannot be written.
        MissingPackage: If the package that writes it is not installed.
    """
    return sink_opener(name)()


def sink_opener(name: str | os.PathLike[str]) -> Callable[[], Sink]:
    """Give what opens a sink, for a job that needs it at its end.

    Whether the name can be opened is found out now, so that the job fails at its beginning. It
    raises what `open_sink` raises.
    """
    given = os.fspath(name)
    if "://" in given:
        url, _, table = given.partition("#")
        return _table_opener(url, table)
    path = Path(given)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    for suffix in ("".join(suffixes[-2:]), "".join(suffixes[-1:])):
        if suffix in WRITERS:
            if not path.parent.is_dir():
                raise JobError(
                    f"{path} cannot be written: its folder does not exist.",
                    hint="Create the folder first.",
                )
            WRITERS[suffix](io.BytesIO()).close()  # loads the package that it needs
            return partial(FileSink, path, WRITERS[suffix])
    raise ConfigurationError(
        f"Cannot write {path.name}: unsupported file type.",
        hint=f"Supported: {', '.join(WRITERS)}, URL#TABLE.",
    )


# ---- files -----------------------------------------------------------------------------------


class Writer(Protocol):
    """Writes outcomes into an open file, in one format."""

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        """Write the next outcomes."""

    def close(self) -> None:
        """Write what the format has at its end. The file is closed by its opener."""


class FileSink:
    """A file that gets its name once it is complete and on the disk; before, it ends in `.part`."""

    def __init__(self, path: Path, writer: Callable[[IO[bytes]], Writer]) -> None:
        self._path, self._part = path, path.with_name(f"{path.name}.part")
        try:
            self._file = self._part.open("wb")
        except OSError as error:
            raise JobError(
                f"{self._part} cannot be written: {error.strerror or error}.",
                hint="Check that the folder is writable.",
            ) from error
        self._writer = writer(self._file)

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        self._writer.write(rows)

    def close(self) -> None:
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)

    def abort(self) -> None:
        for part in (self._writer, self._file):
            with suppress(Exception):  # a full disk does not take what their buffers hold
                part.close()
        self._part.unlink(missing_ok=True)


class JsonLinesWriter:
    """Writes one JSON object a line, with the members of `COLUMNS`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        self._file.write(b"".join(to_json(row.row()) + b"\n" for row in rows))

    def close(self) -> None:
        pass


class GzipWriter(JsonLinesWriter):
    """Writes gzipped JSON lines, without a time, so that equal outcomes make equal files.

    Each group of outcomes is a gzip member of its own.
    """

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        lines = b"".join(to_json(row.row()) + b"\n" for row in rows)
        self._file.write(gzip.compress(lines, mtime=0))


class CsvWriter:
    """Writes a header, and a line for each outcome; nested values are JSON text."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._write(lambda lines: lines.writeheader())

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        self._write(lambda lines: lines.writerows(flat_row(row) for row in rows))

    def _write(self, fill: Callable[[csv.DictWriter[str]], Any]) -> None:
        text = io.StringIO(newline="")
        fill(csv.DictWriter(text, COLUMNS))
        self._file.write(text.getvalue().encode())

    def close(self) -> None:
        pass


class ParquetWriter:
    """Writes columns of text, nested values as JSON; a row group for each group of outcomes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._parquet = load("pyarrow.parquet", "files").ParquetWriter(file, arrow_schema())

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        self._parquet.write_table(to_arrow(rows))

    def close(self) -> None:
        self._parquet.close()


WRITERS: Final[Mapping[str, Callable[[IO[bytes]], Writer]]] = {
    ".jsonl": JsonLinesWriter,
    ".ndjson": JsonLinesWriter,
    ".jsonl.gz": GzipWriter,
    ".csv": CsvWriter,
    ".parquet": ParquetWriter,
}
"""The class that writes outcomes, by the suffix of the file."""


# ---- databases -------------------------------------------------------------------------------


def _table_opener(url: str, table: str) -> Callable[[], Sink]:
    if not table:
        raise ConfigurationError("Missing table.", hint="Use URL#TABLE.")
    sql = load("sqlalchemy", "files")
    columns = sql.Table(table, sql.MetaData(), *(sql.Column(name, sql.Text) for name in COLUMNS))
    with _database_errors():
        engine = sql.create_engine(url)  # loads the driver, and connects to nothing yet
    return partial(TableSink, engine, columns)


class TableSink:
    """A table of a database, through SQLAlchemy, replaced in one transaction.

    So it is always the old table or the new one.
    """

    def __init__(self, engine: Any, table: Any) -> None:
        self._engine, self._table = engine, table
        with _database_errors():
            self._connection = self._engine.connect()
            if self._engine.dialect.name == "sqlite":
                # Its driver begins no transaction for CREATE and DROP.
                self._connection.exec_driver_sql("BEGIN IMMEDIATE")
            self._table.drop(self._connection, checkfirst=True)
            self._table.create(self._connection)

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        with _database_errors():
            self._connection.execute(self._table.insert(), [flat_row(row) for row in rows])

    def close(self) -> None:
        with _database_errors():
            self._connection.commit()
            self._connection.close()
            self._engine.dispose()

    def abort(self) -> None:
        with suppress(Exception):
            self._connection.close()  # which rolls back
            self._engine.dispose()


def _database_errors() -> AbstractContextManager[None]:
    return database_errors("", "write to", JobError)
