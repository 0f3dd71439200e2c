"""Guess the type of values from some of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, Literal, TypeAlias

from structgen.values import Json

Kind: TypeAlias = Literal["bool", "int", "float", "date", "enum", "text", "list", "object"]

_INT: Final = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)
_FLOAT: Final = re.compile(r"-?(0|[1-9]\d*)\.\d+", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TRUTHS: Final = {"true": True, "yes": True, "false": False, "no": False}
_MOST_OPTIONS: Final = 8
"""Different texts that an enum has at most."""
_LONGEST_OPTION: Final = 30
"""Characters that each of them has at most."""
_LEAST_REPEATS: Final = 2
"""How often each of them comes on average, at least: names and numbers come once."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The type of some values."""

    kinds: tuple[Kind, ...]
    """Their kinds; more than one if they differ, none if no value is there."""
    nullable: bool = False
    """Whether some are null or left out."""
    options: tuple[str, ...] = ()
    """The texts of an enum."""
    item: Shape | None = None
    """The type of the items of a list."""
    members: Mapping[str, Shape] = field(default_factory=dict)
    """The types of the members of an object."""


def shape_of(values: Sequence[Json]) -> Shape:
    """Guess the type of values.

    Args:
        values: Plain JSON data, null for each that is left out.
    """
    present = [one for one in values if one is not None]
    found: dict[Kind, list[Json]] = {}
    for one in present:
        found.setdefault(_kind_of(one), []).append(one)
    if found.keys() == {"int", "float"}:
        found = {"float": present}
    texts = found.get("text", [])
    if found.keys() == {"text"} and all(map(_is_date, texts)):
        found = {"date": texts}
    options = _options(texts) if found.keys() == {"text"} else ()
    kinds: tuple[Kind, ...] = ("enum",) if options else tuple(sorted(found))
    shape = Shape(kinds, len(present) < len(values), options)
    if "list" in found:
        inside = [one for held in found["list"] for one in held]
        shape = replace(shape, item=shape_of(inside))
    if "object" in found:
        names = dict.fromkeys(name for held in found["object"] for name in held)
        members = {name: shape_of([held.get(name) for held in found["object"]]) for name in names}
        shape = replace(shape, members=members)
    return shape


def _kind_of(value: Json) -> Kind:
    by_type: dict[type, Kind] = {
        bool: "bool",
        int: "int",
        float: "float",
        list: "list",
        dict: "object",
    }
    return by_type.get(type(value), "text")


def _options(texts: Sequence[str]) -> tuple[str, ...]:
    """The options of texts that are so few and short that they are an enum; none otherwise."""
    options = sorted(set(texts))
    if not 1 < len(options) <= _MOST_OPTIONS or len(texts) < _LEAST_REPEATS * len(options):
        return ()
    return tuple(options) if all(len(one) <= _LONGEST_OPTION for one in options) else ()


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


# ---- cells of a table, which are all texts ------------------------------------------------------


def values_of_cells(cells: Sequence[str]) -> list[Json]:
    """Give the cells of a column as values: numbers or truths if all of them are, else texts.

    Args:
        cells: The cells; an empty one states nothing.
    """
    stripped = [cell.strip() for cell in cells]
    read = next((read for fits, read in _READINGS if _all(stripped, fits)), str)
    return [read(cell) if cell else None for cell in stripped]


def _all(cells: Sequence[str], fits: Callable[[str], bool]) -> bool:
    return any(cells) and all(fits(cell) for cell in cells if cell)


def _is_int(cell: str) -> bool:
    return _INT.fullmatch(cell) is not None


def _is_number(cell: str) -> bool:
    return _is_int(cell) or _FLOAT.fullmatch(cell) is not None


def _is_truth(cell: str) -> bool:
    return cell.lower() in _TRUTHS


def _truth(cell: str) -> bool:
    return _TRUTHS[cell.lower()]


_READINGS: Final[tuple[tuple[Callable[[str], bool], Callable[[str], Json]], ...]] = (
    (_is_int, int),
    (_is_number, float),
    (_is_truth, _truth),
)
"""How a column is read if all its cells fit. A number with a leading zero is a name: 007."""


def nested(row: Mapping[str, Json]) -> dict[str, Json]:
    """Put the columns `address.city` and `address.street` into one object, as gold does."""
    found: dict[str, Json] = {}
    for name, value in row.items():
        *way, last = name.split(".")
        if any(not step for step in (*way, last)):
            way, last = [], name
        at = found
        for step in way:
            inner = at.setdefault(step, {})
            at = inner if isinstance(inner, dict) else at
        at[last] = value
    return found
