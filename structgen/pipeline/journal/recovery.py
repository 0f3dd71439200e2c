"""Recover a damaged journal: move every row that can still be read to a new file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from structgen.pipeline.journal.rows import INSERT, SELECT, entry_of_row, row_of_entry
from structgen.pipeline.journal.tables import APPLICATION_ID, connect, no_journal

_ROWS_AFTER: Final = f"{SELECT} WHERE seq > ? ORDER BY seq"
_ROW_AT: Final = f"{SELECT} WHERE seq = ?"
_GAP: Final = 100_000
"""How many rows in sequence may be unreachable before the rest is given up. The rows below one
inner page of SQLite's tree are fewer."""
_READ_CUT_FILES: Final = "PRAGMA writable_schema = ON"
"""Without it, SQLite reads nothing of a file that is shorter than its header says (`lockBtree` in
https://sqlite.org/src/file/src/btree.c). Nothing is written to the damaged file."""
_FILES: Final = ("-wal", "-shm", "")
"""The suffixes of a journal's files; the main one last."""
_HEADER: Final = slice(68, 72)
"""Where SQLite's header has the application's id (https://sqlite.org/fileformat.html)."""


def is_sound(path: Path) -> bool:
    """Whether the file is undamaged, or does not exist.

    Raises:
        JournalError: If the file is something else than a journal.
    """
    if not path.exists() or not path.stat().st_size:
        return True
    with path.open("rb") as file:
        head = file.read(_HEADER.stop)
    ours = head[_HEADER] == APPLICATION_ID.to_bytes(4, "big")
    try:
        with closing(sqlite3.connect(path)) as db:
            ours = ours or db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
            empty = not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            sound: bool = db.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok"
    except sqlite3.DatabaseError:
        empty = sound = False
    if not ours and not empty:
        raise no_journal(path)
    return sound


def recover(path: Path, log: Callable[[str], None]) -> None:
    """Move what can be read of a damaged journal to a new one, and set the damaged one aside.

    The new one is complete before anything is renamed, and `finish_recovery` can take up the
    renaming wherever it was interrupted. `log` is told how much could be kept.
    """
    new = _beside(path, ".recovering")
    for suffix in _FILES:
        Path(f"{new}{suffix}").unlink(missing_ok=True)
    kept = 0
    with closing(connect(new)) as db, closing(sqlite3.connect(path)) as damaged, db:
        with suppress(sqlite3.DatabaseError):
            damaged.execute(_READ_CUT_FILES)
        for row in _readable_rows(damaged):
            if (entry := entry_of_row(row)) is not None:
                db.execute(INSERT, row_of_entry(entry))
                kept += 1
        for table in ("notes", "replies"):
            _copy(damaged, db, table)
    new.replace(_beside(path, ".recovered"))
    aside = finish_recovery(path)
    log(
        f"{path} was damaged. {kept} finished results could be read and are kept; the others are "
        f"asked again. The damaged file is now {aside}."
    )


def _copy(damaged: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    """Copy the rows of a table up to the first one that cannot be read."""
    with suppress(sqlite3.DatabaseError):
        for row in damaged.execute(f"SELECT * FROM {table}"):  # noqa: S608 - a name of ours
            places = ", ".join("?" * len(row))
            new.execute(f"INSERT OR REPLACE INTO {table} VALUES ({places})", row)  # noqa: S608


def finish_recovery(path: Path) -> Path | None:
    """Put a recovered journal in its place, if there is one.

    Returns:
        Where the damaged one is now.
    """
    recovered = _beside(path, ".recovered")
    if not recovered.exists():
        return None
    number = 1
    while (aside := _beside(path, f".damaged-{number}")).exists():
        number += 1
    for suffix in _FILES:
        if (part := Path(f"{path}{suffix}")).exists():
            part.replace(f"{aside}{suffix}")
    recovered.replace(path)
    return aside


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _readable_rows(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """The rows that SQLite can still reach: in order, and after damage by probing one by one."""
    last: int | None = 0
    while last is not None:
        with suppress(sqlite3.DatabaseError):
            for row in db.execute(_ROWS_AFTER, (last,)):
                if last < row[0] < last + _GAP:  # else its number is damaged
                    last = row[0]
                    yield row
            return
        reached = (row for seq in range(last + 1, last + _GAP) for row in _row_at(db, seq))
        found = next(reached, None)
        if found is not None:
            yield found
        last = None if found is None else found[0]


def _row_at(db: sqlite3.Connection, seq: int) -> list[tuple[Any, ...]]:
    with suppress(sqlite3.DatabaseError):
        return db.execute(_ROW_AT, (seq,)).fetchall()
    return []
