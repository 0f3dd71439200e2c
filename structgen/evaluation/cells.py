"""Values of the cells of a table: `address.city` is a member of an object, lists are JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from structgen.errors import InputError, NotJsonError
from structgen.evaluation.rules import Place
from structgen.schema.json import short
from structgen.schema.json_text import parse_json
from structgen.values import Json

_TRUTHS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def require_columns(line: str, names: Sequence[str]) -> None:
    """See that no two columns speak of the same thing.

    Args:
        line: Where the header is, for errors.
        names: The columns.

    Raises:
        InputError: If a name is there twice, or a column is a part of another one.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(
            f"{line} has the column {short(twice[0])} twice.", hint="Give each column its own name."
        )
    for name in names:
        part = next((other for other in names if other.startswith(f"{name}.")), None)
        if part is not None:
            raise InputError(
                f"{line} has the columns {short(name)} and {short(part)}, which is a part of it.",
                hint="Write a column for the whole or columns for its parts.",
            )


def value_of_cells(line: str, cells: Mapping[str, str], rules: Place) -> dict[str, Any]:
    """Make a value of the cells of a row.

    Args:
        line: Where the row is, for errors.
        cells: The cells by column; an empty one states nothing.
        rules: The rules of the target.

    Raises:
        InputError: If a cell is no number or no JSON, but has to be.
    """
    value: dict[str, Any] = {}
    stripped = {name: cell.strip() for name, cell in cells.items()}
    for name, cell in sorted(stripped.items(), key=lambda pair: not pair[1]):
        _place_cell(value, name.split("."), cell, rules, f"{line}, column {name!r}")
    return value


def _place_cell(value: dict[str, Any], steps: list[str], cell: str, at: Place, where: str) -> None:
    """Put a cell where its column's name says; an empty one states nothing and makes no object."""
    for step in steps[:-1]:
        if not cell and step not in value:
            return
        value, at = value.setdefault(step, {}), at.member(step)
    at = at.member(steps[-1])
    if cell:
        value[steps[-1]] = _of_cell(cell, at.types, where)
    elif "null" in at.types:
        value[steps[-1]] = None


def _of_cell(cell: str, types: frozenset[str], where: str) -> Json:
    """A cell as the type that the schema gives its field: text if it may be one."""
    if "boolean" in types and cell.lower() in _TRUTHS:
        return _TRUTHS[cell.lower()]
    if types & {"integer", "number"} and "string" not in types:
        return _parsed(cell.replace(",", ""), where)
    if types & {"array", "object"} and cell[0] in "[{":
        return _parsed(cell, where)
    return cell


def _parsed(cell: str, where: str) -> Json:
    try:
        return parse_json(cell)
    except NotJsonError as error:
        raise InputError(
            f"{where}: {short(cell)} is no number and no JSON.",
            hint="Write numbers with a point, lists and objects as JSON.",
        ) from error
