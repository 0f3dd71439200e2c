"""Add rows to a file that exists: its own rows stay, byte for byte where the format allows it."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, TextIO, TypeAlias

from pydantic_core import from_json, to_json

from structgen.errors import JobError
from structgen.extras import load
from structgen.pipeline.outputs.columns.arrow import arrow_schema
from structgen.pipeline.outputs.columns.spool import Spool
from structgen.pipeline.outputs.columns.table import Column
from structgen.pipeline.outputs.formats import (
    arrow_tables,
    csv_cells,
    csv_line,
    plain_schema,
    write_arrow,
    write_csv,
    write_jsonl,
    write_parquet,
    write_tsv,
)
from structgen.values import Json

_KEY: Final = "key"

Merge: TypeAlias = "Callable[[Path, IO[bytes], Spool, bool], None]"
"""(old file, new file, rows, upsert): write the old rows and the new ones."""


class _Keys:
    """Which rows are kept: of equal keys the old one, or with `upsert` the newest one."""

    def __init__(self, spool: Spool, upsert: bool) -> None:
        self._upsert = upsert
        self._last = {row[_KEY]: place for place, row in enumerate(spool.rows())}
        self._old: set[str] = set()

    def keeps(self, key: Any) -> bool:
        """Whether an old row stays."""
        if key is None or key not in self._last:
            return True
        self._old.add(key)
        return not self._upsert

    def new_rows(self, spool: Spool) -> Iterator[Mapping[str, Json]]:
        """The new rows that are written, after all old ones were shown."""
        for place, row in enumerate(spool.rows()):
            if self._last[row[_KEY]] == place and (self._upsert or row[_KEY] not in self._old):
                yield row


def _opened(path: Path) -> IO[bytes]:
    """Open a file, decompressed."""
    kind = path.suffix.lower()
    if kind == ".gz":
        return gzip.open(path)  # type: ignore[return-value]
    if kind == ".zst":
        return io.BufferedReader(load("pyarrow", "files").input_stream(str(path), "zstd"))
    return path.open("rb")


# ---- JSON Lines ------------------------------------------------------------------------------


def merge_jsonl(old: Path, file: IO[bytes], spool: Spool, upsert: bool) -> None:
    """Add rows to JSON Lines."""
    keys = _Keys(spool, upsert)
    with _opened(old) as lines:
        for line in lines:
            if keys.keeps(_key_of_line(line)):
                file.write(line if line.endswith(b"\n") else line + b"\n")
    for row in keys.new_rows(spool):
        file.write(to_json(row) + b"\n")


def _key_of_line(line: bytes) -> Any:
    with suppress(ValueError):
        row = from_json(line)
        return row.get(_KEY) if isinstance(row, dict) else None
    return None


# ---- CSV -------------------------------------------------------------------------------------


def merge_csv(old: Path, file: IO[bytes], spool: Spool, upsert: bool, delimiter: str = ",") -> None:
    """Add rows to CSV, under the header that is there."""
    keys = _Keys(spool, upsert)
    with _opened(old) as opened:
        text = io.TextIOWrapper(opened, "utf-8", errors="surrogateescape", newline="")
        records = _records(text, delimiter)
        header, raw = next(records, ([], ""))
        names = [name.removeprefix("\ufeff") for name in header]
        columns = _columns_for(names, spool.table.columns(), old.name)
        file.write(_ended(raw))
        for cells, raw in records:
            row = dict(zip(names, cells, strict=False))
            if keys.keeps(row.get(_KEY)):
                file.write(_ended(raw))
    for new in keys.new_rows(spool):
        found = csv_cells(new, [one for one in columns if one is not None])
        cells_left = iter(found)
        line = [None if one is None else next(cells_left) for one in columns]
        file.write(csv_line(line, delimiter))


def merge_tsv(old: Path, file: IO[bytes], spool: Spool, upsert: bool) -> None:
    """Add rows to TSV."""
    merge_csv(old, file, spool, upsert, "\t")


def _records(text: TextIO, delimiter: str) -> Iterator[tuple[Sequence[str], str]]:
    """The records of a CSV file, each with the text it was read from."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in text:
            taken.append(line)
            yield line

    for cells in csv.reader(lines(), delimiter=delimiter):
        yield cells, "".join(taken)
        taken.clear()


def _ended(raw: str) -> bytes:
    line = raw if raw.endswith(("\n", "\r")) else raw + "\r\n"
    return line.encode("utf-8", "surrogateescape")


def _columns_for(
    header: Sequence[str], columns: Sequence[Column], name: str
) -> list[Column | None]:
    """Our columns in the order of a header; None for those that are not ours."""
    ours = {column.name: column for column in columns}
    check_columns(header, columns, name)
    return [ours.get(one) for one in header]


def check_columns(header: Iterable[str], columns: Sequence[Column], name: str) -> None:
    """Refuse to add rows to a table that has no room for them.

    What is known about a value, such as its evidence, is left out if the table has no column for
    it. The key, the fields of the value and the columns of the input are needed.

    Raises:
        JobError: If a column is missing.
    """
    present = set(header)
    needed = [one.name for one in columns if one.path[0] in ("key", "value", "meta")]
    missing = [one for one in needed if one not in present]
    if missing:
        raise JobError(
            f"Cannot add rows to {name}: it has no column {', '.join(map(repr, missing))}.",
            hint="Add the columns, choose fewer with `columns`, or write to another output.",
        )


# ---- Parquet and Arrow -----------------------------------------------------------------------


def merge_parquet(old: Path, file: IO[bytes], spool: Spool, upsert: bool) -> None:
    """Add rows to Parquet."""
    parquet = load("pyarrow.parquet", "files")
    with parquet.ParquetFile(old) as opened:
        schema = _unified(opened.schema_arrow, spool, old.name)
        with parquet.ParquetWriter(file, schema) as writer:
            groups = (opened.read_row_group(one) for one in range(opened.num_row_groups))
            for table in _merged_tables(groups, schema, spool, upsert):
                writer.write_table(table)


def merge_arrow(old: Path, file: IO[bytes], spool: Spool, upsert: bool) -> None:
    """Add rows to an Arrow file."""
    arrow, ipc = load("pyarrow", "files"), load("pyarrow.ipc", "files")
    with load("pyarrow", "files").memory_map(str(old)) as opened:
        reader = ipc.open_file(opened)
        schema = _unified(reader.schema, spool, old.name)
        with ipc.new_file(file, schema) as writer:
            batches = (reader.get_batch(one) for one in range(reader.num_record_batches))
            tables = (arrow.Table.from_batches([batch]) for batch in batches)
            for table in _merged_tables(tables, schema, spool, upsert):
                writer.write_table(table)


def _unified(old: Any, spool: Spool, name: str) -> Any:
    """The schema that holds the old rows and the new ones."""
    arrow = load("pyarrow", "files")
    columns = spool.table.columns()
    if _KEY not in old.names:
        check_columns(old.names, columns, name)
    try:
        new = plain_schema(arrow_schema(columns))
        return arrow.unify_schemas([plain_schema(old), new], promote_options="permissive")
    except (arrow.ArrowInvalid, arrow.ArrowTypeError) as error:
        raise JobError(
            f"Cannot add rows to {name}: a column has another type there ({error}).",
            hint="Write to another output.",
        ) from error


def _merged_tables(old: Iterable[Any], schema: Any, spool: Spool, upsert: bool) -> Iterator[Any]:
    arrow = load("pyarrow", "files")
    keys = _Keys(spool, upsert)
    for table in old:
        kept = [keys.keeps(key) for key in table.column(_KEY).to_pylist()]
        yield _fitted(table.filter(arrow.array(kept)), schema)
    columns = spool.table.columns()
    for table in arrow_tables(keys.new_rows(spool), columns, arrow_schema(columns)):
        yield _fitted(table, schema)


def _fitted(table: Any, schema: Any) -> Any:
    """A table with the columns of a schema: those that it lacks are null."""
    arrow = load("pyarrow", "files")
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.schema.names
        else arrow.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return arrow.Table.from_arrays(columns, schema=schema)


def columns_in(path: Path, write: Callable[..., None]) -> Sequence[str] | None:
    """Give the columns of a file that exists; None if its format has none.

    Raises:
        Exception: If it is damaged: what the library that reads it raises.
    """
    if write is write_parquet:
        with load("pyarrow.parquet", "files").ParquetFile(path) as file:
            return list(file.schema_arrow.names)
    if write is write_arrow:
        with load("pyarrow", "files").memory_map(str(path)) as opened:
            return list(load("pyarrow.ipc", "files").open_file(opened).schema.names)
    if write in (write_csv, write_tsv):
        with _opened(path) as opened:
            text = io.TextIOWrapper(opened, "utf-8-sig", errors="surrogateescape", newline="")
            return next(csv.reader(text, delimiter="," if write is write_csv else "\t"), [])
    return None


MERGES: Final[Mapping[Callable[..., None], Merge]] = {
    write_jsonl: merge_jsonl,
    write_csv: merge_csv,
    write_tsv: merge_tsv,
    write_parquet: merge_parquet,
    write_arrow: merge_arrow,
}
"""The function that adds rows to a file, by the one that writes such a file."""
