"""The formats of files: each writes rows into an open file."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Any, Final, Protocol, cast

from pydantic_core import to_json

from structgen.extras import load
from structgen.pipeline.outputs.columns.arrow import arrow_schema, table_of
from structgen.pipeline.outputs.columns.kinds import text_cell
from structgen.pipeline.outputs.columns.spool import Spool
from structgen.pipeline.outputs.columns.table import Column
from structgen.values import Json

_CHUNK: Final = 1_000
"""Rows to convert at a time."""
_GROUP_ROWS: Final = 100_000
_GROUP_BYTES: Final = 2**26
"""Where a row group of Parquet ends: small enough to read one, large enough to compress."""

Row = Mapping[str, Json]


class WriteRows(Protocol):
    """Writes all rows of a spool into a file."""

    def __call__(self, file: IO[bytes], spool: Spool) -> None:
        """Write the rows.

        Args:
            file: The file, at its beginning.
            spool: The rows.
        """


def write_jsonl(file: IO[bytes], spool: Spool) -> None:
    """Write one JSON object a line, with the members of `COLUMNS`."""
    for lines in json_lines(spool.rows()):
        file.write(lines)


def json_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """Give rows as JSON lines, many at a time."""
    for some in _chunks(rows):
        yield b"".join(to_json(row) + b"\n" for row in some)


def write_csv(file: IO[bytes], spool: Spool, delimiter: str = ",") -> None:
    """Write a header and a line for each row; lists and objects are JSON text."""
    columns = spool.table.columns()
    file.write(csv_line([column.name for column in columns], delimiter))
    for rows in _chunks(spool.rows()):
        file.write(b"".join(csv_line(csv_cells(row, columns), delimiter) for row in rows))


def write_tsv(file: IO[bytes], spool: Spool) -> None:
    """Write as `write_csv` does, with tabs."""
    write_csv(file, spool, "\t")


def csv_cells(row: Row, columns: Iterable[Column]) -> list[str | None]:
    """Give the cells of a row as CSV has them: null is empty."""
    return [_csv_cell(column.raw(row)) for column in columns]


def _csv_cell(value: Json) -> str | None:
    return None if value is None else text_cell(value)


def csv_line(cells: Sequence[str | None], delimiter: str = ",") -> bytes:
    """Give cells as a line of CSV (RFC 4180)."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerow(cells)
    return text.getvalue().encode()


def write_parquet(file: IO[bytes], spool: Spool) -> None:
    """Write typed columns, in row groups of a sensible size."""
    columns = spool.table.columns()
    schema = arrow_schema(columns)
    with load("pyarrow.parquet", "files").ParquetWriter(file, schema) as writer:
        for table in arrow_tables(spool.rows(), columns, schema):
            writer.write_table(table, row_group_size=_GROUP_ROWS)


def write_arrow(file: IO[bytes], spool: Spool) -> None:
    """Write typed columns in the Arrow file format, which Feather is another name of."""
    columns = spool.table.columns()
    schema = arrow_schema(columns)
    with load("pyarrow.ipc", "files").new_file(file, plain_schema(schema)) as writer:
        for table in arrow_tables(spool.rows(), columns, schema):
            writer.write_table(table.cast(plain_schema(schema)))


def plain_schema(schema: Any) -> Any:
    """Give a schema with texts in place of dictionaries, which may not grow within a file."""
    arrow = load("pyarrow", "files")
    return arrow.schema(
        [
            field.with_type(field.type.value_type)
            if arrow.types.is_dictionary(field.type)
            else field
            for field in schema
        ]
    )


def arrow_tables(rows: Iterable[Row], columns: Sequence[Column], schema: Any) -> Iterator[Any]:
    """Give rows as tables of a sensible size."""
    arrow = load("pyarrow", "files")
    waiting: list[Any] = []
    for some in _chunks(rows):
        waiting.append(table_of(some, columns, schema))
        many = sum(table.num_rows for table in waiting) >= _GROUP_ROWS
        if many or sum(table.nbytes for table in waiting) >= _GROUP_BYTES:
            yield arrow.concat_tables(waiting).unify_dictionaries()
            waiting = []
    if waiting:
        yield arrow.concat_tables(waiting).unify_dictionaries()


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    waiting = iter(rows)
    while some := list(islice(waiting, _CHUNK)):
        yield some


# ---- by name ---------------------------------------------------------------------------------


def _gzip(file: IO[bytes]) -> IO[bytes]:
    # Without a time and a name, so that equal rows make equal files.
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0))


def _zstd(file: IO[bytes]) -> IO[bytes]:
    arrow = load("pyarrow", "files")
    stream = arrow.CompressedOutputStream(arrow.PythonFile(file, "w"), "zstd")
    return cast("IO[bytes]", stream)


_TEXT: Final[Mapping[str, WriteRows]] = {
    ".jsonl": write_jsonl,
    ".ndjson": write_jsonl,
    ".csv": write_csv,
    ".tsv": write_tsv,
}
FORMATS: Final[Mapping[str, WriteRows]] = {
    **_TEXT,
    **{f"{suffix}{packed}": write for suffix, write in _TEXT.items() for packed in (".gz", ".zst")},
    ".parquet": write_parquet,
    ".arrow": write_arrow,
    ".feather": write_arrow,
}
"""The function that writes a file, by its suffix."""
PACKED: Final[Mapping[str, Callable[[IO[bytes]], IO[bytes]]]] = {".gz": _gzip, ".zst": _zstd}
"""What compresses a file, by its last suffix."""
PACKAGES: Final[Mapping[str, str]] = {
    ".parquet": "pyarrow.parquet",
    ".arrow": "pyarrow.ipc",
    ".feather": "pyarrow.ipc",
    ".zst": "pyarrow",
}
"""What has to be installed, by the last suffix."""
