"""How texts write numbers and months in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

_SMALL: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS: Final = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS: Final = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
]
_WORDS: Final = {
    **{word: number for number, word in enumerate(_SMALL)},
    **{f"{word}th": number for number, word in enumerate(_SMALL)},
    **{word: number for number, word in enumerate(_ORDINALS, 1)},
    **{f"{word[:-1]}ieth": 10 * number for number, word in enumerate(_TENS, 2)},
    "twelfth": 12,
    **{word: 10 * number for number, word in enumerate(_TENS, 2)},
    "dozen": 12,
}
_LARGE: Final = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
MONTHS: Final = [
    "january januar janvier enero gennaio janeiro januari jan",
    "february februar fevrier febrero febbraio fevereiro februari feb",
    "march marz maerz mars marzo marco maart mar",
    "april avril abril aprile apr",
    "may mai mayo maggio maio mei",
    "june juni juin junio giugno junho jun",
    "july juli juillet julio luglio julho jul",
    "august aout agosto augustus augusti aug",
    "september septembre septiembre settembre setembro sep sept",
    "october oktober octobre octubre ottobre outubro oct okt",
    "november novembre noviembre novembro nov",
    "december dezember decembre diciembre dicembre dezembro dec dez",
]
"""The names of each month in eight languages, folded, and common abbreviations."""
MONTH_OF: Final = {name: number for number, names in enumerate(MONTHS, 1) for name in names.split()}
_SCALED: Final = re.compile(
    r"(?<![\d,])(\d[\d,]{0,20}(?:\.\d{1,9})?) ?(k|m|mn|bn|thousand|million|billion)\b",
    re.IGNORECASE,
)
"""A number in digits and a word, such as `2.5 million`."""
_SCALES: Final = {**_LARGE, "k": 1_000, "m": 1_000_000, "mn": 1_000_000, "bn": 1_000_000_000}


def scaled_numbers(text: str) -> Iterator[tuple[Decimal, int, int]]:
    """Find the numbers in digits that a word or a letter scales, such as 1.5 million.

    Args:
        text: The text.

    Yields:
        A number, where it begins, and where it ends.
    """
    for match in _SCALED.finditer(text):
        yield Decimal(match[1].replace(",", "")) * _SCALES[match[2].lower()], *match.span()


def written_out(words: Sequence[str]) -> Iterator[tuple[Decimal, int, int]]:
    """Find the numbers that English words state: each word's, and those of words in a row.

    Args:
        words: The folded words of a text.

    Yields:
        A number, the index of its first word, and the index after its last word.
    """
    total = part = first = last = 0
    for at, word in enumerate([*words, ""]):
        if word in _WORDS:
            yield Decimal(_WORDS[word]), at, at + 1
            first = at if not (part or total) else first
            part += _WORDS[word]
            last = at + 1
        elif word in _LARGE and (part or total):
            part = max(part, 1) * _LARGE[word]
            last = at + 1
            if _LARGE[word] > _LARGE["hundred"]:
                total, part = total + part, 0
        elif word != "and":
            if (part or total) and last - first > 1:
                yield Decimal(total + part), first, last
            total = part = 0
