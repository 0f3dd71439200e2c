"""What a job wrote itself, noted in its journal: only that may it replace."""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Protocol

from structgen.errors import JobError
from structgen.values import Json

_CHUNK: Final = 2**20


class Notes(Protocol):
    """Keeps small notes beside a job's results: a journal does."""

    def note(self, name: str) -> Json:
        """Give what was noted under a name; None if nothing was."""

    def set_note(self, name: str, body: Json) -> None:
        """Note something under a name."""


class NoNotes:
    """Notes for outputs that are written without a job: nothing that exists is theirs."""

    def note(self, name: str) -> Json:
        """Give None: nothing was noted."""
        return None

    def set_note(self, name: str, body: Json) -> None:
        """Forget the note."""


class Claim:
    """What a job wrote under one name, in this run and the ones before."""

    def __init__(self, notes: Notes, name: str) -> None:
        self._notes, self._name = notes, f"output {name}"
        noted = notes.note(self._name)
        body = noted if isinstance(noted, dict) else {}
        self._written: list[dict[str, Json]] = body.get("written", [])
        self.parts: list[str] = body.get("parts", [])
        """Unfinished files that an earlier run may have left."""

    def owns(self, digest: str) -> bool:
        """Whether this is what the job wrote, unchanged since.

        Args:
            digest: The hash of what is there now.
        """
        return any(one["digest"] == digest for one in self._written)

    def refuse_loss(self, name: str) -> None:
        """Refuse to replace an output with rows by one without.

        Raises:
            JobError: If the output had rows when it was last written.
        """
        rows = self._written[-1]["rows"] if self._written else 0
        if rows:
            raise JobError(
                f"The job read no inputs, so {name} keeps its {rows} rows.",
                hint="Check the inputs. An iterator gives its items once: pass a list or a source.",
            )

    def note_part(self, path: Path) -> None:
        """Note an unfinished file before it is made."""
        self.parts = [*self.parts, str(path)]
        self._save()

    def note_written(self, digest: str, rows: int) -> None:
        """Note what is about to appear.

        The process may end before it does, so what was written last stays noted, too.

        Args:
            digest: The hash of what is written.
            rows: How many rows it has.
        """
        self._written = [*self._written[-1:], {"digest": digest, "rows": rows}]
        self._save()

    def remove_parts(self) -> None:
        """Remove what an earlier run left unfinished."""
        for part in self.parts:
            if os.path.isfile(part) and not os.path.islink(part):
                os.unlink(part)
        self.parts = []

    def _save(self) -> None:
        self._notes.set_note(self._name, {"written": self._written, "parts": self.parts})


def digest_of_file(path: Path) -> str:
    """Give the hash of a file's bytes."""
    hash = blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hash.update(chunk)
    return hash.hexdigest()


def digest_of_rows(rows: Iterable[Any]) -> tuple[int, str]:
    """Give how many rows there are, and a hash that does not depend on their order."""
    total = count = 0
    for row in rows:
        total += int.from_bytes(blake2b(repr(tuple(row)).encode(), digest_size=16).digest(), "big")
        count += 1
    return count, f"{total % 2**128:032x}"
