"""Split a document into chunks that end where sections, paragraphs or sentences end."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from structgen.errors import ConfigurationError
from structgen.extras import load

_BYTES_PER_TOKEN: Final = 4
"""Bytes of UTF-8, as tokenizers average on English prose: near enough to size a chunk."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document: `document[start:end] == text`, in characters."""

    text: str = field(repr=False)
    """The characters of the chunk, unchanged."""
    start: int
    """The offset of its first character in the document."""
    end: int
    """The offset after its last character."""


def estimate_tokens(text: str) -> int:
    """Estimate the length of a text in tokens: 4 bytes of UTF-8 each, and at least 1."""
    return max(1, len(text.encode(errors="replace")) // _BYTES_PER_TOKEN)


def chunks(
    text: str,
    tokens: int = 2000,
    *,
    overlap: int = 0,
    markdown: bool = False,
    count: Callable[[str], int] = estimate_tokens,
) -> tuple[Chunk, ...]:
    """Split a document into chunks, with whole words and sentences as long as they fit.

    A chunk that would hold nothing but white space is left out.

    Args:
        text: The document.
        tokens: The length of a chunk at most, with what it shares with the one before it.
        overlap: How many tokens a chunk shares with the one before it: so many, less a part of a
            line or of a word.
        markdown: Split at headings and blocks first.
        count: Gives the length of a text in tokens; a model's own tokenizer makes it exact.

    Returns:
        The chunks, in the order of the document.

    Raises:
        ConfigurationError: If `tokens` is less than 1, or `overlap` is not between 0 and `tokens`.
        MissingPackage: If `semantic-text-splitter` is not installed.
    """
    if tokens < 1 or not 0 <= overlap < tokens:
        raise ConfigurationError(
            f"Chunks of {tokens} tokens cannot overlap by {overlap} tokens.",
            hint="Choose 0 <= overlap < tokens.",
        )
    library = load("semantic_text_splitter", "documents")
    splitter_class = library.MarkdownSplitter if markdown else library.TextSplitter
    splitter = splitter_class.from_callback(count, tokens - overlap, trim=False)
    found = [
        Chunk(piece, start, start + len(piece))
        for start, piece in splitter.chunk_indices(text)
        if piece.strip()
    ]
    if not overlap:
        return tuple(found)
    return tuple(_extended(text, chunk, tokens, overlap, count) for chunk in found)


def _extended(
    text: str, chunk: Chunk, tokens: int, overlap: int, count: Callable[[str], int]
) -> Chunk:
    """Let a chunk begin earlier: with a line if one begins there, else with a word."""
    low, high = 0, chunk.start
    while low < high:  # the first offset from which the text before the chunk is short enough
        middle = (low + high) // 2
        before, whole = text[middle : chunk.start], text[middle : chunk.end]
        if count(before) <= overlap and count(whole) <= tokens:
            high = middle
        else:
            low = middle + 1
    start = _beginning_from(text, low, chunk.start)
    return Chunk(text[start : chunk.end], start, chunk.end)


def _beginning_from(text: str, start: int, end: int) -> int:
    """The first offset between two at which a line begins; else a word; else the latter one."""
    if start == 0 or text[start - 1] == "\n":
        return start
    line = text.find("\n", start, end - 1)
    if line >= 0:
        return line + 1
    word = re.compile(r"\s(?=\S)").search(text, start - 1, end)
    return word.end() if word else end


def halves(chunk: Chunk, *, count: Callable[[str], int] = estimate_tokens) -> tuple[Chunk, ...]:
    """Split a chunk in two or a few more; give the chunk alone if it cannot be split."""
    half = max(1, (count(chunk.text) + 1) // 2)
    return tuple(
        Chunk(piece.text, chunk.start + piece.start, chunk.start + piece.end)
        for piece in chunks(chunk.text, half, count=count)
    )


def text_before(text: str, chunk: Chunk, tokens: int) -> str:
    """Give some `tokens` of the text before a chunk, from the beginning of a word."""
    start = max(0, chunk.start - _BYTES_PER_TOKEN * tokens)
    found = text[start : chunk.start]
    return found.partition(" ")[2] if start else found
