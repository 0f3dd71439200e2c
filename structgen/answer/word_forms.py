"""Other forms of the words of a text: plurals and endings, abbreviations, initials, currencies.

All of it errs on the side of yes: it says which words may mean the same, not which do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

WORD: Final = re.compile(r"[^\W\d_]+|\d+")
_LEAST_STEM: Final = 5
"""Letters that two words must have in common if only their endings differ."""
_LONGEST_SHORT: Final = 5
"""Letters of the longest abbreviation, such as `Blvd` or `Capt`."""
_SHORT: Final = re.compile(r"\b[^\W\d_]{2,5}\b\.?")
_NAME: Final = re.compile(
    r"\b[A-Z][\w'\u2019-]*(?: +(?:(?:of|the|and|for|de|del|la|du|des|der|und|et|y) +)*"
    r"[A-Z][\w'\u2019-]*)+"
)
"""Capitalized words in a row, such as `United States of America`."""
_AND: Final = frozenset({"and", "und", "et", "y", "e", "en", "och", "og", "i"})
"""Words that may be written `&`."""
_LINK: Final = frozenset({"http", "https", "www", "mailto"})
"""Parts of an address on the web that go without saying."""
_SPELLED: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae"})
CURRENCIES: Final = [
    frozenset(line.split())
    for line in [
        "$ usd us$ dollar dollars cad aud nzd sgd hkd mxn peso pesos buck bucks",
        "€ eur euro euros",
        "£ gbp pound pounds sterling quid",
        "¥ ￥ 元 円 jpy cny rmb yen yuan renminbi",
        "₹ rs inr rupee rupees",
        "₩ krw won",
        "₽ rub rubel ruble rubles rouble roubles",
        "₺ try lira",
        "₴ uah hryvnia",
        "₪ ils nis shekel shekels",
        "fr sfr chf franc francs franken",
        "kr sek nok dkk krona kronor krone kroner",
        "zł pln zloty",
        "r$ brl real reais",
        "% percent pct prozent pourcent",
    ]
]
"""Signs, codes and names of one currency, or of several that share a sign; and of per cent."""


def folded(text: str) -> str:
    """A text without case and accents.

    Args:
        text: Any text.
    """
    apart = unicodedata.normalize("NFKD", text)
    return "".join(c for c in apart if not unicodedata.combining(c)).casefold()


def words_of(text: str) -> list[str]:
    """The words and digits of a text, without case and accents.

    Args:
        text: Any text.
    """
    return WORD.findall(folded(text))


class WordForms:
    """The words of a text, in other forms than they have there.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def has(self, word: str, value: str) -> bool:
        """Whether the text has a word in another form.

        Args:
            word: A word of the value, folded.
            value: The whole value.
        """
        return (
            (word in _AND and "&" in self._text)
            or (word in _LINK and ("://" in value or "www." in value or "mailto:" in value))
            or word in self._currencies
            or word in self._respelled
            or (not word.isdecimal() and self._has_ending(word))
            or self._abbreviates(word, value)
            or self._is_abbreviated(word)
        )

    def has_initials(self, value: str) -> bool:
        """Whether a value is the initials of a name in the text, or the other way around.

        Args:
            value: The whole value.
        """
        letters = re.sub(r"[\s.]", "", value)
        if letters.isupper() and letters.isalpha() and len(letters) > 1:
            return any(letters in initials for initials in self._initials)
        return bool(_NAME.fullmatch(value)) and not self._capitals.isdisjoint(_initials(value))

    def has_sign(self, value: str) -> bool:
        """Whether a value is a sign of a currency that the text names.

        Args:
            value: The whole value.
        """
        return value.strip().casefold() in self._currencies

    def has_respelled(self, value: str) -> bool:
        """Whether the text has a value, if `ä` and `ae` and the like are one.

        Args:
            value: The whole value.
        """
        return self._respelled.issuperset(_respelled(value))

    def _has_ending(self, word: str) -> bool:
        return not self._stems.isdisjoint(stems(word))

    def _abbreviates(self, word: str, value: str) -> bool:
        """Whether a short word of the value stands for a word of the text."""
        prefixes, frames = _shorts(value)
        if word not in prefixes and word not in frames:
            return False
        long_words = self._capitalized.get(word[0], ())
        return any(_is_short_for(word, long, prefixes) for long in long_words)

    def _is_abbreviated(self, word: str) -> bool:
        """Whether a short word of the text stands for a word of the value."""
        prefixes = self._shorts[0]
        return any(
            _is_short_for(short, word, prefixes) for short in self._short_words.get(word[0], ())
        )

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(words_of(self._text))

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(stem for word in self._words for stem in stems(word))

    @cached_property
    def _respelled(self) -> frozenset[str]:
        """The words with vowels that German and others also write as two letters."""
        return frozenset(_respelled(self._text))

    @cached_property
    def _currencies(self) -> frozenset[str]:
        signs = {sign for sign in "$€£¥￥元円₹₩₽₺₴₪%" if sign in self._text}
        found = [group for group in CURRENCIES if group & (self._words | signs)]
        return frozenset().union(*found)

    @cached_property
    def _capitalized(self) -> dict[str, list[str]]:
        words = (word for word in WORD.findall(self._text) if word[0].isupper())
        return _by_first_letter({folded(word) for word in words})

    @cached_property
    def _shorts(self) -> tuple[set[str], set[str]]:
        return _shorts(self._text)

    @cached_property
    def _short_words(self) -> dict[str, list[str]]:
        return _by_first_letter(set().union(*self._shorts))

    @cached_property
    def _capitals(self) -> frozenset[str]:
        found = re.findall(r"\b(?:[A-Z]{2,}|(?:[A-Z]\.){2,})", self._text)
        return frozenset(one.replace(".", "") for one in found)

    @cached_property
    def _initials(self) -> frozenset[str]:
        names = (match[0] for match in _NAME.finditer(self._text))
        return frozenset(initials for name in names for initials in _initials(name))


def _respelled(text: str) -> list[str]:
    """The words of a text, with one spelling for vowels that have two."""
    return words_of(unicodedata.normalize("NFC", text).casefold().translate(_SPELLED))


def _initials(name: str) -> Iterator[str]:
    """The initials of a name: of its capitalized words, and of all its words."""
    words = re.findall(r"[^\W\d_]+", name)
    yield "".join(word[0] for word in words if word[0].isupper())
    yield "".join(word[0] for word in words).upper()


def _shorts(text: str) -> tuple[set[str], set[str]]:
    """The words that may be the beginnings of longer ones, and those that may be their frames.

    A word with a capital that has no dot is no beginning: `In` is not `Indiana`, but `St` is
    `Street`.
    """
    prefixes: set[str] = set()
    frames: set[str] = set()
    for found in _SHORT.findall(text):
        short = found.rstrip(".")
        has_dot = short != found and (short[0].isupper() or len(short) > 2)
        if short.isupper() or has_dot:
            prefixes.add(folded(short))
        if short[0].isupper() or has_dot:
            frames.add(folded(short))
    return prefixes, frames


def _is_short_for(short: str, long: str, prefixes: set[str]) -> bool:
    """Whether a word may abbreviate another one: it is its beginning, or its frame of letters."""
    if not 2 <= len(short) <= _LONGEST_SHORT or len(long) < len(short) + 2:
        return False
    if long.startswith(short):
        return short in prefixes
    letters = iter(long)
    same_ends = short[0] == long[0] and short[-1] == long[-1]
    return same_ends and all(letter in letters for letter in short)


def stems(word: str) -> Iterator[str]:
    """Give a word, and what is left of it without its ending, such as `-s`.

    Args:
        word: The word, folded. Up to two letters of a long one are its ending.
    """
    yield word
    if word.endswith("ies"):
        yield word[:-3] + "y"
    if word.endswith("ves"):
        yield from (word[:-3] + "f", word[:-3] + "fe")
    if word.endswith("es"):
        yield word[:-2]
    if word.endswith("s") and len(word) > 3:
        yield word[:-1]
    yield from (word[:-cut] for cut in (1, 2) if len(word) - cut >= _LEAST_STEM)


def _by_first_letter(words: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        if word:
            found.setdefault(word[0], []).append(word)
    return found
