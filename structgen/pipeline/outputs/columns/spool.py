"""Rows on their way to an output whose columns are known once all rows were seen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from structgen.pipeline.outputs.columns.table import Layout, Table
from structgen.pipeline.record import Outcome
from structgen.schema.target import Target
from structgen.values import Json


class Spool:
    """Rows in a file without a name, which is gone when the process ends."""

    def __init__(self, target: Target[Any] | None, layout: Layout, folder: Path | None) -> None:
        """Make an empty spool.

        Args:
            target: The target of the rows; by default that of the first one.
            layout: How a value becomes columns.
            folder: Where the file is; by default where temporary files are.
        """
        self._target, self._layout = target, layout
        self._table: Table | None = None if target is None else Table(target, layout)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`

    @property
    def table(self) -> Table:
        """The columns of the rows so far."""
        return self._table or Table(None, self._layout)

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        """Add rows."""
        for outcome in rows:
            if self._table is None:
                self._table = Table(outcome.target, self._layout)
            row = outcome.row()
            self._table.see(row)
            self._file.write(to_json(row) + b"\n")

    def rows(self) -> Iterator[dict[str, Json]]:
        """Give the rows from the beginning."""
        self._file.flush()
        self._file.seek(0)
        for line in self._file:
            yield from_json(line)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
