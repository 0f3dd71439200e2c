"""Extract a record from a long document: ask about each chunk, then merge the answers.

One flow, the same for sync and async, made of the extraction flow of each chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from structgen.documents.chunked import ChunkedQuestion, Piece, unexpected
from structgen.documents.need import is_too_long
from structgen.documents.options import Chunked, ChunkingArgs
from structgen.documents.result import ChunkOutcome, DocumentExtraction
from structgen.errors import ConfigurationError, PromptTooLongError
from structgen.extraction.backend import Backend
from structgen.extraction.cascade import extract_and_judge
from structgen.extraction.question import Question
from structgen.flow.steps import Flow, Gather
from structgen.results import Extraction

T = TypeVar("T")

_AT_ONCE_ON_SERVER: Final = 8
_AT_ONCE_IN_PROCESS: Final = 2
"""One question is prepared while another is decoded; more gain nothing."""


def extract_document(
    backends: Sequence[Backend],
    question: Question[T],
    chunking: ChunkingArgs,
    concurrency: int | None = None,
) -> Flow[DocumentExtraction[T]]:
    """Extract the value that a long document states.

    A chunk that fails is in the result and stops no other.

    Args:
        backends: The backends to ask, in order.
        question: The question about the whole document.
        chunking: How to split the document and to merge what its chunks state.
        concurrency: Questions at a time (default 8 for a server, 2 for an engine in this process).

    Raises:
        InputError: If the document is empty or is a conversation.
        ConfigurationError: If an argument is out of range.
        StructgenError: If every chunk failed: the error of the first one.
        InvalidDocumentError: If what the chunks state together is no value of the target.
    """
    if concurrency is not None and concurrency < 1:
        raise ConfigurationError("`concurrency` is less than 1.", hint="Give at least 1.")
    chunked = ChunkedQuestion.of(question, chunking)
    flows = [_ask(backends, chunked, piece) for piece in chunked.pieces()]
    by_default = _AT_ONCE_ON_SERVER if backends[0].is_server else _AT_ONCE_IN_PROCESS
    at_once = by_default if concurrency is None else concurrency
    gathered: list[list[ChunkOutcome]] = yield Gather(flows, min(at_once, len(flows)))
    return chunked.merge(tuple(outcome for outcomes in gathered for outcome in outcomes))


def extract_any(
    backends: Sequence[Backend],
    question: Question[Any],
    chunking: ChunkingArgs,
    chunked: Chunked = "auto",
) -> Flow[Extraction[Any] | DocumentExtraction[Any]]:
    """Extract from a document of any length: in chunks if that is wanted or needed.

    Args:
        backends: The backends to ask, in order.
        question: The question about the whole document.
        chunking: How to split the document and to merge what its chunks state.
        chunked: When to split it.
    """
    splits = chunked == "auto" and isinstance(question.document, str)
    if chunked is True or (splits and is_too_long(backends[0], question)):
        return (yield from extract_document(backends, question, chunking))
    try:
        return (yield from extract_and_judge(backends, question))
    except PromptTooLongError:
        if not splits:
            raise
    return (yield from extract_document(backends, question, chunking))


def _ask(
    backends: Sequence[Backend], chunked: ChunkedQuestion[Any], piece: Piece
) -> Flow[list[ChunkOutcome]]:
    """Ask about a piece and the rows that its answer lacks, or about its halves if too long."""
    try:
        result = yield from extract_and_judge(backends, chunked.about(piece))
    except Exception as raised:
        error = unexpected(raised, "chunk")
        others = chunked.smaller(piece, error)
        failed = ChunkOutcome(piece.chunk, piece.turn, error=error, gap=piece.gap)
        outcomes = [] if others else [failed]
    else:
        others = chunked.missing(piece, result.value)
        outcomes = [ChunkOutcome(piece.chunk, piece.turn, result, gap=piece.gap)]
    for other in others:
        outcomes += yield from _ask(backends, chunked, other)
    return outcomes
