"""The text of a Word document: everything that is printed, and each part once.

It walks over the XML itself (ECMA-376, WordprocessingML), since other libraries leave out what is
in headers, footers, text boxes, content controls, insertions and notes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from structgen.reading.builder import DocumentBuilder
from structgen.reading.document import Document
from structgen.reading.layout import Cell
from structgen.reading.office.charts import write_chart
from structgen.reading.office.package import Package
from structgen.reading.office.word_runs import BOX, CHART, DIAGRAM, Line, RunReader
from structgen.reading.office.word_styles import VAL, Lists, Styles, W, number_of, roman
from structgen.reading.options import ReadSettings

_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
"""The older form of what the element beside it holds, for old programs."""
_DELETED: Final = frozenset({f"{W}del", f"{W}moveFrom", f"{W}cellDel"})
"""Deleted text, and the old place of moved text."""
_INSERTED: Final = frozenset({f"{W}ins", f"{W}moveTo", f"{W}cellIns"})
"""Inserted text, and the new place of moved text."""
_LEFT_OUT: Final[Mapping[str, frozenset[str]]] = {
    "accepted": _DELETED | {_FALLBACK},
    "original": _INSERTED | {_FALLBACK},
    "both": frozenset({_FALLBACK}),
}
"""The elements whose text is not read, by the version that is."""
_AROUND_ROWS: Final = frozenset(
    {f"{W}ins", f"{W}del", f"{W}moveTo", f"{W}moveFrom", f"{W}sdt", f"{W}sdtContent"}
)
"""The elements that rows and cells may be in: content controls and changes."""
_BLOCK: Final = "\n\n"
_IN_CELL: Final = " / "
_HIDDEN: Final = "Hidden, and not read: {} passages of text. Pass `hidden=True` to read it, too."


def read_docx(data: bytes, settings: ReadSettings) -> Document:
    """Read headers, paragraphs and tables in their order, footers and notes.

    Each row of a table is a line with " | " between its cells. A merged cell is there once.

    Args:
        data: The file.
        settings: Which version of tracked changes to read, whether to read hidden text and
            comments, and the size of the file at most.
    """
    return _Writer(Package(data, settings), settings).document()


class _Writer:
    """Writes the parts of one file."""

    def __init__(self, package: Package, settings: ReadSettings) -> None:
        self.package, self.settings = package, settings
        self.left_out = _LEFT_OUT[settings.tracked_changes]
        self.builder = DocumentBuilder()
        self.styles = Styles(self.tree("styles"))
        self.lists = Lists(self.tree("numbering"))
        self.runs = RunReader(self.styles, self.left_out, hidden=settings.hidden)
        self.parts: dict[str, str] = {}
        """The parts that the part being read refers to, by what its XML calls them."""
        self.carried = ""
        """The text of a paragraph whose end was deleted: it goes on in the next one."""

    def tree(self, kind: str) -> Any:
        """The root of a part that the document refers to; None if there is none."""
        parts = self.package.related(self.package.main, kind)
        return self.package.tree(parts[0]) if parts else None

    def document(self) -> Document:
        main = self.package.tree(self.package.main)
        heads, feet = self.margins(main)
        for part in heads:
            self.part(part, self.package.tree(part))
        self.part(self.package.main, main)
        for part in feet:
            self.part(part, self.package.tree(part))
        self.notes()
        if self.settings.comments:
            self.comments()
        hidden = self.runs.hidden_runs
        notes = [_HIDDEN.format(hidden)] if hidden else []
        kind = self.settings.media_type or "application/octet-stream"
        return self.builder.build(name=self.settings.name, media_type=kind, notes=notes)

    def part(self, name: str, root: Any) -> None:
        """Write a part: the body, a header, a footer."""
        self.parts = {one.identity: one.part for one in self.package.relations(name)}
        self.runs.links = self.package.links(name)
        self.blocks(root, _BLOCK)
        if self.carried:
            self.write(self.carried, None, _BLOCK)
            self.carried = ""

    def blocks(self, container: Any, separator: str) -> None:
        """Write the paragraphs and tables inside an element, also those in content controls."""
        for element in container:
            if element.tag == f"{W}p":
                self.paragraph(element, separator)
            elif element.tag == f"{W}tbl":
                self.builder.separate(separator)
                self.table(element, inner=separator != _BLOCK)
                self.builder.separate(separator)
            elif self.is_read(element):
                self.blocks(element, separator)

    def is_read(self, element: Any) -> bool:
        """Whether what is around paragraphs, such as a content control, is read."""
        is_element = isinstance(element.tag, str) and element.tag not in self.left_out
        return is_element and not self.runs.is_placeholder(element)

    def paragraph(self, paragraph: Any, separator: str) -> None:
        """Write its text, then that of the text boxes and charts that are anchored in it."""
        line = self.runs.line(paragraph)
        mark = paragraph.find(f"{W}pPr/{W}rPr")
        is_joined = mark is not None and any(one.tag in self.left_out for one in mark)
        text = self.carried + line.text
        self.carried = text if is_joined else ""
        if not is_joined and (text.strip() or not line.has_left_out):
            label = self.lists.label(*self.styles.list_of(paragraph))
            if text.strip():
                self.write(f"{label}{text}", self.styles.level(paragraph), separator)
        self.anchored(line, separator)

    def write(self, text: str, level: int | None, separator: str) -> None:
        self.builder.separate(separator)
        if level is not None:
            self.builder.heading(level, " ".join(text.split()))
        lines = [" ".join(line.split()) for line in text.splitlines()]
        in_cell = separator != _BLOCK
        self.builder.write(_IN_CELL.join(filter(None, lines)) if in_cell else text)
        self.builder.separate(separator)

    def anchored(self, line: Line, separator: str) -> None:
        for kind, what in line.anchored:
            part = self.parts.get(what) if isinstance(what, str) else None
            root = None if part is None else self.package.tree(part)
            if kind == BOX:
                self.blocks(what, separator)
            elif kind == CHART and root is not None:
                write_chart(self.builder, root)
            elif kind == DIAGRAM and root is not None:
                for point in root.iter("{*}pt"):
                    text = " ".join("".join(point.itertext("{*}t")).split())
                    if text:
                        self.write(text, None, separator)

    # ---- tables --------------------------------------------------------------------------------

    def table(self, table: Any, *, inner: bool) -> None:
        """Write a table: a line for each row; one that is in a cell is a part of its line."""
        builder, number = self.builder, self.builder.next_table()
        names: dict[int, list[str]] = {}
        is_head = True
        for row_number, row in enumerate(self.children(table, f"{W}tr"), 1):
            builder.separate(_IN_CELL if inner else "\n")
            repeated = row.find(f"{W}trPr/{W}tblHeader") is not None
            is_head = is_head and (row_number == 1 or repeated)
            column = 1 + number_of(row, f"{W}trPr/{W}gridBefore")
            for place, cell in enumerate(self.children(row, f"{W}tc")):
                if place:
                    builder.write(" | ")
                start = builder.length
                name = None if is_head else " ".join(dict.fromkeys(names.get(column, ())))
                with builder.cell(Cell(number, row_number, column, name or None)):
                    self.cell(cell)
                width = max(1, number_of(cell, f"{W}tcPr/{W}gridSpan"))
                title = builder.written_since(start)
                if is_head and title:
                    for at in range(column, column + width):
                        names.setdefault(at, []).append(title)
                column += width

    def cell(self, cell: Any) -> None:
        """Write its text in one line; nothing if it goes on with the cell above."""
        merge = cell.find(f"{W}tcPr/{W}vMerge")
        if merge is not None and merge.get(VAL, "continue") == "continue":
            return
        with self.builder.enclosed():
            self.blocks(cell, _IN_CELL)

    def children(self, element: Any, tag: str) -> Iterator[Any]:
        """The rows of a table or the cells of a row, also those in content controls."""
        for child in element:
            if child.tag == tag and not self.is_left_out(child):
                yield child
            elif child.tag in _AROUND_ROWS and child.tag not in self.left_out:
                yield from self.children(child, tag)

    def is_left_out(self, element: Any) -> bool:
        """Whether a row or a cell was inserted or deleted, in a version that does not have it."""
        marks = (*element.iterfind(f"{W}trPr/*"), *element.iterfind(f"{W}tcPr/*"))
        return any(mark.tag in self.left_out for mark in marks)

    # ---- beside the body -----------------------------------------------------------------------

    def margins(self, main: Any) -> tuple[list[str], list[str]]:
        """The parts above and below the pages of any section, each text once."""
        heads: dict[str, str] = {}
        feet: dict[str, str] = {}
        relations = {one.identity: one.part for one in self.package.relations(self.package.main)}
        for kind, parts in (("header", heads), ("footer", feet)):
            for reference in main.iter(f"{W}{kind}Reference"):
                identity = next((text for key, text in reference.items() if "}id" in key), "")
                part = relations.get(identity)
                root = None if part is None else self.package.tree(part)
                if part is not None and root is not None:
                    parts.setdefault("".join(root.itertext(f"{W}t")), part)
        return list(heads.values()), list(feet.values())

    def notes(self) -> None:
        """Write the footnotes and endnotes that the text refers to, with their marks."""
        for kind in ("footnote", "endnote"):
            root = self.tree(f"{kind}s")
            numbers = self.runs.noted[kind]
            found = () if root is None else root.iterfind(f"{W}{kind}")
            notes = {one.get(f"{W}id"): one for one in found}
            for identity, number in list(numbers.items()):
                if identity in notes:
                    self.builder.separate()
                    self.builder.write(f"[^{number if kind == 'footnote' else roman(number)}]: ")
                    with self.builder.enclosed():
                        self.blocks(notes[identity], _BLOCK)

    def comments(self) -> None:
        root = self.tree("comments")
        for comment in () if root is None else root.iterfind(f"{W}comment"):
            author = " ".join(comment.get(f"{W}author", "").split())
            self.builder.separate()
            self.builder.write(f"Comment by {author}: " if author else "Comment: ")
            with self.builder.enclosed():
                self.blocks(comment, _IN_CELL)
