"""Rows that are in memory: data frames, Arrow tables, lists of mappings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import length_hint
from typing import Any, Final

from structgen.errors import InputError
from structgen.pipeline.inputs.formats.arrow import ROWS, items_of_batch
from structgen.pipeline.inputs.options import ReadOptions
from structgen.pipeline.inputs.rows import bad_item, item_of_row, missing_columns
from structgen.pipeline.record import Item
from structgen.values import kind_of_value

_FRAMES: Final = ("pandas", "polars", "pyarrow")
"""The packages whose tables are rows."""
ROW: Final = "row"
"""The beginning of keys that are made from a row's place."""


class Once(Iterator[Any]):
    """An iterator that says so if it is to be read a second time, rather than giving nothing."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items, self._begun = items, False

    def __iter__(self) -> Iterator[Any]:
        if self._begun:
            raise InputError(
                "The inputs are an iterator that was read already.",
                hint="Pass a list, or `open_source(path)`, to read them again.",
            )
        self._begun = True
        return self._items

    def __next__(self) -> Any:
        return next(self._items)

    def __length_hint__(self) -> int:
        return length_hint(self._items)


def is_frame(given: Any) -> bool:
    """Whether this is a table of pandas, polars or pyarrow."""
    return _is_of_frames(given) and hasattr(given, "columns") and hasattr(given, "shape")


def is_series(given: Any) -> bool:
    """Whether this is a column of pandas, polars or pyarrow."""
    return _is_of_frames(given) and not is_frame(given) and hasattr(given, "__len__")


def _is_of_frames(given: Any) -> bool:
    return any(kind.__module__.partition(".")[0] in _FRAMES for kind in type(given).__mro__)


def values_of_series(series: Any) -> Iterator[Any]:
    """Give the values of a column as those of Python."""
    as_list = getattr(series, "to_pylist", None) or series.to_list
    return iter(as_list())


def columns_of_frame(frame: Any) -> list[str]:
    """Give the names of a table's columns."""
    if hasattr(frame, "column_names"):  # pyarrow.Table
        return list(frame.column_names)
    if hasattr(frame, "schema") and hasattr(frame.schema, "names"):
        return (
            [str(name) for name in frame.schema.names()]
            if callable(frame.schema.names)
            else list(frame.schema.names)
        )
    return [str(name) for name in frame.columns]


def read_frame(frame: Any, options: ReadOptions) -> Iterator[Item]:
    """Give the rows of a table as Items.

    Args:
        frame: A table of pandas, polars or pyarrow.
        options: Which columns are read.
    """
    if hasattr(frame, "to_pylist"):  # pyarrow
        number = 1
        batches = frame.to_batches(ROWS) if hasattr(frame, "to_batches") else [frame]
        for batch in batches:
            yield from items_of_batch(batch, ROW, number, options)
            number += batch.num_rows
    elif hasattr(frame, "iter_rows"):  # polars
        for number, row in enumerate(frame.iter_rows(named=True), 1):
            yield item_of_row(_taken(row, options), f"{ROW}:{number}", options)
    else:
        names = [str(name) for name in frame.columns]
        for number, cells in enumerate(frame.itertuples(index=False, name=None), 1):
            row = dict(zip(names, map(_plain_cell, cells), strict=True))
            yield item_of_row(_taken(row, options), f"{ROW}:{number}", options)


def _taken(row: Mapping[str, Any], options: ReadOptions) -> Mapping[str, Any]:
    return {name: cell for name, cell in row.items() if options.takes(name)}


def _plain_cell(cell: Any) -> Any:
    """A cell of pandas as a value of Python: what is missing is None."""
    if type(cell).__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(cell, "tolist"):  # a scalar or an array of numpy
        return cell.tolist()
    return cell


def read_rows(rows: Iterable[Any], options: ReadOptions) -> Iterator[Item]:
    """Give mappings as Items.

    Args:
        rows: The rows, by column.
        options: Which columns are read.
    """
    for number, row in enumerate(rows, 1):
        where = f"{ROW}:{number}"
        if isinstance(row, Mapping):
            yield item_of_row(row, where, options)
        else:
            yield bad_item(where, f"it is {kind_of_value(row)}, not a mapping of columns")


def missing_in_frame(frame: Any, options: ReadOptions) -> Exception | None:
    """Give the error of a table that lacks a column; None if it lacks none."""
    return missing_columns(columns_of_frame(frame), "The table", options)
