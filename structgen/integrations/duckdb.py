"""A function of DuckDB that extracts a STRUCT from each text of a column."""

from __future__ import annotations

from typing import Any, Final

from structgen.distributed.extractor import Extractor
from structgen.errors import MissingPackage
from structgen.extras import load

_EXTRA: Final = "duckdb"
_TEXT: Final = "text"
_MEMBERS: Final = ("value", "error")


def add_duckdb_function(
    connection: Any,
    name: str,
    target: Any,
    model: str | None = None,
    *,
    with_errors: bool = True,
    **args: Any,
) -> None:
    """Add a function to a DuckDB connection that extracts from each text it is given.

    The result has the members `value`, a STRUCT of the target's own type, and `error`, JSON text. A
    row that fails has its `error` and stops no other. A NULL gives NULL, and is not asked about.
    DuckDB hands over up to 2048 rows at a time, which are asked about concurrently. Equal calls
    within a query are one.

    Args:
        connection: The connection, as `duckdb.connect` gives it.
        name: The function's name in SQL.
        target: As for `extract`, or a name for it ("module:Class", "schema.json").
        model: As for `Client`.
        with_errors: Whether the result has the members `value` and `error`. Without, it is the
            value itself, and a row that fails is NULL.
        **args: The other arguments of `structgen.distributed.Extractor`, such as `client`,
            `concurrency` and `journal`.

    Raises:
        MissingPackage: If duckdb, numpy or pyarrow is not installed.
        ConfigurationError: If the model is unknown, or its key is missing.
        TargetError: If the target is no type or schema.
    """
    types = load("duckdb.sqltypes", _EXTRA)
    load("numpy", _EXTRA)  # DuckDB's own functions in Python need it
    try:
        import pyarrow as arrow
    except ImportError as error:
        raise MissingPackage("pyarrow", _EXTRA) from error
    extract = Extractor(target, model, text=_TEXT, structs=True, **args)

    def extracted(texts: Any) -> Any:
        found = extract(arrow.table({_TEXT: texts}))
        value, error = (found.column(member).combine_chunks() for member in _MEMBERS)
        if not with_errors:
            return value
        is_null = found.column(_TEXT).combine_chunks().is_null()
        return arrow.StructArray.from_arrays([value, error], _MEMBERS, mask=is_null)

    of_no_rows = arrow.table({"found": extracted(arrow.array([], arrow.string()))})
    [result_type] = connection.from_arrow(of_no_rows).types
    connection.create_function(
        name,
        extracted,
        [types.VARCHAR],
        result_type,
        type="arrow",
        null_handling="special",  # by default a function may not give NULL for a failed row
    )
