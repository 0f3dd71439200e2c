"""Outputs that are tables of a database, through SQLAlchemy, written in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from structgen.errors import JobError
from structgen.extras import load
from structgen.pipeline.inputs.databases import (
    TableName,
    database_errors,
    find_table,
    table_names,
)
from structgen.pipeline.outputs.claims import Claim, digest_of_rows
from structgen.pipeline.outputs.columns.kinds import (
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
from structgen.pipeline.outputs.columns.spool import Spool
from structgen.pipeline.outputs.columns.table import Column, Layout, Table
from structgen.pipeline.outputs.merging import check_columns
from structgen.pipeline.outputs.mode import IfExists, foreign
from structgen.pipeline.record import Outcome
from structgen.reading.opening.secrets import redact
from structgen.schema.json import to_text
from structgen.schema.target import Target
from structgen.values import Json

_ROWS: Final = 500
"""Rows to insert at a time, and keys to look up: within the limits on parameters."""
_NUL: Final = "\0"
_NUL_SHOWN: Final = "\ufffd"


class TableSink:
    """A table of a database: it is always the old one or the new one."""

    def __init__(
        self,
        table: TableName,
        claim: Claim,
        if_exists: IfExists,
        layout: Layout,
        target: Target[Any] | None,
    ) -> None:
        """Begin to write.

        Args:
            table: The database, and the table as `table` or `schema.table`.
            claim: What the job wrote there before.
            if_exists: What to do with a table that exists.
            layout: How values become columns.
            target: The target of the rows; by default that of the first one.

        Raises:
            JobError: If the database refuses, or the table exists and is not ours.
        """
        columns = None if target is None else Table(target, layout).columns()
        check_table(table.url, table.table, claim, if_exists, columns)
        self._url, self._name = table.url, table.table
        self._claim, self._if_exists = claim, if_exists
        self._spool = Spool(target, layout, None)

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        """Take the next outcomes."""
        self._spool.write(rows)

    def close(self) -> None:
        """Write all of them, in one transaction.

        Raises:
            JobError: If the database refuses, or the table was changed in the meantime.
        """
        if not self._spool.table.rows and self._if_exists == "fail":
            self._claim.refuse_loss(self._name)
        columns = self._spool.table.columns()
        with writing(self._url) as connection:
            found = find_table(connection, self._url, self._name)
            if found is None:
                table = _make(connection, self._new_name(), columns)
                self._insert(connection, table, columns, self._spool.rows())
                self._claim.note_written(*_fingerprint(connection, table))
            elif self._if_exists in ("append", "upsert"):
                self._add(connection, found, columns)
            else:
                self._replace(connection, found, columns)
        self._spool.close()

    def abort(self) -> None:
        """Discard what was written."""
        self._spool.close()

    def _new_name(self) -> TableName:
        schema, table = next(table_names(self._name))
        return TableName(self._url, table, schema)

    def _replace(self, connection: Any, found: TableName, columns: Sequence[Column]) -> None:
        if not may_replace(connection, found, self._claim, self._if_exists):
            raise foreign(f"The table {found}")
        old, new = _reflected(connection, found), _table(connection, found, columns)
        if _types(connection, old) == _types(connection, new):
            connection.execute(old.delete())  # keeps rights, indexes, and views on it
        else:
            old.drop(connection)
            new.create(connection)
        self._insert(connection, new, columns, self._spool.rows())
        # Before it appears: a process that ends in between still knows its own table.
        self._claim.note_written(*_fingerprint(connection, new))

    def _add(self, connection: Any, found: TableName, columns: Sequence[Column]) -> None:
        table = _reflected(connection, found)
        check_columns(table.columns.keys(), columns, f"the table {found}")
        written = [column for column in columns if column.name in table.columns]
        last = {row["key"]: place for place, row in enumerate(self._spool.rows())}
        numbered = enumerate(self._spool.rows())
        wanted = (row for place, row in numbered if last[row["key"]] == place)
        key = table.columns["key"]
        sql = load("sqlalchemy", "files")
        while rows := list(islice(wanted, _ROWS)):
            keys = [row["key"] for row in rows]
            if self._if_exists == "upsert":
                connection.execute(table.delete().where(key.in_(keys)))
            else:
                query = sql.select(key).where(key.in_(keys))
                present = {one for (one,) in connection.execute(query)}
                rows = [row for row in rows if row["key"] not in present]
            self._insert(connection, table, written, iter(rows))

    def _insert(
        self,
        connection: Any,
        table: Any,
        columns: Sequence[Column],
        rows: Iterator[Mapping[str, Json]],
    ) -> None:
        cell = _cell_of(connection)
        while some := list(islice(rows, _ROWS)):
            cells = [{one.name: cell(one, one.raw(row)) for one in columns} for row in some]
            connection.execute(table.insert(), cells)


def check_table(
    url: str, name: str, claim: Claim, if_exists: IfExists, columns: Sequence[Column] | None
) -> None:
    """Find out whether a table may and can be written, before anything is asked.

    Raises:
        JobError: If it may not or cannot.
    """
    with writing(url) as connection:
        found = find_table(connection, url, name)
        if found is None:
            schema, _ = next(table_names(name))
            known = load("sqlalchemy", "files").inspect(connection).get_schema_names()
            if schema is not None and schema not in known:
                raise JobError(
                    f"The database has no schema {schema!r}.", hint="Create the schema first."
                )
            return
        if if_exists in ("append", "upsert"):
            if columns is not None:
                names = _reflected(connection, found).columns.keys()
                check_columns(names, columns, f"the table {found}")
        elif not may_replace(connection, found, claim, if_exists):
            raise foreign(f"The table {found}")


def may_replace(connection: Any, found: TableName, claim: Claim, if_exists: IfExists) -> bool:
    """Whether a table may be replaced: we were told so, or wrote it, as it is now."""
    if if_exists == "replace":
        return True
    return claim.owns(_fingerprint(connection, _reflected(connection, found))[0])


def _fingerprint(connection: Any, table: Any) -> tuple[str, int]:
    """The hash of a table's columns and rows, and how many rows it has."""
    sql = load("sqlalchemy", "files")
    names = sorted(table.columns.keys())
    columns = [sql.column(name) for name in names]
    from_table = sql.table(table.name, schema=table.schema)
    # Without the types of the columns, so that a table reads as it did when it was written.
    count, digest = digest_of_rows(connection.execute(sql.select(*columns).select_from(from_table)))
    return f"{digest} {to_text(names)}", count


# ---- connections -----------------------------------------------------------------------------


@contextmanager
def writing(url: str) -> Iterator[Any]:
    """Connect to a database for one transaction.

    Raises:
        JobError: For every error of the database, without values and passwords.
    """
    sql = load("sqlalchemy", "files")
    hint = "Check the URL and your rights, then start the same job again."
    with database_errors(url, "write to", JobError, hint):
        engine = sql.create_engine(url)
        try:
            with engine.connect() as connection:
                if engine.dialect.name == "sqlite":
                    # Its driver begins no transaction for CREATE and DROP.
                    with suppress(sql.exc.InvalidRequestError):
                        connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                connection.commit()
        finally:
            engine.dispose()


def shown_table(url: str, name: str) -> str:
    """Give the name of a table for people, without the password."""
    return redact(f"{url}#{name}")


# ---- tables ----------------------------------------------------------------------------------


def _reflected(connection: Any, found: TableName) -> Any:
    sql = load("sqlalchemy", "files")
    return sql.Table(found.table, sql.MetaData(), schema=found.schema, autoload_with=connection)


def _make(connection: Any, name: TableName, columns: Sequence[Column]) -> Any:
    table = _table(connection, name, columns)
    table.create(connection)
    return table


def _table(connection: Any, name: TableName, columns: Sequence[Column]) -> Any:
    sql = load("sqlalchemy", "files")
    dialect = connection.dialect.name
    made = [
        sql.Column(one.name, _sql_type(sql, one.kind, dialect), nullable=one.name != "key")
        for one in columns
    ]
    return sql.Table(name.table, sql.MetaData(), *made, schema=name.schema)


def _types(connection: Any, table: Any) -> dict[str, str]:
    dialect = connection.dialect
    return {column.name: column.type.compile(dialect) for column in table.columns}


def _sql_type(sql: Any, kind: Kind, dialect: str) -> Any:
    if isinstance(kind, Found) and kind.kind is not None and not kind.broken:
        return _sql_type(sql, kind.kind, dialect)
    make = _TYPES.get(type(kind))
    return sql.Text() if make is None or kind.broken else make(sql, kind, dialect)


def _exact(sql: Any, kind: Any, dialect: str) -> Any:
    # SQLite has no decimals: as a float, 0.10 would be another number.
    return sql.Text() if dialect == "sqlite" else sql.Numeric()


def _integer(sql: Any, kind: Any, dialect: str) -> Any:
    return _exact(sql, kind, dialect) if kind.digits else sql.BigInteger()


def _nested(sql: Any, kind: Any, dialect: str) -> Any:
    return sql.JSON(none_as_null=True)


_TYPES: Final[Mapping[type[Kind], Callable[[Any, Any, str], Any]]] = {
    Flag: lambda sql, kind, dialect: sql.Boolean(),
    Integer: _integer,
    Number: lambda sql, kind, dialect: sql.Double(),
    Exact: _exact,
    Day: lambda sql, kind, dialect: sql.Date(),
    Clock: lambda sql, kind, dialect: sql.Time(),
    Moment: lambda sql, kind, dialect: sql.DateTime(timezone=kind.zoned is not False),
    Choice: lambda sql, kind, dialect: sql.String(max(map(len, kind.values))),
    Many: _nested,
    Struct: _nested,
    Entries: _nested,
}
"""The SQL type of each kind; of the others, text."""


def _cell_of(connection: Any) -> Callable[[Column, Json], Any]:
    """What makes a cell for a database out of JSON data."""
    dialect = connection.dialect.name
    keeps_nul = dialect == "sqlite"

    def cell(column: Column, value: Json) -> Any:
        kind = column.kind
        if value is not None and not kind.broken and isinstance(kind, Many | Struct | Entries):
            return value if keeps_nul else _without_nul(value)
        made = kind.cell(value)
        if isinstance(made, Decimal) and dialect == "sqlite":
            return str(made)
        return made if keeps_nul or not isinstance(made, str) else made.replace(_NUL, _NUL_SHOWN)

    return cell


def _without_nul(value: Json) -> Json:
    if isinstance(value, str):
        return value.replace(_NUL, _NUL_SHOWN)
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(one) for name, one in value.items()}
    return value
