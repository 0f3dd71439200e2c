"""Split a document into chunks that end where sections, paragraphs or sentences end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from structgen.documents.boundaries import Boundaries, is_between_characters, located
from structgen.errors import ConfigurationError
from structgen.values import BYTES_PER_TOKEN

_BEGINNING_OF_WORD: Final = re.compile(r"\s(?=\S)")


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
    return max(1, len(text.encode(errors="replace")) // BYTES_PER_TOKEN)


def chunks(
    text: str,
    tokens: int = 2000,
    *,
    overlap: int = 0,
    markdown: bool = False,
    count: Callable[[str], int] = estimate_tokens,
) -> tuple[Chunk, ...]:
    """Split a document into chunks, with whole rows, sentences and words as long as they fit.

    A chunk that would hold nothing but white space is left out.

    Args:
        text: The document. The headings and tables of a `Document` are respected.
        tokens: The length of a chunk at most, with what it shares with the one before it. Only a
            single character may be longer.
        overlap: How many tokens a chunk shares with the one before it: so many, less a part of a
            line or of a word.
        markdown: Whether the text is Markdown, to be split at its headings first.
        count: Gives the length of a text in tokens; a model's own tokenizer makes it exact.

    Returns:
        The chunks, in the order of the document.

    Raises:
        ConfigurationError: If `tokens` is less than 1, or `overlap` is not between 0 and `tokens`.
    """
    if tokens < 1 or not 0 <= overlap < tokens:
        raise ConfigurationError(
            f"Chunks of {tokens} tokens cannot overlap by {overlap} tokens.",
            hint="Choose 0 <= overlap < tokens.",
        )
    splitter = _Splitter(located(text) if markdown else text, tokens - overlap, count)
    found = tuple(chunk for chunk in splitter if chunk.text.strip())
    if not overlap:
        return found
    return tuple(_extended(text, chunk, tokens, overlap, count) for chunk in found)


class _Splitter:
    """Cuts a text into chunks that are as long as a number of tokens allows."""

    def __init__(self, text: str, tokens: int, count: Callable[[str], int]) -> None:
        self._text, self._plain = text, str(text)
        self._tokens, self._count = tokens, count
        self._length = BYTES_PER_TOKEN * tokens
        self._boundaries = Boundaries(text, self._fits)

    def __iter__(self) -> Iterator[Chunk]:
        start, end = 0, len(self._plain)
        while start < end:
            cut = self._cut_after(start)
            yield Chunk(self._plain[start:cut], start, cut)
            start = cut

    def _fits(self, start: int, end: int) -> bool:
        return self._count(self._plain[start:end]) <= self._tokens

    def _cut_after(self, start: int) -> int:
        """Where to end the chunk that begins at an offset."""
        most = self._longest_from(start)
        if most == len(self._plain):
            return most
        places = self._boundaries.between(start, most)
        return next((at for at in places if self._fits(start, at)), most)

    def _longest_from(self, start: int) -> int:
        """The offset up to which the text fits, if what is longer counts more."""
        end, step = len(self._plain), self._length
        low, high = start + 1, min(start + step, end)
        while high < end and self._fits(start, high):
            step *= 2
            low, high = high, min(start + step, end)
        if self._fits(start, high):
            return high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._fits(start, middle) else (low, middle)
        return low


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
    """The first offset between two at which a line begins; else a word; else a character."""
    if start == 0 or text[start - 1] == "\n":
        return start
    line = text.find("\n", start, end - 1)
    return line + 1 if line >= 0 else _word_from(text, start, end)


def _word_from(text: str, start: int, end: int) -> int:
    """The first offset between two at which a word begins; else a character, if none does."""
    word = _BEGINNING_OF_WORD.search(text, max(0, start - 1), end)
    if start == 0 or word:
        return word.end() if start and word else start
    return next((at for at in range(start, end) if is_between_characters(text, at)), end)


def halves(chunk: Chunk, *, count: Callable[[str], int] = estimate_tokens) -> tuple[Chunk, ...]:
    """Split a chunk in two or a few more; give the chunk alone if it cannot be split."""
    half = max(1, (count(chunk.text) + 1) // 2)
    return tuple(
        Chunk(piece.text, chunk.start + piece.start, chunk.start + piece.end)
        for piece in chunks(chunk.text, half, count=count)
    )


def text_before(text: str, chunk: Chunk, tokens: int) -> str:
    """Give some `tokens` of the text before a chunk, from the beginning of a word."""
    start = max(0, chunk.start - BYTES_PER_TOKEN * tokens)
    return text[_word_from(text, start, chunk.start) : chunk.start]
