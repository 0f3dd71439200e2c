"""Rows of Excel workbooks."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from structgen.extras import load
from structgen.pipeline.inputs.options import ReadOptions
from structgen.pipeline.inputs.place import Place
from structgen.pipeline.inputs.rows import bad_item, item_of_row, missing_columns
from structgen.pipeline.record import Item

_FAULTS: Final = frozenset(
    {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#SPILL!", "#CALC!"}
)
"""What a cell shows if its formula failed."""


def read_xlsx(place: Place, options: ReadOptions) -> Iterator[Item]:
    """Read the rows of every sheet that has the columns, under the header in its first row."""
    openpyxl = load("openpyxl", "files")
    book = openpyxl.load_workbook(io.BytesIO(place.read()), read_only=True, data_only=True)
    headers: list[str] = []
    found = False
    try:
        for sheet in book.worksheets:
            rows = sheet.iter_rows(values_only=True)
            header = [str(cell) if cell is not None else "" for cell in next(rows, ())]
            headers += header
            names = [*header, *place.partitions]
            if missing_columns(names, sheet.title, options) is None:
                found = True
                name = f"{place.name}/{sheet.title}"
                yield from _rows(rows, header, name, place, options)
    finally:
        book.close()
    if not found:
        missing = missing_columns(chain(headers, place.partitions), place.name, options)
        error = missing or bad_item(place.name, "its columns are in different sheets").error
        yield Item(place.name, "", error=error)


def _rows(
    rows: Iterator[Sequence[Any]],
    header: Sequence[str],
    name: str,
    place: Place,
    options: ReadOptions,
) -> Iterator[Item]:
    for number, cells in enumerate(rows, 2):
        if all(cell is None for cell in cells):
            continue
        where = f"{name}:{number}"
        row = {
            column: cell
            for column, cell in zip(header, cells, strict=False)
            if column and options.takes(column)
        }
        text = row.get(options.text)
        if isinstance(text, str) and text in _FAULTS:
            yield bad_item(where, f"its {options.text!r} holds the error {text}")
        else:
            yield item_of_row(row, where, options, place.partitions)
