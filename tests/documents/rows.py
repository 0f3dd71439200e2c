"""Lists as lines of a text, and what a perfect model reads of a piece of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_LINE = re.compile(r"^- (.*): (\d+) pieces$", re.MULTILINE)


def row_of(name: str, number: int) -> dict[str, Any]:
    """A row as plain data."""
    return {"name": name, "pieces": number}


def text_of(rows: Iterable[tuple[str, int]], between: str = "") -> str:
    """A text with a line for each row."""
    return between.join(f"- {name}: {number} pieces\n" for name, number in rows)


def cells(document: str, start: int, end: int) -> list[dict[str, Any]]:
    """The rows whose name and number are whole in a piece of the text."""
    return [
        row_of(found[1], int(found[2]))
        for found in _LINE.finditer(document)
        if found.start(1) >= start and found.end(2) <= end
    ]
