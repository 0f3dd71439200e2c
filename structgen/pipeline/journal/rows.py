"""Outcomes as rows of the journal, each with a checksum."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from pydantic_core import PydanticSerializationError, from_json, to_json

from structgen.errors import JournalError
from structgen.values import Json

SELECT: Final = "SELECT seq, run, hash, ok, cost, CAST(body AS BLOB), sum FROM outcomes"
"""Selects rows as `entry_of_row` takes them."""
INSERT: Final = "INSERT INTO outcomes (run, hash, ok, cost, body, sum) VALUES (?, ?, ?, ?, ?, ?)"
"""Takes what `row_of_entry` gives."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The outcome of one question."""

    hash: bytes
    """Which question, with its document; see `hash_of`."""
    run: str
    """Which question, without the document; see `fingerprint`."""
    ok: bool
    """Whether there is a value."""
    body: Mapping[str, Json] = field(repr=False)
    """The outcome as plain JSON data."""
    cost: float | None = None
    """US dollars; None if no price is known."""


def row_of_entry(entry: Entry) -> tuple[Any, ...]:
    """Give an entry as a row, with a checksum."""
    body = plain_json(entry.body)
    checksum = _checksum(entry.hash, entry.ok, body)
    return entry.run, entry.hash, entry.ok, entry.cost, body.decode(), checksum


def entry_of_row(row: Sequence[Any]) -> Entry | None:
    """Give the entry of a row; None if the row is damaged or is not one of ours."""
    _, run, hash, ok, cost, body, checksum = row
    if not isinstance(hash, bytes) or not isinstance(body, bytes):
        return None
    if checksum != _checksum(hash, bool(ok), body):
        return None
    try:
        data = from_json(body)
    except ValueError:
        return None
    if not _is_outcome(data, bool(ok)):
        return None
    return Entry(hash, str(run), bool(ok), data, cost if isinstance(cost, float) else None)


def _is_outcome(data: Json, ok: bool) -> bool:
    """Whether an outcome can be made of a row's body. Members that it may lack are not asked
    for.
    """
    record = data.get("record") if isinstance(data, dict) else None
    if not isinstance(record, dict):
        return False
    if ok:
        return "value" in record
    error = record.get("error")
    return isinstance(error, dict) and isinstance(error.get("message"), str)


def plain_json(value: Json) -> bytes:
    """Write a value as JSON, whatever is in it: one bad character must not stop all other rows."""
    try:
        return to_json(value)
    except (PydanticSerializationError, ValueError):
        text = json.dumps(value, default=repr, ensure_ascii=False)
        return text.encode("utf-8", "replace")


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
        raise JournalError(message, hint=_hint(error)) from error


def _hint(error: Exception) -> str:
    about_disk = isinstance(error, (sqlite3.OperationalError, OSError))
    first = "Check that the disk has room and the folder is writable, then start"
    return (
        f"{first if about_disk else 'Start'} the same job again: it continues from the last saved "
        "result."
    )
