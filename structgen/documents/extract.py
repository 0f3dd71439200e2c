"""Extract a record from a long document: ask about each chunk, then merge the answers.

One flow, the same for sync and async, made of the extraction flow of each chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypedDict, TypeVar, cast

from structgen.documents.chunk import Chunk, chunks, estimate_tokens, halves, text_before
from structgen.documents.merge import Part, merge
from structgen.documents.policies import Policy, check_policies
from structgen.documents.relax import complete, relax
from structgen.documents.result import ChunkOutcome, DocumentExtraction, weakest
from structgen.documents.whereabouts import located, whereabouts
from structgen.errors import (
    ConfigurationError,
    InputError,
    InvalidDocumentError,
    InvalidOutputError,
    PromptTooLongError,
    StructgenError,
    Truncated,
)
from structgen.extraction.backend import Backend
from structgen.extraction.question import Question
from structgen.extraction.readings import extract_and_judge
from structgen.extraction.vote import TEMPERATURE
from structgen.flow.steps import Flow, Gather
from structgen.options import UNSET, CallArgs
from structgen.reading.document import Document
from structgen.results import Dumps
from structgen.schema.check import validate
from structgen.values import Evidence, Json
from structgen.wire.link import Link

T = TypeVar("T")

_TOO_LONG: Final = (Truncated, PromptTooLongError)
"""Errors that a shorter chunk may avoid."""
_CHUNK_TOKENS: Final = 2000
"""By default: fits small contexts, and is short enough to be read with care."""
_AT_ONCE_ON_SERVER: Final = 8
_AT_ONCE_IN_PROCESS: Final = 2
"""One question is prepared while another is decoded; more gain nothing."""
_INSTRUCTIONS: Final = (
    "The document is one part of a longer one. Give only what this part states: null for what it "
    "does not state, an empty list for what it does not mention."
)


class ChunkingArgs(TypedDict, total=False):
    """How to split a long document, and how to merge what its chunks state."""

    chunk_tokens: int
    """The length of a chunk at most, in tokens (default 2000)."""
    overlap: int
    """How many tokens a chunk shares with the one before it (default 0)."""
    markdown: bool
    """Split at Markdown's headings and blocks first (default False)."""
    count: Callable[[str], int]
    """Gives the length of a text in tokens; by default an estimate of 4 bytes each."""
    context_tokens: int
    """How much of the text before a chunk to show with it, not to extract from (default 0)."""
    passes: int
    """How often to ask about each chunk, for what one answer overlooks (default 1)."""
    concurrency: int
    """Questions at a time (default 8 for a server, 2 for an engine in this process)."""
    policies: Mapping[str, Policy]
    """What becomes of several values, by JSON Pointer with `*` for any key or index."""
    keys: Mapping[str, Sequence[str]]
    """The members that tell the items of a list apart, by the list's pointer, as above."""


class DocumentArgs(CallArgs, ChunkingArgs, total=False):
    """The keyword arguments of `extract_document`.

    The options hold for each question about a chunk.
    """


def split_args(args: DocumentArgs) -> tuple[ChunkingArgs, CallArgs]:
    """Tell how to split a document from what to ask about each chunk."""
    chunking = {name: value for name, value in args.items() if name in _CHUNKING_NAMES}
    call = {name: value for name, value in args.items() if name not in _CHUNKING_NAMES}
    return cast("ChunkingArgs", chunking), cast("CallArgs", call)


_CHUNKING_NAMES: Final = frozenset(ChunkingArgs.__annotations__)


def extract_document(
    backends: Sequence[Backend], question: Question[T], chunking: ChunkingArgs
) -> Flow[DocumentExtraction[T]]:
    """Extract the value that a long document states.

    A chunk that fails is in the result and stops no other.

    Args:
        backends: The backends to ask, in order.
        question: The question about the whole document.
        chunking: How to split the document and to merge what its chunks state.

    Raises:
        InputError: If the document is empty or is a conversation.
        ConfigurationError: If an argument is out of range, or a policy does not exist.
        StructgenError: If every chunk failed: the error of the first one.
        InvalidDocumentError: If what the chunks state together is no value of the target.
    """
    document, passes = question.document, chunking.get("passes", 1)
    if not isinstance(document, str) or not document.strip():
        raise InputError(
            "The document is empty or is no text.",
            hint="Pass a text; a conversation is not split into chunks.",
        )
    if passes < 1 or chunking.get("concurrency", 1) < 1:
        raise ConfigurationError(
            "`passes` or `concurrency` is less than 1.", hint="Give at least 1 for each."
        )
    if question.options.accept is not UNSET:
        raise ConfigurationError(
            "`accept` promises nothing about a long document: its calibration would be that of "
            "single questions.",
            hint="Leave it out, and look at `confidence`.",
        )
    chunked = _Chunked.of(backends, question, document, chunking)
    pieces = chunks(
        document,
        chunking.get("chunk_tokens", _CHUNK_TOKENS),
        overlap=chunking.get("overlap", 0),
        markdown=chunking.get("markdown", False),
        count=chunked.count,
    )
    flows = [chunked.ask(piece, turn) for piece in pieces for turn in range(passes)]
    by_default = _AT_ONCE_ON_SERVER if isinstance(backends[0].via, Link) else _AT_ONCE_IN_PROCESS
    at_once = chunking.get("concurrency", by_default)
    gathered: list[list[ChunkOutcome]] = yield Gather(flows, min(at_once, len(flows)))
    return chunked.merge(tuple(outcome for outcomes in gathered for outcome in outcomes))


@dataclass(frozen=True, slots=True)
class _Chunked(Generic[T]):
    """A question about a document, and the question about a part of it."""

    backends: Sequence[Backend]
    question: Question[T]
    part: Question[Json]
    document: Document
    chunking: ChunkingArgs
    keys: Mapping[str, Sequence[str]]
    policies: Mapping[str, Policy]

    @classmethod
    def of(
        cls,
        backends: Sequence[Backend],
        question: Question[T],
        document: str,
        chunking: ChunkingArgs,
    ) -> _Chunked[T]:
        policies = chunking.get("policies", {})
        check_policies(policies)
        target, keys, policies = relax(question.target, chunking.get("keys", {}), policies)
        instructions = "\n\n".join(filter(None, (question.instructions, _INSTRUCTIONS)))
        options = question.options
        if options.on_invalid_items is UNSET:  # one bad item never takes its chunk with it
            options = replace(options, on_invalid_items="keep")
        part: Question[Json] = replace(
            question, target=target, whole=document, instructions=instructions, options=options
        )
        return cls(backends, question, part, located(document), chunking, keys, policies)

    @property
    def count(self) -> Callable[[str], int]:
        return self.chunking.get("count", estimate_tokens)

    def ask(self, chunk: Chunk, turn: int) -> Flow[list[ChunkOutcome]]:
        """Ask about a chunk; about its halves instead if it is too long for an answer."""
        try:
            result = yield from extract_and_judge(self.backends, self._question_about(chunk, turn))
            return [ChunkOutcome(chunk, turn, result)]
        except StructgenError as error:
            pieces: tuple[Chunk, ...] = ()
            if isinstance(error, _TOO_LONG):
                pieces = halves(chunk, count=self.count)
            if len(pieces) < 2:
                return [ChunkOutcome(chunk, turn, error=error)]
        outcomes: list[ChunkOutcome] = []
        for piece in pieces:
            outcomes += yield from self.ask(piece, turn)
        return outcomes

    def _question_about(self, chunk: Chunk, turn: int) -> Question[Json]:
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
        """Merge what the chunks state. Raises as `extract_document` says."""
        found = [(one.chunk, one.result) for one in outcomes if one.result is not None]
        if not found:
            raise next(one.error for one in outcomes if one.error is not None)
        parts = [
            Part(
                result.value,
                start=chunk.start,
                end=chunk.end,
                evidence=_shift(result.evidence, chunk.start),
                confidence=result.confidence,
                alternatives=result.alternatives,
                pressure=result.pressure,
                absent=result.absent,
                shortened=result.shortened,
                copied=result.copied,
            )
            for chunk, result in found
        ]
        merged = merge(parts, document=self.document, policies=self.policies, keys=self.keys)
        sources = {result.confidence_by for _, result in found}
        source = sources.pop() if len(sources) == 1 else None
        guarantee = weakest([result.guarantee for _, result in found])

        def extraction(value: T, target: Dumps) -> DocumentExtraction[T]:
            return DocumentExtraction(
                value=value,
                target=target,
                chunks=outcomes,
                guarantee=guarantee,
                conflicts=merged.conflicts,
                absent=merged.absent,
                shortened=merged.shortened,
                copied=merged.copied,
                evidence=merged.evidence,
                confidence=merged.confidence,
                confidence_by=source,
                alternatives=merged.alternatives,
                pressure=merged.pressure,
            )

        data = complete(self.question.target, merged.data)
        try:
            value = validate(self.question.target, data)
        except InvalidOutputError as error:
            raise _invalid_document(error, extraction(data, self.part.target)) from None
        return extraction(value, self.question.target)


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
