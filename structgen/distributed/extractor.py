"""Extraction as a callable over Arrow batches, for Ray Data, Spark, Dask and pandas.

An `Extractor` is small and can be pickled. Each process makes its own client at its first batch,
and keeps it. The engine schedules, replaces lost machines and writes the results.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from structgen.client.blocking import Client
from structgen.extras import load
from structgen.pipeline.record import Item
from structgen.pipeline.table import flat
from structgen.schema.load import load_target
from structgen.schema.target import target_of

RESULTS: Final = ("value", "error", "evidence", "absent", "guarantee")
"""The columns that an Extractor adds, as JSON texts; null if there is nothing to say."""

_clients: Final[dict[tuple[int, str], Client]] = {}
_one_at_a_time: Final = threading.Lock()


class Extractor:
    """Adds the columns of `RESULTS` to Arrow batches, after those that they have.

    A row that fails has its `error` and does not stop the others; a null text is such a row.

    Args:
        target: As for `extract`, or a name for `load_target` ("module:Class", "schema.json"), which
            other machines load for themselves.
        model: As for `Client`.
        text: The column that holds the text.
        client: Further arguments of `Client`.
        concurrency: Questions at a time at most.
        **call: As for `Client.map`.
    """

    def __init__(
        self,
        target: Any,
        model: str | None = None,
        *,
        text: str = "text",
        client: Mapping[str, Any] | None = None,
        concurrency: int | None = None,
        **call: Any,
    ) -> None:
        self._target, self._model, self._text = target, model, text
        self._client, self._call = dict(client or {}), call
        if concurrency is not None:
            self._call["concurrency"] = concurrency

    def __call__(self, batch: Any) -> Any:
        """Extract from each row of a batch.

        Args:
            batch: A `pyarrow.RecordBatch` or `pyarrow.Table`.

        Returns:
            The same kind, with the new columns.
        """
        arrow = load("pyarrow", "distributed")
        target = (
            load_target(self._target) if isinstance(self._target, str) else target_of(self._target)
        )
        texts = batch.column(self._text).to_pylist()
        items = [
            Item(str(number), text) for number, text in enumerate(texts) if isinstance(text, str)
        ]
        rows = {
            outcome.key: flat(outcome)
            for outcome in self._of_process().map(target, items, **self._call)
        }
        nothing = {
            **dict.fromkeys(RESULTS),
            "error": '{"type":"InputError","message":"The row has no text.","hint":null}',
        }
        for name in RESULTS:
            cells = [rows.get(str(number), nothing)[name] for number in range(len(texts))]
            batch = batch.append_column(
                arrow.field(name, arrow.string()), arrow.array(cells, arrow.string())
            )
        return batch

    def batches(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Extract from batch after batch: what Spark's `mapInArrow` takes.

        Args:
            batches: As for a call of the Extractor.
        """
        return map(self, batches)

    def frame(self, frame: Any) -> Any:
        """Extract from a pandas DataFrame: for pandas itself, and Dask's `map_partitions`.

        Args:
            frame: A `pandas.DataFrame`.

        Returns:
            A copy with the new columns.
        """
        arrow = load("pyarrow", "distributed")
        found = self(arrow.Table.from_pandas(frame[[self._text]], preserve_index=False))
        columns = {
            name: found.column(name).to_pandas().astype(object).to_numpy() for name in RESULTS
        }
        return frame.assign(**columns)

    def spark_schema(self, frame: Any) -> Any:
        """Give the schema of what `mapInArrow` makes of a Spark DataFrame.

        Args:
            frame: The `pyspark.sql.DataFrame`.
        """
        types = load("pyspark.sql.types", "distributed")
        return types.StructType(
            [
                *frame.schema.fields,
                *(types.StructField(name, types.StringType()) for name in RESULTS),
            ]
        )

    def _of_process(self) -> Client:
        """Give the one client of this process for this model."""
        key = os.getpid(), repr((self._model, sorted(self._client.items())))
        with _one_at_a_time:
            if key not in _clients:
                _clients[key] = Client(self._model, **self._client)
            return _clients[key]
