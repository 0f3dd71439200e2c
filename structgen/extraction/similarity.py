"""How alike two texts are, by the words and letters that they share; no model is asked.

A text is a vector of features, weighted by term frequency and inverse document frequency (Salton
and Buckley 1988), and two texts are as alike as the cosine of their vectors. An inverted index
compares a text with all texts of a pool at once.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from heapq import nlargest
from math import log, sqrt
from typing import Final, TypeAlias

from structgen.extraction.copied import letters

Vector: TypeAlias = "Mapping[str, float]"
"""The weight of each feature of a text; the squares of the weights add up to 1."""

_WORD: Final = re.compile(r"\w+")
_DIGIT: Final = re.compile(r"\d")
_LETTERS: Final = 3
"""Letters of an n-gram in scripts that have words of several letters."""
_CHARACTERS: Final = 8_000
"""Characters of a text that are looked at: what comes later says little about its kind."""
_QUERY_FEATURES: Final = 400
"""Features of a text that are looked up, the heaviest: those left out hardly change the order."""
_COMMON: Final = 0.5
"""The share of the pool from which on a feature is not looked up: it tells texts apart poorly, and
its list is long."""
_FEW: Final = 200
"""Texts up to which every feature is looked up."""


def normalised(text: str) -> str:
    """Give a text without what does not matter: width, case, white space and punctuation.

    Args:
        text: The text.

    Returns:
        Its letters and digits; of a text that has none, everything but white space.
    """
    return letters(text) or "".join(text.split())


def features_of(text: str) -> Counter[str]:
    """Count the words and letter n-grams of a text.

    Digits are alike in n-grams, so that an amount or a date is like any other one. A letter without
    case, as in Chinese, Arabic or Thai, is a feature by itself and with the next one.

    Args:
        text: The text; at most the first 8,000 characters count.
    """
    plain = unicodedata.normalize("NFKC", text[:_CHARACTERS]).casefold()
    found: Counter[str] = Counter(f"w{word}" for word in _WORD.findall(plain))
    spaced = f" {_DIGIT.sub('0', ' '.join(plain.split()))} "
    for at in range(len(spaced) - _LETTERS + 1):
        found[spaced[at : at + _LETTERS]] += 1
    for at, letter in enumerate(spaced):
        if letter.isalpha() and letter == letter.upper():
            found[letter] += 1
            found[spaced[at : at + 2]] += 1
    return found


class SimilarityIndex:
    """Texts, by their features."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Index some texts: about 10,000 short ones a second or two.

        Args:
            texts: The texts. Their order plays no part in what is alike.
        """
        self._size = len(texts)
        counts = [features_of(text) for text in texts]
        self._frequency = Counter(feature for one in counts for feature in one)
        self._vectors: list[Vector] = [self._weighted(one) for one in counts]
        self._postings: dict[str, tuple[array[int], array[float]]] = {}
        for number, vector in enumerate(self._vectors):
            for feature, weight in vector.items():
                if self._frequency[feature] <= self._most:
                    numbers, weights = self._postings.setdefault(feature, (array("l"), array("d")))
                    numbers.append(number)
                    weights.append(weight)

    @property
    def _most(self) -> float:
        """In how many texts a feature may be that is looked up."""
        return max(_FEW, _COMMON * self._size)

    def vector_of(self, text: str) -> Vector:
        """Give the vector of any text, by the frequencies in this index.

        Args:
            text: The text.
        """
        return self._weighted(features_of(text))

    def _weighted(self, counts: Counter[str]) -> Vector:
        weights = {
            feature: (1 + log(count)) * log(1 + (self._size + 1) / (1 + self._frequency[feature]))
            for feature, count in counts.items()
        }
        length = sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {feature: weight / length for feature, weight in weights.items()}

    def scores(self, text: str) -> list[float]:
        """Give how like each text of the index is to a text, from 0 to 1.

        Args:
            text: The text to compare them with.
        """
        vector = self.vector_of(text)
        known = [
            (weight, feature) for feature, weight in vector.items() if feature in self._postings
        ]
        scores = [0.0] * self._size
        for weight, feature in nlargest(_QUERY_FEATURES, known):
            for number, other in zip(*self._postings[feature], strict=True):
                scores[number] += weight * other
        return scores

    def likeness(self, one: int, other: int) -> float:
        """Give how alike two texts of the index are, from 0 to 1.

        Args:
            one: The number of a text.
            other: The number of another one.
        """
        theirs = self._vectors[other]
        return sum(
            weight * theirs[feature]
            for feature, weight in self._vectors[one].items()
            if feature in theirs
        )
