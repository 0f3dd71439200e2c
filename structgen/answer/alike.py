"""The place of a document that is most alike to a text: for slips of a scan or of a model."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import cached_property
from importlib.util import find_spec
from typing import Any, Final

from structgen.answer.folding import FoldedText
from structgen.answer.word_forms import WORD, folded

FUZZY_THRESHOLD: Final = 0.9
"""How alike a quote and a value are at least (normalised indel similarity, 0 to 1)."""

_LEAST: Final = 6
"""Letters of the shortest text that is looked for so: below it, one slip is another word."""
_MOST_WORDS: Final = 48
"""Words of a text that are looked up, the rarest ones of a long text."""
_COMMON: Final = 400
"""A word that the document has more often says nothing about a place."""
_TRIED: Final = 4
"""Places that are compared letter by letter."""
_DIGITS: Final = re.compile(r"\d+")


class Alike:
    """A document, and which of its places are alike to a text.

    Args:
        folded_text: The document, folded.
    """

    def __init__(self, folded_text: FoldedText) -> None:
        self._document = folded_text
        self._corrected: dict[str, str | None] = {}

    def find(self, value: str) -> tuple[int, int, float] | None:
        """Find the place most alike to a text, and at least as alike as `FUZZY_THRESHOLD`.

        Numbers must be the same, since a number with a slip is another one.

        Args:
            value: The text.

        Returns:
            Where it begins, where it ends, and how alike it is; None without the extra
            `fuzzy`.
        """
        wanted = FoldedText(value).folded
        if len(wanted) < _LEAST or wanted.isdecimal() or find_spec("rapidfuzz") is None:
            return None
        return max(
            filter(None, (self._compare(value, wanted, at) for at in self._seeds(value))),
            key=lambda found: (found[2], -found[0]),
            default=None,
        )

    def _compare(self, value: str, wanted: str, at: int) -> tuple[int, int, float] | None:
        """Compare a text with the part of the document around a place, to the edges of words."""
        from rapidfuzz import fuzz

        document, length = self._document, len(wanted)
        first = max(document.folded_at(at) - length // 8 - 4, 0)
        part = document.folded[first : first + length + length // 4 + 8]
        found = fuzz.partial_ratio_alignment(wanted, part)
        if found is None or found.dest_end <= found.dest_start:
            return None
        start, end = document.span(first + found.dest_start, first + found.dest_end)
        start, end = self._to_edges(start, end)
        quote = FoldedText(document.text[start:end]).folded
        score = fuzz.ratio(wanted, quote) / 100
        same_numbers = _DIGITS.findall(value) == _DIGITS.findall(document.text[start:end])
        return (start, end, score) if score >= FUZZY_THRESHOLD and same_numbers else None

    def _to_edges(self, start: int, end: int) -> tuple[int, int]:
        text = self._document.text
        while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
            start -= 1
        while end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
            end += 1
        return start, end

    def _seeds(self, value: str) -> list[int]:
        """The places where a text may begin, by the words that it shares with the document."""
        found: Counter[int] = Counter()
        width = max(len(value) // 2, 16)
        words = [(folded(one[0]), one.start()) for one in WORD.finditer(value)]
        known = [(self._nearest(word), offset) for word, offset in words]
        shared = [(self._places[word], offset) for word, offset in known if word is not None]
        rare = sorted(
            (one for one in shared if len(one[0]) <= _COMMON), key=lambda one: len(one[0])
        )
        earliest: dict[int, int] = {}
        for places, offset in rare[:_MOST_WORDS]:
            for place in places:
                begin = max(place - offset, 0)
                bucket = begin // width
                for near in (bucket, bucket + 1):
                    found[near] += 1
                    earliest[near] = min(earliest.get(near, begin), begin)
        best = sorted(found, key=lambda near: (-found[near], near))[:_TRIED]
        return list(dict.fromkeys(earliest[near] for near in best))

    def _nearest(self, word: str) -> str | None:
        """A word of the document: the same, or one that differs from it in a slip."""
        if word in self._places:
            return word
        if word.isdecimal() or len(word) < _LEAST - 1:
            return None
        if word not in self._corrected:
            self._corrected[word] = self._corrected_word(word)
        return self._corrected[word]

    def _corrected_word(self, word: str) -> str | None:
        from rapidfuzz import process

        found: Any = process.extractOne(word, self._vocabulary, score_cutoff=75)
        return found[0] if found else None

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = defaultdict(list)
        for match in WORD.finditer(self._document.text):
            places[folded(match[0])].append(match.start())
        return dict(places)

    @cached_property
    def _vocabulary(self) -> list[str]:
        return sorted(word for word in self._places if len(word) >= _LEAST - 2)
