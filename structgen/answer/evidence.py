"""Where a document states each leaf of a value, and in which form.

`grounding` holds values that must be copied. This looks up every leaf, whatever its type, and says
how well the document supports it. If the document has a value several times, the other fields of
its record tell which mention is meant, and the items of a list come in the order of the document.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from structgen.answer.labels import Labels
from structgen.answer.leaves import Leaf, Mention, Path
from structgen.answer.mentions import MentionIndex, Mentions
from structgen.answer.placing import place_leaves
from structgen.reading.document import Document
from structgen.results import EvidenceStatus, LeafEvidence
from structgen.schema.json import leaves_of, pointer
from structgen.values import Evidence, Json

_ABSENT: Final = LeafEvidence(status="absent")
_NOT_FOUND: Final = LeafEvidence(status="not-found")


class EvidenceFinder:
    """Finds where a document states the leaves of values. It indexes the document once.

    Args:
        document: The text. A `Document` also tells the pages and the boxes.
    """

    def __init__(self, document: str) -> None:
        self._document = document
        self._index = MentionIndex(document)
        self._labels = Labels(document)

    def find(
        self,
        value: Json,
        *,
        known: Mapping[str, Evidence] | None = None,
        absent: Collection[str] = (),
    ) -> dict[str, LeafEvidence]:
        """Find where the document states each leaf of a value.

        It takes time linear in the length of the document and in the number of leaves.

        Args:
            value: The value, as plain data.
            known: Where some leaves are, by JSON Pointer, such as the evidence of grounded fields.
            absent: JSON Pointers of the fields that the document does not state.

        Returns:
            The evidence of each leaf, by JSON Pointer, in the order of the leaves.
        """
        known = {} if known is None else known
        found: dict[str, LeafEvidence] = {}
        mentions: dict[str, Mentions] = {}
        leaves: list[Leaf] = []
        for path, one in leaves_of(value):
            at = pointer(path)
            if one is None or one == "" or at in absent:
                found[at] = _ABSENT
                continue
            found[at] = _NOT_FOUND
            is_known = at in known
            mentions[at] = _mentions_of(known[at]) if is_known else self._index.of(one, _name(path))
            leaves.append(Leaf(path, one, mentions[at].places))
        place_leaves(leaves, self._document, self._labels)
        for leaf in leaves:
            if leaf.place is not None:
                at = pointer(leaf.path)
                found[at] = _evidence(leaf, leaf.place, mentions[at], self._document)
        return found


def find_evidence(value: Json, document: str) -> dict[str, LeafEvidence]:
    """Find where a document states each leaf of a value, whoever gave the value.

    Args:
        value: The value, as plain data.
        document: The text. A `Document` also tells the pages and the boxes.

    Returns:
        The evidence of each leaf, by JSON Pointer, in the order of the leaves.
    """
    return EvidenceFinder(document).find(value)


def _mentions_of(evidence: Evidence) -> Mentions:
    return Mentions([Mention(evidence.start, evidence.end)], "text")


def _name(path: Path) -> str:
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _evidence(leaf: Leaf, place: Mention, found: Mentions, document: str) -> LeafEvidence:
    start, end = place
    quote = str(document[start:end])
    status: EvidenceStatus = "verified" if quote == str(leaf.value) else "normalised"
    if not leaf.is_settled:
        status = "ambiguous"
    where = document.locate(start, end) if isinstance(document, Document) else None
    return LeafEvidence(
        status=status,
        quote=quote,
        start=start,
        end=end,
        by=found.by,
        score=found.score,
        mentions=len(leaf.places),
        pages=where.pages if where else (),
        boxes=where.boxes if where else (),
    )
