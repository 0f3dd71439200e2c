"""The core of a job as a callable over Arrow batches: for Ray Data, Spark, Dask and pandas.

An `Extractor` is small and picklable. Each process makes one client when it sees its first batch,
and keeps it. Scheduling, retrying lost machines and writing results are up to the engine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from typing_extensions import Unpack

from structgen.client.blocking import Client
from structgen.errors import InputError
from structgen.extras import load
from structgen.options import CallArgs
from structgen.pipeline.mapping import MapArgs
from structgen.pipeline.outputs.flat import flat_row
from structgen.pipeline.record import Item
from structgen.schema.json import to_text
from structgen.schema.load import load_target
from structgen.schema.target import target_of

RESULTS: Final = ("value", "error", "evidence", "absent", "guarantee")
"""The columns that an Extractor adds: JSON text, null for what is not there."""

_ROW_WITHOUT_TEXT: Final[Mapping[str, str | None]] = {
    **dict.fromkeys(RESULTS),
    "error": to_text(InputError("The row has no text.").to_dict()),
}

_clients: Final[dict[tuple[int, str], Client]] = {}
"""The clients of this process, by its id and their arguments."""
_one_at_a_time: Final = threading.Lock()


class Extractor:
    """Adds the columns `RESULTS` to Arrow batches.

    A row that fails has its `error`, and stops no other. A row without a text is such a row.
    """

    def __init__(
        self,
        target: Any,
        model: str | None = None,
        *,
        text: str = "text",
        client: Mapping[str, Any] | None = None,
        concurrency: int | None = None,
        **call: Unpack[CallArgs],
    ) -> None:
        """Prepare the extraction; nothing is loaded or asked yet.

        Args:
            target: As for `extract`, or a name for `load_target` ("module:Class", "schema.json"),
                which crosses to other machines more easily.
            model: As for `Client`.
            text: The column that holds the document.
            client: Further keyword arguments of `Client`.
            concurrency: Questions at a time at most, in each process (default: as for `map`).
            **call: The arguments of each question; see `CallArgs`.
        """
        self._target, self._model, self._text = target, model, text
        self._client = dict(client or {})
        self._args = cast("MapArgs", dict(call))
        if concurrency is not None:
            self._args["concurrency"] = concurrency

    def __call__(self, batch: Any) -> Any:
        """Extract from each row of a batch: what Ray Data's `map_batches` takes.

        Args:
            batch: A `pyarrow.RecordBatch` or `Table`.

        Returns:
            The same rows, with further columns.
        """
        arrow = load("pyarrow", "distributed")
        named = isinstance(self._target, str)
        target = load_target(self._target) if named else target_of(self._target)
        texts = batch.column(self._text).to_pylist()
        items = [Item(str(n), text) for n, text in enumerate(texts) if isinstance(text, str)]
        outcomes = self._client_of_process().map(target, items, **self._args)
        rows = {outcome.key: flat_row(outcome) for outcome in outcomes}
        for name in RESULTS:
            cells = [rows.get(str(n), _ROW_WITHOUT_TEXT)[name] for n in range(len(texts))]
            field = arrow.field(name, arrow.string())
            batch = batch.append_column(field, arrow.array(cells, arrow.string()))
        return batch

    def batches(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Extract from batch after batch: what Spark's `mapInArrow` takes."""
        return map(self, batches)

    def frame(self, frame: Any) -> Any:
        """Extract from a pandas DataFrame: for pandas itself, and for Dask's `map_partitions`."""
        arrow = load("pyarrow", "distributed")
        found = self(arrow.Table.from_pandas(frame[[self._text]], preserve_index=False))
        columns = {
            name: found.column(name).to_pandas().astype(object).to_numpy() for name in RESULTS
        }
        return frame.assign(**columns)

    def spark_schema(self, frame: Any) -> Any:
        """Give the schema of what `mapInArrow` makes of a Spark DataFrame."""
        types = load("pyspark.sql.types", "distributed")
        added = [types.StructField(name, types.StringType()) for name in RESULTS]
        return types.StructType([*frame.schema.fields, *added])

    def _client_of_process(self) -> Client:
        """The client of this process for these arguments, shared by all copies of the Extractor."""
        key = os.getpid(), repr((self._model, sorted(self._client.items())))
        with _one_at_a_time:
            if key not in _clients:
                _clients[key] = Client(self._model, **self._client)
            return _clients[key]
