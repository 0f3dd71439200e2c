"""A text as values are looked up in it: without case, accents, spaces, hyphens and punctuation.

A line break, a hyphen at the end of a line and a ligature then make no difference. Points, commas,
colons, slashes and hyphens stay between digits, where they tell `1.25` from `125`.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from typing import Final

from structgen.answer.word_forms import folded
from structgen.schema.verbatim import is_unspaced

_BETWEEN_DIGITS: Final = dict(zip(".,:/-\u2010\u2011\u2013\u2212", ".,:/-----", strict=True))
_TATWEEL: Final = "\u0640"
_DECIMAL: Final = re.compile(r"[.,]\d")


class FoldedText:
    """A text as values are looked up in it, with the offset of each of its characters.

    Args:
        text: The text as it is.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        signs = {sign: _folded_sign(sign) for sign in set(text)}
        pieces: list[str] = []
        offsets = array("I")
        for at, sign in enumerate(text):
            piece = signs[sign]
            if not piece:
                if sign not in _BETWEEN_DIGITS or not _is_between_digits(text, at):
                    continue
                piece = _BETWEEN_DIGITS[sign]
            pieces.append(piece)
            offsets.append(at)
            if len(piece) > 1:
                offsets.extend([at] * (len(piece) - 1))
        self.folded = "".join(pieces)
        """The folded text."""
        self.offsets = offsets
        """For each of its characters the offset in the text as it is."""

    def spans(
        self, folded_value: str, most: int, *, cuts_words: bool = False
    ) -> list[tuple[int, int]]:
        """Where a folded value is, in order.

        Args:
            folded_value: The value; nothing is found if it is empty.
            most: How many places to give at most.
            cuts_words: Whether it may begin and end inside words.
        """
        found: list[tuple[int, int]] = []
        at = self.folded.find(folded_value) if folded_value else -1
        while at >= 0 and len(found) < most:
            span = self.span(at, at + len(folded_value))
            is_whole = cuts_words or self.is_between_edges(*span)
            if is_whole and self._cuts_no_sign(at, at + len(folded_value)):
                found.append(span)
            at = self.folded.find(folded_value, at + 1)
        return found

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Turn a part of the folded text into a part of the text as it is, with its marks."""
        first, last = self.offsets[start], self.offsets[end - 1] + 1
        while last < len(self.text) and unicodedata.category(self.text[last])[0] == "M":
            last += 1
        return first, last

    def folded_at(self, offset: int) -> int:
        """Where the folded text has the first character that is not before an offset."""
        return bisect_left(self.offsets, offset)

    def is_between_edges(self, start: int, end: int) -> bool:
        """Whether no word and no number goes on at either end of a part of the text."""
        text = self.text
        if start and _is_joined(text[start - 1], text[start]):
            return False
        if end < len(text) and _is_joined(text[end - 1], text[end]):
            return False
        if text[end - 1].isdigit() and _DECIMAL.match(text, end):
            return False
        is_decimal = start > 1 and text[start].isdigit() and text[start - 1] in ".,"
        return not (is_decimal and text[start - 2].isdigit())

    def _cuts_no_sign(self, start: int, end: int) -> bool:
        """Whether a part of the folded text has all letters of its ligatures."""
        offsets = self.offsets
        begins = start == 0 or offsets[start - 1] != offsets[start]
        return begins and (end == len(offsets) or offsets[end] != offsets[end - 1])


def _folded_sign(sign: str) -> str:
    """What is left of one character; "" if nothing is, or if it depends on its neighbours."""
    kind = unicodedata.category(sign)
    if kind[0] in "MPZC" or sign == _TATWEEL or sign in _BETWEEN_DIGITS:
        return ""
    if kind == "Nd":
        return str(unicodedata.digit(sign))
    return folded(sign)


def _is_between_digits(text: str, at: int) -> bool:
    return 0 < at < len(text) - 1 and text[at - 1].isdigit() and text[at + 1].isdigit()


def _is_joined(one: str, other: str) -> bool:
    """Whether two neighbours are in one word."""
    return (
        one.isalnum()
        and (other.isalnum() or unicodedata.category(other)[0] == "M")
        and not (is_unspaced(one) or is_unspaced(other))
    )
