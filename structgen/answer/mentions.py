"""Where a document mentions a value, in whatever form: as a text, a number, a date, a label.

The document is indexed once, in one pass for each form. Forms are tried from the most exact one,
and the first that the document has gives all mentions.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Final, NamedTuple

from structgen.answer.alike import Alike
from structgen.answer.dates import dates_in
from structgen.answer.folding import FoldedText
from structgen.answer.leaves import Mention
from structgen.answer.number_words import scaled_numbers, written_out
from structgen.answer.word_forms import CURRENCIES, WORD, folded
from structgen.schema.verbatim import SourceText
from structgen.values import Json

MOST_MENTIONS: Final = 10_000
"""Mentions of one value that are looked at. This bounds the time for values such as `a`."""

_ISO: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ].*)?")
_YEAR_AND_MONTH: Final = re.compile(r"(\d{4})-(\d\d)")
_CLOCK: Final = re.compile(r"(\d\d):(\d\d)(?::00(?:\.0+)?)?(?:Z|[-+]\d\d:?\d\d)?")
_EUROPEAN: Final = re.compile(
    r"(?<![\w.,])(?:\d{1,3}(?:[. \u00a0\u202f]\d{3})+(?:,\d+)?|\d+,\d+)(?![\w]|[.,]\d)"
)
"""Numbers with points between groups of three digits, and a comma before decimals."""
_INDIAN: Final = re.compile(r"(?<![\w.,])\d{1,2}(?:,\d\d)+,\d{3}(?:\.\d+)?(?![\w]|[.,]\d)")
_BESIDE_LETTERS: Final = re.compile(
    r"(?<=\b[A-Z]{3})(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w]|[.,]\d)"
)
"""Numbers after the code of a currency, such as that of `USD1,200`."""
_AMOUNT: Final = re.compile(
    r"[^\w(-]{0,3}[^\W\d_]{0,3}[^\w(-]{0,3}(\(?-?[\d,]+(?:\.\d+)?\)?)\W{0,3}"
    r"(?:[^\W\d_]{1,3})?\W{0,2}"
)
"""A text that is a number, perhaps with a currency or a unit."""
_NEGATION: Final = re.compile(
    r"\b(?:no|not|non|never|without|isn't|aren't|wasn't|neither|nicht|kein\w*|ohne|sans|sin)\W*"
    r"(?:\w+\W+){0,2}$",
    re.IGNORECASE,
)
_ANSWERED_NO: Final = re.compile(r"\s*[:=?-]?\s*(?:no|false|none|n|nein|non)\b", re.IGNORECASE)
_OVER: Final = re.compile(r"/\d")
_OVER_BEFORE: Final = re.compile(r"\d/$")
"""The other half of a fraction or a place in a round, such as `1/8`."""
_FALL: Final = re.compile(
    r"\b(?:decline|decrease|drop|reduction|los[st]|fell|fallen|down|lower)\w*"
    r"(?:\s+(?:by|of|about|approximately|was))*\s*[$€£]?\s*$",
    re.IGNORECASE,
)
"""Words before a number that say that it is negative, such as `declined by 8%`."""
_BEFORE_LABELS: Final = frozenset(
    ["is", "has", "was", "are", "have", "had", "can", "does", "did", "should", "will"]
)
_LONG: Final = 20
"""Letters of a quote that is no accident, even if it begins or ends inside a word."""
_HALF: Final = 12
_BEFORE: Final = 32
"""Characters before a label in which a negation is looked for."""


class Mentions(NamedTuple):
    """All places where the document mentions a value in one form."""

    places: list[Mention]
    """The places, in order."""
    by: str
    """The form, as in `LeafEvidence.by`."""
    score: float = 1.0
    """How alike quote and value are, 0 to 1."""


_NOWHERE: Final = Mentions([], "text")


class MentionIndex:
    """A document, and where it mentions values.

    Args:
        text: The document.
    """

    def __init__(self, text: str) -> None:
        self.text = str(text)
        self._known: dict[tuple[str, str, str], Mentions] = {}

    def of(self, value: Json, name: str) -> Mentions:
        """Find a value that is not null.

        Args:
            value: A text, a number or a boolean.
            name: The name of the field, by which a boolean is known.
        """
        label = name if isinstance(value, bool) else ""
        key = type(value).__name__, str(value), label
        if key not in self._known:
            self._known[key] = self._find(value, name)
        return self._known[key]

    def _find(self, value: Json, name: str) -> Mentions:
        if isinstance(value, bool):
            return self._boolean(value, name)
        if isinstance(value, int | float):
            try:
                return self._number(Decimal(str(value)))
            except InvalidOperation:
                return _NOWHERE
        return self._string(str(value))

    # ---- texts ------------------------------------------------------------------------

    def _string(self, value: str) -> Mentions:
        places = self._text(value)
        currency = self._currency(value)
        if places and currency and len(currency.places) > len(places):
            return currency
        if places:
            return Mentions(places, "text")
        for found in (self._date(value), self._time(value), self._amount(value)):
            if found.places:
                return found
        return currency or self._fuzzy(value)

    def _text(self, value: str) -> list[Mention]:
        """Where a text is, in the document's spelling; letter by letter where there is such."""
        folded_value = FoldedText(value)
        if not folded_value.folded:
            return self._signs(value)
        lead = folded_value.offsets[0]
        places: list[Mention] = []
        exact: list[Mention] = []
        spans = self._folded.spans(folded_value.folded, MOST_MENTIONS)
        if not spans and len(folded_value.folded) >= _LONG:
            spans = self._folded.spans(folded_value.folded, MOST_MENTIONS, cuts_words=True)
        for start, end in spans:
            begin = start - lead
            if begin >= 0 and self.text.startswith(value, begin):
                exact.append(Mention(begin, begin + len(value)))
            elif _without_spaces(self.text[start:end]) == _without_spaces(value):
                exact.append(Mention(start, end))
            else:
                places.append(Mention(start, end))
        return exact or places

    def _signs(self, value: str) -> list[Mention]:
        """Where a text is that has neither letters nor digits."""
        value = value.strip()
        found = re.finditer(re.escape(value), self.text) if value else ()
        return [Mention(*match.span()) for match in found][:MOST_MENTIONS]

    def _fuzzy(self, value: str) -> Mentions:
        found = self._alike.find(value)
        return _NOWHERE if found is None else Mentions([Mention(*found[:2])], "fuzzy", found[2])

    # ---- numbers, dates and what else is written in other forms ----------------------

    def _number(self, number: Decimal) -> Mentions:
        places = self._numbers.get(number) or self._numbers.get(-number) or []
        return Mentions(places, "number")

    def _amount(self, value: str) -> Mentions:
        match = _AMOUNT.fullmatch(value.strip())
        digits = re.sub(r"[^\d.]", "", match[1]) if match else ""
        if match is None or not digits.strip("."):
            return _NOWHERE
        is_negative = "(" in match[1] or "-" in match[1]
        return self._number(-Decimal(digits) if is_negative else Decimal(digits))

    def _date(self, value: str) -> Mentions:
        value = value.strip()
        if match := _ISO.fullmatch(value):
            year, month, day = map(int, match.groups())
            places = self._dates.get((year, month, day)) or self._dates.get((None, month, day))
        elif match := _YEAR_AND_MONTH.fullmatch(value):
            places = self._dates.get((int(match[1]), int(match[2]), None))
        else:
            places = next(
                (
                    self._dates[date.year, date.month, date.day]
                    for date in dates_in(value)
                    if (date.start, date.end) == (0, len(value))
                    and (date.year, date.month, date.day) in self._dates
                ),
                None,
            )
        return Mentions(places or [], "date")

    def _time(self, value: str) -> Mentions:
        match = _CLOCK.fullmatch(value.strip())
        if match is None:
            return _NOWHERE
        hour, minute = int(match[1]), match[2]
        half = r"p\.?m" if hour >= _HALF else r"a\.?m"
        full = rf"(?<![\d:])0?{hour}[:.h]{minute}(?!\d)"
        twelve = hour % _HALF or _HALF
        minutes = rf"(?:[:.]{minute})?" if minute == "00" else f"[:.]{minute}"
        form = rf"{full}|(?<![\d:])0?{twelve}{minutes}\s?{half}\b\.?"
        found = re.finditer(form, self.text, re.IGNORECASE)
        return Mentions([Mention(*one.span()) for one in found][:MOST_MENTIONS], "time")

    def _currency(self, value: str) -> Mentions | None:
        """Where a currency is named in any way, such as USD by its sign."""
        name = folded(value).strip()
        groups = [group for group in CURRENCIES if name in group]
        forms = sorted({re.escape(one) for group in groups for one in group}, key=len, reverse=True)
        if not forms:
            return None
        found = re.finditer(rf"(?<![^\W\d_])(?:{'|'.join(forms)})(?![^\W\d_])", self._lower)
        return Mentions([Mention(*one.span()) for one in found][:MOST_MENTIONS], "currency")

    def _boolean(self, value: bool, name: str) -> Mentions:
        """Where the label of a field is said, and not denied; or denied, for false."""
        words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)
        while len(words) > 1 and words[0].lower() in _BEFORE_LABELS:
            words = words[1:]
        label = "".join(words).lower()
        spans = self._folded.spans(label, MOST_MENTIONS)
        return Mentions([Mention(*one) for one in spans if self._denies(*one) != value], "label")

    def _denies(self, start: int, end: int) -> bool:
        before = self.text[max(start - _BEFORE, 0) : start]
        sentence = re.split(r"[.;!?\n]", before)[-1]
        return bool(_NEGATION.search(sentence) or _ANSWERED_NO.match(self.text, end))

    # ---- the index --------------------------------------------------------------------

    @cached_property
    def _folded(self) -> FoldedText:
        return FoldedText(self.text)

    @cached_property
    def _alike(self) -> Alike:
        return Alike(self._folded)

    @cached_property
    def _lower(self) -> str:
        """The text in lower case, character by character."""
        lower = self.text.lower()
        if len(lower) == len(self.text):
            return lower
        return "".join(low if len(low := one.lower()) == 1 else one for one in self.text)

    @cached_property
    def _dates(self) -> dict[tuple[int | None, int, int | None], list[Mention]]:
        found: dict[tuple[int | None, int, int | None], dict[Mention, None]] = defaultdict(dict)
        for date in dates_in(self.text):
            found[date.year, date.month, date.day][Mention(date.start, date.end)] = None
        return {date: sorted(places) for date, places in found.items()}

    @cached_property
    def _numbers(self) -> dict[Decimal, list[Mention]]:
        """The numbers of the text: those in digits, and for the others those in other forms."""
        digits: dict[Decimal, dict[Mention, None]] = defaultdict(dict)
        others: dict[Decimal, dict[Mention, None]] = defaultdict(dict)
        for number, start, end in SourceText(self.text).numerals:
            if _OVER.match(self.text, end) or _OVER_BEFORE.search(
                self.text[max(start - 4, 0) : start]
            ):
                others[number][Mention(start, end)] = None
                continue
            place = Mention(start, end)
            digits[number][place] = None
            if number > 0 and self._is_negative(start, end):
                digits[-number][place] = None
        for number, start, end in self._other_numbers():
            others[number][Mention(start, end)] = None
        return {
            number: sorted(digits.get(number) or others[number])
            for number in digits.keys() | others.keys()
        }

    def _is_negative(self, start: int, end: int) -> bool:
        """Whether a number may be meant as negative: in brackets, as in accounts, or as a fall."""
        first = start - 1 if self.text[max(start - 1, 0) : start] in ("$", "€", "£") else start
        is_opened = self.text[max(first - 1, 0) : first] == "("
        is_closed = self.text[end : end + 1] == ")"
        return (is_opened and is_closed) or bool(
            _FALL.search(self.text[max(start - _BEFORE, 0) : start])
        )

    def _other_numbers(self) -> Iterator[tuple[Decimal, int, int]]:
        text = self.text
        for match in _EUROPEAN.finditer(text):
            plain = re.sub(r"[^\d,]", "", match[0]).replace(",", ".")
            yield Decimal(plain), *match.span()
        for form in (_INDIAN, _BESIDE_LETTERS):
            for match in form.finditer(text):
                yield Decimal(match[0].replace(",", "")), *match.span()
        yield from scaled_numbers(text)
        for number, start, end in SourceText(text).numerals:
            if text.startswith("%", end) or text.startswith(" %", end):
                yield number / 100, start, text.index("%", end) + 1
            if text.startswith(("st", "nd", "rd", "th"), end):
                yield number, start, end + 2
        words = list(WORD.finditer(text))
        for number, first, last in written_out([folded(one[0]) for one in words]):
            yield number, words[first].start(), words[last - 1].end()


def _without_spaces(text: str) -> str:
    """A text without its white space, and without hyphens at the ends of lines."""
    return "".join(text.replace("-\n", "").split())
