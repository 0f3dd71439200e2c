"""An Excel workbook as one document: its sheets one by one, a line for each row."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, Final

from structgen.errors import DocumentError
from structgen.extras import load
from structgen.reading.builder import DocumentBuilder
from structgen.reading.document import Document
from structgen.reading.faults import check_archive
from structgen.reading.layout import Cell
from structgen.reading.options import ReadSettings

_MOST_CELLS: Final = 5_000_000
"""Of one sheet: what Excel fills with formats alone may be a thousand times more."""


def read_xlsx(data: bytes, settings: ReadSettings) -> Document:
    """Read every visible sheet, under its name as a heading. The first row with text is the header.

    Values are written as the file stores them, dates as in ISO 8601. Empty rows are left out.

    Args:
        data: The file.
        settings: Its size at most.

    Raises:
        DocumentError: If it unpacks to too much, or a sheet has too many cells.
    """
    name = settings.name or "The workbook"
    check_archive(data, settings.max_bytes, name)
    openpyxl = load("openpyxl", "files")
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    written = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    builder, notes = DocumentBuilder(), list[str]()
    try:
        for sheet in book.worksheets:
            if sheet.sheet_state == "visible":
                missing = _write_sheet(builder, sheet, written[sheet.title], name)
                notes += [_note(missing, sheet.title)] if missing else []
    finally:
        book.close()
        written.close()
    kind = settings.media_type or "application/octet-stream"
    return builder.build(name=settings.name, media_type=kind, notes=notes)


def _write_sheet(builder: DocumentBuilder, sheet: Any, written: Any, name: str) -> int:
    """Write the rows of a sheet; give the number of formulas whose values are not in the file."""
    table, header, cells, missing = builder.next_table(), dict[int, str](), 0, 0
    both = zip(sheet.iter_rows(values_only=True), written.iter_rows(values_only=True), strict=True)
    for row, (values, formulas) in enumerate(both, 1):
        cells += len(values)
        if cells > _MOST_CELLS:
            raise DocumentError(
                f"The sheet {sheet.title!r} of {name} has more than {_MOST_CELLS:,} cells.",
                hint="Read its rows with structgen.pipeline.open_source, or delete empty columns.",
                reason="too-large",
            )
        pairs = zip(values, formulas, strict=False)
        missing += sum(value is None and formula is not None for value, formula in pairs)
        texts = [_text(value) for value in values]
        if not any(texts):
            continue
        if not header:
            _write_title(builder, sheet.title)
            header = {at: text for at, text in enumerate(texts, 1) if text}
        _write_row(builder, texts, table, row, header)
    return missing


def _note(missing: int, title: str) -> str:
    return (
        f"The values of {missing} formulas of the sheet {title!r} are not in the file. "
        "Open it in a spreadsheet program and save it."
    )


def _write_title(builder: DocumentBuilder, title: str) -> None:
    builder.separate()
    builder.heading(1, title)
    builder.write(f"# {title}")
    builder.separate()


def _write_row(
    builder: DocumentBuilder, texts: Sequence[str], table: int, row: int, header: dict[int, str]
) -> None:
    builder.separate("\n")
    while texts and not texts[-1]:
        texts = texts[:-1]
    for column, text in enumerate(texts, 1):
        if column > 1:
            builder.write(" | ")
        with builder.cell(Cell(table, row, column, header.get(column))):
            builder.write(text)


def _text(value: Any) -> str:
    """A value as it is written: a whole number without a fraction, a day without a time."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    return " ".join(str(value).split())
