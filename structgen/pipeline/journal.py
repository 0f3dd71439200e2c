"""The journal of a job: what every finished input came to, in an SQLite file that outlives the process.

Rows are only ever appended; the newest row of a question is what counts. A question is known by a hash of everything it is made of
(`question_hash`), so equal inputs share a row and a changed prompt, schema or model finds none.

What survives what. Rows are written in transactions of many (the job decides how many), in WAL mode with `synchronous=FULL`: a
commit is on the disk when `flush` returns, and it costs one fsync however many rows it holds. `NORMAL` would spare the fsync and
lose, when the power fails, every row since the last checkpoint: answers that were paid for. A process that is killed loses what it
had not flushed, and those inputs are asked again. A torn last transaction fails its checksums in the WAL and is as if it had never
begun. SQLite keeps no checksums of the pages of the file itself, so each row has one of its own; a row that fails it counts as not
there. A file that SQLite finds damaged is set aside whole, and every row that can still be read moves to a new one.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, Final

from pydantic_core import from_json, to_json

from structgen.errors import JournalError
from structgen.values import Document, Json, Reply

_ID: Final = 0x53474A31  # "SGJ1", in the file's header
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS outcomes (
    seq INTEGER PRIMARY KEY, run TEXT NOT NULL, hash BLOB NOT NULL, ok INTEGER NOT NULL, cost REAL,
    body TEXT NOT NULL, sum BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS outcomes_by_hash ON outcomes (hash);
CREATE TABLE IF NOT EXISTS inputs (position INTEGER PRIMARY KEY, key TEXT NOT NULL, meta TEXT NOT NULL, hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS replies (
    hash BLOB NOT NULL, turn INTEGER NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (hash, turn)
);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, body TEXT NOT NULL);
"""
_SELECT: Final = "SELECT seq, run, hash, ok, cost, CAST(body AS BLOB), sum FROM outcomes"
_NEWEST: Final = f"{_SELECT} WHERE hash = ? ORDER BY seq DESC LIMIT 1"
_RESULTS: Final = """
SELECT i.position, i.key, i.meta, i.hash, o.seq, o.run, o.hash, o.ok, o.cost, CAST(o.body AS BLOB), o.sum
FROM inputs i LEFT JOIN outcomes o ON o.seq = (SELECT max(seq) FROM outcomes WHERE hash = i.hash) ORDER BY i.position
"""
_BEHIND: Final = f"{_SELECT} WHERE seq > ? ORDER BY seq"
_ONE: Final = f"{_SELECT} WHERE seq = ?"
_INSERT: Final = "INSERT INTO outcomes (run, hash, ok, cost, body, sum) VALUES (?, ?, ?, ?, ?, ?)"
_GAP: Final = 100_000
"""Rows in a row that cannot be reached before the rest is given up: those below one inner page are fewer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one question came to. `body`: plain JSON data; `run`: which question it is but for the document; `cost`: US dollars."""

    hash: bytes
    run: str
    ok: bool
    body: Mapping[str, Json] = field(repr=False)
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the run under way: where it stands, its key and meta, and the hash of its question."""

    position: int
    key: str
    meta: Mapping[str, Json]
    hash: bytes


def question_hash(run: str, document: Document) -> bytes:
    """16 bytes that tell questions apart. `run`: a fingerprint of all that is the same for every document."""
    text = document if isinstance(document, str) else "\0" + json.dumps(document, sort_keys=True)
    return blake2b(f"{run}\n{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Journal:
    """The journal in the file `path`, which is made where there is none. One process at a time.

    `say` is told, in one line, what was found damaged and what became of it. Raises JournalError: another process works on it, the
    file is no journal, or the disk does not take it. Close it, or use it as a context manager.
    """

    def __init__(
        self, path: str | os.PathLike[str], say: Callable[[str], None] = lambda line: None
    ) -> None:
        self.path = Path(path)
        self._say = say
        self._changed = threading.Lock()
        self._flushing = threading.Lock()
        self._waiting: dict[bytes, Entry] = {}
        self._inputs: list[Input] = []
        with _told(self.path):
            self._lock = _Lock(self.path.with_name(self.path.name + ".lock"))
            try:
                _finish_recovery(self.path)
                if not _sound(self.path):
                    _recover(self.path, say)
                self._writer, self._reader = _connect(self.path), _connect(self.path)
                self._known = _Known(
                    all=self._reader.execute("SELECT 1 FROM outcomes LIMIT 1").fetchone()
                    is not None
                )
            except BaseException:
                self._lock.release()
                raise

    # ---- outcomes

    def find(self, hash: bytes) -> Entry | None:
        """The newest outcome of a question; None where there is none that can be read."""
        with self._changed:
            waiting = self._waiting.get(hash)
        if waiting is not None or hash not in self._known:
            return waiting
        with _told(self.path):
            found = self._reader.execute(_NEWEST, (hash,)).fetchone()
        if found is None:
            return None
        if (entry := _entry(found)) is None:
            self._say(f"{self.path}: the row of one input is damaged; the input is asked again.")
        return entry

    def put(self, entry: Entry) -> None:
        """Take an outcome; it is on the disk after the next `flush`."""
        with self._changed:
            self._waiting[entry.hash] = entry
            self._known.add(entry.hash)

    def add_input(self, position: int, key: str, meta: Mapping[str, Json], hash: bytes) -> None:
        """Take an input of the run under way; it is on the disk after the next `flush`."""
        with self._changed:
            self._inputs.append(Input(position, key, meta, hash))

    @property
    def unwritten(self) -> int:
        """Rows that wait for a `flush`."""
        return len(self._waiting) + len(self._inputs)

    def flush(self) -> None:
        """Write what waits, in one transaction. Raises JournalError, and then nothing of it is written. Safe from any thread."""
        with self._flushing:
            with self._changed:
                entries, inputs = list(self._waiting.values()), self._inputs
                self._inputs = []
            with _told(self.path, len(entries)), self._writer:
                self._writer.executemany(_INSERT, map(_row, entries))
                self._writer.executemany(
                    "INSERT INTO inputs VALUES (?, ?, ?, ?)",
                    (
                        (one.position, one.key, to_json(dict(one.meta)).decode(), one.hash)
                        for one in inputs
                    ),
                )
            with self._changed:
                for entry in entries:
                    if self._waiting.get(entry.hash) is entry:
                        del self._waiting[entry.hash]

    def cost(self, run: str) -> float:
        """US dollars that the rows of a run cost, failures included, as far as prices were known."""
        with _told(self.path):
            return float(
                self._reader.execute(
                    "SELECT total(cost) FROM outcomes WHERE run = ?", (run,)
                ).fetchone()[0]
            )

    # ---- inputs of the run under way

    def forget_inputs(self) -> None:
        """A run begins: what an earlier one read is of no interest."""
        with _told(self.path), self._writer:
            self._writer.execute("DELETE FROM inputs")

    def results(self) -> Iterator[tuple[Input, Entry | None]]:
        """The inputs of the run, in their order, each with the newest outcome of its question; None where none can be read."""
        with closing(_connect(self.path)) as reader, _told(self.path):
            for position, key, meta, hash, *row in reader.execute(_RESULTS):
                yield (
                    Input(position, key, from_json(meta), hash),
                    None if row[0] is None else _entry(row),
                )

    # ---- batches

    def replies(self, hash: bytes) -> list[Reply]:
        """What a server answered to a question's requests, in batches, in order."""
        with _told(self.path):
            found = self._reader.execute(
                "SELECT status, body FROM replies WHERE hash = ? ORDER BY turn", (hash,)
            ).fetchall()
        return [Reply(status, {}, body) for status, body in found]

    def add_replies(self, replies: Iterable[tuple[bytes, int, int, bytes]]) -> int:
        """Keep (hash, turn, status, body); gives how many are new. On the disk when this returns."""
        with self._flushing, _told(self.path), self._writer:
            return self._writer.executemany(
                "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?)", replies
            ).rowcount

    def forget_replies(self, hash: bytes) -> None:
        """A question is to be asked anew."""
        with self._flushing, _told(self.path), self._writer:
            self._writer.execute("DELETE FROM replies WHERE hash = ?", (hash,))

    # ---- notes

    def note(self, name: str) -> Json:
        """What was noted under a name; None where nothing was."""
        with _told(self.path):
            found = self._reader.execute(
                "SELECT body FROM notes WHERE name = ?", (name,)
            ).fetchone()
        return json.loads(found[0]) if found else None

    def set_note(self, name: str, body: Json) -> None:
        """Note something, on the disk when this returns."""
        with self._flushing, _told(self.path), self._writer:
            self._writer.execute(
                "INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, json.dumps(body))
            )

    def close(self) -> None:
        """Close the file, without what was never flushed."""
        with suppress(
            sqlite3.Error
        ):  # what was committed is on the disk, whatever becomes of tidying up
            self._reader.close()
            self._writer.close()
        self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _row(entry: Entry) -> tuple[Any, ...]:
    body = to_json(entry.body)
    return (
        entry.run,
        entry.hash,
        entry.ok,
        entry.cost,
        body.decode(),
        _sum(entry.hash, entry.ok, body),
    )


class _Known:
    """Which hashes the file may hold: it says so of all that were added, and of a few others. 2 MiB, however many there are.

    It spares a new journal a look into the file for every input.
    """

    def __init__(self, *, all: bool) -> None:
        self._marks = None if all else bytearray(1 << 21)

    def add(self, hash: bytes) -> None:
        if self._marks is not None:
            at = int.from_bytes(hash[:3], "big")
            self._marks[at >> 3] |= 1 << (at & 7)

    def __contains__(self, hash: bytes) -> bool:
        at = int.from_bytes(hash[:3], "big")
        return self._marks is None or bool(self._marks[at >> 3] & 1 << (at & 7))


def _entry(row: Sequence[Any]) -> Entry | None:
    """The entry of a row, None where its checksum does not match."""
    _, run, hash, ok, cost, body, kept = row
    return (
        Entry(hash, run, bool(ok), from_json(body), cost)
        if kept == _sum(hash, bool(ok), body)
        else None
    )


def _sum(hash: bytes, ok: bool, body: bytes) -> bytes:
    return blake2b(b"%b%d%b" % (hash, ok, body), digest_size=8).digest()


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=30, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA journal_size_limit=16777216")
        if not db.execute("PRAGMA application_id").fetchone()[0]:
            db.executescript(f"BEGIN; {_TABLES} PRAGMA application_id={_ID}; COMMIT;")
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def _told(path: Path, unsaved: int = 0) -> Iterator[None]:
    """Our error for one of SQLite's."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        lost = (
            f" {unsaved} finished results could not be saved and will be asked again."
            if unsaved
            else ""
        )
        raise JournalError(
            f"The journal {path} cannot be used: {error}.{lost}",
            hint="Is the disk full, or the folder not writable? Mend that and start the same job again: it goes on where it was.",
        ) from error


# ---- one process at a time -------------------------------------------------------------------


class _Lock:
    """An operating system's lock on a file beside the journal; it ends with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+", encoding="utf-8")
        try:
            _hold(self._file)
        except OSError:
            self._file.seek(0)
            owner = self._file.read().strip() or "unknown"
            self._file.close()
            raise JournalError(
                f"Another process works with this journal ({path.name}): {owner}.",
                hint="Wait for it, end it, or give this job a journal of its own.",
            ) from None
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}")
        self._file.flush()

    def release(self) -> None:
        self._file.close()


if sys.platform == "win32":
    import msvcrt

    def _hold(file: IO[str]) -> None:
        file.seek(1 << 20)  # behind the text, which others may read
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
else:
    import fcntl

    def _hold(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


# ---- damage ----------------------------------------------------------------------------------


def _sound(path: Path) -> bool:
    """Is the file whole, or not there? Raises JournalError where it is something else than a journal."""
    if not path.exists() or not path.stat().st_size:
        return True
    with path.open("rb") as file:
        head = file.read(100)
    ours = head[68:72] == _ID.to_bytes(4, "big")
    try:
        with closing(sqlite3.connect(path)) as db:
            ours = ours or db.execute("PRAGMA application_id").fetchone()[0] == _ID
            empty = not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            sound: bool = db.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok"
    except sqlite3.DatabaseError:
        empty = sound = False
    if not ours and not empty:
        raise JournalError(
            f"{path} is no journal of structgen.",
            hint="Name another file; this one was left as it is.",
        )
    return sound


def _recover(path: Path, say: Callable[[str], None]) -> None:
    """Move what can be read of a damaged journal to a new one, and set the damaged one aside.

    The new one is whole before anything is renamed, and the renaming can be taken up again wherever it was interrupted.
    """
    new = path.with_name(path.name + ".recovering")
    _remove(new)
    kept = 0
    with closing(_connect(new)) as db, closing(sqlite3.connect(path)) as damaged, db:
        for row in _readable(damaged):
            if (entry := _entry(row)) is not None:
                db.execute(_INSERT, _row(entry))
                kept += 1
        with suppress(sqlite3.DatabaseError):
            db.executemany(
                "INSERT OR REPLACE INTO notes VALUES (?, ?)",
                damaged.execute("SELECT name, body FROM notes").fetchall(),
            )
    new.replace(path.with_name(path.name + ".recovered"))
    aside = _finish_recovery(path)
    say(
        f"{path} was damaged. {kept} finished results could be read and are kept; what could not is asked again. "
        f"The damaged file is {aside}."
    )


def _finish_recovery(path: Path) -> Path | None:
    """Put a recovered journal in its place; gives where the damaged one went. Nothing where there is none."""
    recovered = path.with_name(path.name + ".recovered")
    if not recovered.exists():
        return None
    aside = next(
        name
        for n in range(1, 1_000_000)
        if not (name := path.with_name(f"{path.name}.damaged-{n}")).exists()
    )
    for end in ("-wal", "-shm", ""):
        if (part := Path(f"{path}{end}")).exists():
            part.replace(f"{aside}{end}")
    recovered.replace(path)
    return aside


def _remove(path: Path) -> None:
    for end in ("-wal", "-shm", ""):
        Path(f"{path}{end}").unlink(missing_ok=True)


def _readable(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """The rows of a damaged file that SQLite can still reach: in order, and past the damage one by one."""
    last: int | None = 0
    while last is not None:
        with suppress(sqlite3.DatabaseError):
            for row in db.execute(_BEHIND, (last,)):
                if last < row[0] < last + _GAP:  # else its number is damaged
                    last = row[0]
                    yield row
            return
        reached = (row for seq in range(last + 1, last + _GAP) for row in _one(db, seq))
        found = next(reached, None)
        if found is not None:
            yield found
        last = None if found is None else found[0]


def _one(db: sqlite3.Connection, seq: int) -> list[tuple[Any, ...]]:
    with suppress(sqlite3.DatabaseError):
        return db.execute(_ONE, (seq,)).fetchall()
    return []
