"""Outcomes as rows of text, for engines that want the same columns of every target."""

from __future__ import annotations

from typing import Any, Final

from structgen.pipeline.record import Outcome
from structgen.schema.json import to_text
from structgen.values import Json

_TEXT_COLUMNS: Final = frozenset({"key", "guarantee"})
"""Columns that hold text as it is; the others hold JSON."""


def flat_row(outcome: Outcome[Any]) -> dict[str, str | None]:
    """Give an outcome as a row of texts: JSON for nested values, None for what is not there."""
    return {name: _cell(name, value) for name, value in outcome.row().items()}


def _cell(name: str, value: Json) -> str | None:
    return value if value is None or name in _TEXT_COLUMNS else to_text(value)
