"""The offset map: each part of a text is on the page, in the box and in the cell it came from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen import Document, read
from structgen.answer.folding import FoldedText
from structgen.reading import Box, Cell, DocumentBuilder
from tests.reading.pdfs import CHARACTER, HEIGHT, WIDTH, Text, pdf_of

# ---- documents made of blocks -------------------------------------------------------------------

LINE = st.integers(1, 4)
"""How many words a printed line has."""
BLOCK = st.one_of(
    st.tuples(st.just("heading"), st.integers(1, 3)),
    st.tuples(st.just("lines"), st.lists(LINE, min_size=1, max_size=3)),
    st.tuples(st.just("table"), st.tuples(st.integers(1, 3), st.integers(1, 3))),
    st.tuples(st.just("page"), st.lists(LINE, min_size=1, max_size=3)),
)
BLOCKS = st.lists(BLOCK, max_size=6)


class Origin(NamedTuple):
    """Where a word came from."""

    box: Box | None = None
    line: int | None = None
    cell: Cell | None = None
    headings: tuple[str, ...] = ()


class Built(NamedTuple):
    """A document, and where each of its words came from. No word is in it twice."""

    document: Document
    origins: dict[str, Origin]


class Maker:
    """Writes blocks, and remembers where it wrote each word."""

    def __init__(self, mark: str) -> None:
        self.builder = DocumentBuilder()
        self.origins: dict[str, Origin] = {}
        self._mark = mark
        self._pages = self._tables = 0
        self._open: list[tuple[int, str]] = []

    def word(self) -> str:
        return f"{self._mark}{len(self.origins)}x"

    def note(
        self, box: Box | None = None, line: int | None = None, cell: Cell | None = None
    ) -> str:
        word = self.word()
        headings = tuple(title for _, title in self._open)
        self.origins[word] = Origin(box, line, cell, headings)
        return word

    def heading(self, level: int) -> None:
        self.builder.separate()
        self._open = [one for one in self._open if one[0] < level]
        self._open.append((level, self.word()))
        word = self.note()
        self.builder.heading(level, word)
        self.builder.write(word)

    def lines(self, lines: list[int], page: int | None = None) -> None:
        for at, words in enumerate(lines):
            self.builder.separate("\n")
            line = self.builder.next_line() if page else 0
            for place in range(words):
                self.builder.separate(" ")
                left, top = place * 50.0, at * 20.0
                box = Box(page, left, top, left + 40, top + 12) if page else None
                self.builder.write(self.note(box, line if page else None), box, line=line)

    def page(self, lines: list[int]) -> None:
        self._pages += 1
        with self.builder.page(self._pages, 600, 800):
            self.lines(lines, self._pages)

    def table(self, size: tuple[int, int]) -> None:
        self.builder.separate()
        self._tables += 1
        rows: list[list[str]] = []
        for row in range(1, size[0] + 1):
            cells: list[str] = []
            for column in range(1, size[1] + 1):
                header = rows[0][column - 1] if rows else self.word()
                cells.append(self.note(cell=Cell(self._tables, row, column, header)))
            rows.append(cells)
        self.builder.table(rows)


def built(blocks: list[tuple[str, object]], mark: str = "a") -> Built:
    maker = Maker(mark)
    for kind, content in blocks:
        getattr(maker, kind)(content)
    return Built(maker.builder.build(media_type="text/plain"), maker.origins)


def touched(text: str, start: int, end: int) -> Iterator[str]:
    """Give the words that a part of a text has characters of."""
    for match in re.finditer(r"\w+", text):
        if match.start() < end and start < match.end():
            yield match[0]


def assert_located(made: Built, start: int, end: int) -> None:
    """Check what is known of a part of a document against where its words came from."""
    found = made.document.locate(start, end)
    origins = [made.origins[word] for word in touched(made.document.text, start, end)]
    boxes = [one.box for one in origins if one.box]
    assert len(found.boxes) == len({one.line for one in origins if one.line is not None})
    assert {box.page for box in boxes} <= set(found.pages)
    for box in boxes:
        assert any(
            one.page == box.page
            and one.left <= box.left
            and one.right >= box.right
            and one.top <= box.top
            and one.bottom >= box.bottom
            for one in found.boxes
        )
    assert list(found.cells) == list(dict.fromkeys(one.cell for one in origins if one.cell))


@given(BLOCKS, st.data())
def test_every_part_is_where_its_words_came_from(
    blocks: list[tuple[str, object]], data: st.DataObject
) -> None:
    made = built(blocks)
    start = data.draw(st.integers(0, len(made.document)))
    end = data.draw(st.integers(start, len(made.document)))
    if end > start:
        assert_located(made, start, end)
    for word, origin in made.origins.items():
        at = made.document.index(word)
        found = made.document.locate(at, at + len(word))
        assert found.boxes == ((origin.box,) if origin.box else ())
        assert found.cells == ((origin.cell,) if origin.cell else ())
        assert found.headings == origin.headings


@given(st.lists(BLOCKS, min_size=1, max_size=3), st.data())
def test_adding_documents_to_one_shifts_no_offset(
    parts: list[list[tuple[str, object]]], data: st.DataObject
) -> None:
    builder = DocumentBuilder()
    added: list[tuple[int, Document, int]] = []
    tables = 0
    for mark, blocks in zip("abc", parts, strict=False):
        document = built(blocks, mark).document
        start = data.draw(st.integers(0, len(document)))
        end = data.draw(st.integers(start, len(document)))
        part = document[start:end]
        builder.separate()
        builder.add(part)
        added.append((builder.length - len(part), part, tables))
        known = [cell.table for at in range(len(part)) for cell in part.locate(at).cells]
        tables += max(known, default=0)
    merged = builder.build(media_type="text/plain")
    for shift, part, before in added:
        for at in range(len(part)):
            own, found = part.locate(at), merged.locate(shift + at)
            cells = tuple(one._replace(table=one.table + before) for one in own.cells)
            assert (found.boxes, found.pages, found.cells) == (own.boxes, own.pages, cells)
    for page in merged.pages:
        assert 0 <= page.start <= page.end <= len(merged)


# ---- documents that readers make ----------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=4), min_size=1, max_size=3))
def test_the_words_of_a_pdf_are_in_the_boxes_that_it_prints_them_in(
    pages: list[list[int]],
) -> None:
    pytest.importorskip("pypdfium2")
    texts: list[list[Text]] = []
    for number, lines in enumerate(pages):
        texts.append(
            [
                Text(40 + 180 * place, 60 + 40 * at, f"p{number}l{at}w{place}x")
                for at, words in enumerate(lines)
                for place in range(words)
            ]
        )
    document = read(pdf_of(texts), name="a.pdf")
    for number, words in enumerate(texts, 1):
        for one in words:
            at = document.index(one.text)
            (box,) = document.locate(at, at + len(one.text)).boxes
            right = one.left + CHARACTER * one.size * len(one.text)
            assert box.page == number
            assert abs(box.left - one.left) < 3
            assert abs(box.right - right) < 3
            assert box.top < one.top <= box.bottom + 3
            assert 0 <= box.left < box.right <= WIDTH
            assert 0 <= box.top < box.bottom <= HEIGHT


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(2, 3)), min_size=1, max_size=3))
def test_the_cells_of_html_are_those_of_its_tables(tables: list[tuple[int, int]]) -> None:
    pytest.importorskip("lxml")
    html, cells = "", dict[str, tuple[int, int, int]]()
    for number, (rows, columns) in enumerate(tables, 1):
        html += f"<h1>title{number}</h1><p>words & more</p><table>"
        for row in range(1, rows + 2):
            html += "<tr>"
            for column in range(1, columns + 1):
                word = f"t{number}r{row}c{column}x"
                cells[word] = number, row, column
                html += f"<td>{escape(word)}</td>"
            html += "</tr>"
        html += "</table>"
    document = read(html.encode(), media_type="text/html")
    for word, (number, row, column) in cells.items():
        at = document.index(word)
        found = document.locate(at, at + len(word))
        assert found.headings == (f"title{number}",)
        assert found.cell is not None
        assert found.cell[:3] == (number, row, column)


# ---- folding ------------------------------------------------------------------------------------

LETTERS = st.text("aBéß\u0130ﬁﬀ1. ,-\u2010\u00ad\n\tـ\u0301\u200d東ก\u0e34Ａ①", max_size=30)


@given(LETTERS)
def test_folding_keeps_offsets_in_order_and_within_the_text(text: str) -> None:
    folded = FoldedText(text)
    offsets = list(folded.offsets)
    assert len(offsets) == len(folded.folded)
    assert offsets == sorted(offsets)
    assert all(0 <= at < len(text) for at in offsets)


@given(LETTERS, st.data())
def test_what_is_found_in_a_folded_text_folds_to_what_was_looked_for(
    text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    wanted = FoldedText(text[start:end]).folded
    folded = FoldedText(text)
    spans = folded.spans(wanted, 100, cuts_words=True)
    for first, last in spans:
        assert 0 <= first < last <= len(text)
        part = FoldedText(text[first:last]).folded
        assert part == wanted or not folded.is_between_edges(first, last)
