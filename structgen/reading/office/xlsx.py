"""An Excel workbook as one document: its sheets one by one, a line for each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from structgen.errors import DocumentError
from structgen.reading.builder import DocumentBuilder
from structgen.reading.document import Document
from structgen.reading.layout import Cell
from structgen.reading.office.package import Package
from structgen.reading.office.workbook import MOST_CELLS, Row, Sheet, SheetContent, Workbook
from structgen.reading.options import ReadSettings

_TITLE_ROWS: Final = 20
"""Rows at the beginning of a sheet that may be titles over its table."""
_MISSING: Final = (
    "The values of {} formulas of the sheet {!r} are not in the file. "
    "Open it in a spreadsheet program and save it."
)
_HIDDEN: Final = "Hidden, and not read: {}. Pass `hidden=True` to read it, too."


def read_xlsx(data: bytes, settings: ReadSettings) -> Document:
    """Read every visible sheet, under its name as a heading. The first full row is the header.

    Values are written as the cells show them. Empty rows and columns are left out.

    Args:
        data: The file.
        settings: Its size at most, and whether to read what it hides and its comments.

    Raises:
        DocumentError: If it unpacks to too much, or a sheet has too many cells.
    """
    package = Package(data, settings)
    book = Workbook(package, settings.name or "The workbook")
    builder, notes = DocumentBuilder(), list[str]()
    for sheet in book.sheets:
        if sheet.is_hidden and not settings.hidden:
            notes.append(_HIDDEN.format(f"the sheet {sheet.title!r}"))
            continue
        content = book.content(sheet)
        if not settings.hidden:
            notes += _without_hidden(content, sheet.title)
        if content.missing:
            notes.append(_MISSING.format(content.missing, sheet.title))
        beside = list(_beside(package, sheet, settings))
        if content.rows or beside:
            _SheetWriter(builder, settings.name or "The workbook").write(sheet, content, beside)
    kind = settings.media_type or "application/octet-stream"
    return builder.build(name=settings.name, media_type=kind, notes=notes)


def _without_hidden(content: SheetContent, title: str) -> Iterator[str]:
    """Take the hidden rows and columns out of a sheet, and say so."""
    rows = [row for row in content.rows if not row.is_hidden]
    if hidden := len(content.rows) - len(rows):
        yield _HIDDEN.format(f"{hidden} rows of the sheet {title!r}")
    if content.hidden_columns:
        count = len(content.hidden_columns)
        yield _HIDDEN.format(f"{count} columns of the sheet {title!r}")
    shown = (_without(row, content.hidden_columns) for row in rows)
    content.rows = [row for row in shown if row.texts]


def _without(row: Row, columns: set[int]) -> Row:
    texts = {column: text for column, text in row.texts.items() if column not in columns}
    return row._replace(texts=texts)


def _beside(package: Package, sheet: Sheet, settings: ReadSettings) -> Iterator[str]:
    """The texts of the boxes that are drawn on a sheet, and its comments."""
    for part in package.related(sheet.part, "drawing"):
        for box in package.tree(part).iter("{*}txBody"):
            lines = ("".join(line.itertext("{*}t")) for line in box.iter("{*}p"))
            yield "\n".join(line for line in lines if line.strip())
    for part in package.related(sheet.part, "comments") if settings.comments else ():
        root = package.tree(part)
        authors = [one.text or "" for one in root.iterfind("{*}authors/{*}author")]
        for one in root.iter("{*}comment"):
            yield _comment(one, authors)


def _comment(element: Any, authors: Sequence[str]) -> str:
    text = " ".join("".join(element.itertext("{*}t")).split())
    at = int(element.get("authorId") or 0)
    author = authors[at].strip() if at < len(authors) else ""
    by = f" by {author}" if author else ""
    return f"Comment on {element.get('ref')}{by}: {text}"


class _SheetWriter:
    """Writes the rows of one sheet."""

    def __init__(self, builder: DocumentBuilder, name: str) -> None:
        self.builder, self.name = builder, name

    def write(self, sheet: Sheet, content: SheetContent, beside: Sequence[str]) -> None:
        builder = self.builder
        builder.separate()
        builder.heading(1, sheet.title)
        builder.write(f"# {sheet.title}")
        builder.separate()
        columns = sorted({column for row in content.rows for column in row.texts})
        self.check_size(sheet, content, columns)
        table = builder.next_table()
        names = _names(content)
        for row in content.rows:
            builder.separate("\n")
            self.row(row, columns, table, names)
        for text in beside:
            builder.separate()
            builder.write(text)

    def check_size(self, sheet: Sheet, content: SheetContent, columns: Sequence[int]) -> None:
        """Raise if a few cells are so far apart that the space between them fills the memory."""
        places = {column: at for at, column in enumerate(columns, 1)}
        size = sum(places[max(row.texts)] for row in content.rows)
        if size > MOST_CELLS:
            raise DocumentError(
                f"The sheet {sheet.title!r} of {self.name} has more than {MOST_CELLS:,} cells.",
                hint="Read its rows in a job: structgen.pipeline.open_source(path).",
                reason="too-large",
            )

    def row(
        self, row: Row, columns: Sequence[int], table: int, names: Mapping[int, Mapping[int, str]]
    ) -> None:
        last = max(row.texts)
        header = names.get(row.number, names[0])
        for column in columns:
            if column > columns[0]:
                self.builder.write(" | ")
            with self.builder.cell(Cell(table, row.number, column, header.get(column))):
                self.builder.write(row.texts.get(column, ""))
            if column == last:
                break


def _names(content: SheetContent) -> dict[int, dict[int, str]]:
    """The name of each column, at 0; and for the rows over them, none or those so far.

    The header is the first row with more than one cell. Rows of one cell before it are titles. If
    cells of it are merged, it has another row below that tells them apart.
    """
    first = next((at for at, row in enumerate(content.rows) if len(row.texts) > 1), 0)
    if first > _TITLE_ROWS:
        first = 0
    if not content.rows:
        return {0: {}}
    found: dict[int, dict[int, str]] = {row.number: {} for row in content.rows[:first]}
    header = content.rows[first]
    wide = [one for one in content.merged if one[0] == header.number and one[3] > one[1]]
    names = dict(header.texts)
    for _, left, _, right in wide:
        names |= dict.fromkeys(range(left, right + 1), header.texts.get(left, ""))
    found[header.number] = dict(header.texts)
    below = content.rows[first + 1 : first + 2] if wide else []
    for row in below:
        if row.number == header.number + 1 and not any(map(_is_amount, row.texts.values())):
            found[row.number] = dict(names)
            for column, text in row.texts.items():
                names[column] = f"{names.get(column, '')} {text}".strip()
    found[0] = {column: name for column, name in names.items() if name}
    return found


def _is_amount(text: str) -> bool:
    """Whether a text has digits and is no year, so it names no column."""
    is_year = len(text) == 4 and text.isdecimal()
    return not is_year and sum(map(str.isdecimal, text)) * 2 > len(text)
