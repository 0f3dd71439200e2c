"""Outcomes as a table: which columns there are, what they are called, and what is in each cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from structgen.pipeline.outputs.columns.kinds import (
    Entries,
    Found,
    Kind,
    Many,
    Number,
    Struct,
    Text,
)
from structgen.pipeline.outputs.columns.schema_kinds import kind_of
from structgen.pipeline.record import COLUMNS
from structgen.schema.target import Target
from structgen.values import Json

Layout: TypeAlias = Literal["fields", "flat", "value"]
"""How a value becomes columns. `fields`: one for each field. `flat`: also one for each field of the
objects inside, such as `address_city`. `value`: one for the whole value."""
LAYOUTS: Final[tuple[Layout, ...]] = ("fields", "flat", "value")

_ERROR: Final = ("type", "message", "hint")
_KINDS: Final[Mapping[str, Callable[[], Kind]]] = {
    "key": Text,
    "error": lambda: Struct({name: Text() for name in _ERROR}),
    "absent": lambda: Many(Text()),
    "shortened": lambda: Many(Text()),
    "confidence": lambda: Entries(Number()),
    "guarantee": Text,
}
"""The kinds of our own columns; of the others, what comes decides."""
_OWN: Final = tuple(name for name in COLUMNS if name not in ("value", "meta"))


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    """Its name, different from that of every other one, in upper and lower case too."""
    kind: Kind
    """Its type."""
    path: tuple[str, ...]
    """Where its cells are in a row."""

    def raw(self, row: Mapping[str, Json]) -> Json:
        """Give the JSON data of its cell."""
        value: Json = row
        for step in self.path:
            value = value.get(step) if isinstance(value, dict) else None
        return value


@dataclass(slots=True)
class Table:
    """The columns of outcomes. Show it all rows before asking for columns."""

    target: Target[Any] | None
    """The target; None if there was no outcome to tell it."""
    layout: Layout = "fields"
    """How a value becomes columns."""
    rows: int = 0
    """How many rows were seen."""
    _value: Kind = field(init=False)
    _own: dict[str, Kind] = field(init=False)
    _meta: dict[str, Kind] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._value = Found() if self.target is None else kind_of_target(self.target)
        self._own = {name: _KINDS.get(name, Found)() for name in _OWN}

    def see(self, row: Mapping[str, Json]) -> None:
        """Take a row, as `Outcome.row` gives it, into account."""
        self.rows += 1
        self._value.see(row["value"])
        for name, kind in self._own.items():
            kind.see(row.get(name))
        for name, cell in row["meta"].items():
            if name not in self._meta:
                self._meta[name] = Found()
            self._meta[name].see(cell)

    def columns(self) -> list[Column]:
        """Give the columns: the key, the value, the error, the meta, and what is known about it.

        Our own names are kept. A field of the value that has one of them is called `value_NAME`,
        and a column of the input that has one of those `meta_NAME`.
        """
        names = _Names(_OWN)
        value = list(self._value_columns(names))
        meta = [
            Column(names.free(name, "meta"), kind, ("meta", name))
            for name, kind in self._meta.items()
        ]
        own = {name: Column(name, kind, (name,)) for name, kind in self._own.items()}
        rest = [column for name, column in own.items() if name not in ("key", "error")]
        return [own["key"], *value, own["error"], *meta, *rest]

    def _value_columns(self, names: _Names) -> Iterator[Column]:
        if self.layout == "value" or not _has_fields(self._value):
            yield Column(names.free("value", "whole"), self._value, ("value",))
            return
        for path, kind in _leaves(self._value, (), deep=self.layout == "flat"):
            yield Column(names.free("_".join(path), "value"), kind, ("value", *path))


def kind_of_target(target: Target[Any]) -> Kind:
    """Give the kind of a target's values, before any was seen."""
    return kind_of(target.schema, target.schema)


def _has_fields(kind: Kind) -> bool:
    return isinstance(kind, Struct) and bool(kind.fields) and not kind.broken


def _leaves(
    kind: Kind, path: tuple[str, ...], *, deep: bool
) -> Iterator[tuple[tuple[str, ...], Kind]]:
    """The fields of a struct; if `deep`, those of the structs inside it in their place."""
    fields = kind.fields if isinstance(kind, Struct) else {}
    for name, inner in fields.items():
        if deep and _has_fields(inner):
            yield from _leaves(inner, (*path, name), deep=True)
        else:
            yield (*path, name), inner


class _Names:
    """The names of columns that are taken, without regard to case: SQL makes no difference."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {name.casefold() for name in taken}

    def free(self, name: str, prefix: str) -> str:
        """Give a name that is not taken yet, and take it."""
        name = name or "_"
        if name.casefold() in self._taken:
            name = f"{prefix}_{name}"
        while name.casefold() in self._taken:
            name += "_"
        self._taken.add(name.casefold())
        return name
