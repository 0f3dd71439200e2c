"""What people decided about records: rows of a journal, by the key of the input.

Each version of a decision is a note of its own. Its name is the primary key, so of two reviewers
who save the same version SQLite takes one. A key outlives prompts, models and schemas. A decision
about another text, or with a value that the target refuses by now, goes for the record no more.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

from structgen.errors import InputError, InvalidOutputError
from structgen.pipeline.journal.rows import journal_errors
from structgen.pipeline.journal.tables import connect, connect_to_read
from structgen.pipeline.record import Outcome, error_to_data
from structgen.schema.check import validate
from structgen.schema.json import same_json
from structgen.schema.target import Target
from structgen.values import Json

T = TypeVar("T")

Status: TypeAlias = Literal["accepted", "corrected", "rejected"]
"""What a reviewer decided about a record."""

Outdated: TypeAlias = Literal["text changed", "target changed"]
"""Why a decision does not go for a record any more."""

_PREFIX: Final = "review "
_READ: Final = "SELECT body FROM notes WHERE name LIKE 'review %' ORDER BY name"
_READ_OF_KEY: Final = """
SELECT body FROM notes WHERE name >= 'review ' AND name < 'review!'
AND substr(CAST(name AS BLOB), 17) = CAST(? AS BLOB) ORDER BY name DESC LIMIT 1
"""
"""The key comes after "review ", eight digits and a space. SQLite ends a text at a zero byte."""
_INSERT: Final = "INSERT INTO notes (name, body) VALUES (?, ?)"
_KEPT: Final = ("absent", "evidence", "leaf_evidence", "guarantee")
"""What is known about a model's value, and goes for it also if a person has looked at it."""
_SAID: Final[Mapping[Outdated, tuple[str, str]]] = {
    "text changed": (
        "text has changed since its record was reviewed",
        "texts have changed since their records were reviewed",
    ),
    "target changed": (
        "reviewed value does not fit the target any more",
        "reviewed values do not fit the target any more",
    ),
}
"""How the log begins, about one record and about several."""
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
    document_hash: str = field(default="", repr=False)
    """Tells which text the reviewer saw; "" if that is not known."""

    def is_about(self, document_hash: str) -> bool:
        """Whether the reviewer saw this text, as far as that is known.

        Args:
            document_hash: Tells which text; "" if that is not known.
        """
        known = self.document_hash and document_hash
        return not known or self.document_hash == document_hash

    def outdated(self, target: Target[Any], document_hash: str) -> Outdated | None:
        """Tell why it does not go for a record any more; None if it does.

        Args:
            target: The target of the record.
            document_hash: Tells which text the record is about; "" if that is not known.
        """
        if not self.is_about(document_hash):
            return "text changed"
        if self.status == "rejected":
            return None
        try:
            validate(target, self.value)
        except InvalidOutputError:
            return "target changed"
        return None


class Reviews:
    """The reviews in a journal's file. Each call opens the file, so that jobs may use it too."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Name the file; it is made by the first `save`.

        Args:
            path: The journal of a job, or a file of its own beside results.

        Raises:
            JournalError: If the file is something else, or cannot be read.
        """
        self.path = Path(path)
        self.all()

    def all(self) -> dict[str, Review]:
        """Give the newest review of each key."""
        if not self.path.exists() or not self.path.stat().st_size:
            return {}
        with journal_errors(self.path), closing(connect_to_read(self.path)) as db:
            return newest_reviews(db)

    def of(self, key: str) -> Review | None:
        """Give the newest review of a key; None if there is none.

        Args:
            key: The key of the input.
        """
        if not self.path.exists() or not self.path.stat().st_size:
            return None
        with journal_errors(self.path), closing(connect_to_read(self.path)) as db:
            found = db.execute(_READ_OF_KEY, (key,)).fetchone()
        return Review(**json.loads(found[0])) if found else None

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
    on_outdated: Callable[[str, Outdated], object] = lambda key, why: None,
) -> Outcome[T]:
    """Give an outcome with what a reviewer decided about it.

    Args:
        outcome: What the model's answer came to.
        reviews: The newest reviews by key.
        on_outdated: Called with the key of a record whose decision does not go for it any more,
            and why.

    Returns:
        The outcome with the reviewer's value, `confidence_by` "human", and what was decided in
        `reviewed`. If the decision does not go for it any more, the outcome with its whole record
        to review, and why in `reviewed`. The outcome as it was if there is no review.
    """
    review = reviews.get(outcome.key)
    if review is None:
        return outcome
    record = outcome.record()
    if (why := review.outdated(outcome.target, outcome.document_hash)) is not None:
        on_outdated(outcome.key, why)
        return replace(outcome, stored={**record, "to_review": [""], "reviewed": why})
    by_human: dict[str, Json] = {"confidence_by": "human", "reviewed": review.status}
    if review.status == "rejected":
        error = InputError(
            "A reviewer rejected this record.", hint="Correct it in `structgen review`."
        )
        stored = {"error": error_to_data(error), **by_human}
        return replace(outcome, error=error, result=None, stored=stored)
    is_same = outcome.ok and same_json(record.get("value"), review.value)
    stored = {name: record.get(name) for name in _KEPT} if is_same else {}
    stored |= {"value": review.value, "error": None, **by_human}
    stored |= {"record_confidence": 1.0, "to_review": []}
    if record.get("accepted") is not None:
        stored["accepted"] = True
    return replace(outcome, error=None, result=None, stored=stored)


def outdated_reviews(outdated: Mapping[str, Outdated]) -> Iterator[str]:
    """Say which decisions do not go for their records any more, in a line for each reason.

    Args:
        outdated: Why, by the keys of the records.
    """
    for why, (one, several) in _SAID.items():
        keys = [key for key, found in outdated.items() if found == why]
        if not keys:
            continue
        yield (
            f"{counted(len(keys), one, several)}, so the output has what the model said, with "
            f"`to_review`: {shown_keys(keys)}. Review them again with `structgen review`."
        )


def counted(number: int, one: str, several: str) -> str:
    """Say a number with its noun.

    Args:
        number: The number.
        one: What follows 1.
        several: What follows any other number.
    """
    return f"{number} {one if number == 1 else several}"


def shown_keys(keys: Sequence[str]) -> str:
    """Name the first keys.

    Args:
        keys: Some keys.
    """
    return ", ".join(map(repr, keys[:_SHOWN_KEYS])) + (", ..." if len(keys) > _SHOWN_KEYS else "")
