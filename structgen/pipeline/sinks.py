"""Where outcomes go: JSONL, CSV, Parquet, tables of a database. Nothing is to be seen of an output before it is whole."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, Protocol

from pydantic_core import to_json

from structgen.errors import ConfigurationError, JobError
from structgen.extras import load
from structgen.pipeline.record import COLUMNS, Outcome, Sink
from structgen.pipeline.table import arrow_schema, flat, to_arrow


def open_sink(name: str | os.PathLike[str]) -> Sink:
    """The sink that a name stands for: a file (JSONL, also gzipped; CSV; Parquet) or a table as "URL#TABLE", which it replaces.

    Raises what `named_sink` raises, and JobError where it cannot be written.
    """
    return named_sink(name)()


def named_sink(name: str | os.PathLike[str]) -> Callable[[], Sink]:
    """What opens the sink of a name, for a job that needs it at its end and wants to know at its beginning that it can be.

    Raises ConfigurationError for another kind or a missing library, JobError for a missing folder or database driver.
    """
    given = os.fspath(name)
    if "://" in given:
        url, _, table = given.partition("#")
        return _table_sink(url, table)
    path = Path(given)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    for end in ("".join(suffixes[-2:]), "".join(suffixes[-1:])):
        if end in WRITERS:
            if not path.parent.is_dir():
                raise JobError(
                    f"{path} cannot be written: there is no folder for it.", hint="Make the folder."
                )
            WRITERS[end](io.BytesIO()).close()  # loads its library
            return partial(FileSink, path, WRITERS[end])
    raise ConfigurationError(
        f"{path.name} is of no kind that can be written.",
        hint=f"Known: {', '.join(WRITERS)}, URL#TABLE.",
    )


class Writer(Protocol):
    """Writes outcomes into an open file, in one format."""

    def write(self, rows: Sequence[Outcome[Any]]) -> None: ...

    def close(self) -> None: ...


class FileSink:
    """A file that appears under its name when it is whole and on the disk; until then it has `.part` behind its name."""

    def __init__(self, path: Path, writer: Callable[[IO[bytes]], Writer]) -> None:
        self._path, self._part = path, path.with_name(f"{path.name}.part")
        try:
            self._file = self._part.open("wb")
        except OSError as error:
            raise JobError(f"{self._part} cannot be written: {error.strerror or error}.") from error
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
            with suppress(
                Exception
            ):  # what is left in their buffers does not fit on the disk either
                part.close()
        self._part.unlink(missing_ok=True)


class JsonLines:
    """One JSON object a line, with the members of `COLUMNS`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        self._file.write(b"".join(to_json(row.row()) + b"\n" for row in rows))

    def close(self) -> None:
        """The file is its opener's."""


class Gzipped(JsonLines):
    """The same, gzipped: a member for each batch, without a time in it, so that equal outcomes make equal files."""

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        self._file.write(
            gzip.compress(b"".join(to_json(row.row()) + b"\n" for row in rows), mtime=0)
        )


class Csv:
    """A header, and a line for each outcome; nested values as JSON text."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._write(lambda lines: lines.writeheader())

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        self._write(lambda lines: lines.writerows(flat(row) for row in rows))

    def _write(self, fill: Callable[[csv.DictWriter[str]], Any]) -> None:
        text = io.StringIO(newline="")
        fill(csv.DictWriter(text, COLUMNS))
        self._file.write(text.getvalue().encode())

    def close(self) -> None:
        """The file is its opener's."""


class Parquet:
    """Columns of text, a row group for each batch of outcomes; nested values as JSON text."""

    def __init__(self, file: IO[bytes]) -> None:
        self._parquet = load("pyarrow.parquet", "files").ParquetWriter(file, arrow_schema())

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        self._parquet.write_table(to_arrow(rows))

    def close(self) -> None:
        self._parquet.close()


WRITERS: Final[Mapping[str, Callable[[IO[bytes]], Writer]]] = {
    ".jsonl": JsonLines,
    ".ndjson": JsonLines,
    ".jsonl.gz": Gzipped,
    ".csv": Csv,
    ".parquet": Parquet,
}
"""How outcomes are written, by the end of the file's name."""


def _table_sink(url: str, table: str) -> Callable[[], Sink]:
    if not table:
        raise ConfigurationError("Which table of the database?", hint="Name it: URL#TABLE.")
    sql = load("sqlalchemy", "files")
    columns = sql.Table(table, sql.MetaData(), *(sql.Column(name, sql.Text) for name in COLUMNS))
    with _typed():
        return partial(
            TableSink, sql.create_engine(url), columns
        )  # the driver is loaded; nothing is connected yet


class TableSink:
    """A table of a database, through SQLAlchemy: replaced in one transaction, so that it is the old one or the new one."""

    def __init__(self, engine: Any, table: Any) -> None:
        self._engine, self._table = engine, table
        with _typed():
            self._connection = self._engine.connect()
            if self._engine.dialect.name == "sqlite":
                self._connection.exec_driver_sql(
                    "BEGIN IMMEDIATE"
                )  # its driver begins none for CREATE and DROP
            self._table.drop(self._connection, checkfirst=True)
            self._table.create(self._connection)

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        with _typed():
            self._connection.execute(self._table.insert(), [flat(row) for row in rows])

    def close(self) -> None:
        with _typed():
            self._connection.commit()
            self._connection.close()
            self._engine.dispose()

    def abort(self) -> None:
        with suppress(Exception):
            self._connection.close()  # which rolls back
            self._engine.dispose()


@contextmanager
def _typed() -> Iterator[None]:
    """Turns a database's errors into JobErrors, without the statement and its values."""
    try:
        yield
    except (load("sqlalchemy.exc", "files").SQLAlchemyError, ImportError) as error:
        said = str(getattr(error, "orig", None) or error).partition("\n")[0][:200]
        raise JobError(
            f"The database does not take the output: {said}.",
            hint="Mend it, and start the same job again.",
        ) from error
