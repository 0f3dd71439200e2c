"""The core of a job as a callable over Arrow batches: for Ray Data, Spark, Dask and pandas.

An `Extractor` is small and picklable. Each process makes one client when it sees its first batch,
and keeps it. Scheduling, retrying lost machines and writing results are up to the engine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from typing_extensions import Unpack

from structgen.client.blocking import Client
from structgen.distributed.columns import ValueColumn
from structgen.documents.options import InputArgs
from structgen.errors import ConfigurationError, InputError
from structgen.extras import load
from structgen.kinds import PATH, TEXT, TRUTH, Kind, check_values, or_none, whole
from structgen.pipeline.limits import JobLimits
from structgen.pipeline.mapping import MapArgs
from structgen.pipeline.outputs.flat import flat_row
from structgen.pipeline.record import Item
from structgen.schema.json import to_text
from structgen.schema.load import load_target
from structgen.schema.target import Target, target_of
from structgen.values import kind_of_value

RESULTS: Final = ("value", "error", "evidence", "leaf_evidence", "absent", "guarantee")
"""The columns that an Extractor adds: JSON text, null for what is not there."""

_NEVER_STOPS: Final = JobLimits(max_failure_share=1.0, first=0)
"""A batch is a small part of a job: what fails in it says nothing about the others."""
_ROW_WITHOUT_TEXT: Final[Mapping[str, str | None]] = {
    **dict.fromkeys(RESULTS),
    "error": to_text(InputError("The row has no text.").to_dict()),
}
_UNFIT: Final = to_text(
    InputError(
        "The value does not fit the type of its column.",
        hint="Leave out structs=True, to get values as JSON text.",
    ).to_dict()
)
_KINDS: Final[Mapping[str, Kind]] = {
    "model": or_none(TEXT),
    "text": TEXT,
    "prefix": TEXT,
    "structs": TRUTH,
    "journal": or_none(PATH),
    "concurrency": or_none(whole(1)),
    "client": or_none(
        Kind(
            lambda value: isinstance(value, Mapping),
            "the keyword arguments of `Client` as a mapping, such as {'api_key': 'k'}",
        )
    ),
}
"""Which values the arguments of an Extractor take."""

_clients: Final[dict[tuple[int, str], Client]] = {}
"""The clients of this process, by its id and their arguments."""
_one_at_a_time: Final = threading.Lock()


class Extractor:
    """Adds the columns `RESULTS` to Arrow batches.

    A row that fails has its `error`, and stops no other, however many fail. A row without a text is
    such a row.
    """

    def __init__(
        self,
        target: Any,
        model: str | None = None,
        *,
        text: str = "text",
        prefix: str = "",
        structs: bool = False,
        journal: str | None = None,
        client: Mapping[str, Any] | None = None,
        concurrency: int | None = None,
        **call: Unpack[InputArgs],
    ) -> None:
        """Prepare the extraction; nothing is loaded or asked yet.

        Args:
            target: As for `extract`, or a name for `load_target` ("module:Class", "schema.json"),
                which crosses to other machines more easily.
            model: As for `Client`.
            text: The column that holds the document.
            prefix: Begins the names of the columns that are added.
            structs: Whether the column of values has the target's own type (structs, lists,
                numbers, dates), rather than JSON text. Members that the schema does not name are
                left out then.
            journal: The "URL#TABLE" of a database that all workers share, so that a partition that
                is tried again asks nothing twice: "postgresql+psycopg://user@host/base#answers".
            client: Further keyword arguments of `Client`.
            concurrency: Questions at a time at most, in each process (default: as for `map`).
            **call: The arguments of each question, and how long texts are split; see `InputArgs`.

        Raises:
            ConfigurationError: If an argument has a value of another kind, or the journal is a
                file.
        """
        given = {
            "model": model,
            "text": text,
            "prefix": prefix,
            "structs": structs,
            "journal": journal,
            "concurrency": concurrency,
            "client": client,
        }
        check_values(given, _KINDS)
        if journal is not None and "://" not in journal:
            raise ConfigurationError(
                "The journal of an Extractor is a file, which workers cannot share.",
                hint="Name a database: journal='postgresql+psycopg://user@host/base#table'.",
            )
        self._target, self._model, self._text = target, model, text
        self._structs = structs
        self._columns = {name: f"{prefix}{name}" for name in RESULTS}
        self._client = dict(client or {})
        self._args = cast("MapArgs", {**call, "limits": _NEVER_STOPS})
        if journal is not None:
            self._args["journal"] = journal
        if concurrency is not None:
            self._args["concurrency"] = concurrency

    def __call__(self, batch: Any) -> Any:
        """Extract from each row of a batch: what Ray Data's `map_batches` takes.

        Args:
            batch: A `pyarrow.RecordBatch` or `Table`.

        Returns:
            The same rows, with further columns.

        Raises:
            InputError: If the batch has no column of texts, or has a column of a name that is to be
                added. Nothing is asked then.
            JournalError: If the shared journal cannot be reached.
        """
        arrow = load("pyarrow", "distributed")
        if not isinstance(batch, (arrow.RecordBatch, arrow.Table)):
            raise InputError(
                f"The batch is {kind_of_value(batch)}, not Arrow data.",
                hint="Pass batch_format='pyarrow' to `map_batches`; for a DataFrame, call `frame`.",
            )
        self._check_columns(batch.schema.names)
        target = self._target_of_process()
        rows = self._rows(target, batch.column(self._text).to_pylist())
        columns = {name: [row[name] for row in rows] for name in RESULTS}
        types = dict.fromkeys(RESULTS, arrow.string())
        if self._structs:
            column = ValueColumn(target)
            types["value"] = column.type
            columns["value"], unfit = column.array(columns["value"])
            for place in unfit:
                columns["error"][place] = _UNFIT
        for name, kind in types.items():
            field = arrow.field(self._columns[name], kind)
            batch = batch.append_column(field, arrow.array(columns[name], kind))
        return batch

    def _rows(self, target: Target[Any], texts: Sequence[Any]) -> list[Mapping[str, Any]]:
        """Ask about the texts; give what is known about each by the names `RESULTS`."""
        items = [Item(str(n), text) for n, text in enumerate(texts) if _is_document(text)]
        rows: dict[str, Mapping[str, Any]] = {}
        for outcome in self._client_of_process().map(target, items, **self._args):
            row: dict[str, Any] = dict(flat_row(outcome))
            if self._structs:
                row["value"] = outcome.row()["value"]
            rows[outcome.key] = row
        return [rows.get(str(n), _ROW_WITHOUT_TEXT) for n in range(len(texts))]

    def batches(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Extract from batch after batch: what Spark's `mapInArrow` takes."""
        return map(self, batches)

    def frame(self, frame: Any) -> Any:
        """Extract from a DataFrame of pandas or polars, and for Dask's `map_partitions`.

        Args:
            frame: A `pandas.DataFrame` or a `polars.DataFrame`.

        Returns:
            The same rows, with further columns.

        Raises:
            InputError: As `__call__`.
        """
        self._check_columns([str(name) for name in getattr(frame, "columns", ())])
        arrow = load("pyarrow", "distributed")
        added = list(self._columns.values())
        if type(frame).__module__.partition(".")[0] == "polars":
            polars = load("polars", "distributed")
            found = self(frame.select(self._text).to_arrow())
            return frame.with_columns(polars.from_arrow(found.select(added)))
        # A column of pandas may hold numbers among its texts, which Arrow refuses as a whole.
        texts = [cell if _is_document(cell) else None for cell in frame[self._text].tolist()]
        found = self(arrow.table({self._text: texts}))
        columns = {name: found.column(name).to_pandas().astype(object).to_numpy() for name in added}
        return frame.assign(**columns)

    def spark_schema(self, frame: Any) -> Any:
        """Give the schema of what `mapInArrow` makes of a Spark DataFrame.

        Raises:
            InputError: If the frame has no column of texts, or has a column that is to be added.
        """
        self._check_columns(frame.schema.names)
        types = load("pyspark.sql.types", "distributed")
        added = [types.StructField(name, types.StringType()) for name in self._columns.values()]
        if self._structs:
            to_spark = load("pyspark.sql.pandas.types", "distributed").from_arrow_type
            value = to_spark(ValueColumn(self._target_of_process()).type)
            added[0] = types.StructField(self._columns["value"], value)
        return types.StructType([*frame.schema.fields, *added])

    def _check_columns(self, columns: Sequence[str]) -> None:
        if self._text not in columns:
            raise InputError(
                f"There is no column {self._text!r}. The columns: {', '.join(columns)}.",
                hint="Name the column of the texts: Extractor(..., text=COLUMN).",
            )
        if columns.count(self._text) > 1:
            raise InputError(
                f"There is more than one column {self._text!r}.",
                hint="Give the others another name.",
            )
        if taken := [name for name in self._columns.values() if name in columns]:
            raise InputError(
                f"There is a column {taken[0]!r} already, which would be lost.",
                hint="Give the new columns other names: Extractor(..., prefix='found_').",
            )

    def _target_of_process(self) -> Target[Any]:
        named = isinstance(self._target, str)
        return load_target(self._target) if named else target_of(self._target)

    def _client_of_process(self) -> Client:
        """The client of this process for these arguments, shared by all copies of the Extractor."""
        key = os.getpid(), repr((self._model, sorted(self._client.items())))
        with _one_at_a_time:
            if key not in _clients:
                _clients[key] = Client(self._model, **self._client)
            return _clients[key]


def _is_document(value: Any) -> bool:
    """Whether a cell is a text, or the messages of a conversation."""
    is_list = isinstance(value, list) and bool(value)
    return isinstance(value, str) or (is_list and all(isinstance(one, dict) for one in value))
