"""Rows of CSV and TSV. A malformed record costs its line, and reading goes on at the next one."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from structgen.pipeline.inputs.options import ReadOptions
from structgen.pipeline.inputs.place import UNDECODABLE, Place, open_text
from structgen.pipeline.inputs.rows import (
    CHECK_FILE,
    ENCODING,
    NOT_TEXT,
    bad_item,
    item_of_row,
    missing_columns,
)
from structgen.pipeline.record import Item

_FIELD_SIZE: Final = 2**24
"""Characters of a field at most, so that an unclosed quote does not fill the memory."""
_DELIMITERS: Final = (",", ";", "\t", "|")
"""What may separate fields, if the one that the suffix promises does not fit the header."""


def read_csv(place: Place, options: ReadOptions) -> Iterator[Item]:
    """Read the rows of a CSV file."""
    return _read(place, options, ",")


def read_tsv(place: Place, options: ReadOptions) -> Iterator[Item]:
    """Read the rows of a TSV file."""
    return _read(place, options, "\t")


def csv_columns(place: Place, options: ReadOptions) -> Sequence[str]:
    """Give the columns of a CSV or TSV file; none if its header is no text."""
    default = "\t" if place.name.lower().split(".csv")[0].endswith(".tsv") else ","
    with place.open() as file, open_text(file, options.encoding) as text:
        _, header = _header(_Lines(text), options, default)
    return () if header is None or any(UNDECODABLE in name for name in header) else header


def _read(place: Place, options: ReadOptions, default: str) -> Iterator[Item]:
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_SIZE))
    with place.open() as file, open_text(file, options.encoding) as text:
        lines = _Lines(text)
        delimiter, header = _header(lines, options, default)
        where = f"{place.name}:{max(lines.number, 1)}"
        if header is None:
            yield bad_item(where, "its header is malformed or missing", hint=CHECK_FILE)
            return
        if any(UNDECODABLE in name for name in header):
            yield bad_item(where, f"{NOT_TEXT} (header)", hint=ENCODING)
            return
        missing = missing_columns([*header, *place.partitions], place.name, options)
        if missing is not None:
            yield Item(where, "", error=missing)
            return
        yield from _rows(
            lines, csv.reader(lines, delimiter=delimiter, strict=True), header, place, options
        )


def _rows(
    lines: _Lines,
    records: Iterator[list[str]],
    header: Sequence[str],
    place: Place,
    options: ReadOptions,
) -> Iterator[Item]:
    keep = [(at, name) for at, name in enumerate(header) if options.takes(name)]
    while True:
        lines.taken.clear()
        first = lines.number + 1
        where = f"{place.name}:{first}"
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            yield _malformed(lines, where, first, str(error))
            continue
        if not cells:
            continue  # an empty line
        if len(cells) != len(header):
            span = where if lines.number == first else f"{where}-{lines.number}"
            why = f"it has {len(cells)} fields, and the header has {len(header)}"
            yield bad_item(span, why, key=where)
        elif any(UNDECODABLE in cells[at] for at, _ in keep):
            yield bad_item(where, NOT_TEXT, hint=ENCODING)
        else:
            row = {name: cells[at] for at, name in keep}
            yield item_of_row(row, where, options, place.partitions)


def _malformed(lines: _Lines, where: str, first: int, why: str) -> Item:
    """Fail the line at which a malformed record begins, and go on at the next one."""
    last = lines.number
    lines.go_back()
    if last > first:
        why = f"a quote is not closed, or closed too late (line {last}: {why})"
    return bad_item(where, why, hint="Correct the line. Reading went on at the next one.")


class _Lines:
    """The lines of a file, of which those of the record under way can be read again."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        """The lines of the record under way."""
        self.number = 0
        """How many lines were read."""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._file)
        self.taken.append(line)
        self.number += 1
        return line

    def go_back(self, keep: int = 1) -> None:
        """Read the lines of the record under way again, but for the first ones."""
        again = self.taken[keep:]
        self._again.extendleft(reversed(again))
        self.number -= len(again)
        self.taken.clear()


def _header(lines: _Lines, options: ReadOptions, default: str) -> tuple[str, Sequence[str] | None]:
    """Read the header. Gives the delimiter, and the columns: None if there is no header."""
    line = next(lines, "")
    said = line.strip().lower()
    if said.startswith("sep=") and len(said) == 5:  # Excel writes the delimiter so
        default = said[-1]
    else:
        lines.go_back(0)
    candidates = dict.fromkeys((default, *_DELIMITERS))
    if options.delimiter is not None:
        candidates = {options.delimiter: None}
    found: list[tuple[str, Sequence[str]]] = []
    for delimiter in candidates:
        lines.taken.clear()
        try:
            names = next(csv.reader(lines, delimiter=delimiter, strict=True), None)
        except csv.Error:
            names = None
        if names and all(wanted in names for wanted in options.needed):
            return delimiter, _distinct(names)
        if names:
            found.append((delimiter, _distinct(names)))
        lines.go_back(0)
    next(lines, "")
    return found[0] if found else (default, None)


def _distinct(names: Sequence[str]) -> Sequence[str]:
    """Number columns of the same name: "note", "note_2"."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return distinct
