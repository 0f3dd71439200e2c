"""The journal's file: its tables, their version, and how older files are brought up to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from structgen.errors import JournalError

APPLICATION_ID: Final = 0x53474A31
"""Marks the file as a journal of structgen, in SQLite's header: "SGJ1" in ASCII."""
VERSION: Final = 2
"""The version of the tables, which SQLite's header keeps as `user_version`."""

_TABLES: Final = """
CREATE TABLE outcomes (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    hash BLOB NOT NULL,
    ok INTEGER NOT NULL,
    cost REAL,
    body TEXT NOT NULL,
    sum BLOB NOT NULL
);
CREATE INDEX outcomes_by_hash ON outcomes (hash);
CREATE TABLE inputs (
    position INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    meta TEXT NOT NULL,
    hash BLOB NOT NULL
);
CREATE TABLE replies (
    hash BLOB NOT NULL,
    turn INTEGER NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (hash, turn)
);
CREATE TABLE notes (name TEXT PRIMARY KEY, body TEXT NOT NULL);
"""
"""The tables of version 0: what 0.1.0 wrote, which gave its files no version."""
_EARLIER_INPUTS: Final = """
CREATE TABLE earlier_inputs (
    position INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    meta TEXT NOT NULL,
    hash BLOB NOT NULL
);
"""
"""What the runs before this one read, so that a run that stops early hides none of it."""

_DOCUMENTS: Final = """
ALTER TABLE inputs ADD COLUMN document TEXT;
ALTER TABLE earlier_inputs ADD COLUMN document TEXT;
"""
"""Which text each input had, so that a decision about another text does not go for it."""

_MIGRATIONS: Final = (_EARLIER_INPUTS, _DOCUMENTS)
"""The statements that lead from each version to the next one."""

_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "outcomes": frozenset({"seq", "run", "hash", "ok", "cost", "body", "sum"}),
    "inputs": frozenset({"position", "key", "meta", "hash", "document"}),
    "earlier_inputs": frozenset({"position", "key", "meta", "hash", "document"}),
    "replies": frozenset({"hash", "turn", "status", "body"}),
    "notes": frozenset({"name", "body"}),
}
"""The columns that each table needs; it may have more."""

_MAGIC: Final = b"SQLite format 3\0"
"""How a file of SQLite begins (https://sqlite.org/fileformat.html)."""
_BUSY_SECONDS: Final = 30
"""How long SQLite waits for the file, such as for a backup that reads it."""
_LOG_BYTES: Final = 16 * 2**20
"""The size to which the write-ahead log shrinks after a checkpoint."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a journal's file, which is made if it does not exist and migrated if it is older.

    Raises:
        JournalError: If the file is of a later version, or lacks a column.
        sqlite3.Error: If the file cannot be read or written.
    """
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
        _migrate(db, path)
        check_columns(db, path)
    except BaseException:
        db.close()
        raise
    return db


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a journal's file to read it, even while a job writes it.

    Raises:
        JournalError: If the file does not exist, is no journal, or is of a later version.
        sqlite3.Error: If the file cannot be read.
    """
    if not path.is_file():
        raise JournalError(
            f"There is no journal {path}.",
            hint="A job's journal is beside its output, as OUTPUT.journal.",
        )
    name = path.absolute().as_uri()
    db = sqlite3.connect(f"{name}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
    try:
        try:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:  # a folder that cannot be written has no room for the log
            db.close()
            db = sqlite3.connect(f"{name}?mode=ro&immutable=1", uri=True)
        except sqlite3.DatabaseError:  # no file of SQLite at all
            raise no_journal(path) from None
        if _pragma(db, "application_id") != APPLICATION_ID:
            raise no_journal(path)
        check_version(_pragma(db, "user_version"), path)
    except BaseException:
        db.close()
        raise
    return db


def is_database(path: Path) -> bool:
    """Whether a file is one of SQLite's, as every journal is, whatever its name.

    Args:
        path: The file.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def show_as_newest(db: sqlite3.Connection) -> None:
    """Let queries find in an older file what a newer one has. Only a job may change the file.

    Args:
        db: An open journal, of which this connection alone sees another form.
    """
    version = _pragma(db, "user_version")
    if version == VERSION:
        return
    earlier = "main.earlier_inputs" if version else "main.inputs WHERE 0"
    for name, table in (("inputs", "main.inputs"), ("earlier_inputs", earlier)):
        db.execute(f"CREATE TEMP VIEW {name} AS SELECT *, NULL AS document FROM {table}")  # noqa: S608


def no_journal(path: Path) -> JournalError:
    """Make the error about a file that is something else."""
    return JournalError(
        f"{path} is no journal of structgen, and was not changed.", hint="Name another file."
    )


def check_version(version: int, path: Path) -> None:
    """Check that a file's version is known.

    Raises:
        JournalError: If it is a later one.
    """
    if version > VERSION:
        raise JournalError(
            f"The journal {path} was written by a newer structgen: its format is {version}, and "
            f"this structgen reads formats up to {VERSION}.",
            hint="Upgrade structgen, or give the job another journal.",
        )


def check_columns(db: sqlite3.Connection, path: Path) -> None:
    """Check that no column is missing.

    Raises:
        JournalError: If one is.
    """
    for table, needed in _COLUMNS.items():
        found = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        if missing := sorted(needed - found):
            raise JournalError(
                f"The journal {path} has no column {missing[0]} in its table {table}: another "
                "program has changed it.",
                hint="Restore the file from a backup, or give the job another journal.",
            )


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file, and bring those of an older one up to `VERSION`."""
    version = _pragma(db, "user_version")
    check_version(version, path)
    is_new = not _pragma(db, "application_id")
    if version == VERSION and not is_new:
        return
    statements = "".join(_MIGRATIONS[version:])
    if is_new:
        statements = f"{_TABLES} {statements} PRAGMA application_id={APPLICATION_ID};"
    db.executescript(f"BEGIN; {statements} PRAGMA user_version={VERSION}; COMMIT;")


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
