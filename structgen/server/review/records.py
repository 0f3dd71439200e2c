"""The records under review, the most doubtful first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from structgen.answer.grounding import document_text
from structgen.pipeline.journal.reviews import Outdated, Review, Reviews, Status
from structgen.pipeline.record import document_hash
from structgen.reading.document import Document
from structgen.reading.images.pages import boxes_of, pictures_of, places_of
from structgen.reading.layout import PageImage
from structgen.schema.check import validate
from structgen.schema.json import same_json
from structgen.schema.target import Target
from structgen.values import Json, TextOrMessages

OUTDATED: Final[Mapping[Outdated, str]] = {
    "text changed": "open again: the text has changed since the record was reviewed",
    "target changed": "open again: the reviewed value does not fit the target any more",
}
"""What the page says of a decision that does not go for a record any more."""
_OTHER_TEXT: Final = "the text has changed since the model read it: run the job again"


class Records:
    """Rows of results with their texts and reviews."""

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        documents: Mapping[str, TextOrMessages],
        target: Target[Any],
        reviews: Reviews,
        document_hashes: Mapping[str, str] | None = None,
    ) -> None:
        """Order the rows by doubt. Of rows with the same key the first one is taken.

        Args:
            rows: Rows of results.
            documents: What they were extracted from, by key.
            target: What their values are checked against.
            reviews: Where decisions are kept.
            document_hashes: Tells which documents were extracted from, by key, as far as that is
                known.
        """
        self._by_key: dict[str, Mapping[str, Any]] = {}
        for row in rows:
            self._by_key.setdefault(row["key"], row)
        self.left_out = len(rows) - len(self._by_key)
        """How many rows have the key of an earlier one."""
        self.rows = sorted(self._by_key.values(), key=doubt, reverse=True)
        self.target = target
        self.reviews = reviews
        self._documents = documents
        self._read = document_hashes or {}

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def document(self, key: str) -> TextOrMessages | None:
        """Give what a record was extracted from; None if it is not known."""
        return self._documents.get(key)

    def text(self, key: str) -> str | None:
        """Give the text of a record; None if it is not known."""
        document = self._documents.get(key)
        return None if document is None else document_text(document)

    def pages(self, key: str) -> dict[str, Json]:
        """Give the pages of a record that state its values, and the boxes of these by path."""
        document = self._documents.get(key)
        places = places_of(self._by_key[key])
        boxes = {path: boxes_of(document, place) for path, place in places.items()}
        every = [box for of_path in boxes.values() for box in of_path]
        return {"pages": pictures_of(document, every, with_images=False), "boxes": boxes}

    def image(self, key: str, number: int) -> PageImage | None:
        """Give the image of a page of a record; None if there is none."""
        document = self._documents.get(key)
        pages = document.pages if isinstance(document, Document) else ()
        return next((page.image for page in pages if page.number == number), None)

    def listed(self) -> list[dict[str, Json]]:
        """Give the key and the status of every record: first those whose decision does not go for
        them any more, then by doubt."""
        reviews = self.reviews.all()
        found = [(row["key"], reviews.get(row["key"])) for row in self.rows]
        outdated = {key: self.outdated(one) for key, one in found if one is not None}
        in_order = sorted(found, key=lambda one: outdated.get(one[0]) is None)
        return [
            {"key": key, "status": one.status if one and not outdated[key] else None}
            for key, one in in_order
        ]

    def shown(self, key: str) -> dict[str, Json]:
        """Give one record with its newest review, as plain JSON data."""
        return self._shown(self._by_key[key], self.reviews.of(key))

    def everything(self) -> list[dict[str, Json]]:
        """Give every record as `shown` does."""
        reviews = self.reviews.all()
        return [self._shown(row, reviews.get(row["key"])) for row in self.rows]

    def save(
        self,
        key: str,
        version: int,
        status: Status,
        value: Json,
        *,
        document_hash: str | None = None,
    ) -> bool:
        """Check a decision as the target does, and keep it.

        Args:
            key: The key of the record.
            version: The version that the reviewer has seen; 0 if there was none.
            status: What was decided. The model's value is accepted, and any other one corrected.
            value: The right value; nothing of it is kept if the record is rejected.
            document_hash: Tells which text the reviewer saw; by default the one that is shown now.

        Returns:
            Whether it was kept; not if somebody else has saved another version.

        Raises:
            InvalidOutputError: If the value is no value of the target.
        """
        if status == "rejected":
            value = None
        else:
            validate(self.target, value)
            row = self._by_key[key]
            is_models = row["error"] is None and same_json(row["value"], value)
            status, value = ("accepted", row["value"]) if is_models else ("corrected", value)
        review = self.reviews.of(key)
        if version != (review.version if review else 0):
            return False
        seen = self._seen(key) if document_hash is None else document_hash
        return self.reviews.save(Review(key, version + 1, status, value, seen))

    def _shown(self, row: Mapping[str, Any], review: Review | None) -> dict[str, Json]:
        key, error = row["key"], row["error"]
        why = self.outdated(review) if review else None
        said = [error["message"]] if error else []
        said += [OUTDATED[why]] if why else []
        is_read = self._read.get(key, "") in ("", self._seen(key))
        said += [] if is_read else [_OTHER_TEXT]
        return {
            "key": key,
            "text": self.text(key),
            "values": _values(row, review, why),
            "error": "; ".join(said) or None,
            "evidence": places_of(row) if is_read else {},
            "confidence": row.get("confidence") or {},
            "document_hash": self._seen(key),
            "version": review.version if review else 0,
            "status": review.status if review and not why else None,
        }

    def outdated(self, review: Review) -> Outdated | None:
        """Tell why a decision does not go for its record any more; None if it does.

        Args:
            review: The decision.
        """
        return review.outdated(self.target, self._seen(review.key))

    def _seen(self, key: str) -> str:
        """Tells which text reviewers see; without one, which text the model has read."""
        document = self._documents.get(key)
        return self._read.get(key, "") if document is None else document_hash(document)


def _values(row: Mapping[str, Any], review: Review | None, why: Outdated | None) -> list[Json]:
    """The values to choose from, the likeliest first: the model's, and that of the last review."""
    values: list[Json] = (
        [] if row["error"] else [{"by": "the model's value", "value": row["value"]}]
    )
    if review is None or review.status == "rejected":
        return values
    earlier = {"by": "the value of the last review", "value": review.value}
    if values and same_json(review.value, row["value"]):
        return values
    return [*values, earlier] if why == "text changed" else [earlier, *values]


def doubt(row: Mapping[str, Any]) -> tuple[bool, int, float]:
    """Tell how doubtful a row is: errors, then leaves to review, then the surest sign of a fault.

    Args:
        row: A row of results.
    """
    confidence = (row.get("confidence") or {}).values()
    pressure = (row.get("pressure") or {}).values()
    signs = [1.0 - one for one in confidence] + list(pressure)
    evidence = row.get("evidence")
    if evidence is not None and confidence:
        signs.append(sum(path not in evidence for path in row["confidence"]) / len(confidence))
    return bool(row["error"]), len(row.get("to_review") or ()), max(signs, default=0.0)
