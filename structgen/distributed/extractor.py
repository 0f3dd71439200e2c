"""The core of a job as a callable over Arrow batches, for engines that run on many machines: Ray Data, Spark, Dask, pandas.

An `Extractor` is small and picklable; each process makes its own client when it sees its first batch, and keeps it. Scheduling,
retrying lost machines and writing results are the engine's own.
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
"""The columns that an Extractor adds: text (JSON), null for what there is not."""

_clients: Final[dict[tuple[int, str], Client]] = {}
_one_at_a_time: Final = threading.Lock()


class Extractor:
    """Arrow batches -> Arrow batches of the same rows, with the columns of `RESULTS` behind their own.

    `target`: as for `extract`, or a spec for `load_target` ("module:Class", "schema.json"), which crosses to other machines by
    name. `model`: as for `Client`. `text`: the column that holds the text. `client`: more arguments of `Client`; `concurrency` and
    `call`: as for `Client.map`. A row that fails has its `error`, and stops no other; a null text is such a row.
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
        """A `pyarrow.RecordBatch` or `Table` with its results, as the same kind."""
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
        """Batch after batch: what Spark's `mapInArrow` takes."""
        return map(self, batches)

    def frame(self, frame: Any) -> Any:
        """A pandas DataFrame with its results: for pandas itself, and Dask's `map_partitions`."""
        arrow = load("pyarrow", "distributed")
        found = self(arrow.Table.from_pandas(frame[[self._text]], preserve_index=False))
        columns = {
            name: found.column(name).to_pandas().astype(object).to_numpy() for name in RESULTS
        }
        return frame.assign(**columns)

    def spark_schema(self, frame: Any) -> Any:
        """The schema of what `mapInArrow` gives for a Spark DataFrame."""
        types = load("pyspark.sql.types", "distributed")
        return types.StructType(
            [
                *frame.schema.fields,
                *(types.StructField(name, types.StringType()) for name in RESULTS),
            ]
        )

    def _of_process(self) -> Client:
        """The client of this process for this model: one, however many batches and copies of the Extractor it sees."""
        key = os.getpid(), repr((self._model, sorted(self._client.items())))
        with _one_at_a_time:
            if key not in _clients:
                _clients[key] = Client(self._model, **self._client)
            return _clients[key]
