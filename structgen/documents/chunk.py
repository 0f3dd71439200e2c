"""Texts cut into chunks that end where sections, paragraphs or sentences end, each with its place in the text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from structgen.errors import ConfigurationError
from structgen.extras import load


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a text: `whole[start:end] == text`, in characters."""

    text: str = field(repr=False)
    start: int
    end: int


def estimate(text: str) -> int:
    """A rough length in tokens: 4 bytes of UTF-8 each, and at least 1."""
    return max(1, len(text.encode(errors="replace")) // 4)


def chunks(
    text: str,
    tokens: int = 2000,
    *,
    overlap: int = 0,
    markdown: bool = False,
    count: Callable[[str], int] = estimate,
) -> tuple[Chunk, ...]:
    """`text` in chunks of at most `tokens`, whole words and sentences as long as they fit; what is only white space is left out.

    `overlap`: tokens at most that a chunk has in common with the one before it. `markdown`: cut at headings and blocks first.
    `count` gives the tokens of a text; a local model's own count is exact. Raises ConfigurationError for sizes that cannot be.
    """
    if tokens < 1 or not 0 <= overlap < tokens:
        raise ConfigurationError(
            f"Chunks of {tokens} tokens cannot overlap by {overlap}.",
            hint="Take 0 <= overlap < tokens.",
        )
    library = load("semantic_text_splitter", "documents")
    kind = library.MarkdownSplitter if markdown else library.TextSplitter
    found = kind.from_callback(count, tokens, overlap=overlap, trim=False).chunk_indices(text)
    return tuple(Chunk(piece, start, start + len(piece)) for start, piece in found if piece.strip())


def halves(chunk: Chunk, *, count: Callable[[str], int] = estimate) -> tuple[Chunk, ...]:
    """A chunk cut in two or a little more; the chunk alone where it cannot be cut."""
    pieces = chunks(chunk.text, max(1, (count(chunk.text) + 1) // 2), count=count)
    return tuple(
        Chunk(piece.text, chunk.start + piece.start, chunk.start + piece.end) for piece in pieces
    )


def before(text: str, chunk: Chunk, tokens: int) -> str:
    """What stands before a chunk, some `tokens` long, from the beginning of a word."""
    start = max(0, chunk.start - 4 * tokens)
    found = text[start : chunk.start]
    return found.partition(" ")[2] if start else found
