"""Where a text may be cut: before headings, else after paragraphs, lines, sentences, words.

Only if a text has none of these within reach is it cut within a word, and then between characters
as people see them. A row of a table stays whole if it fits.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Final

from structgen.reading.document import Document
from structgen.reading.options import ReadSettings
from structgen.reading.text import markdown_document

_PARAGRAPH: Final = re.compile(r"(?:\r\n|[\n\r])(?:[^\S\n\r]*(?:\r\n|[\n\r]))+|\f\s*")
_LINE: Final = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
_SENTENCE: Final = re.compile(
    r"""(?<!\b[^\W\d_])(?<![.!?…])[.!?…]+["'”’»)\]]*\s+(?![\sa-zß-öø-ÿ])"""
    r"|[。！？｡]+[」』”’）]*\s*"
)
"""The end of a sentence. After a single letter, or before a small one, a point ends none.

A match begins with the first of several points, or a long row of them would take quadratic time."""
_WORD: Final = re.compile(r"\s+|[、，；：。！？）」』】]\s*")
"""The end of a word; in scripts without spaces, that of a clause."""
_PUNCTUATION: Final = re.compile(r"[^\w\s]+")

_LETTERS_AS_MARKS: Final = "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f"
"""What Unicode does not call a mark and is one: joiners, Thai and Lao "am", marks of half-width
kana."""
_MOST_FLAG_HALVES: Final = 1_000
"""How far to look back for where a row of flags begins; an even number."""

Finder = Callable[[], Sequence[int]]
"""Finds all places of a level, in the order of the text."""


class Boundaries:
    """The places where a text may be cut, by level. Each level is found when first needed."""

    def __init__(self, text: str, fits: Callable[[int, int], bool]) -> None:
        """Note what the text tells of itself.

        Args:
            text: The text. The headings and tables of a Document are known.
            fits: Tells whether the text between two offsets fits into a chunk.
        """
        self._text, self._fits = text, fits
        self._rows = list(_rows(text)) if isinstance(text, Document) else []
        self._row_starts = [start for start, _ in self._rows]
        whole_rows: list[Finder] = [*_headings(text), partial(_ends, _PARAGRAPH, text), self._lines]
        within_rows: list[Finder] = [
            self._cells,
            partial(_ends, _SENTENCE, text),
            partial(_ends, _WORD, text),
            partial(_ends, _PUNCTUATION, text),
        ]
        self._levels = [*whole_rows, *within_rows]
        self._keeping_rows = len(whole_rows)
        self._found: dict[int, Sequence[int]] = {}

    def between(self, start: int, end: int) -> Iterator[int]:
        """Give the places to cut in a part of the text: the best first, and of equals the last.

        Args:
            start: The offset that the part begins at. It is no place to cut.
            end: The last offset that may be one.
        """
        for level in range(len(self._levels)):
            if level not in self._found:
                self._found[level] = self._levels[level]()
            places = self._found[level]
            first, last = bisect_right(places, start), bisect_right(places, end)
            for place in reversed(places[first:last]):
                may_cut = level >= self._keeping_rows or not self._cuts_row(place)
                if may_cut and is_between_characters(self._text, place):
                    yield place
        yield from (at for at in range(end, start, -1) if is_between_characters(self._text, at))

    def _cuts_row(self, place: int) -> bool:
        """Whether a place is within a row of a table that fits into a chunk."""
        at = bisect_right(self._row_starts, place) - 1
        if at < 0:
            return False
        start, end = self._rows[at]
        return start < place < end and self._fits(start, end)

    def _lines(self) -> Sequence[int]:
        of_rows = (place for row in self._rows if _LINE.search(self._text, *row) for place in row)
        return sorted({*_ends(_LINE, self._text), *of_rows})

    def _cells(self) -> Sequence[int]:
        text = self._text
        if not isinstance(text, Document):
            return ()
        inside = (span.end - text.offset for span in text.layout.cells)
        return sorted({place for place in inside if 0 < place < len(text)})


def located(text: str) -> Document:
    """Give a text that knows its headings and tables; of a plain one, those of Markdown.

    Args:
        text: The document.
    """
    return text if isinstance(text, Document) else markdown_document(text, ReadSettings())


def is_between_characters(text: str, at: int) -> bool:
    """Whether an offset is between two characters as people see them.

    These are the extended grapheme clusters of Unicode (UAX #29), but for the syllables of a few
    scripts.

    Args:
        text: The text.
        at: The offset.
    """
    if not 0 < at < len(text):
        return True
    before, after = text[at - 1], text[at]
    if unicodedata.category(before) == "Cc" or unicodedata.category(after) == "Cc":
        return (before, after) != ("\r", "\n")
    if before == "\u200d" or _goes_on(after):
        return False
    if _is_flag_half(before) and _is_flag_half(after):
        halves = 0
        while halves < min(at, _MOST_FLAG_HALVES) and _is_flag_half(text[at - 1 - halves]):
            halves += 1
        return halves % 2 == 0
    return not (_is_jamo(before) and _is_jamo(after))


def _goes_on(character: str) -> bool:
    """Whether it belongs to the character before it: a mark, a joiner, a tag of a flag."""
    is_mark = (
        unicodedata.category(character) in ("Mn", "Me", "Mc") or character in _LETTERS_AS_MARKS
    )
    is_tag = "\U000e0020" <= character <= "\U000e007f"
    return is_mark or is_tag or "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_flag_half(character: str) -> bool:
    """Whether it is a regional indicator: two of them make a flag."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _is_jamo(character: str) -> bool:
    """Whether it is a part of a Korean syllable."""
    return "\u1100" <= character <= "\u11ff"


def _ends(pattern: re.Pattern[str], text: str) -> Sequence[int]:
    return [found.end() for found in pattern.finditer(text)]


def _headings(text: str) -> Iterator[Finder]:
    """The places before headings: of the highest level, then of this and the next, and so on."""
    known = text.headings if isinstance(text, Document) else ()
    for level in sorted({one.level for one in known}):
        places = [one.start for one in known if one.level <= level]
        yield partial(sorted, places)


def _rows(text: Document) -> Iterator[tuple[int, int]]:
    """The rows of tables; of a table in a cell, none but the row that it is in."""
    outer_end = 0
    spans = [span for span in text.layout.cells if span.end > text.offset]
    ends = {span.cell[:2]: span.end - text.offset for span in spans}
    for row, of_row in groupby(spans, key=lambda span: span.cell[:2]):
        start = next(of_row).start - text.offset
        if start >= outer_end:
            outer_end = ends[row]
            yield start, min(outer_end, len(text))
