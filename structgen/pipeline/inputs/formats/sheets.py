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


_CALCULATE: Final = "Open the file in a spreadsheet program and save it."


class _Formulas:
    """Finds formulas that have no stored value: they read like empty cells."""

    def __init__(self, sheet: Any) -> None:
        self._rows = sheet.iter_rows()
        self._number = 0

    def first(self, number: int, places: Sequence[int]) -> str | None:
        """Name the first of these cells of a row that holds a formula, such as "C2"."""
        row: Sequence[Any] = ()
        while self._number < number:
            row, self._number = next(self._rows, ()), self._number + 1
        for at in places:
            cell = row[at] if at < len(row) else None
            if cell is not None and cell.data_type == "f":
                return str(cell.coordinate)
        return None


def read_xlsx(place: Place, options: ReadOptions) -> Iterator[Item]:
    """Read the rows of every sheet that has the columns, under the header in its first row."""
    openpyxl = load("openpyxl", "files")
    data = place.read()
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    written = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
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
                formulas = _Formulas(written[sheet.title])
                yield from _rows(rows, header, name, place, options, formulas)
    finally:
        book.close()
        written.close()
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
    formulas: _Formulas,
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
        empty = [
            at
            for at, (column, cell) in enumerate(zip(header, cells, strict=False))
            if column in row and cell is None
        ]
        formula = formulas.first(number, empty) if empty else None
        if formula is not None:
            why = f"its cell {formula} is a formula whose value is not in the file"
            yield bad_item(where, why, hint=_CALCULATE)
        elif isinstance(text, str) and text in _FAULTS:
            yield bad_item(where, f"its {options.text!r} holds the error {text}")
        else:
            yield item_of_row(row, where, options, place.partitions)
