"""Find the tables of a page: lines whose words are far apart, one below the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from structgen.reading.layout import Cell
from structgen.reading.pdf.order import Line
from structgen.reading.pdf.words import Word

_CELL_GAP: Final = 1.5
"""The white space between words from which on they are in different cells, in heights."""
_AMOUNT_GAP: Final = 0.25
"""The same, between an amount and the sign of a currency before the next one."""
_ROWS: Final = 2
"""Lines of several cells that make a table, at least."""
_LABELS: Final = 2
"""Lines of one cell that may come between them, such as the titles of groups of rows."""
_MOST_CELLS: Final = 2000
"""Of the tables of one page: what has more is a drawing."""
_LABEL_CHARACTERS: Final = 60
_CURRENCIES: Final = frozenset("$€£¥₹₩₽")
_NUMBER: Final = re.compile(r"[$€£¥₹(\-–—−\s]*\d[\d,.\s]*[%)\s]*|[-–—]")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_MARKER: Final = re.compile(r"[•·▪◦–—*-]|\(?\w{1,3}[.)]|\d+(?:\.\d+)+\.?")
"""What stands before an item of a list, which is no cell."""


def is_cell_gap(word: Word, following: Word) -> bool:
    """Whether two words that follow each other on a line are in different cells.

    A sign of a currency belongs to the amount after it, however far that is.

    Args:
        word: A word.
        following: The word after it.
    """
    if word.text in _CURRENCIES:
        return False
    gap = max(following.left - word.right, word.left - following.right)
    height = max(min(word.height, following.height), 1.0)
    is_next_amount = following.text[0] in _CURRENCIES and _NUMBER.fullmatch(word.text)
    return gap > (_AMOUNT_GAP if is_next_amount else _CELL_GAP) * height


@dataclass(slots=True)
class _Group:
    """The words of one cell of a line."""

    words: list[Word]

    @property
    def left(self) -> float:
        return min(word.left for word in self.words)

    @property
    def right(self) -> float:
        return max(word.right for word in self.words)

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


_Column: TypeAlias = "tuple[float, float]"
"""The left and right edges of a column."""


def _groups(line: Line) -> list[_Group]:
    words = [word for one in line for word in one.words]
    found = [_Group(words[:1])]
    for before, word in pairwise(words):
        if is_cell_gap(before, word):
            found.append(_Group([word]))
        else:
            found[-1].words.append(word)
    return found


def cells_of(block: Sequence[Line], next_table: Callable[[], int]) -> dict[int, list[Cell]]:
    """Give the cell of each word of the tables of a block.

    Args:
        block: The lines.
        next_table: Gives the number of a new table.

    Returns:
        The cells of the words of a line, by the number of the line; only of lines in tables.
    """
    grouped = [_groups(line) for line in block]
    found: dict[int, list[Cell]] = {}
    for first, last in _runs(grouped):
        if sum(map(len, grouped[first:last])) > _MOST_CELLS:
            continue
        columns = _columns(grouped[first:last])
        if len(columns) > 1:
            start = _with_titles(grouped, first, columns)
            rows = _row_cells(grouped[start:last], columns, next_table())
            found.update(enumerate(rows, start))
    return found


def _runs(grouped: Sequence[Sequence[_Group]]) -> Iterator[tuple[int, int]]:
    """The first line, and the line after the last one, of each run of lines that is a table."""
    first, last, rows = 0, 0, 0
    for at, groups in enumerate(grouped):
        is_row = len(groups) > 1 and not _is_item(groups)
        is_text = not is_row and len(groups[0].text) > _LABEL_CHARACTERS
        if rows and (is_text or at - last >= _LABELS + is_row):
            if rows >= _ROWS:
                yield first, last
            rows = 0
        if is_row:
            first = first if rows else at
            last, rows = at + 1, rows + 1
    if rows >= _ROWS:
        yield first, last


def _with_titles(
    grouped: Sequence[Sequence[_Group]], first: int, columns: Sequence[_Column]
) -> int:
    """The line where a table begins if the titles over several of its columns belong to it."""
    for at in range(first - 1, max(first - 1 - _LABELS, -1), -1):
        [*before, title] = grouped[at]
        is_beside = title.left >= columns[0][1] and title.left < columns[-1][1]
        if before or not is_beside or len(title.text) > _LABEL_CHARACTERS:
            return at + 1
        first = at
    return first


def _is_item(groups: Sequence[_Group]) -> bool:
    """Whether a line is an item of a list: a marker and a text."""
    return len(groups) == 2 and _MARKER.fullmatch(groups[0].text) is not None


def _columns(rows: Sequence[Sequence[_Group]]) -> list[_Column]:
    """The left and right edges of the columns, the narrowest cells first deciding.

    Columns under one wider cell are one, unless some row has a cell in each.
    """
    apart = [row for row in rows if len(row) > 1]
    columns: list[_Column] = []
    for cell in sorted((group for row in apart for group in row), key=lambda one: one.width):
        over = [one for one in columns if _overlap(one, cell) > 0]
        if len(over) > 1 and any(_fills_several(row, over) for row in apart):
            continue
        columns = [one for one in columns if one not in over]
        left = min([cell.left, *(one[0] for one in over)])
        columns.append((left, max([cell.right, *(one[1] for one in over)])))
    return sorted(columns)


def _fills_several(row: Sequence[_Group], columns: Sequence[_Column]) -> bool:
    """Whether a row has a cell of its own in more than one of these columns."""
    filled = [
        [at for at, column in enumerate(columns) if _overlap(column, group) > 0] for group in row
    ]
    return len({places[0] for places in filled if len(places) == 1}) > 1


def _overlap(column: _Column, cell: _Group) -> float:
    return min(column[1], cell.right) - max(column[0], cell.left)


def _row_cells(
    rows: Sequence[Sequence[_Group]], columns: Sequence[_Column], number: int
) -> Iterator[list[Cell]]:
    """The cell of each word, row by row."""
    heads: dict[int, list[str]] = {}
    is_head = True
    for row_number, row in enumerate(rows, 1):
        places = _places(row, columns)
        is_head = is_head and _is_head(row, places, row_number)
        cells: list[Cell] = []
        for group, places_of_group in zip(row, places, strict=True):
            column = places_of_group[0]
            over = " ".join(heads.get(column, ())) or None
            cell = Cell(number, row_number, column, None if is_head else over)
            cells += [cell] * len(group.words)
        if is_head:
            for group, places_of_group in zip(row, places, strict=True):
                for column in places_of_group:
                    heads.setdefault(column, []).append(group.text)
        yield cells


def _places(row: Sequence[_Group], columns: Sequence[_Column]) -> list[list[int]]:
    """The numbers of the columns that each cell of a row is in, the one that is its own first."""
    found: list[list[int]] = []
    taken: set[int] = set()
    for group in row:
        over = {at: _overlap(one, group) for at, one in enumerate(columns, 1)}
        ranked = sorted((at for at, much in over.items() if much > 0), key=lambda at: -over[at])
        own = next((at for at in ranked if at not in taken), None)
        own = own or next((at for at in over if at not in taken), len(columns))
        taken.add(own)
        found.append([own, *(at for at in ranked if at != own)])
    return found


def _is_head(row: Sequence[_Group], places: Sequence[Sequence[int]], number: int) -> bool:
    """Whether a row names the columns: it holds no amounts, and it is the first, or no label."""
    texts = [group.text for group in row]
    amounts = [one for one in texts if _NUMBER.fullmatch(one) and not _YEAR.fullmatch(one)]
    has_label = 1 in places[0]
    return not amounts and (number == 1 or not has_label)
