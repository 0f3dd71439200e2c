"""The journal of a job: the outcome of every finished input, in an SQLite file.

Rows are only ever appended; the newest row of a question counts. A question is known by a hash of
everything it is made of (`hash_of`), so equal inputs share a row, and a changed prompt,
schema or model finds none.

What survives: rows are written in transactions of many, in WAL mode with `synchronous=FULL`. A
commit is on the disk when `flush` returns, and costs one fsync however many rows it holds. `NORMAL`
would save the fsync but lose, if the power fails, every row since the last checkpoint: answers that
were paid for. A process that is killed loses what it had not flushed, and those inputs are asked
again. A torn last transaction fails its checksums in the WAL, as if it had never begun. SQLite has
no checksums for the pages of the file itself, so each row has one; a row that fails it counts as
missing. A damaged file is set aside, and every row that can still be read moves to a new one.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from itertools import takewhile
from pathlib import Path
from typing import Final

from structgen.pipeline.journal.inputs import (
    COLUMNS,
    INSERT_INPUT,
    WITH_NEWEST,
    Input,
    input_and_entry,
    row_of_input,
)
from structgen.pipeline.journal.lock import ProcessLock
from structgen.pipeline.journal.recovery import finish_recovery, is_sound, recover
from structgen.pipeline.journal.reviews import Review, newest_reviews
from structgen.pipeline.journal.rows import (
    INSERT,
    SELECT,
    Entry,
    entry_of_row,
    journal_errors,
    row_of_entry,
)
from structgen.pipeline.journal.tables import connect
from structgen.pipeline.record import Item
from structgen.values import Json, Reply

_NEWEST: Final = f"{SELECT} WHERE hash = ? ORDER BY seq DESC LIMIT 1"
_RESULTS: Final = f"""
SELECT {COLUMNS} FROM inputs i {WITH_NEWEST} ORDER BY i.position
"""  # noqa: S608 - texts of ours
_OF_CHUNKS: Final = "/chunks"
"""Ends the name of a run whose rows are those of chunks."""
_ANYTHING: Final = """
SELECT 1 FROM outcomes UNION ALL SELECT 1 FROM inputs UNION ALL SELECT 1 FROM replies
UNION ALL SELECT 1 FROM notes LIMIT 1
"""
_RETRIED: Final = -1
"""The turn of the row that marks a question that is asked anew."""
_MARK_RETRY: Final = "INSERT INTO replies (hash, turn, status, body) VALUES (?, ?, 0, x'')"
_SET_ASIDE: Final = """
INSERT OR REPLACE INTO earlier_inputs (position, key, meta, hash, document)
SELECT position, key, meta, hash, document FROM inputs
"""


def run_of_chunks(run: str) -> str:
    """Name the run that the rows of chunks belong to, beside the rows of their documents.

    Args:
        run: The run of the documents.
    """
    return f"{run}{_OF_CHUNKS}"


class Journal:
    """The journal in a file. Close it, or use it as a context manager."""

    def __init__(
        self, path: str | os.PathLike[str], log: Callable[[str], None] = lambda line: None
    ) -> None:
        """Open a journal.

        Args:
            path: The file, which is made if it does not exist.
            log: Told, in one line, what was found damaged and what became of it.

        Raises:
            JournalError: If another process uses it, the file is no journal, or the disk fails.
        """
        self.path = Path(path)
        self._log = log
        self._changed = threading.Lock()
        self._writing = threading.Lock()
        self._unwritten: dict[bytes, Entry] = {}
        self._inputs: list[Input] = []
        self._decided: dict[str, Review] | None = None
        with journal_errors(self.path):
            self._lock = ProcessLock(self.path.with_name(self.path.name + ".lock"))
            try:
                finish_recovery(self.path)
                self._is_new = not self.path.exists()
                if not is_sound(self.path):
                    recover(self.path, log)
                self._writer, self._reader = connect(self.path), connect(self.path)
                has_rows = self._reader.execute("SELECT 1 FROM outcomes LIMIT 1").fetchone()
                self._hashes = _HashFilter(everything=has_rows is not None)
            except BaseException:
                self._lock.release()
                raise

    # ---- outcomes ----------------------------------------------------------------------------

    def find(self, hash: bytes) -> Entry | None:
        """Give the newest outcome of a question; None if there is none that can be read."""
        with self._changed:
            unwritten = self._unwritten.get(hash)
        if unwritten is not None or hash not in self._hashes:
            return unwritten
        with journal_errors(self.path):
            row = self._reader.execute(_NEWEST, (hash,)).fetchone()
        if row is None:
            return None
        entry = entry_of_row(row)
        if entry is None:
            self._log(f"{self.path}: the result of one input is damaged; it is asked again.")
        return entry

    def add(self, entry: Entry) -> None:
        """Add an outcome. It is on the disk after the next `flush`."""
        with self._changed:
            self._unwritten[entry.hash] = entry
            self._hashes.add(entry.hash)

    def add_input(self, position: int, item: Item, hash: bytes) -> None:
        """Add an input of the run under way. It is on the disk after the next `flush`."""
        one = Input(position, item.key, item.meta, hash, item.document_hash)
        with self._changed:
            self._inputs.append(one)

    @property
    def unwritten(self) -> int:
        """How many rows wait for a `flush`."""
        return len(self._unwritten) + len(self._inputs)

    def flush(self) -> None:
        """Write what waits, in one transaction. Safe from any thread.

        Raises:
            JournalError: If the disk fails. Nothing is written then.
        """
        with self._writing:
            with self._changed:
                entries, inputs = list(self._unwritten.values()), self._inputs
                self._inputs = []
            with journal_errors(self.path, len(entries)), self._writer:
                self._writer.executemany(INSERT, map(row_of_entry, entries))
                self._writer.executemany(INSERT_INPUT, map(row_of_input, inputs))
            with self._changed:
                for entry in entries:
                    if self._unwritten.get(entry.hash) is entry:
                        del self._unwritten[entry.hash]

    def cost(self, run: str) -> float:
        """Sum the US dollars of a run's rows, failures included, as far as prices were known.

        Those of its chunks are among them.
        """
        with journal_errors(self.path):
            query = "SELECT total(cost) FROM outcomes WHERE run IN (?, ?)"
            runs = run, run_of_chunks(run)
            return float(self._reader.execute(query, runs).fetchone()[0])

    # ---- inputs of the run under way ---------------------------------------------------------

    def begin_inputs(self) -> None:
        """Begin a run: set aside which inputs the earlier ones read."""
        with journal_errors(self.path), self._writer:
            self._writer.execute(_SET_ASIDE)
            self._writer.execute("DELETE FROM inputs")

    def end_inputs(self) -> None:
        """End a run that has read every input: what earlier ones read no longer matters."""
        with journal_errors(self.path), self._writer:
            self._writer.execute("DELETE FROM earlier_inputs")

    def results(self) -> Iterator[tuple[Input, Entry | None]]:
        """Give the inputs of the run in order, each with the newest outcome of its question.

        The outcome is None if it cannot be read.
        """
        with closing(connect(self.path)) as reader, journal_errors(self.path):
            for row in reader.execute(_RESULTS):
                yield input_and_entry(row)

    # ---- batches -----------------------------------------------------------------------------

    def replies(self, hash: bytes) -> list[Reply]:
        """Give what a server answered in batches to a question's requests, in order."""
        query = "SELECT turn, status, body FROM replies WHERE hash = ? AND turn >= 0 ORDER BY turn"
        with journal_errors(self.path):
            found = self._reader.execute(query, (hash,)).fetchall()
        in_order = takewhile(lambda row: row[1][0] == row[0], enumerate(found))
        return [Reply(status, {}, body) for _, (_, status, body) in in_order]

    def add_replies(self, replies: Iterable[tuple[bytes, int, int, bytes]]) -> int:
        """Keep replies, each as (hash, turn, status, body). They are on the disk at once.

        Returns:
            How many of them are new.
        """
        insert = "INSERT OR IGNORE INTO replies (hash, turn, status, body) VALUES (?, ?, ?, ?)"
        with self._writing, journal_errors(self.path), self._writer:
            return self._writer.executemany(insert, replies).rowcount

    def begin_retry(self, hash: bytes) -> None:
        """Ask a question that failed anew: forget what was answered, and remember that."""
        with self._writing, journal_errors(self.path), self._writer:
            self._writer.execute("DELETE FROM replies WHERE hash = ?", (hash,))
            self._writer.execute(_MARK_RETRY, (hash, _RETRIED))

    def is_retried(self, hash: bytes) -> bool:
        """Whether a question that failed is being asked anew."""
        query = "SELECT 1 FROM replies WHERE hash = ? AND turn = ?"
        with journal_errors(self.path):
            return self._reader.execute(query, (hash, _RETRIED)).fetchone() is not None

    def end_retries(self, hashes: Iterable[bytes]) -> None:
        """Note that questions have their new outcomes, which are on the disk."""
        query = "DELETE FROM replies WHERE hash = ? AND turn = ?"
        with self._writing, journal_errors(self.path), self._writer:
            self._writer.executemany(query, ((hash, _RETRIED) for hash in hashes))

    # ---- notes -------------------------------------------------------------------------------

    def note(self, name: str) -> Json:
        """Give what was noted under a name; None if nothing was."""
        with journal_errors(self.path):
            query = "SELECT body FROM notes WHERE name = ?"
            found = self._reader.execute(query, (name,)).fetchone()
        return json.loads(found[0]) if found else None

    def set_note(self, name: str, body: Json) -> None:
        """Note something under a name. It is on the disk at once."""
        insert = "INSERT OR REPLACE INTO notes (name, body) VALUES (?, ?)"
        with self._writing, journal_errors(self.path), self._writer:
            self._writer.execute(insert, (name, json.dumps(body)))

    def reviews(self) -> dict[str, Review]:
        """Give what people decided about records: the newest review of each key."""
        with journal_errors(self.path):
            return newest_reviews(self._reader)

    def is_decided(self, item: Item) -> bool:
        """Whether a person had decided about an input before it was first asked for here."""
        if self._decided is None:
            self._decided = self.reviews()
        review = self._decided.get(item.key)
        return review is not None and review.is_about(item.document_hash)

    def close(self) -> None:
        """Close the file. Rows that were not flushed are lost.

        A new file in which nothing was written, as by a job that was refused, is removed.
        """
        with suppress(sqlite3.Error, OSError):  # what was committed is on the disk all the same
            is_left_over = self._is_new and self._reader.execute(_ANYTHING).fetchone() is None
            self._reader.close()
            self._writer.close()
            if is_left_over:  # nobody else has it: the lock is still ours
                self.path.unlink()
        self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _HashFilter:
    """Tells which hashes the file may hold: all that were added, and a few others.

    It saves a new journal a look into the file for every input, and takes 2 MiB at most: a bit for
    each value of a hash's first 3 bytes.
    """

    def __init__(self, *, everything: bool) -> None:
        self._bits = None if everything else bytearray(1 << 21)

    def add(self, hash: bytes) -> None:
        if self._bits is not None:
            at = int.from_bytes(hash[:3], "big")
            self._bits[at >> 3] |= 1 << (at & 7)

    def __contains__(self, hash: bytes) -> bool:
        at = int.from_bytes(hash[:3], "big")
        return self._bits is None or bool(self._bits[at >> 3] & 1 << (at & 7))
