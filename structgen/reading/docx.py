"""The text of a Word document: everything that is printed, and each part once.

It walks over the XML itself (ECMA-376, WordprocessingML), since python-docx leaves out what is in
headers, footers, text boxes, content controls, insertions and notes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from structgen.extras import load
from structgen.reading.builder import DocumentBuilder
from structgen.reading.document import Document
from structgen.reading.faults import check_archive
from structgen.reading.layout import Cell
from structgen.reading.options import ReadSettings

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_VAL: Final = f"{_W}val"
_MATH_TEXT: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
"""The older form of what the element beside it holds, for old programs."""
_DELETED: Final = frozenset({f"{_W}del", f"{_W}moveFrom"})
"""Deleted text, and the old place of moved text."""
_INSERTED: Final = frozenset({f"{_W}ins", f"{_W}moveTo"})
"""Inserted text, and the new place of moved text."""
_SKIPPED: Final = frozenset({f"{_W}instrText", f"{_W}delInstrText", _FALLBACK})
"""The code of fields, and what is there twice."""
_LEFT_OUT: Final[Mapping[str, frozenset[str]]] = {
    "accepted": _SKIPPED | _DELETED,
    "original": _SKIPPED | _INSERTED,
    "both": _SKIPPED,
}
"""The elements whose text is not read, by the version that is."""
_AROUND_ROWS: Final = _INSERTED | _DELETED | {f"{_W}sdt", f"{_W}sdtContent"}
"""The elements that rows and cells may be in: content controls and changes."""
_TEXTS: Final = frozenset({f"{_W}t", f"{_W}delText", _MATH_TEXT})
_CHARACTERS: Final = {
    f"{_W}tab": "\t",
    f"{_W}br": "\n",
    f"{_W}cr": "\n",
    f"{_W}noBreakHyphen": "-",
}
_NOTES: Final = ("footnotes", "endnotes")
_SEPARATORS: Final = ("separator", "continuationSeparator", "continuationNotice")
_HEADING_STYLE: Final = re.compile(r"(?i)heading ?(\d)$|(title)$")
_BODY_LEVEL: Final = 9
"""The outline level of body text; headings have 0 to 8 (ECMA-376, 17.3.1.20)."""


def read_docx(data: bytes, settings: ReadSettings) -> Document:
    """Read headers, paragraphs and tables in their order, footers and notes.

    Each row of a table is a line with " | " between its cells. A merged cell is there once.

    Args:
        data: The file.
        settings: Which version of tracked changes to read, and its size at most.
    """
    check_archive(data, settings.max_bytes, settings.name or "The file")
    package = load("docx", "files").Document(io.BytesIO(data))
    return _Writer(package, settings).document()


class _Writer:
    """Writes the parts of one file."""

    def __init__(self, package: Any, settings: ReadSettings) -> None:
        self.package, self.settings = package, settings
        self.left_out = _LEFT_OUT[settings.tracked_changes]
        self.builder = DocumentBuilder()
        self.levels = dict(_heading_styles(package))

    def document(self) -> Document:
        heads, feet = self.margins()
        for part in [*heads, self.package.element.body, *feet, *self.notes()]:
            self.blocks(part)
        kind = self.settings.media_type or "application/octet-stream"
        return self.builder.build(name=self.settings.name, media_type=kind)

    def blocks(self, container: Any, separator: str = "\n\n") -> None:
        """Write the paragraphs and tables inside an element, also those in content controls."""
        for element in container:
            if element.tag == f"{_W}p":
                self.paragraph(element, separator)
            elif element.tag == f"{_W}tbl":
                self.builder.separate(separator)
                self.table(element, inner=separator != "\n\n")
                self.builder.separate(separator)
            elif element.tag not in self.left_out and isinstance(element.tag, str):
                self.blocks(element, separator)

    def paragraph(self, paragraph: Any, separator: str) -> None:
        """Write its text, then that of the text boxes that are anchored in it."""
        boxes: list[Any] = []
        text = "".join(self.characters(paragraph, boxes))
        if text.strip():
            self.builder.separate(separator)
            level = self.level(paragraph)
            if level is not None:
                self.builder.heading(level, " ".join(text.split()))
            in_cell = separator != "\n\n"
            self.builder.write(" ".join(text.splitlines()) if in_cell else text)
            self.builder.separate(separator)
        for box in boxes:
            self.blocks(box, separator)

    def characters(self, element: Any, boxes: list[Any]) -> Iterator[str]:
        for child in element:
            if child.tag in _TEXTS:
                yield child.text or ""
            elif child.tag in _CHARACTERS:
                yield _CHARACTERS[child.tag]
            elif child.tag == f"{_W}txbxContent":
                boxes.append(child)
            elif child.tag not in self.left_out and child.tag != f"{_W}pPr":
                yield from self.characters(child, boxes)

    def level(self, paragraph: Any) -> int | None:
        """The level of a heading; None for body text."""
        own = paragraph.find(f"{_W}pPr/{_W}outlineLvl")
        if own is not None and own.get(_VAL, "").isdecimal():
            outline = int(own.get(_VAL))
            return outline + 1 if outline < _BODY_LEVEL else None
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        return None if style is None else self.levels.get(style.get(_VAL))

    def table(self, table: Any, *, inner: bool) -> None:
        """Write a table: a line for each row; one that is in a cell is a part of its line."""
        builder, number = self.builder, self.builder.next_table()
        header: dict[int, str] = {}
        for row_number, row in enumerate(self.children(table, f"{_W}tr"), 1):
            builder.separate(" / " if inner else "\n")
            column = 1 + _number(row, f"{_W}trPr/{_W}gridBefore")
            for place, cell in enumerate(self.children(row, f"{_W}tc")):
                if place:
                    builder.write(" | ")
                start = builder.length
                name = header.get(column) if row_number > 1 else None
                with builder.cell(Cell(number, row_number, column, name)):
                    self.cell(cell)
                width = max(1, _number(cell, f"{_W}tcPr/{_W}gridSpan"))
                if row_number == 1:
                    title = builder.written_since(start)
                    header |= dict.fromkeys(range(column, column + width), title)
                column += width

    def cell(self, cell: Any) -> None:
        """Write its text in one line; nothing if it goes on with the cell above."""
        merge = cell.find(f"{_W}tcPr/{_W}vMerge")
        if merge is not None and merge.get(_VAL, "continue") == "continue":
            return
        with self.builder.enclosed():
            self.blocks(cell, " / ")

    def children(self, element: Any, tag: str) -> Iterator[Any]:
        """The rows of a table or the cells of a row, also those in content controls."""
        for child in element:
            if child.tag == tag and not self.is_left_out(child):
                yield child
            elif child.tag in _AROUND_ROWS and child.tag not in self.left_out:
                yield from self.children(child, tag)

    def is_left_out(self, row: Any) -> bool:
        """Whether a row was inserted or deleted, in a version that does not have it."""
        marks = row.find(f"{_W}trPr")
        return marks is not None and any(mark.tag in self.left_out for mark in marks)

    def margins(self) -> tuple[list[Any], list[Any]]:
        """What stands above and below the pages of any section, each text once."""
        heads: dict[str, Any] = {}
        feet: dict[str, Any] = {}
        for section in self.package.sections:
            for name in ("", "first_page_", "even_page_"):
                for kind, parts in (("header", heads), ("footer", feet)):
                    part = getattr(section, f"{name}{kind}")
                    if not part.is_linked_to_previous:
                        text = "".join(self.characters(part._element, []))
                        parts.setdefault(text, part._element)
        return list(heads.values()), list(feet.values())

    def notes(self) -> Iterator[Any]:
        """The footnotes and endnotes."""
        lxml = load("lxml.etree", "files")
        for relation in self.package.part.rels.values():
            kind = relation.reltype.rpartition("/")[2]
            if kind in _NOTES and not relation.is_external:
                parser = lxml.XMLParser(resolve_entities=False)
                for note in lxml.fromstring(relation.target_part.blob, parser):
                    if note.get(f"{_W}type") not in _SEPARATORS:
                        yield note


def _heading_styles(package: Any) -> Iterator[tuple[str, int]]:
    """The styles of headings by their id, with their levels."""
    for style in package.styles.element:
        name = style.find(f"{_W}name")
        found = _HEADING_STYLE.match(name.get(_VAL, "") if name is not None else "")
        if found:
            yield style.get(f"{_W}styleId"), int(found[1] or 0)


def _number(element: Any, path: str) -> int:
    """The number that a property of an element has; 0 if it has none."""
    found = element.find(path)
    value = "" if found is None else found.get(_VAL, "")
    return int(value) if value.isdecimal() else 0
