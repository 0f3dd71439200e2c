"""The tables of a web page: where each cell is, and which rows name the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from structgen.reading.html.elements import Element

_GROUP_ORDER: Final = {"thead": 0, "tfoot": 2}
"""A browser shows the head of a table first and its foot last, wherever they are."""
_GROUPS: Final = ("thead", "tbody", "tfoot", "tr")
_MOST_SPAN: Final = 1000
"""Columns or rows that a cell may cover (HTML, 4.9.11)."""


@dataclass(frozen=True, slots=True)
class PageCell:
    """A cell in the grid of its table."""

    element: Element
    """The element."""
    row: int
    """The number of its first row, from 1."""
    column: int
    """The number of its first column, from 1."""
    width: int
    """The columns that it covers."""


def is_layout(table: Element) -> bool:
    """Whether a table only arranges what is in it: its cells are no table for a reader.

    Args:
        table: The element.
    """
    if table.attributes.get("role", "").lower() in ("presentation", "none"):
        return True
    rows = list(_rows(table))
    cells = [cell for row, _ in rows for cell in _cells(row)]
    has_names = any(cell.tag == "th" for cell in cells)
    has_names = has_names or any(one.tag == "caption" for one in table.elements())
    if has_names:
        return False
    return all(len(list(_cells(row))) < 2 for row, _ in rows) or any(map(_has_table, cells))


def _has_table(element: Element) -> bool:
    return any(one.tag == "table" or _has_table(one) for one in element.elements())


def grid_of(
    table: Element, is_left_out: Callable[[Element], bool]
) -> tuple[list[list[PageCell]], int]:
    """Give the rows of a table with the places of their cells, and how many rows are its head.

    Args:
        table: The element.
        is_left_out: Whether a row or a cell is not shown.

    Returns:
        The rows in the order in which they are shown, and the number of those that name columns:
        those of `thead`, else those at the beginning that hold nothing but `th`; the first one if
        no cell of the table is a `th`.
    """
    covered: dict[int, int] = {}  # the row up to which a cell above covers a column
    rows: list[list[PageCell]] = []
    heads = 0
    elements = [(row, is_head) for row, is_head in _rows(table) if not is_left_out(row)]
    for number, (row, is_head) in enumerate(elements, 1):
        column = 1
        found: list[PageCell] = []
        for cell in _cells(row):
            if is_left_out(cell):
                continue
            while covered.get(column, 0) >= number:
                column += 1
            width, height = _span(cell, "colspan"), _span(cell, "rowspan")
            covered |= dict.fromkeys(range(column, column + width), number + height - 1)
            found.append(PageCell(cell, number, column, width))
            column += width
        names = bool(found) and all(one.element.tag == "th" for one in found)
        if heads == number - 1 and (is_head or names):
            heads = number
        rows.append(found)
    has_names = any(one.element.tag == "th" for row in rows for one in row)
    return rows, heads if has_names or heads else min(1, len(rows))


def beside_rows(table: Element) -> Iterator[Element | str]:
    """Give what is in a table and in no cell of it, which a browser shows before it."""
    for child in table.children:
        if isinstance(child, Element) and child.tag in _GROUPS:
            yield from beside_rows(child)
        elif isinstance(child, str) or child.tag not in ("td", "th"):
            yield child


def _rows(table: Element) -> Iterator[tuple[Element, bool]]:
    """The rows as they are shown, and whether they are in the head."""
    groups = sorted(table.elements(), key=lambda one: _GROUP_ORDER.get(one.tag, 1))
    for group in groups:
        if group.tag == "tr":
            yield group, False
        elif group.tag in _GROUPS:
            for row in group.elements():
                if row.tag == "tr":
                    yield row, group.tag == "thead"


def _cells(row: Element) -> Iterator[Element]:
    return (one for one in row.elements() if one.tag in ("td", "th"))


def _span(cell: Element, name: str) -> int:
    value = cell.attributes.get(name, "1").strip()
    number = int(value) if value.isascii() and value.isdigit() else 1
    return min(max(number, 1), _MOST_SPAN)


def header_of(names: Sequence[dict[int, str]], column: int) -> str | None:
    """Give the text at the head of a column, of all rows of the head; None if there is none.

    Args:
        names: The texts of each row of the head, by column.
        column: The column.
    """
    texts = dict.fromkeys(row[column] for row in names if row.get(column))
    return " ".join(texts) or None
