"""A PowerPoint presentation: each slide is a page, its shapes from above to below."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

from structgen.extras import load
from structgen.reading.builder import DocumentBuilder
from structgen.reading.document import Document
from structgen.reading.faults import check_archive
from structgen.reading.layout import Box, Cell
from structgen.reading.options import ReadSettings

_UNITS_PER_POINT: Final = 12_700
"""English Metric Units, in which presentations measure (ECMA-376, 20.1.10.16)."""
_ROW_POINTS: Final = 12.0
"""Shapes whose upper edges are this near are side by side."""


def read_pptx(data: bytes, settings: ReadSettings) -> Document:
    """Read the slides that are shown: titles, texts, tables, groups, and the notes of the speaker.

    The box of a text is that of its shape.

    Args:
        data: The file.
        settings: Which slides to read, and its size at most.
    """
    check_archive(data, settings.max_bytes, settings.name or "The file")
    presentation = load("pptx", "files").Presentation(io.BytesIO(data))
    size = _points(presentation.slide_width), _points(presentation.slide_height)
    builder = DocumentBuilder()
    for number, slide in enumerate(presentation.slides, 1):
        is_hidden = slide._element.get("show") == "0"
        if settings.wants_page(number) and not is_hidden:
            with builder.page(number, *size):
                _SlideWriter(builder, number).write(slide)
    kind = settings.media_type or "application/octet-stream"
    return builder.build(name=settings.name, media_type=kind)


def _points(units: Any) -> float:
    return (units or 0) / _UNITS_PER_POINT


class _SlideWriter:
    """Writes the shapes of one slide."""

    def __init__(self, builder: DocumentBuilder, number: int) -> None:
        self.builder, self.number = builder, number

    def write(self, slide: Any) -> None:
        title = slide.shapes.title
        for shape in _in_order(slide.shapes):
            if title is not None and shape.shape_id == title.shape_id:
                text = " ".join(shape.text_frame.text.split())
                if text:
                    self.builder.separate()
                    self.builder.heading(1, text)
            self.shape(shape)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            self.builder.separate()
            self.builder.write(_plain(slide.notes_slide.notes_text_frame.text).strip())

    def shape(self, shape: Any) -> None:
        if hasattr(shape, "shapes"):
            for inner in _in_order(shape.shapes):
                self.shape(inner)
            return
        box = self.box(shape)
        self.builder.separate()
        if getattr(shape, "has_table", False) and shape.has_table:
            self.table(shape.table, box)
        elif shape.has_text_frame:
            self.lines(shape.text_frame, box, "\n")

    def box(self, shape: Any) -> Box | None:
        if shape.left is None or shape.top is None:
            return None
        left, top = _points(shape.left), _points(shape.top)
        right, bottom = left + _points(shape.width), top + _points(shape.height)
        return Box(self.number, left, top, right, bottom)

    def lines(self, frame: Any, box: Box | None, separator: str) -> None:
        line = self.builder.next_line()
        for paragraph in frame.paragraphs:
            text = _plain(paragraph.text)
            if separator != "\n":
                text = " ".join(text.split())
            if text.strip():
                self.builder.separate(separator)
                self.builder.write(text, box, line=line)
                self.builder.separate(separator)

    def table(self, table: Any, box: Box | None) -> None:
        builder, number = self.builder, self.builder.next_table()
        header: dict[int, str] = {}
        for row_number, row in enumerate(table.rows, 1):
            builder.separate("\n")
            for column, cell in enumerate(row.cells, 1):
                if column > 1:
                    builder.write(" | ")
                if row_number == 1:
                    header[column] = " ".join(cell.text.split())
                name = header.get(column) or None
                with builder.cell(Cell(number, row_number, column, name)), builder.enclosed():
                    if not cell.is_spanned:
                        self.lines(cell.text_frame, box, " / ")


def _in_order(shapes: Iterable[Any]) -> Iterator[Any]:
    """Shapes from above to below, and those side by side from left to right."""

    def place(shape: Any) -> tuple[int, float]:
        return int(_points(shape.top) / _ROW_POINTS), _points(shape.left)

    yield from sorted(shapes, key=place)


def _plain(text: str) -> str:
    """A text with line breaks for the vertical tabs that python-pptx gives for them."""
    return text.replace("\v", "\n")
