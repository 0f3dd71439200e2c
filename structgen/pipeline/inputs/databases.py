"""Rows of databases, through SQLAlchemy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from structgen.errors import ConfigurationError, InputError, StructgenError
from structgen.extras import load
from structgen.pipeline.inputs.options import ReadOptions
from structgen.pipeline.inputs.rows import item_of_row, missing_columns, unreadable
from structgen.pipeline.record import Item
from structgen.reading.opening.secrets import redact, scrub

_ROWS: Final = 256
"""Rows to fetch at a time."""
_MESSAGE_LENGTH: Final = 200
"""Characters of a database's message to quote: what comes later may hold values."""
_QUERY: Final = re.compile(
    r"(?is)[\s(]*(?:select|with|values|table|from|show|call|exec|execute|pragma)[\s(*'\"]"
)
_QUOTED: Final = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')
_FILE_DATABASES: Final = ("sqlite", "duckdb")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1", "", None})


@dataclass(frozen=True, slots=True)
class TableName:
    """A table of a database."""

    url: str
    """The database, as SQLAlchemy takes it."""
    table: str
    """Its name."""
    schema: str | None = None
    """The schema that it is in; None for the default one."""

    def __repr__(self) -> str:
        return f"TableName({redact(self.url)}#{self})"

    def __str__(self) -> str:
        return self.table if self.schema is None else f"{self.schema}.{self.table}"


def is_query(what: str) -> bool:
    """Whether this is a query, rather than the name of a table."""
    return bool(_QUERY.match(what))


def table_names(what: str) -> Iterator[tuple[str | None, str]]:
    """Give the (schema, table) that a name may mean, the likeliest first.

    `sales.customers` is a table of a schema, unless a table has a dot in its name. Quotes, as in
    `"a b"."c.d"`, say what is meant.
    """
    if what.startswith('"') or '."' in what:
        parts = [quoted.replace('""', '"') or plain for quoted, plain in _QUOTED.findall(what)]
        yield (".".join(parts[:-1]) or None), parts[-1]
        return
    schema, dot, table = what.rpartition(".")
    if dot and schema and table:
        yield schema, table
    yield None, what


def find_table(connection: Any, url: str, what: str) -> TableName | None:
    """Give the table or view that a name means in this database; None if there is none."""
    inspector = load("sqlalchemy", "files").inspect(connection)
    for schema, table in table_names(what):
        schemas = [schema] if schema is None else inspector.get_schema_names()
        if schema not in schemas:
            continue
        views = [*inspector.get_view_names(schema), *_materialized(inspector, schema)]
        if inspector.has_table(table, schema) or table in views:
            return TableName(url, table, schema)
    return None


def _materialized(inspector: Any, schema: str | None) -> list[str]:
    try:
        found: list[str] = inspector.get_materialized_view_names(schema)
    except NotImplementedError:
        return []
    return found


def read_database(url: str, what: str, options: ReadOptions) -> Iterator[Item]:
    """Read the rows of a table or a query.

    Args:
        url: The database.
        what: The table or the query.
        options: Which columns are read.

    Raises:
        InputError: If the database refuses the connection or the query, or a column is missing.
    """
    sqlalchemy = load("sqlalchemy", "files")
    with database_errors(url, "read from", InputError):
        _check_file(sqlalchemy.make_url(url))
    with (
        database_errors(url, "read from", InputError),
        engine_of(url) as engine,
        engine.connect().execution_options(yield_per=_ROWS) as connection,
    ):
        query, name = _query(sqlalchemy, connection, url, what, options)
        rows = connection.execute(query)
        names = list(rows.keys())
        missing = missing_columns(names, name, options)
        if missing is not None:
            raise missing
        yield from _rows(rows, names, name, options)


def _check_file(url: Any) -> None:
    """Raise InputError if a database is a file that does not exist: connecting would make it."""
    name = url.database or ""
    is_file = url.get_backend_name() in _FILE_DATABASES and name not in ("", ":memory:")
    if is_file and not name.startswith("file:") and not os.path.exists(name):
        raise InputError(f"There is no database {name}.", hint="Check the path in the URL.")


def _rows(rows: Any, names: list[str], name: str, options: ReadOptions) -> Iterator[Item]:
    places = [(at, column) for at, column in enumerate(names) if options.takes(column)]
    for number, cells in enumerate(rows, 1):
        where = f"{name}:{number}"
        try:
            row = {column: cells[at] for at, column in places}
        except Exception as error:  # a driver may convert a cell only now
            yield unreadable(where, error)
        else:
            yield item_of_row(row, where, options)


def _query(
    sqlalchemy: Any, connection: Any, url: str, what: str, options: ReadOptions
) -> tuple[Any, str]:
    """The query to run, and the beginning of the keys of its rows."""
    if is_query(what):
        return sqlalchemy.text(what), "row"
    found = find_table(connection, url, what)
    if found is None:
        raise InputError(
            f"The database has no such table: {what!r}.",
            hint="Check the name. Write schema.table, or give a query: URL#SELECT ...",
        )
    column = sqlalchemy.text("*")
    table = sqlalchemy.table(found.table, schema=found.schema)
    query = sqlalchemy.select(column).select_from(table)
    if options.key is not None:
        query = query.order_by(sqlalchemy.column(options.key))
    return query, what


# ---- connections -----------------------------------------------------------------------------


@contextmanager
def engine_of(url: str) -> Iterator[Any]:
    """Give an engine for a database, and end it."""
    engine = load("sqlalchemy", "files").create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def database_errors(
    url: str,
    doing: str,
    kind: type[StructgenError],
    hint: str = "Check the URL, the table and the query.",
) -> Iterator[None]:
    """Raise a typed error for a database's errors, without statements, values and passwords.

    Args:
        url: The database, whose secrets no message may hold.
        doing: What failed, such as "read from".
        kind: The class of the error to raise.
        hint: What to do.
    """
    errors = load("sqlalchemy.exc", "files")
    try:
        yield
    except (errors.SQLAlchemyError, ImportError, ValueError, OSError) as error:
        # The cause is left out: it holds the statement with its values, and may hold the URL.
        said = _said(error, url)
        raise kind(f"Cannot {doing} the database: {said}.", hint=hint) from None


def _said(error: Exception, url: str) -> str:
    said = str(getattr(error, "orig", None) or error).partition("\n")[0]
    return scrub(said, url)[:_MESSAGE_LENGTH].rstrip(". ")


def check_url(url: str, what: str) -> None:
    """Raise ConfigurationError if a URL names no database, or nothing in it."""
    if not what:
        raise ConfigurationError(
            "Missing table or query.", hint="Use URL#TABLE, or URL#SELECT ... FROM ... ORDER BY ..."
        )
    load("sqlalchemy", "files")


# ---- identity --------------------------------------------------------------------------------


def same_database(one: str, other: str) -> bool:
    """Whether two URLs name the same database. In doubt, yes."""
    make_url = load("sqlalchemy", "files").make_url
    a, b = make_url(one), make_url(other)
    if a.get_backend_name() != b.get_backend_name():
        return False
    if a.get_backend_name() in _FILE_DATABASES:
        return _same_file(a.database, b.database)
    same_name = (a.database or "") == (b.database or "") or not (a.database and b.database)
    loopback = a.host in _LOOPBACK and b.host in _LOOPBACK
    same_port = a.port == b.port or a.port is None or b.port is None
    return same_name and same_port and (loopback or a.host == b.host)


def _same_file(one: str | None, other: str | None) -> bool:
    if one in (None, "", ":memory:") or other in (None, "", ":memory:"):
        return False
    paths = [Path(str(name).removeprefix("file:").partition("?")[0]) for name in (one, other)]
    try:
        return os.path.samefile(*paths)
    except OSError:
        return os.path.realpath(paths[0]) == os.path.realpath(paths[1])


def reads_table(url: str, what: str, written: TableName) -> bool:
    """Whether reading this reads the table that is written. In doubt, yes.

    Args:
        url: The database that is read.
        what: The table or the query that is read.
        written: The table that is written.
    """
    if not same_database(url, written.url):
        return False
    if is_query(what):
        return bool(re.search(rf"(?i)(?<!\w){re.escape(written.table)}(?!\w)", what))
    return any(table.lower() == written.table.lower() for _, table in table_names(what))
