"""A workbook: its sheets, and the cells of each as they are shown (ECMA-376, part 1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from structgen.errors import DocumentError
from structgen.extras import load
from structgen.reading.office.number_formats import BUILT_IN, shown_number, shown_text
from structgen.reading.office.package import Package

MOST_CELLS: Final = 5_000_000
"""The cells that one sheet may have. Those without a value are not counted: a program may format a
million of them."""
_REFERENCE: Final = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})$")
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""A character that XML cannot hold (ECMA-376, 22.4.2.4)."""
_PHONETIC: Final = "rPh"
"""How a Japanese text is pronounced, which stands beside it."""
_FIRST_DAY: Final = datetime(1899, 12, 30)


class Sheet(NamedTuple):
    """A sheet of a workbook."""

    title: str
    """Its name."""
    part: str
    """The name of its part in the package."""
    is_hidden: bool
    """Whether the workbook hides it."""


class Row(NamedTuple):
    """A row of a sheet."""

    number: int
    """Its number, from 1."""
    texts: dict[int, str]
    """The texts of its cells by the number of their column, from 1. Empty cells are left out."""
    is_hidden: bool
    """Whether the sheet hides it."""


@dataclass(slots=True)
class SheetContent:
    """The content of a sheet."""

    rows: list[Row] = field(default_factory=list)
    """The rows that have a text, in order."""
    hidden_columns: set[int] = field(default_factory=set)
    """The numbers of the columns that the sheet hides, of those that have a text."""
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    """The cells that are one: first row and column, last row and column."""
    missing: int = 0
    """The formulas whose values are not in the file."""


class Workbook:
    """A workbook that is read sheet by sheet."""

    def __init__(self, package: Package, name: str) -> None:
        """Read what its sheets share.

        Args:
            package: The file.
            name: What errors call it.
        """
        self._package, self._name = package, name
        root = package.tree(package.main)
        properties = root.find("{*}workbookPr")
        dates = "" if properties is None else properties.get("date1904", "")
        self._since_1904 = dates in ("1", "true")
        self._texts = _shared_texts(package)
        self._formats = _formats(package)
        parts = {one.identity: one for one in package.relations(package.main)}
        self.sheets = list(_sheets(root, parts))

    def content(self, sheet: Sheet) -> SheetContent:
        """Read a sheet.

        Args:
            sheet: The sheet.

        Raises:
            DocumentError: If it has too many cells.
        """
        lxml = load("lxml.etree", "files")
        content, cells, number = SheetContent(), 0, 0
        hidden: list[tuple[int, int]] = []
        wanted = ("{*}row", "{*}col", "{*}mergeCell")
        with self._package.open(sheet.part) as file:
            events = lxml.iterparse(
                file, tag=wanted, resolve_entities=False, no_network=True, huge_tree=True
            )
            for _, element in events:
                kind = element.tag.rpartition("}")[2]
                if kind == "row":
                    number = int(element.get("r") or number + 1)
                    texts = self._texts_of(element, content)
                    if texts:
                        is_hidden = _is_true(element.get("hidden"))
                        content.rows.append(Row(number, texts, is_hidden))
                    cells += len(texts)
                    self._check_count(cells, sheet.title)
                elif kind == "col" and _is_true(element.get("hidden")):
                    hidden.append((int(element.get("min", 0)), int(element.get("max", 0))))
                elif kind == "mergeCell":
                    content.merged += _area(element.get("ref", ""))
                _free(element)
        used = {column for row in content.rows for column in row.texts}
        content.hidden_columns = {
            column for column in used if any(first <= column <= last for first, last in hidden)
        }
        return content

    def _check_count(self, cells: int, title: str) -> None:
        if cells > MOST_CELLS:
            raise DocumentError(
                f"The sheet {title!r} of {self._name} has more than {MOST_CELLS:,} cells.",
                hint="Read its rows in a job: structgen.pipeline.open_source(path).",
                reason="too-large",
            )

    def _texts_of(self, row: Any, content: SheetContent) -> dict[int, str]:
        """The texts of the cells of a row."""
        texts: dict[int, str] = {}
        column = 0
        for cell in row:
            if not isinstance(cell.tag, str) or not cell.tag.endswith("}c"):
                continue
            place = _REFERENCE.match(cell.get("r") or "")
            column = column + 1 if place is None else _column_number(place[1])
            value, has_formula = _value_of(cell)
            if has_formula and not value and cell.get("t") != "str":
                content.missing += 1
            text = self._shown(cell.get("t", "n"), value, cell.get("s"))
            if text:
                texts[column] = text
        return texts

    def _shown(self, kind: str, value: str, style: str | None) -> str:
        """A value as the cell shows it."""
        if not value:
            return ""
        at = int(style) if style and style.isdecimal() else 0
        code = self._formats[at] if at < len(self._formats) else "General"
        if kind == "s":
            at = int(value)
            value = self._texts[at] if at < len(self._texts) else ""
        elif kind == "b":
            return "TRUE" if _is_true(value) else "FALSE"
        elif kind == "d":
            number = _days_of(value)
            return value if number is None else shown_number(number, _as_date(code))
        elif kind == "n":
            try:
                return shown_number(float(value), code, since_1904=self._since_1904)
            except ValueError:
                return value
        elif kind == "e":
            return value
        return " ".join(shown_text(_unescaped(value), code).split())


def _free(element: Any) -> None:
    """Let go of what was read: a sheet may be larger than the memory."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def _value_of(cell: Any) -> tuple[str, bool]:
    """The value that a cell stores, and whether it has a formula."""
    value, has_formula = "", False
    for child in cell:
        kind = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
        if kind == "v":
            value = child.text or ""
        elif kind == "is":
            value = text_of(child)
        elif kind == "f":
            has_formula = True
    return value, has_formula


def text_of(element: Any) -> str:
    """Give the text of a string item, without how it is pronounced.

    Args:
        element: The element, such as `si` or `is`.
    """
    return "".join(
        one.text or ""
        for one in element.iter("{*}t")
        if not one.getparent().tag.endswith(f"}}{_PHONETIC}")
    )


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


@lru_cache(maxsize=16_384)
def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number


def _area(reference: str) -> Iterator[tuple[int, int, int, int]]:
    first, _, last = reference.partition(":")
    begin, end = _REFERENCE.match(first), _REFERENCE.match(last)
    if begin is not None and end is not None:
        yield int(begin[2]), _column_number(begin[1]), int(end[2]), _column_number(end[1])


def _is_true(value: str | None) -> bool:
    return value in ("1", "true")


def _days_of(value: str) -> float | None:
    """A date as ISO 8601 writes it, as days since 1900."""
    try:
        moment = datetime.fromisoformat(value.removesuffix("Z"))
    except ValueError:
        return None
    day = timedelta(days=1)
    return (moment.replace(tzinfo=None) - _FIRST_DAY) / day


def _as_date(code: str) -> str:
    return "yyyy-mm-dd" if code == "General" else code


def _shared_texts(package: Package) -> list[str]:
    """The texts that cells refer to by number."""
    lxml = load("lxml.etree", "files")
    found: list[str] = []
    for part in package.related(package.main, "sharedStrings"):
        with package.open(part) as file:
            options = {"resolve_entities": False, "no_network": True, "huge_tree": True}
            for _, element in lxml.iterparse(file, tag="{*}si", **options):
                found.append(text_of(element))
                _free(element)
    return found


def _formats(package: Package) -> list[str]:
    """The number format of each style of a cell."""
    for part in package.related(package.main, "styles"):
        root = package.tree(part)
        own = {
            int(one.get("numFmtId")): str(one.get("formatCode", "General"))
            for one in root.iterfind("{*}numFmts/{*}numFmt")
        }
        known = {**BUILT_IN, **own}
        styles = root.iterfind("{*}cellXfs/{*}xf")
        return [known.get(int(one.get("numFmtId") or 0), "General") for one in styles]
    return []


def _sheets(root: Any, parts: Mapping[str, Any]) -> Iterator[Sheet]:
    """The sheets of cells, in their order; others are charts."""
    for one in root.iterfind("{*}sheets/{*}sheet"):
        identity = next((text for key, text in one.items() if key.endswith("}id")), None)
        part = parts.get(identity or "")
        if part is not None and part.kind == "worksheet":
            is_hidden = one.get("state", "visible") != "visible"
            yield Sheet(str(one.get("name", "")), part.part, is_hidden)
