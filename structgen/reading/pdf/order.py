"""The words of a page as lines in reading order: rows of tables whole, columns one by one.

A file may hold its words in any order. Words that follow each other on one line are a segment.
Columns of running text are found by the gutter between them, which no narrow segment crosses
(T. M. Breuel, "Two Geometric Algorithms for Layout Analysis", 2002, finds such gaps first, too).
Columns of numbers are no running text, so the rows of a table stay whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from structgen.reading.pdf.words import Word

_SAME_LINE: Final = 0.5
"""The share of the smaller height by which words of one line overlap at least."""
_SEGMENT_GAP: Final = 1.0
"""The widest gap inside a segment, in heights of the font."""
_NARROW: Final = 0.6
"""The share of the text's width up to which a segment may be a line of a column."""
_GUTTER_POINTS: Final = 6.0
_BIN_POINTS: Final = 2.0
_MOST_BINS: Final = 2000
"""A damaged file may place words anywhere; the bins are wider then."""
_CROSSING_SHARE: Final = 0.03
_CROSSING_SEGMENTS: Final = 2
"""The narrow segments that may cross a gutter, such as titles and captions: whichever is more."""
_EDGE_SHARE: Final = 0.15
"""How far from the edges of the text a gutter is, as a share of its width."""
_COLUMN_LINES: Final = 4
_COLUMN_SHARE: Final = 0.2
"""The width of a column at least, as a share of the text's."""
_COLUMN_WORDS: Final = 3.0
"""Words in the lines of running text, on average."""
_FILLED_SHARE: Final = 0.5
"""The share of a column's width that lines of running text fill, on average."""


@dataclass(slots=True)
class Segment:
    """Words that follow each other on one line."""

    words: list[Word]
    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, word: Word) -> Segment:
        """Begin a segment with a word."""
        return cls([word], word.left, word.top, word.right, word.bottom)

    def add(self, word: Word) -> None:
        """Add the next word."""
        self.words.append(word)
        self.left, self.right = min(self.left, word.left), max(self.right, word.right)
        self.top, self.bottom = min(self.top, word.top), max(self.bottom, word.bottom)

    @property
    def middle(self) -> float:
        """Halfway between its upper and lower edges."""
        return (self.top + self.bottom) / 2

    @property
    def width(self) -> float:
        """From its left to its right edge."""
        return self.right - self.left


Line: TypeAlias = "list[Segment]"
"""The segments of one line, in reading order."""


def lines_of(words: Iterable[Word]) -> list[list[Line]]:
    """Put the words of a page into reading order.

    Args:
        words: The words, in the order in which the file holds them.

    Returns:
        Blocks of lines: a column or a part of the page that has none. Words that run in another
        direction than most, such as those up the edge of a page, are blocks at the end.
    """
    by_turn: defaultdict[int, list[Word]] = defaultdict(list)
    for word in words:
        by_turn[word.turn].append(word)
    groups = sorted(by_turn.values(), key=len, reverse=True)
    return [block for group in groups for block in _blocks(_segments(group))]


def _segments(words: Iterable[Word]) -> list[Segment]:
    found: list[Segment] = []
    for word in words:
        if found and _goes_on(found[-1], word):
            found[-1].add(word)
        else:
            found.append(Segment.of(word))
    return found


def _goes_on(segment: Segment, word: Word) -> bool:
    """Whether a word is the next one of a segment."""
    last = segment.words[-1]
    overlap = min(last.bottom, word.bottom) - max(last.top, word.top)
    height = min(last.height, word.height)
    if overlap < _SAME_LINE * height:
        return False
    gap = max(word.left - last.right, last.left - word.right)
    return gap <= _SEGMENT_GAP * max(height, 1.0)


# ---- columns ---------------------------------------------------------------------------------


def _blocks(segments: list[Segment]) -> Iterator[list[Line]]:
    """Give the blocks of a region: above, beside and below its gutter."""
    gutter = _gutter(segments)
    if gutter is None:
        if segments:
            yield _lines(segments)
        return
    whole: list[Segment] = []
    for strip, barrier in _strips(segments, gutter):
        left = [one for one in strip if one.right <= gutter]
        right = [one for one in strip if one.left >= gutter]
        if _are_columns(left, right, segments):
            if whole:
                yield _lines(whole)
            whole = []
            yield from _blocks(left)
            yield from _blocks(right)
        else:
            whole += strip
        whole += barrier
    if whole:
        yield _lines(whole)


def _gutter(segments: list[Segment]) -> float | None:
    """Find a gap from above to below that separates columns of running text."""
    if len(segments) < 2 * _COLUMN_LINES:
        return None
    start, end = _extent(segments)
    width = end - start
    narrow = [one for one in segments if one.width <= _NARROW * width]
    if len(narrow) < 2 * _COLUMN_LINES:
        return None
    for gap in _gaps(narrow, start, width):
        strips = list(_strips(segments, gap))
        for strip, _ in strips:
            left = [one for one in strip if one.right <= gap]
            right = [one for one in strip if one.left >= gap]
            if _are_columns(left, right, segments):
                return gap
    return None


def _extent(segments: Sequence[Segment]) -> tuple[float, float]:
    return min(one.left for one in segments), max(one.right for one in segments)


def _gaps(narrow: Sequence[Segment], start: float, width: float) -> list[float]:
    """The middles of the gaps that few narrow segments cross, the widest first."""
    bin_width = max(_BIN_POINTS, width / _MOST_BINS)
    size = int(width / bin_width) + 2
    changes = [0] * (size + 1)
    for one in narrow:
        changes[int((one.left - start) / bin_width)] += 1
        changes[int((one.right - start) / bin_width) + 1] -= 1
    most = max(_CROSSING_SEGMENTS, int(_CROSSING_SHARE * len(narrow)))
    first, last = int(_EDGE_SHARE * size), int((1 - _EDGE_SHARE) * size)
    found: list[tuple[int, int]] = []
    covered = run = 0
    for at in range(size):
        covered += changes[at]
        if covered <= most and first <= at <= last:
            run += 1
            continue
        if run * bin_width >= _GUTTER_POINTS:
            found.append((run, at - run))
        run = 0
    if run * bin_width >= _GUTTER_POINTS:
        found.append((run, size - run))
    return [start + (at + run / 2) * bin_width for run, at in sorted(found, reverse=True)]


def _strips(
    segments: Iterable[Segment], gutter: float
) -> Iterator[tuple[list[Segment], list[Segment]]]:
    """Cut a region at the segments that cross a gutter.

    Gives, from above to below, the segments beside the gutter, then those that cross it.
    """
    crossing = [one for one in segments if one.left < gutter < one.right]
    crossing.sort(key=lambda one: one.middle)
    places = [one.middle for one in crossing]
    strips: list[list[Segment]] = [[] for _ in range(len(crossing) + 1)]
    for one in segments:
        if not one.left < gutter < one.right:
            strips[bisect_left(places, one.middle)].append(one)
    for at, strip in enumerate(strips):
        yield strip, crossing[at : at + 1]


def _are_columns(
    left: Sequence[Segment], right: Sequence[Segment], region: Sequence[Segment]
) -> bool:
    """Whether what is on both sides of a gutter is running text."""
    start, end = _extent(region)
    return all(_is_running_text(side, end - start) for side in (left, right))


def _is_running_text(side: Sequence[Segment], width: float) -> bool:
    if len(side) < _COLUMN_LINES:
        return False
    start, end = _extent(side)
    words = sum(len(one.words) for one in side) / len(side)
    filled = sum(one.width for one in side) / len(side) / max(end - start, 1.0)
    is_wide = end - start >= _COLUMN_SHARE * width
    return is_wide and words >= _COLUMN_WORDS and filled >= _FILLED_SHARE


# ---- lines -----------------------------------------------------------------------------------


def _lines(segments: list[Segment]) -> list[Line]:
    """Put segments that are side by side into lines, from above to below."""
    found: list[Line] = []
    for one in sorted(segments, key=lambda one: one.middle):
        if found and _is_beside(found[-1][0], one):
            found[-1].append(one)
        else:
            found.append([one])
    for line in found:
        line.sort(key=lambda one: one.left, reverse=_is_right_to_left(line))
    return found


def _is_beside(one: Segment, other: Segment) -> bool:
    overlap = min(one.bottom, other.bottom) - max(one.top, other.top)
    return overlap >= _SAME_LINE * min(one.bottom - one.top, other.bottom - other.top)


def _is_right_to_left(line: Line) -> bool:
    """Whether most letters of a line are Hebrew, Arabic or of their kin."""
    letters = [letter for one in line for word in one.words for letter in word.text]
    right = sum(
        "\u0590" <= letter <= "\u08ff" or "\ufb1d" <= letter <= "\ufefc" for letter in letters
    )
    return 2 * right > len(letters)
