"""Read a journal at any time: while its job runs, after it stopped, and after it ended."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from typing_extensions import Self

from structgen.errors import InputError
from structgen.pipeline.journal.inputs import COLUMNS, WITH_NEWEST, Input, input_and_entry
from structgen.pipeline.journal.outcomes import outcome_of
from structgen.pipeline.journal.reviews import Review, newest_reviews
from structgen.pipeline.journal.rows import SELECT, Entry, entry_of_row, journal_errors
from structgen.pipeline.journal.tables import connect_to_read, show_as_newest
from structgen.pipeline.record import Outcome
from structgen.schema.target import Target, target_of
from structgen.values import Json

RUN: Final = "run "
"""Begins the name of the note about a run; its fingerprint follows."""
CURRENT: Final = "current run"
"""The name of the note that holds the fingerprint of the newest run."""

_READ: Final = f"SELECT {COLUMNS} FROM inputs i {WITH_NEWEST}"  # noqa: S608 - texts of ours
_READ_EARLIER: Final = f"""
SELECT {COLUMNS} FROM earlier_inputs i {WITH_NEWEST}
WHERE o.run = :run AND i.position NOT IN (SELECT position FROM inputs)
"""  # noqa: S608 - texts of ours
_ALL_INPUTS: Final = f"{_READ} UNION ALL {_READ_EARLIER} ORDER BY position"
_WITHOUT_INPUTS: Final = f"""
{SELECT} WHERE seq IN (SELECT max(seq) FROM outcomes WHERE run = :run GROUP BY hash) ORDER BY seq
"""  # noqa: S608 - texts of ours


class JournalView:
    """What a journal holds, read without a lock and without changing it. A context manager."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a journal to read it.

        Args:
            path: The journal's file.

        Raises:
            JournalError: If there is no such journal, or it cannot be read.
        """
        self.path = Path(path)
        with journal_errors(self.path):
            self._db = connect_to_read(self.path)
            show_as_newest(self._db)

    def stats(self) -> dict[str, Json]:
        """Count what is in it.

        Returns:
            `inputs`, the inputs that the newest run has read; `ok` and `failed`, those with an
            outcome; `failures`, by the kind of error; `runs`, for each question that was asked
            its target, model, results and cost; `batches`, those that have not been collected.
        """
        failures: Counter[str] = Counter()
        read = ok = 0
        for _, entry in self._inputs():
            read += 1
            if entry is None:
                continue
            ok += entry.ok
            if not entry.ok:
                failures[str(entry.body["record"]["error"].get("type"))] += 1
        with journal_errors(self.path):
            batches = self._db.execute("SELECT body FROM notes WHERE name LIKE 'batches %'")
            under_way = sum(len(json.loads(body) or ()) for (body,) in batches)
        return {
            "journal": str(self.path),
            "inputs": read,
            "ok": ok,
            "failed": failures.total(),
            "failures": dict(failures.most_common()),
            "batches": under_way,
            "runs": list(self._runs()),
        }

    def outcomes(self, target: Target[Any] | None = None) -> Iterator[Outcome[Any]]:
        """Give what came out so far, in the order of the inputs.

        Args:
            target: The target of the job; by default the schema that the journal noted. Values are
                not checked again.

        Returns:
            An outcome for each input that has one. If the journal has no inputs, such as that of a
            `map` by an earlier version, they have the hashes of their questions as keys.
        """
        target = target or self.target()
        found = False
        for one, entry in self._inputs():
            found = True
            if entry is not None:
                yield _outcome(one, entry, target)
        if found:
            return
        for entry in self._entries():
            yield outcome_of(entry, target, entry.hash.hex(), {}, check=False)

    def find(self, key: str) -> list[dict[str, Json]]:
        """Give everything known about the inputs with a key.

        Args:
            key: The key of an input.

        Returns:
            For each of them its row, with `tries`, `usage`, `cost`, `seconds` and the `attempts`
            that failed, each with what the model wrote. `value` and `error` are None if it has no
            outcome yet.

        Raises:
            InputError: If no input has this key.
        """
        target = self.target()
        found = [_everything(one, entry, target) for one, entry in self._inputs() if one.key == key]
        if not found:
            raise InputError(
                f"{self.path} has no input with the key {key!r}.",
                hint="`structgen journal export` lists all keys.",
            )
        return found

    def target(self) -> Target[Any]:
        """Give the schema of the newest run as a target; any value if none was noted."""
        noted = self._note(f"{RUN}{self._current()}")
        return target_of(noted["schema"] if isinstance(noted, dict) else {})

    def reviews(self) -> dict[str, Review]:
        """Give what people decided about records: the newest review of each key."""
        with journal_errors(self.path):
            return newest_reviews(self._db)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- rows --------------------------------------------------------------------------------

    def _current(self) -> str:
        return str(self._note(CURRENT) or "")

    def _note(self, name: str) -> Json:
        with journal_errors(self.path):
            query = "SELECT body FROM notes WHERE name = ?"
            found = self._db.execute(query, (name,)).fetchone()
        return json.loads(found[0]) if found else None

    def _inputs(self) -> Iterator[tuple[Input, Entry | None]]:
        """Each input and its outcome, as far as they can be read."""
        with journal_errors(self.path), closing(self._db.cursor()) as cursor:
            for row in cursor.execute(_ALL_INPUTS, {"run": self._current()}):
                yield input_and_entry(row)

    def _entries(self) -> Iterator[Entry]:
        with journal_errors(self.path), closing(self._db.cursor()) as cursor:
            current = self._current() or self._newest_run()
            for row in cursor.execute(_WITHOUT_INPUTS, {"run": current}):
                if (entry := entry_of_row(row)) is not None:
                    yield entry

    def _newest_run(self) -> str:
        query = "SELECT run FROM outcomes WHERE run NOT LIKE '%/chunks' ORDER BY seq DESC LIMIT 1"
        found = self._db.execute(query).fetchone()
        return str(found[0]) if found else ""

    def _runs(self) -> Iterator[dict[str, Json]]:
        query = """
            SELECT run, count(DISTINCT hash), total(cost), count(cost) FROM outcomes GROUP BY run
            ORDER BY max(seq)
        """
        with journal_errors(self.path):
            rows = self._db.execute(query).fetchall()
        for run, questions, cost, priced in rows:
            noted = self._note(f"{RUN}{run}")
            known = noted if isinstance(noted, dict) else {}
            yield {
                "run": run,
                "target": known.get("target"),
                "models": known.get("models"),
                "questions": questions,
                "cost": cost if priced else None,
            }


def _outcome(one: Input, entry: Entry, target: Target[Any]) -> Outcome[Any]:
    document_hash = one.document_hash
    return outcome_of(entry, target, one.key, one.meta, document_hash=document_hash, check=False)


def _everything(one: Input, entry: Entry | None, target: Target[Any]) -> dict[str, Json]:
    if entry is None:
        return {"key": one.key, "value": None, "error": None, "meta": {**one.meta}}
    outcome = _outcome(one, entry, target)
    known = {name: entry.body.get(name) for name in ("tries", "usage", "seconds", "attempts")}
    return {**outcome.row(), "cost": entry.cost, **known}
