"""Write a text piece by piece, and note where each piece comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from structgen.reading.document import Document
from structgen.reading.layout import (
    Box,
    Cell,
    CellSpan,
    Heading,
    Layout,
    Page,
    PageImage,
    Words,
)

_BLOCK: Final = "\n\n"


class DocumentBuilder:
    """Writes the text of a document, and notes page, box, heading and cell of each piece.

    What separates two pieces is written only if both are there, so no text begins or ends with it.
    """

    def __init__(self) -> None:
        """Begin an empty text."""
        self._pieces: list[str] = []
        self._length = 0
        self._separator = ""
        self._pages: list[Page] = []
        self._words = Words()
        self._lines = 0
        self._headings: list[Heading] = []
        self._cells: list[CellSpan] = []
        self._open_cells: list[Cell] = []
        self._tables = 0
        self._enclosed: list[int] = []

    @property
    def length(self) -> int:
        """The characters written so far."""
        return self._length

    def separate(self, separator: str = _BLOCK) -> None:
        """Separate what was written from what comes: the longest separator asked for is written.

        Args:
            separator: The text between the two; by default an empty line.
        """
        begins = self._enclosed[-1] if self._enclosed else 0
        if self._length > begins and len(separator) > len(self._separator):
            self._separator = separator

    def write(self, text: str, box: Box | None = None, *, line: int = 0) -> int:
        """Write a piece.

        Args:
            text: The piece. An empty one writes nothing.
            box: Where on a page it is printed, if that is known.
            line: The number of its printed line, as `next_line` gave it.

        Returns:
            The offset of its first character.
        """
        if not text:
            return self._length
        if self._separator:
            self._put(self._separator)
            self._separator = ""
        start = self._length
        self._put(text)
        if box is not None:
            self._words.add(start, self._length, line, box)
        if self._open_cells:
            self._mark(start)
        return start

    def written_since(self, start: int) -> str:
        """Give the text from an offset on, without white space around it."""
        found: list[str] = []
        at = self._length
        for piece in reversed(self._pieces):
            if at <= start:
                break
            found.append(piece)
            at -= len(piece)
        return "".join(reversed(found)).strip()

    @contextmanager
    def enclosed(self) -> Iterator[None]:
        """Write no separator before the first and after the last piece of this context."""
        begins = self._length
        self._enclosed.append(begins)
        try:
            yield
        finally:
            self._enclosed.pop()
            if self._length > begins:
                self._separator = ""

    def _put(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)

    def _mark(self, start: int) -> None:
        """Note that the text from here on belongs to the innermost open cell."""
        cell = self._open_cells[-1]
        if self._cells and self._cells[-1].cell == cell:
            start = self._cells.pop().start
        self._cells.append(CellSpan(start, self._length, cell))

    def next_line(self) -> int:
        """Give the number of a new printed line."""
        self._lines += 1
        return self._lines

    def heading(self, level: int, title: str, at: int | None = None) -> None:
        """Note a heading, which what comes afterwards is under.

        Args:
            level: How far in it is: 1 for chapters, 0 for a title over them.
            title: Its text.
            at: The offset where it begins; by default what is written next.
        """
        start = self._length + len(self._separator) if at is None else at
        self._headings.append(Heading(start, level, title))

    def next_table(self) -> int:
        """Give the number of a new table."""
        self._tables += 1
        return self._tables

    @contextmanager
    def cell(self, cell: Cell) -> Iterator[None]:
        """Write the text of a cell inside this context. A cell may hold others."""
        self._open_cells.append(cell)
        try:
            yield
        finally:
            self._open_cells.pop()

    @contextmanager
    def page(
        self, number: int, width: float, height: float, image: PageImage | None = None
    ) -> Iterator[None]:
        """Write the text of a page inside this context.

        Args:
            number: Its number in the file, from 1.
            width: Points from left to right.
            height: Points from top to bottom.
            image: What it looks like.
        """
        self.separate()
        start = self._length + len(self._separator)
        yield
        start = min(start, self._length)
        self._pages.append(Page(number, width, height, start, self._length, image))

    def table(self, rows: Sequence[Sequence[str]], *, has_header: bool = True) -> None:
        """Write a table: a line for each row, with " | " between its cells.

        Args:
            rows: The text of each cell.
            has_header: Whether the first row names the columns.
        """
        number = self.next_table()
        header = rows[0] if rows and has_header else ()
        for row_number, row in enumerate(rows, 1):
            self.separate("\n")
            for column, text in enumerate(row, 1):
                if column > 1:
                    self.write(" | ")
                name = header[column - 1] if column <= len(header) else None
                with self.cell(Cell(number, row_number, column, name or None)):
                    self.write(text)

    def add(self, document: Document) -> None:
        """Write a document with all that is known about it, under the heading before it.

        Args:
            document: The document. Its pages keep their numbers.
        """
        if not document:
            return
        lowest = max((one.level for one in self._headings), default=0)
        start = self.write(document.text)
        layout, shift = document.layout, start - document.offset
        ends = start + len(document)
        for page in layout.pages:
            first, last = max(page.start + shift, start), min(page.end + shift, ends)
            is_empty = page.start == page.end and first == last
            if first < last or is_empty:
                self._pages.append(replace(page, start=first, end=last))
        lines = layout.words.copy_to(self._words, shift, (start, ends), self._lines)
        self._lines += lines
        for heading in document.headings:
            level, at = heading.level + lowest, heading.start + start
            self._headings.append(Heading(at, level, heading.title))
        tables = self._tables
        for span in layout.cells:
            first, last = max(span.start + shift, start), min(span.end + shift, ends)
            if first < last:
                cell = span.cell._replace(table=span.cell.table + tables)
                self._cells.append(CellSpan(first, last, cell))
                self._tables = max(self._tables, cell.table)

    def build(
        self, *, name: str | None = None, media_type: str, notes: Sequence[str] = ()
    ) -> Document:
        """Give the document.

        Args:
            name: The name of its file.
            media_type: The kind of its file.
            notes: What could not be read of it, as sentences for people.
        """
        layout = Layout(tuple(self._pages), self._words, tuple(self._headings), tuple(self._cells))
        text = "".join(self._pieces)
        return Document(text, layout=layout, name=name, media_type=media_type, notes=notes)
