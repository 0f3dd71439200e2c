"""Tables for people: lines of text for terminals, HTML for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

Rows = Sequence[Sequence[str]]
"""The head, then the rows of a table; the first cell of each is its name."""

_STYLE: Final = (
    "border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:90%;margin:.5em 0"
)


def text_table(rows: Rows) -> list[str]:
    """Lay out a table in lines of text: names to the left, figures to the right.

    Args:
        rows: The head, then the rows.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for name, *figures in rows:
        cells = [figure.rjust(width) for figure, width in zip(figures, widths[1:], strict=True)]
        lines.append("  ".join([name.ljust(widths[0]), *cells]).rstrip())
    return lines


def html_table(said: Sequence[str], rows: Rows) -> str:
    """Make an HTML fragment of some lines, of which the first is the title, and a table.

    Args:
        said: The title and the lines below it.
        rows: The head, then the rows.
    """
    title, *lines = map(escape, said)
    head, *body = rows
    return (
        f"<div><strong>{title}</strong><p>{'<br>'.join(lines)}</p>"
        f'<table style="{_STYLE}"><thead>{_row("th", head)}</thead>'
        f"<tbody>{''.join(_row('td', row) for row in body)}</tbody></table></div>"
    )


def _row(tag: str, cells: Sequence[str]) -> str:
    name, *figures = map(escape, cells)
    others = "".join(f"<{tag}>{figure}</{tag}>" for figure in figures)
    return f'<tr><{tag} style="text-align:left">{name}</{tag}>{others}</tr>'
