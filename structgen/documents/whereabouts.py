"""Tell a model where in the whole document a chunk is: its page, its headings, its columns."""

from __future__ import annotations

from typing import Final

from structgen.documents.chunk import Chunk
from structgen.reading.document import Document

_BEFORE_CELL: Final = " \t\r\n\f|"
"""What may be before the first cell of a row; of Markdown, a bar."""


def whereabouts(document: Document, chunk: Chunk) -> str:
    """Describe where a chunk is, in one line a fact; nothing if nothing is known.

    Args:
        document: The whole document.
        chunk: A part of it.
    """
    text = chunk.text
    start = chunk.start + len(text) - len(text.lstrip(_BEFORE_CELL))
    end = chunk.start + len(text.rstrip())
    place = document.locate(start, end)
    lines = []
    if pages := place.pages:
        numbers = f"page {pages[0]}" if len(pages) == 1 else f"pages {pages[0]} to {pages[-1]}"
        lines.append(f"This part is on {numbers}.")
    if place.headings:
        lines.append(f"It is under: {' > '.join(place.headings)}.")
    first = place.cells[0] if place.cells else None
    if first is not None and first.row > 1 and document.locate(start).cell == first:
        columns = dict.fromkeys(
            (cell.column, cell.header)
            for cell in place.cells
            if cell.table == first.table and cell.header
        )
        if columns:
            lines.append(
                f"It begins within a table, whose columns are: "
                f"{' | '.join(str(header) for _, header in sorted(columns))}."
            )
    return "\n".join(lines)
