"""Write what a browser shows of a web page: headings, paragraphs, lists, tables, forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from structgen.reading.builder import DocumentBuilder
from structgen.reading.html.elements import BLOCKS, Element
from structgen.reading.html.tables import PageCell, beside_rows, grid_of, header_of, is_layout
from structgen.reading.layout import Cell

_WITHOUT_TEXT: Final = """
annotation annotation-xml area audio base canvas datalist head iframe link meta noembed noframes
noscript object param script style svg template title track video
"""
_NEVER_SHOWN: Final = frozenset(_WITHOUT_TEXT.split())
"""Elements that a browser does not show, or not as text."""
_HIDING_STYLE: Final = re.compile(r"(?i)display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)")
_BREAK: Final = "\v"
"""A line break in the text that is collected, which no page has."""
_PRINTS_NOTHING: Final = str.maketrans("\v\f", "  ", "\u00ad\u200b\u2060\ufeff")
_SPACES: Final = re.compile(r"[ \t\r\n\f\u00a0]+")
_FIELDS_WITHOUT_TEXT: Final = ("hidden", "image", "file", "password", "range", "color")
_DIGITS: Final = 10
"""The longest number of an item of a list."""
_IN_CELL: Final = " / "
_BLOCK: Final = "\n\n"


class PageWriter:
    """Writes the elements of one page."""

    def __init__(self, builder: DocumentBuilder, *, hidden: bool = False) -> None:
        """Prepare to write.

        Args:
            builder: What to write to.
            hidden: Whether to write what the page hides, too.
        """
        self._builder, self._with_hidden = builder, hidden
        self._line: list[str] = []
        """The text of the block that is being read."""
        self._separator = _BLOCK
        self._indent, self._marker = "", ""
        self._is_heading = self._is_kept = False
        self._special: Mapping[str, Callable[[Element], None]] = {
            **{f"h{level}": self._heading for level in range(1, 7)},
            "a": self._link,
            "br": lambda element: self._line.append(_BREAK),
            "dd": lambda element: self._item(element, ": "),
            "del": self._struck,
            "dl": self._list,
            "s": self._struck,
            "strike": self._struck,
            "hr": lambda element: self._end_block(),
            "img": self._image,
            "input": self._field,
            "li": lambda element: self._item(element, "- "),
            "ol": self._numbered,
            "pre": self._kept,
            "textarea": self._kept,
            "select": self._choice,
            "sup": self._raised,
            "table": self._table,
            "ul": self._list,
        }

    def write(self, page: Element) -> None:
        """Write a page.

        Args:
            page: The element around all others.
        """
        self._children(page)
        self._end_block()

    def _children(self, element: Element) -> None:
        for child in element.children:
            if isinstance(child, str):
                text = child.translate(_PRINTS_NOTHING)
                self._line.append(text if self._is_kept else _SPACES.sub(" ", text))
            elif not self._is_left_out(child):
                self._element(child)

    def _is_left_out(self, element: Element) -> bool:
        if element.tag in _NEVER_SHOWN:
            return True
        if self._with_hidden:
            return False
        attributes = element.attributes
        is_closed = element.tag == "dialog" and "open" not in attributes
        is_hidden = "hidden" in attributes and attributes["hidden"] != "until-found"
        return is_closed or is_hidden or bool(_HIDING_STYLE.search(attributes.get("style", "")))

    def _element(self, element: Element) -> None:
        is_block = element.tag in BLOCKS
        if is_block:
            self._end_block()
        write = self._special.get(element.tag)
        if write is not None:
            write(element)
        else:
            self._children(element)
        if is_block:
            self._end_block()

    # ---- blocks --------------------------------------------------------------------------------

    def _collected(self, line_break: str) -> str:
        text = "".join(self._line)
        self._line.clear()
        if self._is_kept:
            return text.replace(_BREAK, "\n").strip("\r\n")
        lines = (" ".join(line.split()) for line in text.split(_BREAK))
        return line_break.join(line for line in lines if line)

    def _end_block(self) -> None:
        """Write the text that was collected as a block."""
        if self._is_heading:
            self._line.append(" ")
            return
        is_inline = self._separator == _IN_CELL
        lead = self._marker or self._indent
        rest = self._indent if self._marker else lead
        text = self._collected(_IN_CELL if is_inline else f"\n{rest}")
        if text.strip():
            self._builder.separate(self._separator)
            self._builder.write(f"{lead}{text}")
            self._builder.separate(self._separator)
            self._marker = ""

    def _heading(self, element: Element) -> None:
        self._is_heading = True
        self._children(element)
        self._is_heading = False
        text = self._collected(" ")
        if not text:
            return
        level = int(element.tag[1])
        self._builder.separate(self._separator)
        if self._separator == _IN_CELL:
            self._builder.write(text)
        else:
            self._builder.heading(level, text)
            self._builder.write(f"{'#' * level} {text}")
        self._builder.separate(self._separator)

    def _list(self, element: Element) -> None:
        """Write the items of a list in one block."""
        before = self._separator
        if before != _IN_CELL:
            self._separator = "\n"
        self._children(element)
        self._separator = before

    def _item(self, element: Element, marker: str) -> None:
        """Write an item of a list in lines of its own, those after the first one moved in."""
        before = self._separator, self._indent
        if self._separator != _IN_CELL:
            self._separator = "\n"
            self._indent += " " * len(marker)
        self._marker = before[1] + marker
        self._children(element)
        self._end_block()
        self._separator, self._indent = before
        self._marker = ""

    def _numbered(self, element: Element) -> None:
        """Write a list with the numbers that a browser shows."""
        number = _number(element.attributes.get("start", ""), 1)
        before = self._separator
        if before != _IN_CELL:
            self._separator = "\n"
        for child in element.children:
            if isinstance(child, Element) and child.tag == "li" and not self._is_left_out(child):
                number = _number(child.attributes.get("value", ""), number)
                self._end_block()
                self._item(child, f"{number}. ")
                number += 1
            else:
                self._children(Element("", children=[child]))
        self._separator = before

    def _kept(self, element: Element) -> None:
        """Write text whose line breaks are shown."""
        if self._separator == _IN_CELL or self._is_kept or self._is_heading:
            self._children(element)
            return
        if element.tag == "pre":
            self._end_block()
        before, self._is_kept = self._line, True
        self._line = []
        self._children(element)
        text = self._collected("\n")
        self._line, self._is_kept = before, False
        if element.tag == "textarea":
            self._line.append(text.replace("\n", _BREAK))
        elif text.strip():
            self._builder.separate(self._separator)
            self._builder.write(f"{self._marker or self._indent}{text}")
            self._builder.separate(self._separator)
            self._marker = ""

    # ---- parts of a line -----------------------------------------------------------------------

    def _part(self, element: Element) -> str:
        """The text of an element inside a line; empty if there are blocks in it."""
        start = len(self._line)
        self._children(element)
        return "".join(self._line[start:]) if len(self._line) >= start else ""

    def _link(self, element: Element) -> None:
        """Write a link as Markdown does, if its address tells more than its text."""
        start = len(self._line)
        shown = self._part(element)
        address = element.attributes.get("href", "").strip()
        plain = address.partition(":")[2] if address.startswith(("mailto:", "tel:")) else address
        tells = address and not address.startswith(("#", "javascript:", "data:"))
        if shown.strip() and tells and plain not in shown:
            self._line[start:] = [f"[{shown.strip()}]({address})"]

    def _image(self, element: Element) -> None:
        words = " ".join(element.attributes.get("alt", "").split())
        source = element.attributes.get("src", "")
        if words:  # the bytes of an image would be most of the prompt
            self._line.append(f"![{words}]({'' if source.startswith('data:') else source})")

    def _struck(self, element: Element) -> None:
        start = len(self._line)
        shown = self._part(element).strip()
        if shown:
            self._line[start:] = [f"~~{shown}~~"]

    def _raised(self, element: Element) -> None:
        """Write a raised number so that it is no part of the number or word before it."""
        start = len(self._line)
        before = "".join(self._line)[-1:]
        shown = self._part(element).strip()
        if shown[:1].isdigit() and before.isalnum():
            self._line[start:] = [f"^{shown}"]

    def _field(self, element: Element) -> None:
        """Write what is filled into a form."""
        kind = element.attributes.get("type", "text").lower()
        if kind in ("checkbox", "radio"):
            self._line.append("[x] " if "checked" in element.attributes else "[ ] ")
        elif kind not in _FIELDS_WITHOUT_TEXT:
            self._line.append(f" {element.attributes.get('value', '')} ")

    def _choice(self, element: Element) -> None:
        """Write the options that are chosen, rather than all there are."""
        options = list(_options(element))
        chosen = [one for one in options if "selected" in one.attributes]
        if not chosen and "multiple" not in element.attributes:
            chosen = options[:1]
        self._line.append(f" {', '.join(' '.join(one.text().split()) for one in chosen)} ")

    # ---- tables --------------------------------------------------------------------------------

    def _table(self, table: Element) -> None:
        self._children(Element("", children=list(beside_rows(table))))
        self._end_block()
        rows, heads = grid_of(table, self._is_left_out)
        if is_layout(table) or self._is_heading:
            for row in rows:
                for cell in row:
                    self._children(cell.element)
                    self._end_block()
            return
        self._builder.separate(self._separator)
        number, names = self._builder.next_table(), list[dict[int, str]]()
        for row in rows:
            if row and row[0].row <= heads:
                names.append({})
            self._row(row, number, heads, names)
        self._builder.separate(self._separator)

    def _row(
        self, row: list[PageCell], table: int, heads: int, names: list[dict[int, str]]
    ) -> None:
        builder, before, column = self._builder, self._separator, 1
        lead, self._marker = self._marker or self._indent, ""
        builder.separate(_IN_CELL if before == _IN_CELL else "\n")
        for cell in row:
            if cell is not row[0]:
                builder.write(" | ")
            elif before != _IN_CELL:
                builder.write(lead)
            for _ in range(column, cell.column):  # those that a cell above covers are empty
                builder.write(" | ")
            column = cell.column + cell.width
            is_head = cell.row <= heads
            title = None if is_head else header_of(names, cell.column)
            start = builder.length
            self._separator = _IN_CELL
            with builder.cell(Cell(table, cell.row, cell.column, title)), builder.enclosed():
                self._children(cell.element)
                self._end_block()
            self._separator = before
            if is_head:
                text = builder.written_since(start)
                names[-1] |= dict.fromkeys(range(cell.column, cell.column + cell.width), text)


def _number(text: str, otherwise: int) -> int:
    digits = text.strip()
    is_number = digits.isascii() and digits.lstrip("-").isdecimal() and len(digits) < _DIGITS
    return int(digits) if is_number else otherwise


def _options(element: Element) -> list[Element]:
    found = [one for one in element.elements() if one.tag == "option"]
    groups = [one for one in element.elements() if one.tag == "optgroup"]
    return [*found, *(one for group in groups for one in group.elements())]
