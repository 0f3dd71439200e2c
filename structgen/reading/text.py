"""Plain text and Markdown."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from structgen.reading.document import Document
from structgen.reading.layout import Cell, CellSpan, Heading, Layout
from structgen.reading.options import ReadSettings

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ATX: Final = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_SETEXT: Final = re.compile(r" {0,3}(=|-)\1*[ \t]*$")
"""The line under a heading (CommonMark, "Setext headings")."""
_FENCE: Final = re.compile(r" {0,3}(```+|~~~+)")
_DELIMITER_ROW: Final = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
"""The row under the header of a table (GitHub Flavored Markdown, "Tables")."""


def encoding_of(head: bytes) -> str:
    """Tell an encoding by the first four bytes of a file: its byte order mark, else its zeros."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    zeros = tuple(byte == 0 for byte in head)
    if zeros == (False, True, False, True):
        return "utf-16-le"
    if zeros == (True, False, True, False):
        return "utf-16-be"
    return "utf-8-sig"


def decode(data: bytes, encoding: str | None) -> str:
    """Decode a text that was read whole.

    Args:
        data: The bytes.
        encoding: Their encoding; None for what the first of them tell.

    Raises:
        UnicodeDecodeError: If it is not in this encoding.
    """
    return data.decode(encoding or encoding_of(data[:4]))


def read_plain(data: bytes, settings: ReadSettings) -> str:
    """Read a plain text.

    Args:
        data: The file.
        settings: Its encoding.
    """
    return decode(data, settings.encoding)


def read_markdown(data: bytes, settings: ReadSettings) -> Document:
    """Read Markdown as it is, with its headings and tables.

    Args:
        data: The file.
        settings: Its encoding.
    """
    return markdown_document(decode(data, settings.encoding), settings)


def markdown_document(text: str, settings: ReadSettings) -> Document:
    """Find the headings and tables of Markdown.

    Args:
        text: The Markdown.
        settings: The name and kind of its file.
    """
    lines = list(_lines(text))
    return Document(
        text,
        layout=Layout(headings=tuple(_headings(lines)), cells=tuple(_cells(lines))),
        name=settings.name,
        media_type=settings.media_type or "text/markdown",
    )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line outside fenced code, with its offset."""
    start, fence = 0, ""
    for line in text.splitlines(keepends=True):
        opened = _FENCE.match(line)
        if fence:
            fence = "" if opened and opened[1].startswith(fence) else fence
        elif opened:
            fence = opened[1]
        else:
            yield start, line.rstrip("\r\n")
        start += len(line)


def _headings(lines: list[tuple[int, str]]) -> Iterator[Heading]:
    for (start, line), (_, below) in pairwise([*lines, (0, "")]):
        if found := _ATX.match(line):
            yield Heading(start, len(found[1]), found[2])
        elif line.strip() and "|" not in line and (under := _SETEXT.match(below)):
            yield Heading(start, 1 if under[1] == "=" else 2, line.strip())


def _cells(lines: list[tuple[int, str]]) -> Iterator[CellSpan]:
    """The cells of pipe tables: a header, a delimiter row, and the rows below."""
    table, row = 0, 0
    header: list[str] = []
    for at, (start, line) in enumerate(lines):
        following = lines[at + 1][1] if at + 1 < len(lines) else ""
        if not row and "|" in line and "|" in following and _DELIMITER_ROW.match(following):
            table, row = table + 1, 1
            header = [line[one:end].strip() for one, end in _cell_places(line)]
        elif row and "|" not in line:
            row = 0
        elif row and not (row == 1 and _DELIMITER_ROW.match(line)):
            row += 1
        elif row:
            continue
        if row:
            yield from _row(start, line, table, row, header)


def _row(start: int, line: str, table: int, row: int, header: list[str]) -> Iterator[CellSpan]:
    for column, (begin, end) in enumerate(_cell_places(line), 1):
        name = header[column - 1] if column <= len(header) else None
        if end > begin:
            yield CellSpan(start + begin, start + end, Cell(table, row, column, name or None))


def _cell_places(line: str) -> list[tuple[int, int]]:
    """Where the text of each cell of a row begins and ends."""
    bounds = [at for at, sign in enumerate(line) if sign == "|" and line[at - 1 : at] != "\\"]
    edges = [-1, *bounds, len(line)]
    if bounds and not line[: bounds[0]].strip():
        edges = edges[1:]
    if bounds and not line[bounds[-1] + 1 :].strip():
        edges = edges[:-1]
    places = []
    for before, after in pairwise(edges):
        inside = line[before + 1 : after]
        begin = before + 1 + len(inside) - len(inside.lstrip())
        places.append((begin, begin + len(inside.strip())))
    return places
