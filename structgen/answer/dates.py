"""The dates that a text states, in whatever order and language they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from structgen.answer.number_words import MONTH_OF
from structgen.answer.word_forms import folded

_NAME: Final = r"(?P<name>[^\W\d_]{3,11})\.?"
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.|º)?"
_YEAR: Final = r"(?P<year>\d{4})"
_FORMS: Final = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?<!\d){_YEAR}[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}})(?!\d)",
        rf"(?<!\d){_YEAR}\s?[年년]\s?(?P<month>\d{{1,2}})\s?[月월]\s?(?P<day>\d{{1,2}})\s?[日일]",
        rf"\b{_DAY}(?:\s+(?:day\s+)?(?:of|de))?[\s-]+{_NAME}(?:,?\s+|-|\s+(?:of|de)\s+){_YEAR}(?!\d)",
        rf"\b{_NAME}\s+{_DAY}\s*,?\s+{_YEAR}(?!\d)",
        r"(?<![\d/.-])(?P<first>\d{1,2})(?P<sep>[/.-])(?P<second>\d{1,2})(?P=sep)(?P<year>\d{4}|\d\d)(?!\d)",
    )
]
_PARTIAL: Final = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"\b{_NAME},?\s+{_YEAR}(?!\d)",
        rf"\b{_NAME}\s+{_DAY}(?!\d)",
        rf"\b{_DAY}\s+(?:of\s+)?{_NAME}",
    )
]
_CENTURY: Final = 70
"""The first two-digit year that belongs to the last century."""


class DateMention(NamedTuple):
    """A date in a text."""

    year: int | None
    """The year; None if it goes without saying."""
    month: int
    """The month."""
    day: int | None
    """The day; None if only the month is stated."""
    start: int
    """Offset of the first character."""
    end: int
    """Offset after the last character."""


def dates_in(text: str) -> Iterator[DateMention]:
    """Find the dates of a text. A date like 1/2/2024 is found in both of its readings.

    Args:
        text: The text.
    """
    for form in (*_FORMS, *_PARTIAL):
        for match in form.finditer(text):
            yield from _readings(match)


def _readings(match: re.Match[str]) -> Iterator[DateMention]:
    parts = match.groupdict()
    start, end = match.span()
    year = int(parts["year"]) if parts.get("year") else None
    if parts.get("first"):
        assert year is not None  # noqa: S101 - the form has a year
        year += 0 if year > 99 else 1900 if year >= _CENTURY else 2000
        pair = {(int(parts["first"]), int(parts["second"]))}
        for one, other in sorted(pair | {(second, first) for first, second in pair}):
            if 1 <= one <= 12 and 1 <= other <= 31:
                yield DateMention(year, one, other, start, end)
        return
    name = parts.get("name")
    month = MONTH_OF.get(folded(name)) if name else int(parts["month"])
    day = int(parts["day"]) if parts.get("day") else None
    if month is not None and 1 <= month <= 12 and (day is None or 1 <= day <= 31):
        yield DateMention(year, month, day, start, end)
