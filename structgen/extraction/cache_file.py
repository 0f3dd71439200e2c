"""The file of a cache: results by key, in SQLite, shared by threads and processes.

Each look-up and each write opens the file anew, which takes a fraction of a millisecond, so that no
connection crosses a thread or a fork. A cache never costs a call: a file that is damaged or busy,
and a full disk, are told to the log, and the model is asked.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final

from structgen.errors import ConfigurationError

_LOG: Final = logging.getLogger("structgen.cache")
"""Where a file that cannot be read or written is told."""
MOST_BYTES: Final = 2**30
"""The size of the results above which the oldest quarter of them goes."""
_APPLICATION_ID: Final = 0x53474331
"""Marks the file as a cache of structgen, in SQLite's header: "SGC1" in ASCII."""
_BUSY_SECONDS: Final = 5
"""How long a call waits for another process that writes."""

_TABLE: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS results (
    seq INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL,
    sum BLOB NOT NULL
);
PRAGMA application_id={_APPLICATION_ID};
COMMIT;
"""
_FIND: Final = "SELECT body, sum FROM results WHERE key = ?"
_KEEP: Final = "INSERT OR REPLACE INTO results (key, body, sum) VALUES (?, ?, ?)"
_DROP_OLDEST: Final = """
DELETE FROM results WHERE seq <= (
    SELECT seq FROM results ORDER BY seq LIMIT 1 OFFSET (SELECT count(*) / 4 FROM results)
)
"""
_BYTES_USED: Final = """
SELECT (page_count - freelist_count) * page_size
FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""


class CacheFile:
    """Results by key, in a file that is made by the first call."""

    def __init__(self, path: Path) -> None:
        """Name the file.

        Args:
            path: The file.

        Raises:
            ConfigurationError: If its folder does not exist, or the file is something else.
        """
        self._path = path
        if not os.path.isdir(path.parent):
            raise ConfigurationError(
                f"The folder of the cache {path} does not exist.",
                hint="Make the folder, or name another file.",
            )
        if os.path.isdir(path) or not _is_ours(path):
            raise ConfigurationError(
                f"{path} is no cache of structgen, and was not changed.",
                hint="Name another file, or a new one.",
            )

    def find(self, key: bytes) -> bytes | None:
        """Give the result of a question; None if there is none that can be read.

        Args:
            key: The hash of the question.
        """
        with self._told("read"), closing(self._connect()) as db:
            row = db.execute(_FIND, (key,)).fetchone()
            if row is None:
                return None
            body, checksum = row
            if isinstance(body, bytes) and checksum == _checksum(key, body):
                return body
            _LOG.warning("%s: a result is damaged; the model is asked again", self._path)
        return None

    def keep(self, key: bytes, body: bytes) -> None:
        """Keep the result of a question. If there is no room, the oldest ones go.

        Args:
            key: The hash of the question.
            body: The result.
        """
        with self._told("write"), closing(self._connect()) as db, db:
            db.execute(_KEEP, (key, body, _checksum(key, body)))
            if db.execute(_BYTES_USED).fetchone()[0] > MOST_BYTES:
                db.execute(_DROP_OLDEST)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS)
        try:
            # A power cut may cost a cache. It then fails its checksums, and is asked for again.
            db.execute("PRAGMA synchronous=OFF")
            if not _has_table(db):
                db.executescript(_TABLE)
        except BaseException:
            db.close()
            raise
        return db

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Tell the log of SQLite's errors and the disk's instead of raising them."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            _LOG.warning("Cannot %s the cache %s: %s", doing, self._path, error)


def _is_ours(path: Path) -> bool:
    """Whether a file is a cache, or may become one: it is new or empty."""
    try:
        if not path.stat().st_size:
            return True
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as db:
            _has_table(db)
    except (OSError, sqlite3.OperationalError):  # it is new or busy, or may not be read: told later
        return True
    except sqlite3.DatabaseError:  # no file of SQLite, or one of something else
        return False
    return True


def _has_table(db: sqlite3.Connection) -> bool:
    """Whether a database is a cache; False if it is empty, and may become one.

    Raises:
        sqlite3.DatabaseError: If it is something else. The file may have been replaced meanwhile.
    """
    known = db.execute("PRAGMA application_id").fetchone()[0]
    if known == _APPLICATION_ID:
        return True
    if known or db.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise sqlite3.DatabaseError("it is no cache of structgen")
    return False


def _checksum(key: bytes, body: bytes) -> bytes:
    return blake2b(key + body, digest_size=8).digest()
