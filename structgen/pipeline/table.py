"""Outcomes as rows of text, for what has columns and no nested values: CSV, SQL, Parquet, Arrow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from structgen.extras import load
from structgen.pipeline.record import COLUMNS, Outcome
from structgen.schema.json import to_text
from structgen.values import Json

_AS_TEXT: Final = frozenset({"key", "guarantee"})


def flat(outcome: Outcome[Any]) -> dict[str, str | None]:
    """A row: `key` and `guarantee` as they are, the other members as JSON text, None for what there is not."""
    return {name: _cell(name, value) for name, value in outcome.row().items()}


def _cell(name: str, value: Json) -> str | None:
    return value if value is None or name in _AS_TEXT else to_text(value)


def arrow_schema() -> Any:
    """The columns of `COLUMNS`, as an Arrow schema: text, all of them."""
    arrow = load("pyarrow", "files")
    return arrow.schema(
        [arrow.field(name, arrow.string(), nullable=name != "key") for name in COLUMNS]
    )


def to_arrow(outcomes: Iterable[Outcome[Any]]) -> Any:
    """A pyarrow.Table of outcomes. From there: `.to_pandas()`, `polars.from_arrow(...)`."""
    return load("pyarrow", "files").Table.from_pylist(
        [flat(outcome) for outcome in outcomes], schema=arrow_schema()
    )
