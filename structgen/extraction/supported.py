"""The evidence of every leaf of an answer, and what becomes of values without any."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from structgen.answer.evidence import EvidenceFinder
from structgen.answer.grounding import document_text
from structgen.answer.read import Reading
from structgen.answer.support import nulled, unsupported, violations_of
from structgen.errors import InvalidOutputError
from structgen.extraction.question import Question
from structgen.results import LeafEvidence
from structgen.schema.check import validate
from structgen.schema.shown import shown
from structgen.schema.target import Target
from structgen.values import Evidence, Json, JsonSchema, Removed, TextOrMessages

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Support:
    """Looks up the leaves of answers about one document."""

    finder: EvidenceFinder
    """Finds the evidence."""
    required: Literal["off", "flag", "null", "reask"]
    """What to do about a value that the document does not support."""

    def find(
        self,
        target: Target[Any],
        value: Any,
        known: Mapping[str, Evidence],
        absent: Set[str],
    ) -> dict[str, LeafEvidence]:
        """Find the evidence of each leaf of a value, as `EvidenceFinder.find` does."""
        return self.finder.find(shown(target, value), known=known, absent=absent)

    def to_review(
        self, target: Target[Any], value: Any, found: Mapping[str, LeafEvidence]
    ) -> frozenset[str]:
        """The values that people should look at, because the document does not support them."""
        return self.flagged(target.schema, shown(target, value), found)

    def flagged(
        self, schema: JsonSchema, data: Json, found: Mapping[str, LeafEvidence]
    ) -> frozenset[str]:
        """The same, of plain data that a schema describes."""
        if self.required != "flag":
            return frozenset()
        return frozenset(unsupported(schema, data, found))

    def hold(self, reading: Reading[T], target: Target[T]) -> Reading[T]:
        """Hold an answer to the document.

        Args:
            reading: The answer.
            target: What it is of.

        Returns:
            The answer; with `required="null"`, null replaces the values without evidence.

        Raises:
            InvalidOutputError: If a value has no evidence and cannot stay.
        """
        if self.required in ("off", "flag"):
            return reading
        data = shown(target, reading.value)
        found = self.finder.find(data, known=reading.evidence, absent=reading.absent)
        bad = unsupported(target.schema, data, found)
        if not bad:
            return reading
        if self.required == "reask":
            raise _without_evidence(bad)
        data, done = nulled(target.schema, target.dump(reading.value), bad)
        left = {at: value for at, value in bad.items() if at not in done}
        if left:
            raise _without_evidence(left)
        removed = tuple(Removed(at, value, "ungrounded") for at, value in done.items())
        return replace(
            reading,
            value=validate(target, data),
            absent=reading.absent | done.keys(),
            ruled=replace(reading.ruled, removed=(*reading.ruled.removed, *removed)),
        )


def support_for(question: Question[Any]) -> Support | None:
    """Make what looks up the leaves of the answers to a question; None if nobody asks for it."""
    options = question.options
    required = options.require_evidence
    if options.evidence != "all" and required not in ("flag", "null", "reask"):
        return None
    finder = EvidenceFinder(located_text(question.document))
    return Support(finder, required if isinstance(required, str) else "off")


def located_text(document: TextOrMessages) -> str:
    """The text in which evidence counts characters; of a `Document`, the document itself."""
    return document if isinstance(document, str) else document_text(document)


def _without_evidence(values: Mapping[str, Json]) -> InvalidOutputError:
    count = f"{len(values)} values" if len(values) > 1 else "1 value"
    return InvalidOutputError(
        f"The document does not state {count} of the answer.",
        violations=violations_of(values),
        hint="Let such fields be null and pass require_evidence='null', or mark what is worked "
        "out with Inferred().",
    )
