"""The records under review, the most doubtful first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from structgen.answer.grounding import document_text
from structgen.errors import InvalidOutputError
from structgen.pipeline.journal.reviews import Review, Reviews, Status
from structgen.reading.document import Document
from structgen.reading.images.pages import boxes_of, pictures_of, places_of
from structgen.reading.layout import PageImage
from structgen.schema.check import validate
from structgen.schema.target import Target
from structgen.values import Json, TextOrMessages

OUTDATED: Final = "open again: the reviewed value does not fit the target any more"
"""What the page says of a decision that a changed target refuses."""


class Records:
    """Rows of results with their texts and reviews."""

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        documents: Mapping[str, TextOrMessages],
        target: Target[Any],
        reviews: Reviews,
    ) -> None:
        """Order the rows by doubt.

        Args:
            rows: Rows of results.
            documents: What they were extracted from, by key.
            target: What their values are checked against.
            reviews: Where decisions are kept.
        """
        self.rows = sorted(rows, key=doubt, reverse=True)
        self.target = target
        self.reviews = reviews
        self._documents = documents
        self._by_key = {row["key"]: row for row in rows}

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

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
        """Give every record with its newest review, as plain JSON data."""
        reviews = self.reviews.all()
        return [self._shown(row, reviews.get(row["key"])) for row in self.rows]

    def shown(self, key: str) -> dict[str, Json]:
        """Give one record with its newest review."""
        return self._shown(self._by_key[key], self.reviews.all().get(key))

    def save(self, key: str, version: int, status: Status, value: Json) -> bool:
        """Check a decision as the target does, and keep it.

        Args:
            key: The key of the record.
            version: The version that the reviewer has seen; 0 if there was none.
            status: What was decided.
            value: The right value; nothing of it is kept if the record is rejected.

        Returns:
            Whether it was kept; not if somebody else has saved another version.

        Raises:
            InvalidOutputError: If the value is no value of the target.
        """
        if status == "rejected":
            value = None
        else:
            validate(self.target, value)
        review = self.reviews.all().get(key)
        if version != (review.version if review else 0):
            return False
        return self.reviews.save(Review(key, version + 1, status, value))

    def _shown(self, row: Mapping[str, Any], review: Review | None) -> dict[str, Json]:
        is_value = review is not None and review.status != "rejected"
        error, status = row["error"], review.status if review else None
        said = error["message"] if error else None
        if review is not None and not self.fits(review):
            said, status = OUTDATED, None
        return {
            "key": row["key"],
            "text": self.text(row["key"]),
            "value": review.value if review is not None and is_value else row["value"],
            "error": said,
            "evidence": places_of(row),
            "confidence": row.get("confidence") or {},
            "version": review.version if review else 0,
            "status": status,
        }

    def fits(self, review: Review) -> bool:
        """Tell whether a decision still goes for the target; not if its value does not fit it.

        Args:
            review: The decision.
        """
        if review.status == "rejected":
            return True
        try:
            validate(self.target, review.value)
        except InvalidOutputError:
            return False
        return True


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
