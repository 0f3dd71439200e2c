"""Whether a document holds a text, in whatever form: for values that nothing asked to be copied.

`SourceText` looks a value up character for character. This is for the question whether a value
may come from the document at all, and errs on the side of yes. A text is held if the document has
all its words, whatever their case, accents, spaces and order. A number may be written in digits or
in English words, a date in any order of its parts, a telephone number with other spaces.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import cached_property
from typing import Final

from structgen.answer.number_words import MONTH_OF, MONTHS, scaled_numbers, written_out
from structgen.answer.word_forms import WordForms, folded, words_of
from structgen.schema.verbatim import SourceText

_NUMBER: Final = re.compile(r"[-+\u2212]?\d[\d,.\u00a0\u202f ]*")
_ISO: Final = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)(?:-(?P<day>\d\d))?"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|[-+]\d\d:?\d\d)?)?"
)
_ISO_TIME: Final = re.compile(r"(?P<hour>\d\d):(?P<minute>\d\d)(?::\d\d(?:\.\d+)?)?")
_LEAST_DIGITS: Final = 4
"""Digits of a number that may be written with other spaces, such as a telephone number."""
_LEAST_LETTERS: Final = 3
"""Letters of a text that may be a part of a longer word, such as `mile` of `miles`."""

_TELEPHONE: Final = re.compile(r"[+(\d][\d ()./\-\u00a0]*")
_LOCAL_DIGITS: Final = 7
"""Digits at the end of a telephone number that its country's code is no part of."""
_LONGEST_FORM: Final = 6
"""Words of the longest text that may be held in another form than by its words: as a number with
its unit, a date, a telephone number, or initials."""


class HeldTexts:
    """A document, and which texts it holds in some form.

    Args:
        text: The document.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._known: dict[str, bool] = {}

    def holds(self, value: str) -> bool:
        """Whether the document holds a text in some form.

        Args:
            value: The text. One without anything visible is not held.
        """
        if value not in self._known:
            self._known[value] = self._holds(value)
        return self._known[value]

    def may_hold(self, beginning: str) -> bool:
        """Whether the document may hold a text that begins so. Errs on the side of yes.

        Args:
            beginning: The beginning of a text, up to the end of a word.
        """
        words = words_of(beginning)
        if len(words) <= _LONGEST_FORM or "".join(words) in self._run_together:
            return True
        spelled = (word for word in words if len(word) > 1 and not word.isdecimal())
        return all(self._has_word(word, beginning) for word in spelled)

    def mentions(self, value: str) -> int:
        """How often the document has a text, letter by letter but for case and accents.

        Args:
            value: The text.
        """
        return self._folded.count(folded(value).strip())

    def says(self, value: str) -> bool:
        """Whether the document has the words of a text, each as a word of its own.

        Args:
            value: The text.
        """
        words = words_of(value)
        return bool(words) and self._words.issuperset(words)

    def _holds(self, value: str) -> bool:
        if not value.strip():
            return False
        if value in self.text:
            return True
        words = words_of(value)
        if not words:
            return folded(value) in self._folded or self._forms.has_sign(value)
        return (
            all(self._has_word(word, value) for word in words)
            or self._has_run_together(words)
            or (len(words) <= _LONGEST_FORM and self._has_number(value))
            or self._has_date(value)
            or self._has_telephone_number(value)
            or self._forms.has_initials(value)
            or self._forms.has_respelled(value)
        )

    def _has_word(self, word: str, value: str) -> bool:
        if word in self._words or (word.isdecimal() and Decimal(word) in self._numbers):
            return True
        month = MONTH_OF.get(word)
        return (month is not None and self._has_month(month)) or self._forms.has(word, value)

    def _has_telephone_number(self, value: str) -> bool:
        """Whether a telephone number is there, perhaps without the code of its country."""
        if _TELEPHONE.fullmatch(value.strip()) is None:
            return False
        digits = re.sub(r"\D", "", value)
        return len(digits) > _LOCAL_DIGITS and digits[-_LOCAL_DIGITS:] in self._run_together

    def _has_run_together(self, words: list[str]) -> bool:
        """Whether the words are there without their spaces: in longer words or number groups."""
        together = "".join(words)
        least = _LEAST_DIGITS if together.isdecimal() else _LEAST_LETTERS
        spaced = any(map(_is_spaced, together))
        return (len(together) >= least or not spaced) and together in self._run_together

    def _has_number(self, value: str) -> bool:
        number = _number_of(value)
        return number is not None and number in self._numbers

    def _has_date(self, value: str) -> bool:
        found = _ISO.fullmatch(value.strip()) or _ISO_TIME.fullmatch(value.strip())
        if found is None:
            return False
        parts = {name: int(part) for name, part in found.groupdict().items() if part}
        return all(self._has_part(name, number) for name, number in parts.items())

    def _has_part(self, name: str, number: int) -> bool:
        """Whether a part of a date or time is there, or goes without saying."""
        if name == "month" and 1 <= number <= len(MONTHS):
            return self._has_month(number)
        if name == "minute" and number == 0:
            return True
        if name == "hour":
            return not {number, number % 12, number % 12 or 12}.isdisjoint(self._numbers)
        if name == "year":
            return number in self._numbers or number % 100 in self._numbers
        return number in self._numbers

    def _has_month(self, number: int) -> bool:
        return number in self._numbers or number in self._months

    @cached_property
    def _forms(self) -> WordForms:
        return WordForms(self.text)

    @cached_property
    def _months(self) -> frozenset[int]:
        return frozenset(MONTH_OF[word] for word in self._words if word in MONTH_OF)

    @cached_property
    def _folded(self) -> str:
        return folded(self.text)

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(words_of(self.text))

    @cached_property
    def _run_together(self) -> str:
        return "".join(words_of(self.text))

    @cached_property
    def _numbers(self) -> frozenset[Decimal]:
        digits = (Decimal(word) for word in self._words if word.isdecimal())
        numerals = (abs(number) for number, _, _ in SourceText(self.text).numerals)
        scaled = (number for number, _, _ in scaled_numbers(self.text))
        written = (number for number, _, _ in written_out(words_of(self.text)))
        return frozenset((*digits, *numerals, *scaled, *written))


def _is_spaced(character: str) -> bool:
    """Whether a letter belongs to a script that sets words apart: East Asian ones do not."""
    return unicodedata.east_asian_width(character) not in "WF"


def _number_of(value: str) -> Decimal | None:
    """The number that a text is, perhaps with a sign, a currency or a unit around it."""
    found = _NUMBER.findall(value)
    if len(found) != 1:
        return None
    digits = re.sub(r"[^\d.]", "", found[0]).rstrip(".")
    return Decimal(digits) if digits.count(".") <= 1 and digits else None
