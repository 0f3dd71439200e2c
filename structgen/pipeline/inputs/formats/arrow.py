"""Rows of Parquet, Arrow and Feather files, and of Arrow tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from structgen.extras import load
from structgen.pipeline.inputs.options import ReadOptions
from structgen.pipeline.inputs.place import Place
from structgen.pipeline.inputs.rows import (
    bad_item,
    item_of_row,
    missing_columns,
    unreadable,
)
from structgen.pipeline.record import Item
from structgen.values import Json

ROWS: Final = 256
"""Rows to fetch at a time."""


def read_parquet(place: Place, options: ReadOptions) -> Iterator[Item]:
    """Read the rows of a Parquet file. A damaged row group costs its rows alone."""
    parquet = load("pyarrow.parquet", "files")
    with place.open_seekable() as opened, parquet.ParquetFile(opened) as file:
        names = file.schema_arrow.names
        missing = missing_columns([*names, *place.partitions], place.name, options)
        if missing is not None:
            yield Item(place.name, "", error=missing)
            return
        columns = [name for name in names if options.takes(name)]
        first = 1
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            batches = file.iter_batches(ROWS, row_groups=[group], columns=columns)
            yield from _group(batches, first, first + count - 1, place, options)
            first += count


def _group(
    batches: Iterator[Any], number: int, last: int, place: Place, options: ReadOptions
) -> Iterator[Item]:
    """The rows of a row group; one failed row for those that cannot be read."""
    try:
        for batch in batches:
            yield from items_of_batch(batch, place.name, number, options, place.partitions)
            number += batch.num_rows
    except Exception as error:  # the library raises what it likes for damaged pages
        why = f"rows {number} to {last} are damaged ({type(error).__name__})"
        yield bad_item(place.name, why, key=f"{place.name}:{number}")


def parquet_columns(place: Place, options: ReadOptions) -> Sequence[str]:
    """Give the columns of a Parquet file."""
    with (
        place.open_seekable() as opened,
        load("pyarrow.parquet", "files").ParquetFile(opened) as file,
    ):
        names: list[str] = file.schema_arrow.names
        return names


def parquet_length(place: Place) -> int:
    """Give how many rows a Parquet file has."""
    with (
        place.open_seekable() as opened,
        load("pyarrow.parquet", "files").ParquetFile(opened) as file,
    ):
        return int(file.metadata.num_rows)


def read_arrow(place: Place, options: ReadOptions) -> Iterator[Item]:
    """Read the rows of an Arrow or Feather file, or of an Arrow stream."""
    arrow, ipc = load("pyarrow", "files"), load("pyarrow.ipc", "files")
    data = arrow.py_buffer(place.read())
    try:
        reader = ipc.open_file(data)
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
    except arrow.ArrowInvalid:
        reader = ipc.open_stream(data)
        batches = iter(reader)
    missing = missing_columns([*reader.schema.names, *place.partitions], place.name, options)
    if missing is not None:
        yield Item(place.name, "", error=missing)
        return
    number = 1
    for batch in batches:
        yield from items_of_batch(batch, place.name, number, options, place.partitions)
        number += batch.num_rows


def items_of_batch(
    batch: Any,
    name: str,
    number: int,
    options: ReadOptions,
    partitions: Mapping[str, Json] = {},
) -> Iterator[Item]:
    """Give the rows of an Arrow batch or table as Items.

    Args:
        batch: The batch.
        name: The beginning of keys that are made from a row's place.
        number: The place of its first row.
        options: Which columns are read.
        partitions: Further columns.
    """
    batch = batch.select([column for column in batch.schema.names if options.takes(column)])
    try:
        rows = batch.to_pylist()
    except Exception:  # a cell has no value in Python: a year beyond 9999, bytes that are no text
        yield from _one_by_one(batch, name, number, options, partitions)
        return
    for place, row in enumerate(rows, number):
        yield item_of_row(row, f"{name}:{place}", options, partitions)


def _one_by_one(
    batch: Any, name: str, number: int, options: ReadOptions, partitions: Mapping[str, Json]
) -> Iterator[Item]:
    """The rows of a batch with a cell that cannot be read: its row alone fails."""
    for at in range(batch.num_rows):
        where = f"{name}:{number + at}"
        row = {}
        try:
            for column in batch.schema.names:
                row[column] = _cell(batch.column(column)[at])
        except Exception as error:
            yield unreadable(where, error, f"Correct the cell in {column!r} or leave it out.")
        else:
            yield item_of_row(row, where, options, partitions)


def _cell(scalar: Any) -> Any:
    """The value of a cell. A time to the nanosecond, which Python has not, is a text."""
    try:
        return scalar.as_py()
    except ValueError:
        if str(scalar.type).startswith(("timestamp[ns", "time64[ns", "duration[ns")):
            return str(scalar.cast("string"))
        raise
