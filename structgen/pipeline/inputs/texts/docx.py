"""The text of a Word document: everything that is printed, and each part once.

It walks over the XML itself (ECMA-376, WordprocessingML), since python-docx leaves out what is in
headers, footers, text boxes, content controls, insertions and notes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final

from structgen.extras import load

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH_TEXT: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
"""The older form of what the element beside it holds, for old programs."""
_SKIPPED: Final = frozenset({f"{_W}del", f"{_W}moveFrom", f"{_W}instrText", _FALLBACK})
"""Deleted text, the old place of moved text, the code of fields, and what is there twice."""
_CHARACTERS: Final = {
    f"{_W}tab": "\t",
    f"{_W}br": "\n",
    f"{_W}cr": "\n",
    f"{_W}noBreakHyphen": "-",
}
_NOTES: Final = ("footnotes", "endnotes")
_SEPARATORS: Final = ("separator", "continuationSeparator", "continuationNotice")


def text_of_docx(data: bytes) -> str:
    """Read headers, paragraphs and tables in their order, footers and notes.

    Each row of a table is a line with " | " between its cells. A merged cell is there once.

    Args:
        data: The file.
    """
    document = load("docx", "files").Document(io.BytesIO(data))
    heads, feet = _margins(document)
    blocks = [*heads, *_blocks(document.element.body), *feet, *_notes(document)]
    return "\n\n".join(block for block in blocks if block.strip())


def _blocks(container: Any) -> Iterator[str]:
    """The paragraphs and tables inside an element, also those in content controls."""
    for element in container:
        if element.tag == f"{_W}p":
            yield from _paragraph(element)
        elif element.tag == f"{_W}tbl":
            yield "\n".join(_table(element))
        elif element.tag not in _SKIPPED and isinstance(element.tag, str):
            yield from _blocks(element)


def _paragraph(paragraph: Any) -> Iterator[str]:
    """Its text, then that of the text boxes that are anchored in it."""
    boxes: list[Any] = []
    yield "".join(_characters(paragraph, boxes))
    for box in boxes:
        yield from _blocks(box)


def _characters(element: Any, boxes: list[Any]) -> Iterator[str]:
    for child in element:
        if child.tag in (f"{_W}t", _MATH_TEXT):
            yield child.text or ""
        elif child.tag in _CHARACTERS:
            yield _CHARACTERS[child.tag]
        elif child.tag == f"{_W}txbxContent":
            boxes.append(child)
        elif child.tag not in _SKIPPED and child.tag != f"{_W}pPr":
            yield from _characters(child, boxes)


def _table(table: Any) -> Iterator[str]:
    for row in _children(table, f"{_W}tr"):
        cells = [_cell(cell) for cell in _children(row, f"{_W}tc")]
        yield " | ".join(cells)


def _cell(cell: Any) -> str:
    """Its text in one line; nothing if it goes on with the cell above."""
    merge = cell.find(f"{_W}tcPr/{_W}vMerge")
    if merge is not None and merge.get(f"{_W}val", "continue") == "continue":
        return ""
    return " / ".join(" ".join(block.splitlines()) for block in _blocks(cell) if block.strip())


def _children(element: Any, tag: str) -> Iterator[Any]:
    """The rows of a table or the cells of a row, also those in content controls."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins"):
            yield from _children(child, tag)


def _margins(document: Any) -> tuple[list[str], list[str]]:
    """What stands above and below the pages of any section, each text once."""
    heads: dict[str, None] = {}
    feet: dict[str, None] = {}
    for section in document.sections:
        for name in ("", "first_page_", "even_page_"):
            for kind, texts in (("header", heads), ("footer", feet)):
                part = getattr(section, f"{name}{kind}")
                if not part.is_linked_to_previous:
                    text = "\n".join(one for one in _blocks(part._element) if one.strip())
                    texts[text] = None
    return list(heads), list(feet)


def _notes(document: Any) -> Iterator[str]:
    """The footnotes and endnotes."""
    lxml = load("lxml.etree", "files")
    for relation in document.part.rels.values():
        kind = relation.reltype.rpartition("/")[2]
        if kind in _NOTES and not relation.is_external:
            root = lxml.fromstring(
                relation.target_part.blob, lxml.XMLParser(resolve_entities=False)
            )
            for note in root:
                if note.get(f"{_W}type") not in _SEPARATORS:
                    yield "\n".join(_blocks(note))
