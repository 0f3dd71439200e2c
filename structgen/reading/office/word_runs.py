"""The characters of the paragraphs of a Word document (ECMA-376, part 1, 17.3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from structgen.reading.office.word_styles import VAL, Styles, W, is_on, number_of, roman

BOX: Final = "box"
CHART: Final = "chart"
DIAGRAM: Final = "diagram"
_MATH_TEXT: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_TEXTS: Final = frozenset({f"{W}t", f"{W}delText", _MATH_TEXT})
_CHARACTERS: Final[Mapping[str, str]] = {
    f"{W}tab": "\t",
    f"{W}ptab": "\t",
    f"{W}br": "\n",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "-",
}
_SYMBOLS: Final[Mapping[str, str]] = {
    "A8": "☐",
    "6F": "☐",
    "FE": "☑",
    "52": "☑",
    "FD": "☒",
    "78": "☒",
    "53": "☒",
    "FC": "✓",
    "FB": "✗",
    "A7": "▪",
    "B7": "•",
}
"""The signs of Wingdings, Wingdings 2 and Symbol that forms use, by character."""
_NOT_TEXT: Final = frozenset({f"{W}pPr", f"{W}rPr", f"{W}instrText", f"{W}delInstrText"})
"""Properties, and the code of fields."""
_NOTED: Final[Mapping[str, str]] = {
    f"{W}footnoteReference": "footnote",
    f"{W}endnoteReference": "endnote",
}


@dataclass(slots=True)
class Line:
    """The content of a paragraph."""

    pieces: list[str] = field(default_factory=list)
    """Its characters."""
    anchored: list[tuple[str, Any]] = field(default_factory=list)
    """The text boxes, charts and diagrams in it."""
    has_left_out: bool = False
    """Whether there is text in it that the version that is read does not have."""

    @property
    def text(self) -> str:
        """Its text."""
        return "".join(self.pieces).replace("~~~~", "")


class RunReader:
    """Reads the paragraphs of one file."""

    def __init__(self, styles: Styles, left_out: Collection[str], *, hidden: bool) -> None:
        """Prepare to read.

        Args:
            styles: The styles of the document.
            left_out: The elements whose text is not read.
            hidden: Whether to read hidden text and the placeholders of empty controls.
        """
        self._styles, self._left_out, self._with_hidden = styles, left_out, hidden
        self._fields: list[bool] = []
        """For each open field, whether its code is being read rather than its result."""
        self.links: Mapping[str, str] = {}
        """The addresses of the links of the part being read, by what its XML calls them."""
        self.noted: dict[str, dict[str, int]] = {"footnote": {}, "endnote": {}}
        """The numbers of the notes by what the XML calls them, in the order of the text."""
        self.hidden_runs = 0
        """Passages that are hidden and were left out."""

    def line(self, paragraph: Any) -> Line:
        """Read a paragraph.

        Args:
            paragraph: The element.
        """
        line = Line()
        self._fields.clear()
        self._read(paragraph, line, paragraph)
        return line

    def is_placeholder(self, element: Any) -> bool:
        """Whether an element is a content control that nobody has filled in yet."""
        if self._with_hidden or element.tag != f"{W}sdt":
            return False
        return is_on(element.find(f"{W}sdtPr/{W}showingPlcHdr"))

    def _read(self, element: Any, line: Line, paragraph: Any) -> None:
        for child in element:
            tag = child.tag
            if tag in self._left_out:
                line.has_left_out = True
            elif tag in _NOT_TEXT or not isinstance(tag, str) or self.is_placeholder(child):
                continue
            elif tag == f"{W}fldChar":
                self._field(child, line)
            elif tag == f"{W}r":
                self._run(child, line, paragraph)
            elif tag == f"{W}hyperlink":
                self._link(child, line, paragraph)
            elif tag == f"{W}txbxContent":
                line.anchored.append((BOX, child))
            elif not any(self._fields):
                self._character(child, line, paragraph)

    def _character(self, child: Any, line: Line, paragraph: Any) -> None:
        tag = child.tag
        if tag in _TEXTS:
            line.pieces.append(child.text or "")
        elif tag in _CHARACTERS:
            line.pieces.append(_CHARACTERS[tag])
        elif tag == f"{W}sym":
            line.pieces.append(_SYMBOLS.get(child.get(f"{W}char", "")[-2:].upper(), ""))
        elif tag in _NOTED and child.get(f"{W}customMarkFollows") is None:
            kind = _NOTED[tag]
            numbers = self.noted[kind]
            number = numbers.setdefault(child.get(f"{W}id"), len(numbers) + 1)
            line.pieces.append(f"[^{number if kind == 'footnote' else roman(number)}]")
        elif tag.endswith("/chart}chart"):
            line.anchored.append((CHART, _related(child, "}id")))
        elif tag.endswith("/diagram}relIds"):
            line.anchored.append((DIAGRAM, _related(child, "}dm")))
        else:
            self._read(child, line, paragraph)

    def _run(self, run: Any, line: Line, paragraph: Any) -> None:
        """Read characters that look alike."""
        start = len(line.pieces)
        before = "".join(line.pieces[-1:])[-1:]
        self._read(run, line, paragraph)
        text = "".join(line.pieces[start:])
        if not text.strip():
            return
        properties = run.find(f"{W}rPr")
        if not self._with_hidden and self._styles.is_hidden(run, paragraph):
            self.hidden_runs += 1
            text = ""
        elif properties is not None:
            raised = properties.find(f"{W}vertAlign")
            is_raised = raised is not None and raised.get(VAL) == "superscript"
            if is_raised and text[0].isdigit() and before.isalnum():
                text = f"^{text}"  # a raised number is no part of the one before it
            struck = properties.find(f"{W}strike"), properties.find(f"{W}dstrike")
            if any(map(is_on, struck)):
                text = f"~~{text}~~"
        line.pieces[start:] = [text]

    def _link(self, element: Any, line: Line, paragraph: Any) -> None:
        """Read a link, as Markdown if its address tells more than its text."""
        start = len(line.pieces)
        self._read(element, line, paragraph)
        text = "".join(line.pieces[start:])
        address = self.links.get(_related(element, "}id"), "")
        plain = address.partition(":")[2] if address.startswith(("mailto:", "tel:")) else address
        if text.strip() and address and plain.rstrip("/") not in text:
            line.pieces[start:] = [f"[{text.strip()}]({address})"]

    def _field(self, mark: Any, line: Line) -> None:
        """Note where a field begins and ends, and read what is chosen in those of old forms."""
        kind = mark.get(f"{W}fldCharType")
        if kind == "begin":
            self._fields.append(True)
            shown = _chosen(mark)
            if shown and not any(self._fields[:-1]):
                line.pieces.append(shown)
        elif kind == "separate" and self._fields:
            self._fields[-1] = False
        elif kind == "end" and self._fields:
            self._fields.pop()


def _related(element: Any, end: str) -> str:
    return next((text for key, text in element.items() if key.endswith(end)), "")


def _chosen(mark: Any) -> str:
    """The choice in a box or a list of an old form; texts are a result of their field."""
    box = mark.find(f"{W}ffData/{W}checkBox")
    if box is not None:
        own = box.find(f"{W}checked")
        state = own if own is not None else box.find(f"{W}default")
        return "☑" if is_on(state) else "☐"
    choices = mark.find(f"{W}ffData/{W}ddList")
    if choices is None:
        return ""
    entries = [one.get(VAL, "") for one in choices.iterfind(f"{W}listEntry")]
    at = number_of(choices, f"{W}result", number_of(choices, f"{W}default"))
    return entries[at] if at < len(entries) else ""
