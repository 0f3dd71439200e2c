"""Measure how hard a grammar presses: the probability that it takes from the model, value by value.

Compared is the next byte. A token counts as taken if no token that is allowed begins like it, so
that a choice among the same characters in other tokens is none. White space around values does not
count either: the grammar writes it in one way, and nothing follows from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy

from structgen.local.decide.by_place import ByPlace

if TYPE_CHECKING:
    from structgen.local.runtimes.base import Logits, Vocabulary

    Mask = numpy.ndarray[tuple[int], numpy.dtype[numpy.bool_]]

NOTED: Final = 0.05
"""Pressure below this is not told: a model is never quite sure of what it wants."""
_NO_BYTE: Final = 256
_BLANK: Final = tuple(b" \n\t\r")
_LEAST: Final = 0.05
"""The share of probability that the forced bytes need: below it, the model wants another text
altogether, and what it would write after them is noise."""


class Pressure:
    """The pressure on the values of one answer."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.highest = ByPlace[float]()
        """The highest pressure at any token of each value."""

    def note(self, place: str, start: int, pressure: float) -> None:
        """Note the pressure at a token of a value.

        Args:
            place: The JSON Pointer of the value.
            start: Where it begins in the answer, in bytes.
            pressure: The probability that the grammar took.
        """
        if pressure >= self._least(place):
            self.highest.put(place, start, min(1.0, pressure))

    def _least(self, place: str) -> float:
        return max(NOTED, self.highest.facts.get(place, 0.0))

    def matters(self, place: str, scores: Logits) -> bool:
        """Whether the grammar could press harder than before if it allows the likeliest token.

        Args:
            place: The place of the value.
            scores: The scores of the next token.
        """
        weights = numpy.exp(scores - scores.max())
        likeliest = 1.0 / float(weights.sum(dtype=numpy.float64))
        return 1.0 - likeliest > self._least(place)

    def measure(self, scores: Logits, mask: Mask, pending: bytes, *, in_string: bool) -> float:
        """Measure the pressure at one token.

        Args:
            scores: The scores of the next token.
            mask: The tokens that the grammar allows.
            pending: The bytes that it forces next.
            in_string: Whether the place is within a string, where white space counts.

        Returns:
            The probability that the grammar takes, of the texts that go on as it forces them to.
        """
        tokens, following = self._vocabulary.following(pending)
        weights = numpy.exp(scores - scores.max()).astype(numpy.float64)
        by_byte = numpy.bincount(following, weights[tokens], _NO_BYTE + 1)
        allowed = numpy.bincount(following, mask[tokens], _NO_BYTE + 1) > 0
        if pending:
            allowed[_NO_BYTE] = True  # a token that ends with the forced bytes says nothing yet
        if not in_string:
            by_byte[list(_BLANK)] = 0.0
        total = float(by_byte.sum())
        if total <= _LEAST * float(weights.sum()):
            return 0.0
        return float(by_byte[~allowed].sum()) / total

    def share(self, scores: Logits, pending: bytes) -> float:
        """Compute the probability that a text is begun with the bytes that are forced.

        Args:
            scores: The scores of the next token.
            pending: The bytes that the grammar forces next.

        Returns:
            The probability, or the least that says something.
        """
        tokens, _ = self._vocabulary.following(pending)
        weights = numpy.exp(scores - scores.max()).astype(numpy.float64)
        return max(_LEAST, float(weights[tokens].sum()) / float(weights.sum()))
