"""Find rows of a table that a model passed over: those that no item of its answer is from.

A table is taken for the source of a list if at least half of its rows have an item in it. The items
and the rows are brought together by their words and numbers, in the order of both.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from structgen.documents.chunk import Chunk
from structgen.reading.document import Document
from structgen.schema.json import inner_values, outer_lists
from structgen.values import Json

CountedRows: TypeAlias = Literal["tables", "lines", "off"]
"""Which rows a list may lack. `tables`: the rows of the document's tables. `lines`: those, and each
line of text outside of tables. `off`: nothing, so that no list is checked."""

_AROUND_ROW: Final = " \t|"
_WORD: Final = re.compile(r"[^\W_]+(?:[.,]\d+)*")
_MOST_WORK: Final = 1_000_000
"""Pairs of a row and an item that are compared for a list at most: about a second."""
_ENOUGH: Final = 0.5
"""The share of an item's words that a row has to hold to be its source, and the share of a table's
rows that have to be a source for the table to be the source of a list."""
_OF_ROW: Final = 0.001
"""The weight of what decides between equals alone: the share of a row's words that an item has, and
the share of an item's words that the row has as they are written and in their order."""


class Gap(NamedTuple):
    """Rows of the document that a list should have items of, and has none."""

    path: str
    """JSON Pointer of the list."""
    before: int
    """The index of the item that the missing ones belong before."""
    start: int
    """The offset of the first row in the document."""
    end: int
    """The offset after the last one."""


class _Said(NamedTuple):
    """The statements of a row or an item."""

    words: frozenset[str]
    """Its words, and its numbers without what may differ: 10 is 1."""
    written: frozenset[str | tuple[str, str]]
    """Its words and numbers as they are written, and each pair of them that follow each other."""


class _Row(NamedTuple):
    table: int
    """The number of its table; of a line outside of tables, that of its paragraph, below 0."""
    start: int
    end: int
    said: _Said


def find_gaps(
    document: Document,
    chunk: Chunk,
    value: Json,
    *,
    counted: CountedRows = "tables",
    may_lack: Callable[[str], bool] = lambda path: True,
    least: float = _ENOUGH,
) -> list[Gap]:
    """Find the rows of a chunk that its answer has no items of.

    Args:
        document: The whole document.
        chunk: The part of it that was asked about.
        value: What was answered, as plain data.
        counted: What counts as a row.
        may_lack: Tells whether a list, given by its pointer, is to have an item for each row.
        least: The share of a table's rows that have an item, if the list is made from the table.

    Returns:
        The gaps, in the order of the document. Rows that follow each other are one gap.
    """
    lists = [found for found in outer_lists(value) if found[1] and may_lack(found[0])]
    rows = list(_rows(document, chunk, counted)) if lists and counted != "off" else []
    of_table = Counter(row.table for row in rows)
    best: dict[int, tuple[int, str, Mapping[int, int]]] = {}
    for path, items in lists:
        sources = _sources(items, rows)
        for table, found in Counter(rows[at].table for at in sources).items():
            if found >= least * of_table[table] and found > best.get(table, (0,))[0]:
                best[table] = found, path, sources
    return _gaps(rows, best)


def _gaps(
    rows: Sequence[_Row],
    best: Mapping[int, tuple[int, str, Mapping[int, int]]],
) -> list[Gap]:
    found: list[Gap] = []
    for table, of_table in groupby(range(len(rows)), key=lambda at: rows[at].table):
        if table not in best:
            continue
        _, path, sources = best[table]
        matched = sorted(sources)
        for is_missing, run in groupby(of_table, key=lambda at: at not in sources):
            if not is_missing:
                continue
            numbers = list(run)
            after = bisect_left(matched, numbers[0])
            before = sources[matched[after]] if after < len(matched) else _end(sources)
            found.append(Gap(path, before, rows[numbers[0]].start, rows[numbers[-1]].end))
    return found


def _end(sources: Mapping[int, int]) -> int:
    """The index after the last item that has a row."""
    return max(sources.values(), default=-1) + 1


def _with_bars(document: Document, chunk: Chunk, start: int, end: int) -> tuple[int, int]:
    """A row with the bars that Markdown has around it, as far as they are in the chunk."""
    while start > chunk.start and document[start - 1] in _AROUND_ROW:
        start -= 1
    while end < chunk.end and document[end] in _AROUND_ROW:
        end += 1
    return start, end


def _rows(document: Document, chunk: Chunk, counted: CountedRows) -> Iterator[_Row]:
    """The rows that are whole in a chunk, without the heads of tables."""
    spans = document.layout.cells
    shift = document.offset
    first = bisect_left(spans, chunk.start + shift, key=lambda span: span.start)
    last = bisect_left(spans, chunk.end + shift, key=lambda span: span.start)
    with_head = {span.cell.table for span in spans[first : last + 1] if span.cell.header}
    whole: list[tuple[int, int, int]] = []
    seen: set[tuple[int, int]] = set()
    for (table, number), of_row in groupby(spans[first:last], key=lambda span: span.cell[:2]):
        cells = list(of_row)
        if (table, number) in seen:  # it goes on after a table in one of its cells
            continue
        seen.add((table, number))
        start, end = cells[0].start - shift, cells[-1].end - shift
        is_head = number == 1 and table in with_head
        is_cut = first > 0 and spans[first - 1].cell[:2] == (table, number)
        if end <= chunk.end and not is_cut and not is_head:
            whole.append((table, *_with_bars(document, chunk, start, end)))
    if counted == "lines":
        whole = sorted([*whole, *_lines(document, chunk)], key=lambda row: row[1])
    for table, start, end in whole:
        yield _Row(table, start, end, _said(_words(document[start:end])))


def _lines(document: Document, chunk: Chunk) -> Iterator[tuple[int, int, int]]:
    """The lines of a chunk that no cell is in, each with the number of its paragraph, below 0."""
    paragraph, at = -1, chunk.start
    for line in chunk.text.splitlines(keepends=True):
        start, end = at, at + len(line.rstrip())
        at += len(line)
        if not line.strip():
            paragraph -= 1
        elif document.locate(start, end).cell is None:
            yield paragraph, start, end


def _sources(items: Sequence[Json], rows: Sequence[_Row]) -> dict[int, int]:
    """The items by the number of the row that each is from, in the order of both.

    It is the alignment with the highest sum of likenesses (Needleman and Wunsch 1970).
    """
    said = [_said(list(_item_words(item))) for item in items]
    if len(said) == len(rows):
        shares = (_share(said[at].words, row.said.words) for at, row in enumerate(rows))
        if all(share == 1 for share in shares):
            return {at: at for at in range(len(rows))}
    if len(items) * len(rows) > _MOST_WORK:
        return {}
    best = [[0.0] * (len(rows) + 1)]
    for of_item in said:
        before, scores = best[-1], [0.0]
        for at, row in enumerate(rows):
            both = before[at] + _likeness(of_item, row.said)
            scores.append(max(scores[at], before[at + 1], both))
        best.append(scores)
    found: dict[int, int] = {}
    item, at = len(items), len(rows)
    while item and at:
        score = best[item][at]
        if score == best[item - 1][at]:
            item -= 1
        elif score == best[item][at - 1]:
            at -= 1
        else:
            item, at = item - 1, at - 1
            found[at] = item
    return found


def _likeness(item: _Said, row: _Said) -> float:
    """The share of an item's words that a row has; of rows with all, the nearest is best."""
    share = _share(item.words, row.words)
    if share < _ENOUGH:
        return 0.0
    return share + _OF_ROW * (_share(row.words, item.words) + _share(item.written, row.written))


def _share(some: frozenset[Any], others: frozenset[Any]) -> float:
    """The share of some words that is among others."""
    return len(some & others) / len(some) if some else 0.0


def _item_words(value: Json) -> Iterator[str]:
    """The words and numbers that an item states."""
    if isinstance(value, str):
        yield from _words(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield repr(value)
    else:
        for inner in inner_values(value):
            yield from _item_words(inner)


def _words(text: str) -> list[str]:
    return [one.casefold() for one in _WORD.findall(text)]


def _said(words: Sequence[str]) -> _Said:
    plain = (_number(one) if one.removeprefix("-")[:1].isdigit() else one for one in words)
    return _Said(frozenset(plain), frozenset([*words, *pairwise(words)]))


def _number(text: str) -> str:
    """A number without separators and without zeros at its end: 1,234.50 is 1234.5 is 12345."""
    digits = "".join(sign for sign in text if sign.isalnum())
    return digits.rstrip("0") or "0"
