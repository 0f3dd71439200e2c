"""A PowerPoint presentation: each slide is a page, its shapes from above to below."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from structgen.extras import load
from structgen.reading.builder import DocumentBuilder
from structgen.reading.document import Document
from structgen.reading.layout import Box, Cell
from structgen.reading.office.charts import write_chart
from structgen.reading.office.package import Package
from structgen.reading.options import ReadSettings

_UNITS_PER_POINT: Final = 12_700
"""English Metric Units, in which presentations measure (ECMA-376, 20.1.10.16)."""
_ROW_POINTS: Final = 12.0
"""Shapes whose upper edges are this near are side by side."""
_KINDS: Final = {
    b"presentationml.slideshow.main": b"presentationml.presentation.main",
    b"presentationml.template.main": b"presentationml.presentation.main",
    b"ms-powerpoint.slideshow.macroEnabled": b"ms-powerpoint.presentation.macroEnabled",
    b"ms-powerpoint.template.macroEnabled": b"ms-powerpoint.presentation.macroEnabled",
}
"""The content types of shows and templates, by that of presentations, which they are else."""
_DRAWING: Final = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_PARTS_OF_PLACE: Final = 4
"""The offset and the extent of a group on its slide, then those of the space inside it."""
_IN_CELL: Final = " / "
_HIDDEN: Final = "Hidden, and not read: the slides {}. Pass `hidden=True` to read them, too."


class _Frame(NamedTuple):
    """How the coordinates inside a group become those of the slide."""

    left: float = 0.0
    top: float = 0.0
    across: float = 1.0
    down: float = 1.0

    def inside(self, group: Any) -> _Frame:
        """The frame of what is in a group."""
        place = group._element.grpSpPr.find(f"{_DRAWING}xfrm")
        if place is None or len(place) < _PARTS_OF_PLACE:
            return self
        outer, inner = ((int(one.get("x")), int(one.get("y"))) for one in (place[0], place[2]))
        extent, within = ((int(one.get("cx")), int(one.get("cy"))) for one in (place[1], place[3]))
        across = self.across * (extent[0] / within[0] if within[0] else 1.0)
        down = self.down * (extent[1] / within[1] if within[1] else 1.0)
        left = self.left + self.across * outer[0] - across * inner[0]
        return _Frame(left, self.top + self.down * outer[1] - down * inner[1], across, down)


def read_pptx(data: bytes, settings: ReadSettings) -> Document:
    """Read the slides that are shown: titles, texts, tables, charts, groups, and speaker notes.

    The box of a text is that of its shape.

    Args:
        data: The file.
        settings: Which slides to read, whether to read hidden ones and comments, and the size of
            the file at most.
    """
    data = Package(data, settings).transitional(_KINDS)
    presentation = load("pptx", "files").Presentation(io.BytesIO(data))
    size = _points(presentation.slide_width), _points(presentation.slide_height)
    builder, hidden = DocumentBuilder(), list[int]()
    for number, slide in enumerate(presentation.slides, 1):
        if not settings.wants_page(number):
            continue
        if slide._element.get("show") in ("0", "false") and not settings.hidden:
            hidden.append(number)
            continue
        with builder.page(number, *size):
            writer = _SlideWriter(builder, number)
            writer.write(slide)
            if settings.comments:
                writer.comments(slide)
    notes = [_HIDDEN.format(", ".join(map(str, hidden)))] if hidden else []
    kind = settings.media_type or "application/octet-stream"
    return builder.build(name=settings.name, media_type=kind, notes=notes)


def _points(units: Any) -> float:
    return (units or 0) / _UNITS_PER_POINT


class _SlideWriter:
    """Writes the shapes of one slide."""

    def __init__(self, builder: DocumentBuilder, number: int) -> None:
        self.builder, self.number = builder, number

    def write(self, slide: Any) -> None:
        _choose_alternatives(slide._element)
        title = slide.shapes.title
        for shape in _in_order(slide.shapes):
            if title is not None and shape.shape_id == title.shape_id:
                text = " ".join(shape.text_frame.text.split())
                if text:
                    self.builder.separate()
                    self.builder.heading(1, text)
            self.shape(shape, _Frame(), slide.part)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            self.builder.separate()
            self.builder.write(_plain(slide.notes_slide.notes_text_frame.text).strip())

    def shape(self, shape: Any, frame: _Frame, part: Any) -> None:
        if hasattr(shape, "shapes"):
            inner_frame = frame.inside(shape)
            for inner in _in_order(shape.shapes):
                self.shape(inner, inner_frame, part)
            return
        box = self.box(shape, frame)
        self.builder.separate()
        if getattr(shape, "has_table", False):
            self.table(shape.table, box)
        elif getattr(shape, "has_chart", False):
            write_chart(self.builder, shape.chart.part._element)
        elif shape.has_text_frame:
            self.lines(shape.text_frame, box, "\n")
        else:
            self.diagram(shape, part)

    def diagram(self, shape: Any, part: Any) -> None:
        """Write the texts of a diagram (SmartArt), whose data are in another part."""
        for relation in shape._element.iter("{*}relIds"):
            identity = next((text for key, text in relation.items() if key.endswith("}dm")), "")
            if identity in part.rels:
                lxml = load("lxml.etree", "files")
                parser = lxml.XMLParser(resolve_entities=False, no_network=True)
                root = lxml.fromstring(part.related_part(identity).blob, parser)
                for point in root.iter("{*}pt"):
                    self.builder.separate("\n")
                    self.builder.write(" ".join("".join(point.itertext("{*}t")).split()))

    def box(self, shape: Any, frame: _Frame) -> Box | None:
        if shape.left is None or shape.top is None:
            return None
        left = frame.left + frame.across * shape.left
        top = frame.top + frame.down * shape.top
        right = left + frame.across * (shape.width or 0)
        bottom = top + frame.down * (shape.height or 0)
        return Box(self.number, *map(_points, (left, top, right, bottom)))

    def lines(self, frame: Any, box: Box | None, separator: str) -> None:
        line = self.builder.next_line()
        counts: dict[int, int] = {}
        for paragraph in frame.paragraphs:
            label = _label(paragraph, counts)
            text = _plain(_text_of(paragraph))
            if separator != "\n":
                lines = (" ".join(one.split()) for one in text.splitlines())
                text = _IN_CELL.join(filter(None, lines))
            if text.strip():
                self.builder.separate(separator)
                self.builder.write(f"{label}{text}", box, line=line)
                self.builder.separate(separator)

    def table(self, table: Any, box: Box | None) -> None:
        builder, number = self.builder, self.builder.next_table()
        header: dict[int, str] = {}
        for row_number, row in enumerate(table.rows, 1):
            builder.separate("\n")
            for column, cell in enumerate(row.cells, 1):
                if column > 1:
                    builder.write(" | ")
                if row_number == 1 and not cell.is_spanned:
                    width = cell.span_width if cell.is_merge_origin else 1
                    text = " ".join(cell.text.split())
                    header |= dict.fromkeys(range(column, column + width), text)
                name = header.get(column) or None
                with builder.cell(Cell(number, row_number, column, name)), builder.enclosed():
                    if not cell.is_spanned:
                        self.lines(cell.text_frame, box, _IN_CELL)

    def comments(self, slide: Any) -> None:
        """Write the comments on a slide, in the older and the newer form."""
        for relation in slide.part.rels.values():
            if relation.is_external or relation.reltype.rpartition("/")[2] != "comments":
                continue
            lxml = load("lxml.etree", "files")
            parser = lxml.XMLParser(resolve_entities=False, no_network=True)
            root = lxml.fromstring(relation.target_part.blob, parser)
            for comment in root.iter("{*}cm"):
                text = " ".join("".join(comment.itertext("{*}text", "{*}t")).split())
                self.builder.separate()
                self.builder.write(f"Comment: {text}" if text else "")


def _choose_alternatives(slide: Any) -> None:
    """Put what is meant for newer programs in its place, which python-pptx passes over."""
    for both in list(slide.iter("{*}AlternateContent")):
        choice = both.find("{*}Choice")
        parent = both.getparent()
        if choice is not None and parent is not None:
            for element in list(choice):
                both.addprevious(element)
            parent.remove(both)


def _in_order(shapes: Iterable[Any]) -> Iterator[Any]:
    """Shapes from above to below, and those side by side from left to right."""

    def place(shape: Any) -> tuple[int, float]:
        return int(_points(shape.top) / _ROW_POINTS), _points(shape.left)

    yield from sorted(shapes, key=place)


def _text_of(paragraph: Any) -> str:
    """The text of a paragraph, with its formulas, and raised numbers apart."""
    found: list[str] = []
    for one in paragraph._p.iter(f"{_DRAWING}t", f"{_DRAWING}br", "{*}oMath"):
        if one.tag == f"{_DRAWING}t":
            properties = one.getparent().find(f"{_DRAWING}rPr")
            raised = "0" if properties is None else properties.get("baseline", "0")
            text = one.text or ""
            before = "".join(found)[-1:]
            is_raised = raised.strip("0%") != "" and not raised.startswith("-")
            is_apart = is_raised and text[:1].isdigit() and before.isalnum()
            found.append(f"^{text}" if is_apart else text)
        elif one.tag.endswith("}oMath"):
            found.append("".join(one.itertext("{*}t")))
        else:
            found.append("\v")
    return "".join(found)


def _label(paragraph: Any, counts: dict[int, int]) -> str:
    """The number that is shown before a paragraph of a numbered list."""
    properties = paragraph._p.find(f"{_DRAWING}pPr")
    numbered = None if properties is None else properties.find(f"{_DRAWING}buAutoNum")
    level = paragraph.level
    for deeper in [one for one in counts if one > level]:
        del counts[deeper]
    if numbered is None:
        counts.pop(level, None)
        return ""
    counts[level] = counts.get(level, int(numbered.get("startAt", 1)) - 1) + 1
    return f"{counts[level]}. "


def _plain(text: str) -> str:
    """A text with line breaks for the vertical tabs that python-pptx gives for them."""
    return text.replace("\v", "\n")
