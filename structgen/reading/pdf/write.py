"""Write the lines of pages as a text: paragraphs, joined words, headings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Final

from structgen.reading.builder import DocumentBuilder
from structgen.reading.layout import Box, Cell
from structgen.reading.pdf.order import Line
from structgen.reading.pdf.tables import cells_of, is_cell_gap
from structgen.reading.pdf.words import NO_SPACES, Word

_PARAGRAPH_GAP: Final = 0.6
"""The white space above a line from which on it begins a paragraph, in heights of the font."""
_HYPHENS: Final = ("-", "\u2010", "\u00ad")
_AROUND_WORDS: Final = ".,;:!?()[]{}\"'“”‘’«»…-\u2010"
_PART: Final = 3
"""Letters of a part of a compound, at least: shorter ones are words of their own too often."""
_LAST_WORD: Final = re.compile(r"[\w\u2010-]+$")
_FIRST_WORD: Final = re.compile(r"\w+")
_HEADING_SIZE: Final = 1.15
"""How much larger than body text headings are at least."""
_HEADING_CHARACTERS: Final = 160
_HEADING_LEVELS: Final = 6


class Vocabulary:
    """The words of a file, which tell whether a hyphen at the end of a line belongs to a word."""

    def __init__(self, words: Iterable[Word]) -> None:
        """Collect the words.

        Args:
            words: All words of the file.
        """
        self._compounds: set[str] = set()
        self._words: set[str] = set()
        is_rest = False  # of a word that is broken at the end of a line
        for word in words:
            was_rest, is_rest = is_rest, word.text.endswith(_HYPHENS)
            if was_rest or is_rest:
                continue
            plain = word.text.strip(_AROUND_WORDS).lower().replace("\u2010", "-")
            (self._compounds if "-" in plain else self._words).add(plain)

    def keeps_hyphen(self, first: str, second: str) -> bool:
        """Whether the hyphen at the end of a line belongs to a word that goes on in the next one.

        It does if the word is on one line with it somewhere, or if its parts are words of their own
        and nowhere one word.

        Args:
            first: The part before the break, with the hyphen.
            second: The part after it.
        """
        before, after = _LAST_WORD.search(first[:-1]), _FIRST_WORD.match(second)
        if before is None or after is None:
            return True
        parts = before[0].lower().replace("\u2010", "-"), after[0].lower()
        if "-" in parts[0] or "-".join(parts) in self._compounds:  # as in "state-of-the-art"
            return True
        are_words = all(len(part) >= _PART and part in self._words for part in parts)
        return are_words and "".join(parts) not in self._words


def body_height(pages: Iterable[Iterable[Word]]) -> float:
    """Give the height of the font that most characters have.

    Args:
        pages: The words of each page.
    """
    sizes: Counter[float] = Counter()
    for words in pages:
        for word in words:
            sizes[_size(word)] += len(word.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def heading_sizes(pages: Iterable[Iterable[Sequence[Line]]], body: float) -> list[float]:
    """Give the heights of the fonts of headings, the largest first.

    Args:
        pages: The blocks of lines of each page.
        body: The height of body text.
    """
    lines = (line for blocks in pages for block in blocks for line in block)
    sizes = {_line_size(line) for line in lines if _is_heading(line, body)}
    return sorted(sizes, reverse=True)


def _size(word: Word) -> float:
    return round(word.height * 2) / 2


def _line_size(line: Line) -> float:
    return max(_size(word) for one in line for word in one.words)


def _is_heading(line: Line, body: float) -> bool:
    words = [word for one in line for word in one.words]
    length = sum(len(word.text) + 1 for word in words)
    has_letters = any(letter.isalpha() for word in words for letter in word.text)
    sizes = sorted(_size(word) for word in words)
    is_large = sizes[len(sizes) // 2] >= _HEADING_SIZE * body
    return has_letters and is_large and length <= _HEADING_CHARACTERS and len(line) == 1


def add_outline(builder: DocumentBuilder, start: int, titles: Iterable[tuple[int, str]]) -> None:
    """Note the headings of a page that the outline of the file names.

    Args:
        builder: What the page was written to.
        start: The offset where the page begins, or the white space before it.
        titles: The level and title of each entry for the page.
    """
    page = builder.written_since(start)
    begins = builder.length - len(page)
    after = 0
    for level, title in titles:
        words = r"\s+".join(map(re.escape, title.split()))
        found = re.compile(words, re.IGNORECASE).search(page, after)
        at = found.start() if found else after
        after = found.end() if found else after
        builder.heading(level, title, begins + at)


class PageWriter:
    """Writes the lines of one page after the other."""

    def __init__(
        self, builder: DocumentBuilder, vocabulary: Vocabulary, body: float, sizes: Sequence[float]
    ) -> None:
        """Prepare to write.

        Args:
            builder: What to write to.
            vocabulary: The words of the file.
            body: The height of body text.
            sizes: The heights of headings, the largest first; none if the file has an outline.
        """
        self._builder, self._vocabulary, self._body = builder, vocabulary, body
        self._levels = {size: min(at, _HEADING_LEVELS) for at, size in enumerate(sizes, 1)}
        self._heading_level: int | None = None
        self._heading_start = 0

    def write(self, number: int, blocks: Sequence[Sequence[Line]]) -> None:
        """Write the blocks of a page.

        Args:
            number: The number of the page.
            blocks: Its blocks of lines.
        """
        for block in blocks:
            self._builder.separate()
            tables = cells_of(block, self._builder.next_table)
            for at, line in enumerate(block):
                level = self._level(line)
                is_apart = at > 0 and _begins_paragraph(block[at - 1], line)
                if level != self._heading_level or is_apart:
                    self._end_heading()
                if is_apart or (level is not None and self._heading_level is None):
                    self._builder.separate()
                following = block[at + 1][0].words[0] if at + 1 < len(block) else None
                start = self._write_line(number, line, following, tables.get(at))
                if level is not None and self._heading_level is None:
                    self._heading_level, self._heading_start = level, start
            self._end_heading()

    def _level(self, line: Line) -> int | None:
        """The level of a heading; None for other lines."""
        return self._levels.get(_line_size(line)) if _is_heading(line, self._body) else None

    def _end_heading(self) -> None:
        """Note the heading that was written last, if its lines are not noted yet."""
        if self._heading_level is not None:
            title = " ".join(self._builder.written_since(self._heading_start).split())
            self._builder.heading(self._heading_level, title, self._heading_start)
            self._builder.separate()
        self._heading_level = None

    def _write_line(
        self, number: int, line: Line, following: Word | None, cells: Sequence[Cell] | None
    ) -> int:
        """Write a line and what separates it from the next; give the offset where it begins."""
        builder, printed = self._builder, self._builder.next_line()
        words = [word for one in line for word in one.words]
        start = -1
        for at, word in enumerate(words):
            if at:
                builder.separate(_between(words[at - 1], word))
            is_last = at == len(words) - 1
            after = following if is_last else None
            text, separator = self._end_of_line(word, after) if is_last else (word.text, "")
            box = Box(number, *word.box)
            with builder.cell(cells[at]) if cells else nullcontext():
                written = builder.write(text, box, line=printed)
            start = written if at == 0 else start
            builder.separate(separator)
        return start

    def _end_of_line(self, word: Word, following: Word | None) -> tuple[str, str]:
        """The last word of a line as it is written, and what separates it from the next line."""
        if following is None:
            return word.text, "\n"
        if NO_SPACES.match(word.text[-1]) and NO_SPACES.match(following.text):
            return word.text, ""
        text = word.text
        is_broken = text.endswith(_HYPHENS) and text[-2:-1].isalpha()
        if not is_broken or not following.text[0].islower():
            return text, "\n"
        keeps = text[-1] != "\u00ad" and self._vocabulary.keeps_hyphen(text, following.text)
        return text if keeps else text[:-1], ""


def _between(word: Word, following: Word) -> str:
    """What separates two words of a line."""
    if is_cell_gap(word, following):
        return "\t"
    return "" if following.is_glued else " "


def _begins_paragraph(before: Line, line: Line) -> bool:
    """Whether white space above a line sets it apart."""
    height = max(min(_line_size(before), _line_size(line)), 1.0)
    gap = min(one.top for one in line) - max(one.bottom for one in before)
    return gap > _PARAGRAPH_GAP * height
