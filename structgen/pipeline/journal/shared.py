"""A journal in a table of a database, which workers on many machines share.

It keeps outcomes by the hash of their question, as the journal in a file does, and nothing else:
the engine that runs the workers knows the inputs. A partition that is tried again asks about
nothing that was answered before.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from structgen.errors import JournalError
from structgen.extras import load
from structgen.pipeline.journal.journal import Journal
from structgen.pipeline.journal.rows import Entry, entry_of_row, row_of_entry
from structgen.pipeline.record import Item
from structgen.reading.opening.secrets import redact, scrub, split_table

TABLE: Final = "structgen_journal"
"""The name of the table, unless the URL ends in "#TABLE"."""
_COLUMNS: Final = ("hash", "run", "ok", "cost", "body", "sum")
_AT_ONCE: Final = 500
"""Rows to look for in one statement."""
_TRIES: Final = 3
"""How often to write rows that another worker writes at the same moment."""


class SharedJournal:
    """The outcomes of workers, in a table. Close it when it is no longer needed.

    Safe to share between threads, but not with a forked process.
    """

    def __init__(self, name: str, log: Callable[[str], None] = lambda line: None) -> None:
        """Open the table, which is made if it does not exist.

        Args:
            name: "URL" or "URL#TABLE", as SQLAlchemy takes URLs.
            log: Told, in one line, which results were damaged.

        Raises:
            JournalError: If the database cannot be reached, or the table is another one's.
            MissingPackage: If SQLAlchemy is not installed.
        """
        url, table = split_table(name)
        self._sql: Any = load("sqlalchemy", "files")
        self._name, self._log = redact(name), log
        self._unwritten: dict[bytes, Entry] = {}
        self._changed = threading.Lock()
        with self._errors(url):
            self._engine = self._sql.create_engine(url, pool_pre_ping=True)
            self._table = self._open_table(table or TABLE)
        self._url = url

    def find(self, hash: bytes) -> Entry | None:
        """Give the outcome of a question; None if there is none that can be read."""
        with self._changed:
            if (unwritten := self._unwritten.get(hash)) is not None:
                return unwritten
        query = self._sql.select(self._table).where(self._table.c.hash == hash.hex())
        with self._errors(), self._engine.connect() as connection:
            row = connection.execute(query).fetchone()
        if row is None:
            return None
        kept = (None, row.run, hash, row.ok, row.cost, row.body.encode(), bytes.fromhex(row.sum))
        entry = entry_of_row(kept)
        if entry is None:
            self._log(f"{self._name}: the result of one input is damaged; it is asked again.")
        return entry

    def is_decided(self, item: Item) -> bool:
        """Whether a person has decided about an input: never, since nobody reviews a table."""
        return False

    def add(self, entry: Entry) -> None:
        """Add an outcome. It is in the database after the next `flush`."""
        with self._changed:
            self._unwritten[entry.hash] = entry

    @property
    def unwritten(self) -> int:
        """How many rows wait for a `flush`."""
        return len(self._unwritten)

    def flush(self) -> None:
        """Write what waits, in one transaction. Safe from any thread.

        Raises:
            JournalError: If the database fails. Nothing is written then.
        """
        with self._changed:
            entries = list(self._unwritten.values())
        if not entries:
            return
        with self._errors():
            self._write(entries)
        with self._changed:
            for entry in entries:
                if self._unwritten.get(entry.hash) is entry:
                    del self._unwritten[entry.hash]

    def close(self) -> None:
        """Close the connections. Rows that were not flushed are lost."""
        self._engine.dispose()

    # ---- statements --------------------------------------------------------------------------

    def _write(self, entries: Sequence[Entry]) -> None:
        for tries in range(1, _TRIES + 1):
            try:
                with self._engine.begin() as connection:
                    for start in range(0, len(entries), _AT_ONCE):
                        self._replace(connection, entries[start : start + _AT_ONCE])
                return
            except self._sql.exc.IntegrityError:  # another worker has just written one of them
                if tries == _TRIES:
                    raise

    def _replace(self, connection: Any, entries: Sequence[Entry]) -> None:
        """Write rows in place of older ones. A failure replaces no value."""
        table, hashes = self._table, [entry.hash.hex() for entry in entries]
        among = table.c.hash.in_(hashes)
        query = self._sql.select(table.c.hash).where(among, table.c.ok == 1)
        values = {row.hash for row in connection.execute(query)}
        kept = [one for one in entries if one.ok or one.hash.hex() not in values]
        if not kept:
            return
        by_values = table.c.hash.in_([one.hash.hex() for one in kept if one.ok])
        by_failures = table.c.hash.in_([one.hash.hex() for one in kept if not one.ok])
        connection.execute(self._sql.delete(table).where(by_values))
        # A value that another worker wrote since the query stays, and ends this try below.
        connection.execute(self._sql.delete(table).where(by_failures, table.c.ok == 0))
        connection.execute(self._sql.insert(table), [_row(entry) for entry in kept])

    def _open_table(self, name: str) -> Any:
        sql = self._sql
        columns = (
            sql.Column("hash", sql.String(32), primary_key=True),
            sql.Column("run", sql.String(32), nullable=False),
            sql.Column("ok", sql.SmallInteger, nullable=False),
            sql.Column("cost", sql.Float),
            sql.Column("body", sql.Text, nullable=False),
            sql.Column("sum", sql.String(32), nullable=False),
        )
        table = sql.Table(name, sql.MetaData(), *columns)
        try:
            table.create(self._engine, checkfirst=True)
        except sql.exc.DBAPIError:
            if not sql.inspect(self._engine).has_table(name):
                raise  # else another worker has just made it
        found = {column["name"] for column in sql.inspect(self._engine).get_columns(name)}
        if missing := [one for one in _COLUMNS if one not in found]:
            raise JournalError(
                f"The table {name} is no journal of structgen: it has no column {missing[0]}.",
                hint="Name another table: journal='URL#TABLE'.",
            )
        return table

    @contextmanager
    def _errors(self, url: str | None = None) -> Iterator[None]:
        """Raise JournalError for SQLAlchemy's errors, without the password of the URL."""
        try:
            yield
        except (self._sql.exc.SQLAlchemyError, ImportError) as error:  # also: no driver
            reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            told = scrub(reason, url or self._url)
            raise JournalError(
                f"Cannot read or write the journal {self._name}: {told}.",
                hint="Check the URL and the database; what was saved is there for the next try.",
            ) from None


def open_journal(
    name: str | os.PathLike[str], log: Callable[[str], None] = lambda line: None
) -> Journal | SharedJournal:
    """Open a journal by its name.

    Args:
        name: The path of a file, or the "URL#TABLE" of a database, which several processes may
            share.
        log: Told, in one line, what was found damaged.

    Raises:
        JournalError: If it cannot be opened.
        MissingPackage: If it is in a database and SQLAlchemy is not installed.
    """
    return SharedJournal(str(name), log) if "://" in str(name) else Journal(name, log)


def _row(entry: Entry) -> dict[str, Any]:
    run, hash, ok, cost, body, checksum = row_of_entry(entry)
    values = (hash.hex(), run, int(ok), cost, body, checksum.hex())
    return dict(zip(_COLUMNS, values, strict=True))
