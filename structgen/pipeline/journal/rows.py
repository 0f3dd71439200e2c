"""The journal's file: its tables, and outcomes as rows with a checksum."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json, to_json

from structgen.errors import JournalError
from structgen.values import Json

APPLICATION_ID: Final = 0x53474A31
"""Marks the file as a journal of structgen, in SQLite's header: "SGJ1" in ASCII."""
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS outcomes (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    hash BLOB NOT NULL,
    ok INTEGER NOT NULL,
    cost REAL,
    body TEXT NOT NULL,
    sum BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS outcomes_by_hash ON outcomes (hash);
CREATE TABLE IF NOT EXISTS inputs (
    position INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    meta TEXT NOT NULL,
    hash BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS replies (
    hash BLOB NOT NULL,
    turn INTEGER NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (hash, turn)
);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, body TEXT NOT NULL);
"""
SELECT: Final = "SELECT seq, run, hash, ok, cost, CAST(body AS BLOB), sum FROM outcomes"
"""Selects rows as `entry_of_row` takes them."""
INSERT: Final = "INSERT INTO outcomes (run, hash, ok, cost, body, sum) VALUES (?, ?, ?, ?, ?, ?)"
"""Takes what `row_of_entry` gives."""
_BUSY_SECONDS: Final = 30
"""How long SQLite waits for the file, such as for a backup that reads it."""
_LOG_BYTES: Final = 16 * 2**20
"""The size to which the write-ahead log shrinks after a checkpoint."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The outcome of one question."""

    hash: bytes
    """Which question, with its document; see `question_hash`."""
    run: str
    """Which question, without the document; see `fingerprint`."""
    ok: bool
    """Whether there is a value."""
    body: Mapping[str, Json] = field(repr=False)
    """The outcome as plain JSON data."""
    cost: float | None = None
    """US dollars; None if no price is known."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a journal's file, which is made if it does not exist."""
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
        if not db.execute("PRAGMA application_id").fetchone()[0]:
            db.executescript(f"BEGIN; {_TABLES} PRAGMA application_id={APPLICATION_ID}; COMMIT;")
    except BaseException:
        db.close()
        raise
    return db


def row_of_entry(entry: Entry) -> tuple[Any, ...]:
    """Give an entry as a row, with a checksum."""
    body = to_json(entry.body)
    checksum = _checksum(entry.hash, entry.ok, body)
    return entry.run, entry.hash, entry.ok, entry.cost, body.decode(), checksum


def entry_of_row(row: Sequence[Any]) -> Entry | None:
    """Give the entry of a row; None if its checksum does not match."""
    _, run, hash, ok, cost, body, checksum = row
    if checksum != _checksum(hash, bool(ok), body):
        return None
    return Entry(hash, run, bool(ok), from_json(body), cost)


def _checksum(hash: bytes, ok: bool, body: bytes) -> bytes:
    return blake2b(b"%b%d%b" % (hash, ok, body), digest_size=8).digest()


@contextmanager
def journal_errors(path: Path, unsaved: int = 0) -> Iterator[None]:
    """Raise JournalError for SQLite's errors and the disk's. `unsaved` results are then lost."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        message = f"Cannot read or write the journal {path}: {error}."
        if unsaved:
            message += f" {unsaved} finished results were not saved and will be asked again."
        raise JournalError(
            message,
            hint="Check that the disk has room and the folder is writable, then start the same job "
            "again: it continues from the last saved result.",
        ) from error
