"""Where the characters of a text are: on which page, under which heading, in which cell."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

from typing_extensions import NamedTuple

from structgen.values import Json


class Box(NamedTuple):
    """A rectangle on a page.

    Lengths are points (1/72 inch; of an image, pixels), counted from the top left corner of the
    page as it is shown, to the right and down.
    """

    page: int
    """The number of the page, from 1."""
    left: float
    """The left edge."""
    top: float
    """The upper edge."""
    right: float
    """The right edge."""
    bottom: float
    """The lower edge."""


class Cell(NamedTuple):
    """A cell of a table."""

    table: int
    """The number of the table in the document, from 1."""
    row: int
    """The number of the row, from 1; the header is row 1."""
    column: int
    """The number of the column, from 1."""
    header: str | None = None
    """The text at the head of the column, if the table has a header."""


class PageImage(NamedTuple):
    """What a page looks like."""

    data: bytes
    """The image file."""
    media_type: str
    """Its kind, such as "image/png"."""
    width: int
    """Pixels from left to right."""
    height: int
    """Pixels from top to bottom."""

    def __repr__(self) -> str:
        return f"PageImage({self.media_type!r}, {self.width} x {self.height})"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a document, a slide, or an image."""

    number: int
    """Its number in the file, from 1."""
    width: float
    """Points from left to right (1/72 inch); of an image, pixels."""
    height: float
    """Points from top to bottom."""
    start: int
    """The offset of its first character in the document."""
    end: int
    """The offset after its last character."""
    image: PageImage | None = field(default=None, repr=False)
    """What it looks like, if the pages were read as images."""


class Heading(NamedTuple):
    """A heading, with the offset where what is under it begins."""

    start: int
    """The offset of its first character."""
    level: int
    """How far in it is: 1 for chapters, 0 for a title over them."""
    title: str
    """Its text."""


class CellSpan(NamedTuple):
    """The characters of a cell, or a part of them that no inner cell interrupts."""

    start: int
    """The offset of the first character."""
    end: int
    """The offset after the last one."""
    cell: Cell
    """The cell."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a part of a document is."""

    boxes: tuple[Box, ...] = ()
    """One box for each line that it touches, in reading order. A box covers whole words. Empty if
    the format has no pages, or the part holds no printed character."""
    pages: tuple[int, ...] = ()
    """The numbers of its pages. Empty if the format has no pages."""
    headings: tuple[str, ...] = ()
    """The headings that it begins under, the outermost first."""
    cells: tuple[Cell, ...] = ()
    """The cells of tables that it touches."""

    @property
    def page(self) -> int | None:
        """The number of the first page; None without pages."""
        return self.pages[0] if self.pages else None

    @property
    def cell(self) -> Cell | None:
        """The first cell; None if it is in no table."""
        return self.cells[0] if self.cells else None


_ARRAYS: Final[Mapping[str, str]] = {
    "starts": "I",
    "ends": "I",
    "lines": "I",
    "pages": "I",
    "left": "f",
    "top": "f",
    "right": "f",
    "bottom": "f",
}
"""The columns of `Words`, with the type of their numbers: 32 bits each."""


class Words:
    """The printed words of a text with their boxes, by column: 32 bytes a word."""

    __slots__ = tuple(_ARRAYS)

    starts: array[int]
    ends: array[int]
    lines: array[int]
    pages: array[int]
    left: array[float]
    top: array[float]
    right: array[float]
    bottom: array[float]

    def __init__(self, columns: Mapping[str, Any] = {}) -> None:
        """Make words of columns.

        Args:
            columns: The numbers of each column; by default there are no words.
        """
        for name, kind in _ARRAYS.items():
            setattr(self, name, array(kind, columns.get(name, ())))

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, start: int, end: int, line: int, box: Box) -> None:
        """Add a word that comes after all others.

        Args:
            start: The offset of its first character.
            end: The offset after its last character.
            line: The number of its printed line; lines of different pages have different numbers.
            box: Where it is.
        """
        self.starts.append(start)
        self.ends.append(end)
        self.lines.append(line)
        self.pages.append(box.page)
        self.left.append(box.left)
        self.top.append(box.top)
        self.right.append(box.right)
        self.bottom.append(box.bottom)

    def boxes(self, start: int, end: int) -> Iterator[Box]:
        """Give a box for each line of the words that a span touches."""
        found: Box | None = None
        line = -1
        for at in range(bisect_right(self.ends, start), bisect_left(self.starts, end)):
            word = self.box(at)
            if found is not None and self.lines[at] == line:
                found = _around(found, word)
                continue
            if found is not None:
                yield found
            found, line = word, self.lines[at]
        if found is not None:
            yield found

    def copy_to(self, other: Words, shift: int, within: tuple[int, int], lines: int) -> int:
        """Add these words to others, as a text is added to another.

        Args:
            other: The words to add to.
            shift: What to add to each offset.
            within: The offsets, after that, between which words are added, or parts of words.
            lines: What to add to the number of each line.

        Returns:
            The largest number of a line here.
        """
        for at, start in enumerate(self.starts):
            first = max(start + shift, within[0])
            last = min(self.ends[at] + shift, within[1])
            if first < last:
                other.add(first, last, self.lines[at] + lines, self.box(at))
        return max(self.lines, default=0)

    def box(self, at: int) -> Box:
        """Give the box of a word by its number."""
        return Box(self.pages[at], self.left[at], self.top[at], self.right[at], self.bottom[at])

    def to_dict(self) -> dict[str, Json]:
        """Give the columns as plain JSON data, lengths to a hundredth of a point."""
        return {
            name: [round(number, 2) for number in getattr(self, name)]
            if kind == "f"
            else list(getattr(self, name))
            for name, kind in _ARRAYS.items()
        }


def _around(one: Box, other: Box) -> Box:
    return Box(
        one.page,
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the characters of a text are. The slices of a document share one."""

    pages: tuple[Page, ...] = ()
    """The pages, in the order of the text."""
    words: Words = field(default_factory=Words)
    """The printed words, in the order of the text."""
    headings: tuple[Heading, ...] = ()
    """The headings, in the order of the text."""
    cells: tuple[CellSpan, ...] = ()
    """The spans of cells, in the order of the text; none overlaps another."""

    def locate(self, start: int, end: int) -> Location:
        """Say where a span of the text is. An empty span is at its start."""
        end = max(end, start + 1)
        boxes = tuple(self.words.boxes(start, end))
        return Location(
            boxes=boxes,
            pages=self._pages_of(boxes, start, end),
            headings=self._headings_over(start),
            cells=tuple(dict.fromkeys(one.cell for one in self._cells_in(start, end))),
        )

    def _pages_of(self, boxes: tuple[Box, ...], start: int, end: int) -> tuple[int, ...]:
        if boxes:
            return tuple(dict.fromkeys(box.page for box in boxes))
        first = bisect_right(self._page_ends, start)
        last = bisect_left(self._page_starts, end)
        return tuple(page.number for page in self.pages[first:last])

    def _headings_over(self, start: int) -> tuple[str, ...]:
        before = bisect_right(self._heading_starts, start)
        return self._paths[before - 1] if before else ()

    def _cells_in(self, start: int, end: int) -> tuple[CellSpan, ...]:
        first = bisect_right(self._cell_ends, start)
        return self.cells[first : bisect_left(self._cell_starts, end)]

    @cached_property
    def digest(self) -> str:
        """A hash of all that is known, without the images of pages."""
        pages = [replace(page, image=None) for page in self.pages]
        known = sha256(repr((pages, self.headings, self.cells)).encode())
        for name in _ARRAYS:
            known.update(getattr(self.words, name).tobytes())
        return known.hexdigest()

    @cached_property
    def _page_starts(self) -> list[int]:
        return [page.start for page in self.pages]

    @cached_property
    def _page_ends(self) -> list[int]:
        return [page.end for page in self.pages]

    @cached_property
    def _cell_starts(self) -> list[int]:
        return [one.start for one in self.cells]

    @cached_property
    def _cell_ends(self) -> list[int]:
        return [one.end for one in self.cells]

    @cached_property
    def _heading_starts(self) -> list[int]:
        return [one.start for one in self.headings]

    @cached_property
    def _paths(self) -> list[tuple[str, ...]]:
        """The titles over what follows each heading, its own included."""
        open_headings: list[Heading] = []
        paths = []
        for heading in self.headings:
            while open_headings and open_headings[-1].level >= heading.level:
                open_headings.pop()
            open_headings.append(heading)
            paths.append(tuple(one.title for one in open_headings))
        return paths
