"""How well the words beside a mention name the field that it may fill.

A person who looks for a net income among equal numbers reads the row that is headed so. The words
that count are those before a mention in its line, those at the head of its column, the headings
that it is under, and, for less, those after it. A rare word counts more than a common one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from math import log
from typing import Final, TypeAlias

from structgen.answer.word_forms import stems, words_of
from structgen.reading.document import Document

Weights: TypeAlias = "Mapping[str, float]"
"""Words that name a field, folded, and how much each counts."""

_LINE: Final = 160
"""Characters of a line before a mention that are read; of a longer line also its first ones."""
_HEAD: Final = 60
"""Characters at the head of a long line, such as those that name a row."""
_AFTER: Final = 40
"""Characters after a mention that are read."""
_CELL: Final = 3
"""Characters that the edge of a cell is worth."""
_LINE_BREAK: Final = 20
"""Characters that the end of a line is worth."""
_HEADINGS: Final = 2
"""Innermost headings that are read."""
_HEAD_OF_LINE: Final = re.compile(r"[^\t\n]*(?=\t)|[^\d\n]*")
_NAME_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+|\d+")


def words_of_name(name: str) -> list[str]:
    """Split the name of a field into its words, such as `netIncome` and `net_income`.

    Args:
        name: The name.
    """
    return [word for part in _NAME_WORD.findall(name) for word in words_of(part)]


class Labels:
    """A document, and the words beside its parts.

    Args:
        document: The text. A `Document` also knows headings and the heads of columns.
    """

    def __init__(self, document: str) -> None:
        self._document = document
        self._text = str(document)
        self._known: dict[tuple[int, int], dict[str, float]] = {}

    def weights(self, words: Iterable[tuple[str, float]]) -> Weights:
        """Weigh the words that name a field. Those that the document has nowhere are left out.

        Args:
            words: The words, each with how much it says about the field.
        """
        found: dict[str, float] = {}
        for word, weight in words:
            count = max((self._counts[stem] for stem in stems(word)), default=0)
            if count and weight:
                rarity = log(1 + len(self._text) / (8 * count))
                found[word] = max(found.get(word, 0.0), weight * rarity)
        return found

    def share(self, weights: Weights, start: int, end: int, *, is_before: bool = True) -> float:
        """Say which share of the words that name a field is beside a part of the document.

        Args:
            weights: The words.
            start: Offset of the first character.
            end: Offset after the last character.
            is_before: Whether a word says less if it is after the part, or above it.

        Returns:
            0 for none of them, 1 for all of them.
        """
        total = sum(weights.values())
        if not total:
            return 0.0
        beside = self._beside(start, end)
        shares = (
            (weight, max(beside.get(stem, 0.0) for stem in stems(word)))
            for word, weight in weights.items()
        )
        said = sum(weight * (share if is_before else share > 0) for weight, share in shares)
        return said / total

    def head_of(self, offset: int) -> tuple[str, ...]:
        """Give the words of the first cell of a line, or those before its first number.

        Args:
            offset: The offset of a character of the line.
        """
        first = self.line_of(offset)
        head = _HEAD_OF_LINE.match(self._text, first, max(offset, first))
        return tuple(words_of(head[0])) if head else ()

    def gap(self, end: int, start: int) -> int:
        """Say how far two parts are apart; those in two cells or two lines are further.

        Args:
            end: The offset after the first part.
            start: The offset of the second one.
        """
        cells = self._text.count("\t", end, start)
        lines = self._text.count("\n", end, start)
        return start - end + _CELL * cells + _LINE_BREAK * lines

    def line_of(self, offset: int) -> int:
        """Find where the line of a character begins.

        Args:
            offset: The offset of the character.
        """
        return self._text.rfind("\n", 0, offset) + 1

    def _beside(self, start: int, end: int) -> dict[str, float]:
        """The words beside a part of the document, in all their forms, and how much each counts."""
        key = start, end
        if key not in self._known:
            found: dict[str, float] = {}
            for text, weight in self._texts_beside(start, end):
                for word in words_of(text):
                    for stem in stems(word):
                        found[stem] = max(found.get(stem, 0.0), weight)
            self._known[key] = found
        return self._known[key]

    def _texts_beside(self, start: int, end: int) -> Iterable[tuple[str, float]]:
        text = self._text
        first = self.line_of(start)
        before = text[max(first, start - _LINE) : start]
        yield before, 1.0
        if start - first > _LINE:
            yield text[first : first + _HEAD], 1.0
        if not any(sign.isalpha() for sign in before):
            above = text[max(first - _LINE, 0) : first].rstrip()
            yield above[above.rfind("\n") + 1 :], 0.8
        after = text[end : end + _AFTER]
        yield after.partition("\n")[0], 0.5
        if isinstance(self._document, Document):
            place = self._document.locate(start, end)
            yield from ((cell.header, 0.9) for cell in place.cells if cell.header)
            yield from ((title, 0.6) for title in place.headings[-_HEADINGS:])

    @cached_property
    def _counts(self) -> Counter[str]:
        """How often the document has each word, in all its forms."""
        counts: Counter[str] = Counter()
        for word, count in Counter(words_of(self._text)).items():
            for stem in stems(word):
                counts[stem] += count
        return counts
