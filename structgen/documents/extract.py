"""A record from a long document: the same question about each chunk, for what of the record it states; then one value of all.

One flow, sync and async, made of the extraction flow of each chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypedDict, TypeVar

from structgen.documents.chunk import Chunk, before, chunks, estimate, halves
from structgen.documents.merge import Conflict, Part, Policy, merge
from structgen.documents.relax import completed, relaxed
from structgen.errors import (
    Attempt,
    ConfigurationError,
    InputError,
    InvalidDocumentError,
    InvalidOutputError,
    PromptTooLongError,
    StructgenError,
    Truncated,
)
from structgen.extraction.attempts import cost_of
from structgen.extraction.backend import Backend
from structgen.extraction.question import Question
from structgen.extraction.vote import TEMPERATURE, consensus
from structgen.flow.steps import Flow, Gather
from structgen.options import UNSET, CallArgs
from structgen.results import Extraction
from structgen.schema.check import validate
from structgen.values import Evidence, Json, Usage
from structgen.wire.link import Link

T = TypeVar("T")

_TOO_LONG: Final = (Truncated, PromptTooLongError)
"""What a shorter chunk may mend."""
_PART: Final = (
    "The document is one part of a longer one. Give only what this part states: null for what it does not state, an empty list for "
    "what it does not mention."
)


class Slicing(TypedDict, total=False):
    """How a long document is taken.

    `chunk_tokens` (default 2000), `overlap` (tokens, default 0), `markdown`, `count`: as in `documents.chunk.chunks`.
    `context_tokens`: how much of the text before a chunk is shown with it, and not extracted from. `passes`: how often each chunk
    is asked about, for what one answer overlooks. `concurrency`: questions at a time (default 8 for a server, 2 for an engine in
    this process). `policies`, `keys`: as in `documents.merge.merge`.
    """

    chunk_tokens: int
    overlap: int
    markdown: bool
    count: Callable[[str], int]
    context_tokens: int
    passes: int
    concurrency: int
    policies: Mapping[str, Policy]
    keys: Mapping[str, Sequence[str]]


class DocumentArgs(CallArgs, Slicing, total=False):
    """What `extract_document` takes besides a target and a text. The options hold for each question about a chunk."""


@dataclass(frozen=True, slots=True)
class ChunkOutcome:
    """What one question about one chunk came to: a result, whose value is plain data of the part, or an error. `turn`: which of the
    passes, from 0."""

    chunk: Chunk
    turn: int
    result: Extraction[Json] | None = field(default=None, repr=False)
    error: StructgenError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentExtraction(Generic[T]):
    """A value from a long document, and where it comes from.

    `chunks`: every question's outcome, in the order of the document; `conflicts`: places where chunks state different values (their
    numbers are indices into `stated`); `evidence`: by JSON Pointer into the value, in offsets of the whole document.
    """

    value: T
    chunks: tuple[ChunkOutcome, ...]
    conflicts: tuple[Conflict, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict, repr=False)

    @property
    def stated(self) -> tuple[ChunkOutcome, ...]:
        """The outcomes that have a value: what was merged."""
        return tuple(outcome for outcome in self.chunks if outcome.result is not None)

    @property
    def failures(self) -> tuple[ChunkOutcome, ...]:
        """The outcomes that have none. What their chunks state is missing in the value."""
        return tuple(outcome for outcome in self.chunks if outcome.error is not None)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(
            a
            for outcome in self.chunks
            for a in (outcome.result or outcome.error or StructgenError("")).attempts
        )

    @property
    def usage(self) -> Usage:
        return sum((attempt.usage for attempt in self.attempts), Usage())

    @property
    def cost(self) -> float | None:
        """US dollars, None where a price is not known."""
        return cost_of(self.attempts)


def extract_document(
    backends: Sequence[Backend], question: Question[T], slicing: Slicing
) -> Flow[DocumentExtraction[T]]:
    """The value that a long text states. A chunk that fails is in the result, and stops no other.

    Raises the first chunk's error where no chunk gave anything, and InvalidDocumentError where what they gave makes no value together.
    """
    text, passes = question.document, slicing.get("passes", 1)
    if not isinstance(text, str) or not text.strip():
        raise InputError(
            "The document is empty, or is no text.",
            hint="Pass a text; a conversation is not cut into chunks.",
        )
    if passes < 1 or slicing.get("concurrency", 1) < 1:
        raise ConfigurationError("`passes` and `concurrency` have to be at least 1.")
    target, keys = relaxed(question.target, slicing.get("keys", {}))
    examples = tuple((shown, question.target.dump(value)) for shown, value in question.examples)
    instructions = "\n\n".join(filter(None, (question.instructions, _PART)))
    part: Question[Json] = replace(
        question, target=target, examples=examples, instructions=instructions
    )
    pieces = chunks(
        text,
        slicing.get("chunk_tokens", 2000),
        overlap=slicing.get("overlap", 0),
        markdown=slicing.get("markdown", False),
        count=slicing.get("count", estimate),
    )
    flows = [
        _chunk(backends, part, text, piece, turn, slicing)
        for piece in pieces
        for turn in range(passes)
    ]
    at_most = slicing.get("concurrency", 8 if isinstance(backends[0].via, Link) else 2)
    gathered: list[list[ChunkOutcome]] = yield Gather(flows, min(at_most, len(flows)))
    return _merged(question, tuple(outcome for some in gathered for outcome in some), slicing, keys)


def _chunk(
    backends: Sequence[Backend],
    part: Question[Json],
    text: str,
    chunk: Chunk,
    turn: int,
    slicing: Slicing,
) -> Flow[list[ChunkOutcome]]:
    """The outcomes of one chunk: of its halves, where the whole is too long for an answer."""
    seen = before(text, chunk, slicing.get("context_tokens", 0))
    context = "\n\n".join(filter(None, (part.context, seen.strip())))
    options = part.options
    if turn:
        options = replace(
            options,
            temperature=TEMPERATURE if options.temperature is UNSET else options.temperature,
            seed=UNSET if options.seed is UNSET else options.seed + turn,
        )
    try:
        result = yield from consensus(
            backends, replace(part, document=chunk.text, context=context or None, options=options)
        )
        return [ChunkOutcome(chunk, turn, result)]
    except StructgenError as error:
        pieces = (
            halves(chunk, count=slicing.get("count", estimate))
            if isinstance(error, _TOO_LONG)
            else ()
        )
        if len(pieces) < 2:
            return [ChunkOutcome(chunk, turn, error=error)]
    outcomes: list[ChunkOutcome] = []
    for piece in pieces:
        outcomes += yield from _chunk(backends, part, text, piece, turn, slicing)
    return outcomes


def _merged(
    question: Question[T],
    outcomes: tuple[ChunkOutcome, ...],
    slicing: Slicing,
    keys: Mapping[str, Sequence[str]],
) -> DocumentExtraction[T]:
    found = [(outcome.chunk, outcome.result) for outcome in outcomes if outcome.result is not None]
    for outcome in outcomes if not found else ():
        if outcome.error is not None:
            raise outcome.error
    parts = [Part(result.value, _shifted(result.evidence, chunk.start)) for chunk, result in found]
    merged = merge(parts, policies=slicing.get("policies"), keys=keys)
    data = completed(question.target, merged.data)
    try:
        value = validate(question.target, data)
    except InvalidOutputError as error:
        raise _invalid(
            error,
            DocumentExtraction(
                value=data, chunks=outcomes, conflicts=merged.conflicts, evidence=merged.evidence
            ),
        ) from None
    return DocumentExtraction(
        value=value, chunks=outcomes, conflicts=merged.conflicts, evidence=merged.evidence
    )


def _shifted(evidence: Mapping[str, Evidence], by: int) -> dict[str, Evidence]:
    return {
        path: Evidence(found.quote, found.start + by, found.end + by)
        for path, found in evidence.items()
    }


def _invalid(error: InvalidOutputError, document: DocumentExtraction[Json]) -> InvalidDocumentError:
    failed = len(document.failures)
    because = (
        f"; {failed} of {len(document.chunks)} questions about chunks failed" if failed else ""
    )
    invalid = InvalidDocumentError(
        f"What the chunks state makes no whole value{because}.",
        violations=error.violations,
        hint="`violations` names each place; `document` holds the merged data, every chunk's outcome, and the conflicts.",
    )
    invalid.document, invalid.attempts = document, document.attempts
    return invalid
