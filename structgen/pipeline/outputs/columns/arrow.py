"""Tables as Arrow has them: the target's own types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from structgen.extras import load
from structgen.pipeline.outputs.columns.kinds import (
    MOST_DIGITS,
    Choice,
    Clock,
    Day,
    Entries,
    Exact,
    Flag,
    Found,
    Integer,
    Kind,
    Many,
    Moment,
    Number,
    Struct,
)
from structgen.pipeline.outputs.columns.table import Column, Layout, Table
from structgen.pipeline.record import Outcome
from structgen.values import Json

_DIGITS: Final = 38
"""The digits of a decimal of 128 bits, which everything reads."""
_SCALE: Final = 9
"""The digits after the point, unless more come: so the columns of several files are alike."""


def to_arrow(outcomes: Iterable[Outcome[Any]], *, layout: Layout = "fields") -> Any:
    """Make a table of outcomes, for pandas (`.to_pandas()`) or polars (`polars.from_arrow`).

    Args:
        outcomes: The outcomes of a job or `map`.
        layout: How values become columns: "fields" (one for each field), "flat" (also one for each
            field of objects inside), or "value" (one for the whole value).

    Returns:
        A `pyarrow.Table` with typed columns: the key, the fields of the value, the error, the
        columns of the input, and what is known about the value.

    Raises:
        MissingPackage: If pyarrow is not installed.
    """
    outcomes = list(outcomes)
    table = Table(outcomes[0].target if outcomes else None, layout)
    rows = [outcome.row() for outcome in outcomes]
    for row in rows:
        table.see(row)
    columns = table.columns()
    return table_of(rows, columns, arrow_schema(columns))


def arrow_schema(columns: Sequence[Column]) -> Any:
    """Give columns as an Arrow schema."""
    arrow = load("pyarrow", "files")
    return arrow.schema(
        [arrow.field(one.name, _top_type(one.kind), nullable=one.name != "key") for one in columns]
    )


def table_of(rows: Sequence[Mapping[str, Json]], columns: Sequence[Column], schema: Any) -> Any:
    """Give rows as an Arrow table.

    Args:
        rows: The rows, as `Outcome.row` gives them.
        columns: The columns, which have seen these rows.
        schema: The columns as an Arrow schema.
    """
    arrow = load("pyarrow", "files")
    arrays = [
        arrow.array([one.kind.cell(one.raw(row)) for row in rows], type)
        for one, type in zip(columns, schema.types, strict=True)
    ]
    return arrow.Table.from_arrays(arrays, schema=schema)


def _top_type(kind: Kind) -> Any:
    """The type of a column. Inside of lists and structs, few readers know dictionaries."""
    arrow = load("pyarrow", "files")
    if isinstance(kind, Choice) and not kind.broken:
        return arrow.dictionary(arrow.int32(), arrow.string())
    return arrow_type(kind)


def arrow_type(kind: Kind) -> Any:
    """Give a kind as an Arrow type.

    Args:
        kind: The kind, which has seen all values.
    """
    arrow = load("pyarrow", "files")
    if isinstance(kind, Found) and kind.kind is not None and not kind.broken:
        return arrow_type(kind.kind)
    make = _TYPES.get(type(kind))
    return arrow.string() if make is None or kind.broken else make(arrow, kind)


def _integer(arrow: Any, kind: Any) -> Any:
    if not kind.digits:
        return arrow.int64()
    return arrow.decimal128(_DIGITS) if kind.digits <= _DIGITS else arrow.decimal256(MOST_DIGITS)


def _exact(arrow: Any, kind: Any) -> Any:
    scale = max(kind.scale, _SCALE)
    if kind.whole + scale <= _DIGITS:
        return arrow.decimal128(_DIGITS, scale)
    if kind.whole + kind.scale <= _DIGITS:
        return arrow.decimal128(_DIGITS, kind.scale)
    return arrow.decimal256(MOST_DIGITS, kind.scale)


def _moment(arrow: Any, kind: Any) -> Any:
    return arrow.timestamp("us", "UTC" if kind.zoned is not False else None)


def _struct(arrow: Any, kind: Any) -> Any:
    return arrow.struct([arrow.field(name, arrow_type(one)) for name, one in kind.fields.items()])


_TYPES: Final[Mapping[type[Kind], Callable[[Any, Any], Any]]] = {
    Flag: lambda arrow, kind: arrow.bool_(),
    Integer: _integer,
    Number: lambda arrow, kind: arrow.float64(),
    Exact: _exact,
    Day: lambda arrow, kind: arrow.date32(),
    Clock: lambda arrow, kind: arrow.time64("us"),
    Moment: _moment,
    Many: lambda arrow, kind: arrow.list_(arrow_type(kind.item)),
    Struct: _struct,
    Entries: lambda arrow, kind: arrow.map_(arrow.string(), arrow_type(kind.value)),
}
"""The Arrow type of each kind; of the others, text."""
