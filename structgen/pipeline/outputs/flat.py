"""Outcomes as rows of text, for formats without nested values: CSV, SQL, Parquet, Arrow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from structgen.extras import load
from structgen.pipeline.record import COLUMNS, Outcome
from structgen.schema.json import to_text
from structgen.values import Json

_TEXT_COLUMNS: Final = frozenset({"key", "guarantee"})
"""Columns that hold text as it is; the others hold JSON."""


def flat_row(outcome: Outcome[Any]) -> dict[str, str | None]:
    """Give an outcome as a row of texts: JSON for nested values, None for what is not there."""
    return {name: _cell(name, value) for name, value in outcome.row().items()}


def _cell(name: str, value: Json) -> str | None:
    return value if value is None or name in _TEXT_COLUMNS else to_text(value)


def arrow_schema() -> Any:
    """Give the `COLUMNS` as an Arrow schema, all of them text."""
    arrow = load("pyarrow", "files")
    return arrow.schema(
        [arrow.field(name, arrow.string(), nullable=name != "key") for name in COLUMNS]
    )


def to_arrow(outcomes: Iterable[Outcome[Any]]) -> Any:
    """Make a table of outcomes, for pandas (`.to_pandas()`) or polars (`polars.from_arrow`).

    Args:
        outcomes: The outcomes of a job or `map`.

    Returns:
        A `pyarrow.Table` with the columns `COLUMNS`: text, with nested values as JSON.

    Raises:
        MissingPackage: If pyarrow is not installed.
    """
    rows = [flat_row(outcome) for outcome in outcomes]
    return load("pyarrow", "files").Table.from_pylist(rows, schema=arrow_schema())
