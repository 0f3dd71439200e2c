"""What people decided about records: rows of a journal, by the key of the input.

Each version of a decision is a note of its own. Its name is the primary key, so of two reviewers
who save the same version SQLite takes one. A key outlives prompts, models and schemas.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

from structgen.errors import InputError, InvalidOutputError
from structgen.pipeline.journal.recovery import is_sound
from structgen.pipeline.journal.rows import journal_errors
from structgen.pipeline.journal.tables import connect, no_journal
from structgen.pipeline.record import Outcome, error_to_data
from structgen.schema.check import validate
from structgen.values import Json

T = TypeVar("T")

Status: TypeAlias = Literal["accepted", "corrected", "rejected"]
"""What a reviewer decided about a record."""

_PREFIX: Final = "review "
_READ: Final = "SELECT body FROM notes WHERE name LIKE 'review %' ORDER BY name"
_INSERT: Final = "INSERT INTO notes (name, body) VALUES (?, ?)"
_SHOWN_KEYS: Final = 5
"""How many keys a line of the log names."""


@dataclass(frozen=True, slots=True)
class Review:
    """What a reviewer decided about one record."""

    key: str
    """The key of the input."""
    version: int
    """1 for the first decision about the record; each later one has the next number."""
    status: Status
    """What was decided."""
    value: Json = field(default=None, repr=False)
    """The right value as plain JSON data; None if the record is rejected."""


class Reviews:
    """The reviews in a journal's file. Each call opens the file, so that jobs may use it too."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Name the file; it is made by the first `save`.

        Args:
            path: The journal of a job, or a file of its own beside results.

        Raises:
            JournalError: If the file is something else.
        """
        self.path = Path(path)
        with journal_errors(self.path):
            if not is_sound(self.path):
                raise no_journal(self.path)

    def all(self) -> dict[str, Review]:
        """Give the newest review of each key."""
        if not self.path.exists():
            return {}
        with journal_errors(self.path), closing(connect(self.path)) as db:
            return newest_reviews(db)

    def save(self, review: Review) -> bool:
        """Keep a review. It is on the disk afterwards.

        Args:
            review: The review; its version follows the one that its reviewer has seen.

        Returns:
            Whether it was kept. It is not if the record has another version by now.
        """
        name = f"{_PREFIX}{review.version:08} {review.key}"
        with journal_errors(self.path), closing(connect(self.path)) as db:
            try:
                with db:
                    db.execute(_INSERT, (name, json.dumps(asdict(review))))
            except sqlite3.IntegrityError:
                return False
        return True


def newest_reviews(db: sqlite3.Connection) -> dict[str, Review]:
    """Give the newest review of each key.

    Args:
        db: An open journal.
    """
    rows = (Review(**json.loads(body)) for (body,) in db.execute(_READ))
    return {review.key: review for review in rows}


def reviewed(
    outcome: Outcome[T],
    reviews: Mapping[str, Review],
    on_outdated: Callable[[str], object] = str,
) -> Outcome[T]:
    """Give an outcome with what a reviewer decided about it.

    Args:
        outcome: What the model's answer came to.
        reviews: The newest reviews by key.
        on_outdated: Called with the key of a record whose reviewed value does not fit the target.

    Returns:
        The outcome with the reviewer's value, and `confidence_by` "human". If that value does not
        fit the target any more, the outcome with its whole record to review; the outcome as it was
        if there is no review.
    """
    review = reviews.get(outcome.key)
    if review is None:
        return outcome
    if review.status == "rejected":
        error = InputError(
            "A reviewer rejected this record.", hint="Correct it in `structgen review`."
        )
        stored: dict[str, Any] = {"error": error_to_data(error), "confidence_by": "human"}
        return replace(outcome, error=error, result=None, stored=stored)
    try:
        validate(outcome.target, review.value)
    except InvalidOutputError:
        on_outdated(outcome.key)
        return replace(outcome, stored={**outcome.record(), "to_review": [""]})
    is_same = outcome.ok and outcome.record().get("value") == review.value
    kept = ("evidence", "guarantee") if is_same else ()
    stored = {name: outcome.record().get(name) for name in kept}
    stored |= {"value": review.value, "error": None, "confidence_by": "human"}
    stored |= {"record_confidence": 1.0, "to_review": []}
    return replace(outcome, error=None, result=None, stored=stored)


def outdated_reviews(keys: Sequence[str]) -> str:
    """Say that reviewed values do not fit the target any more.

    Args:
        keys: The keys of their records.
    """
    shown = ", ".join(map(repr, keys[:_SHOWN_KEYS])) + (", ..." if len(keys) > _SHOWN_KEYS else "")
    values = "1 reviewed value does" if len(keys) == 1 else f"{len(keys)} reviewed values do"
    return (
        f"{values} not fit the target any more, so the output has the model's, marked in "
        f"`to_review`: {shown}. Review them again with `structgen review`."
    )
