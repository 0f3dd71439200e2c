"""A question about a long document as questions about its chunks, and their answers as one value.

Nothing is asked here: whoever asks about the pieces, at once or over several runs of a job, gives
what came of each to `merge`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Generic, NamedTuple, TypeVar

from structgen.answer.salvage import valid_rest
from structgen.documents.boundaries import located
from structgen.documents.chunk import Chunk, chunks, halves, text_before
from structgen.documents.gaps import Gap, find_gaps
from structgen.documents.merge import merge
from structgen.documents.merged import Merged, Part, without_items
from structgen.documents.options import CHUNK_TOKENS, ChunkingArgs, chunking_of, counter_of
from structgen.documents.places import check_places
from structgen.documents.policies import Policy
from structgen.documents.relax import complete, relax
from structgen.documents.result import ChunkOutcome, DocumentExtraction, weakest
from structgen.documents.whereabouts import whereabouts
from structgen.errors import (
    ConfigurationError,
    InputError,
    InvalidDocumentError,
    InvalidOutputError,
    JobError,
    PromptTooLongError,
    StructgenError,
    Truncated,
)
from structgen.extraction.question import Question
from structgen.extraction.supported import support_for
from structgen.extraction.vote import TEMPERATURE
from structgen.options import UNSET
from structgen.reading.document import Document
from structgen.results import Dumps, LeafEvidence
from structgen.schema.check import validate
from structgen.schema.json import unescape
from structgen.values import Evidence, Json, Rejected

T = TypeVar("T")
V = TypeVar("V")

_TOO_LONG: Final = (Truncated, PromptTooLongError)
"""Errors that a shorter chunk may avoid."""
_MOST_GAPS: Final = 8
"""Gaps of an answer that are asked about; with more, what lacks are rather no items at all."""
_INSTRUCTIONS: Final = (
    "The document is one part of a longer one. Give only what this part states: null for what it "
    "does not state, an empty list for what it does not mention."
)


class Piece(NamedTuple):
    """One question about a document."""

    chunk: Chunk
    """The part of the document that it is about."""
    turn: int
    """Which of the passes it belongs to, from 0."""
    gap: Gap | None = None
    """The rows that it is about, if an answer had no items of them."""


@dataclass(frozen=True, slots=True)
class ChunkedQuestion(Generic[T]):
    """A question about a document, and the question about a part of it."""

    question: Question[T]
    """The question about the whole document."""
    part: Question[Json]
    """The question about a part of it, still without the part."""
    document: Document
    """The document, which knows its headings and tables."""
    chunking: ChunkingArgs
    """How to split it, and how to merge."""
    keys: Mapping[str, Sequence[str]]
    """The members that tell items apart, by the pointer of their list."""
    policies: Mapping[str, Policy]
    """What becomes of several values, by pointer."""

    @classmethod
    def of(cls, question: Question[T], chunking: ChunkingArgs) -> ChunkedQuestion[T]:
        """Prepare the questions about the chunks.

        Args:
            question: The question about the whole document.
            chunking: How to split the document and to merge what its chunks state.

        Raises:
            InputError: If the document is empty or is a conversation.
            ConfigurationError: If `accept` is set, or `policies` or `keys` do not fit the target.
        """
        document = question.document
        if not isinstance(document, str) or not document.strip():
            raise InputError(
                "The document is empty or is no text.",
                hint="Pass a text; a conversation is not split into chunks.",
            )
        if question.options.accept is not UNSET:
            raise ConfigurationError(
                "`accept` promises nothing about a long document: its calibration would be that "
                "of single questions.",
                hint="Leave it out, and look at `confidence`.",
            )
        chunking = chunking_of(question, chunking)
        policies, keys = chunking.get("policies", {}), chunking.get("keys", {})
        check_places(question.target.schema, policies, keys)
        target, keys, policies = relax(question.target, keys, policies)
        instructions = "\n\n".join(filter(None, (question.instructions, _INSTRUCTIONS)))
        options = question.options
        if options.on_invalid_items is UNSET:  # one bad item never takes its chunk with it
            options = replace(options, on_invalid_items="keep")
        part: Question[Json] = replace(
            question, target=target, whole=document, instructions=instructions, options=options
        )
        return cls(question, part, located(document), chunking, keys, policies)

    def pieces(self) -> list[Piece]:
        """Give the questions to ask, in the order of the document.

        Raises:
            ConfigurationError: If `overlap` is not less than `chunk_tokens`.
        """
        is_read = isinstance(self.question.document, Document)
        found = chunks(
            self.document if is_read else self.document.text,
            self.chunking.get("chunk_tokens", CHUNK_TOKENS),
            overlap=self.chunking.get("overlap", 0),
            markdown=self.chunking.get("markdown", False),
            count=counter_of(self.chunking),
        )
        turns = range(self.chunking.get("passes", 1))
        return [Piece(chunk, turn) for chunk in found for turn in turns]

    def smaller(self, piece: Piece, error: StructgenError | None) -> list[Piece]:
        """Give the pieces to ask about instead of one that failed; none if that would not help.

        Args:
            piece: What was asked about.
            error: Why there is no answer; None if there is one.
        """
        if not isinstance(error, _TOO_LONG):
            return []
        parts = halves(piece.chunk, count=counter_of(self.chunking))
        return [piece._replace(chunk=part) for part in parts] if len(parts) > 1 else []

    def missing(self, piece: Piece, value: Json) -> list[Piece]:
        """Give the rows to ask about once more: an answer about a piece has no items of them.

        Args:
            piece: What was asked about.
            value: The answer, as plain data.

        Returns:
            A piece for each gap, in the order of the document; none for those that are too many.
        """
        if piece.turn:
            return []
        gaps = self._gaps(piece, value)
        longest = sorted(gaps, key=lambda gap: gap.start - gap.end)[:_MOST_GAPS]
        return [
            Piece(Chunk(self.document[gap.start : gap.end].text, gap.start, gap.end), 0, gap)
            for gap in sorted(longest, key=lambda gap: gap.start)
        ]

    def _gaps(self, piece: Piece, value: Json, **least: float) -> list[Gap]:
        return find_gaps(
            self.document,
            piece.chunk,
            value,
            counted=self.chunking.get("count_rows", "tables"),
            may_lack=self._has_item_per_row if piece.gap is None else piece.gap.path.__eq__,
            **least,
        )

    def _has_item_per_row(self, path: str) -> bool:
        """Whether the items of a list stay apart, so that each can be from a row of its own."""
        return path not in self.keys and self.policies.get(path, "concat") == "concat"

    def _remaining(self, outcomes: Sequence[ChunkOutcome]) -> Iterator[Gap]:
        """The gaps that are left after all questions."""
        about = [one for one in outcomes if one.gap is not None]
        for outcome in outcomes:
            if outcome.turn or outcome.result is None:
                continue
            piece = Piece(outcome.chunk, 0, outcome.gap)
            least = {} if outcome.gap is None else {"least": 0.0}
            for gap in self._gaps(piece, outcome.result.value, **least):
                within = [
                    one
                    for one in about
                    if gap.start <= one.chunk.start and one.chunk.end <= gap.end
                ]
                if not within:
                    yield gap
                for one in within:
                    if one.result is None or not _at(one.result.value, gap.path):
                        yield gap._replace(start=one.chunk.start, end=one.chunk.end)

    def about(self, piece: Piece) -> Question[Json]:
        """Give the question about a piece.

        Args:
            piece: One of `pieces`, or a smaller one.
        """
        chunk, turn = piece.chunk, piece.turn
        shown = text_before(self.document, chunk, self.chunking.get("context_tokens", 0)).strip()
        place = whereabouts(self.document, chunk)
        context = "\n\n".join(filter(None, (self.part.context, place, shown)))
        options = self.part.options
        if turn:  # a second pass has to be free to answer something else
            warm, seed = options.temperature, options.seed
            options = replace(
                options,
                temperature=TEMPERATURE if warm is UNSET else warm,
                seed=UNSET if seed is UNSET else seed + turn,
            )
        return replace(self.part, document=chunk.text, context=context or None, options=options)

    def merge(self, outcomes: tuple[ChunkOutcome, ...]) -> DocumentExtraction[T]:
        """Merge what the chunks state.

        Args:
            outcomes: What came of each piece, in the order of the document.

        Raises:
            StructgenError: If every chunk failed: the error of the first one.
            InvalidDocumentError: If what the chunks state together is no value of the target.
        """
        found = [(one, one.result) for one in outcomes if one.result is not None]
        if not found:
            raise next(one.error for one in outcomes if one.error is not None)
        parts = [
            Part(
                result.value if one.gap is None else _only(result.value, one.gap.path),
                start=one.chunk.start,
                end=one.chunk.end,
                gap=one.gap,
                evidence=_shift(result.evidence, one.chunk.start),
                confidence=result.confidence,
                alternatives=result.alternatives,
                pressure=result.pressure,
                answered_by=result.answered_by,
                absent=result.absent,
                shortened=result.shortened,
                copied=result.copied,
            )
            for one, result in found
        ]
        merged = merge(parts, document=self.document, policies=self.policies, keys=self.keys)
        merged = replace(merged, data=complete(self.question.target, merged.data))
        target = self.question.target
        try:
            return self._extraction(validate(target, merged.data), target, merged, outcomes)
        except InvalidOutputError as error:
            valid = self._valid_rest(merged.data, error)
            if valid is None:
                plain = self._extraction(merged.data, self.part.target, merged, outcomes)
                raise _invalid_document(error, plain) from None
        value, refused = valid
        rest = without_items(merged, target.dump(value), [item.path for item in refused])
        return replace(self._extraction(value, target, rest, outcomes), refused=refused)

    def _valid_rest(
        self, data: Json, error: InvalidOutputError
    ) -> tuple[T, tuple[Rejected, ...]] | None:
        """The value without the items that validators refuse; None if it is to be whole."""
        if self.part.options.on_invalid_items != "keep":
            return None
        target = self.question.target
        return valid_rest(target.schema, data, error.violations, partial(validate, target))

    def _extraction(
        self, value: V, target: Dumps, merged: Merged, outcomes: tuple[ChunkOutcome, ...]
    ) -> DocumentExtraction[V]:
        """The result, with what is known about a merged value."""
        results = [one.result for one in outcomes if one.result is not None]
        sources = {result.confidence_by for result in results}
        support = support_for(replace(self.part, document=self.document))
        leaves: Mapping[str, LeafEvidence] = {}
        to_review = frozenset[str]()
        if support is not None:
            leaves = support.finder.find(merged.data, known=merged.evidence, absent=merged.absent)
            to_review = support.flagged(self.question.target.schema, merged.data, leaves)
        gaps = {(gap.path, gap.start): gap for gap in self._remaining(outcomes)}
        return DocumentExtraction(
            value=value,
            target=target,
            chunks=outcomes,
            guarantee=weakest([result.guarantee for result in results]),
            conflicts=merged.conflicts,
            gaps=tuple(gaps.values()),
            absent=merged.absent,
            shortened=merged.shortened,
            copied=merged.copied,
            evidence=merged.evidence,
            leaf_evidence=leaves,
            to_review=to_review,
            confidence=merged.confidence,
            confidence_by=sources.pop() if len(sources) == 1 else None,
            alternatives=merged.alternatives,
            pressure=merged.pressure,
            answered_by=merged.answered_by,
        )


def _only(value: Json, path: str) -> Json:
    """A value with one list alone, which is in records alone."""
    *above, name = [unescape(step) for step in path.split("/")] if path else [""]
    if not path:
        return value
    only: Json = {name: _at(value, path)}
    for step in reversed(above[1:]):
        only = {step: only}
    return only


def _at(value: Json, path: str) -> list[Json]:
    """The list at a path; an empty one if there is none."""
    for step in path.split("/")[1:]:
        value = value.get(unescape(step)) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []


def _shift(evidence: Mapping[str, Evidence], by: int) -> dict[str, Evidence]:
    """Turn offsets in a chunk into offsets in the document."""
    return {
        path: Evidence(found.quote, found.start + by, found.end + by)
        for path, found in evidence.items()
    }


def _invalid_document(
    error: InvalidOutputError, document: DocumentExtraction[Json]
) -> InvalidDocumentError:
    message = "The chunks together state no valid value."
    if document.failures:
        failed, asked = len(document.failures), len(document.chunks)
        message += f" {failed} of {asked} questions about chunks failed, so parts may be missing."
    invalid = InvalidDocumentError(
        message,
        violations=error.violations,
        hint="See `violations` for each place that is wrong, and `document` for the merged data, "
        "the outcome of every chunk and the conflicts.",
    )
    invalid.document, invalid.attempts = document, document.attempts
    return invalid


def unexpected(error: Exception, of: str) -> StructgenError:
    """Give a typed error for any exception, such as one of a validator of the user's.

    Args:
        error: What was raised.
        of: What it was raised for, such as "chunk".
    """
    if isinstance(error, StructgenError):
        return error
    typed = JobError(
        f"An unexpected {type(error).__name__} was raised for one {of}.",
        hint="Check the target's validators; if they are fine, please report a bug.",
    )
    typed.__cause__ = error
    return typed
