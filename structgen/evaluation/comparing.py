"""Whether two leaves say the same: numbers and dates by value, texts by what people read in them.

A leaf is a string, a number or a boolean. Null is no leaf: what it means is decided in `scoring`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from structgen.values import Json

Similarity = Callable[[Json, Json], float]
"""How alike two leaves are, from 0 to 1: (found, gold) -> similarity."""

RELATIVE_TOLERANCE: Final = 1e-12
"""Fractions this close, relative to their size, are the same: sums of binary ones differ by less.
Whole numbers and numerals in texts have to be equal."""
_SLACK: Final = Decimal(1) + Decimal("1e-9")
"""A difference is within a tolerance up to this factor, as in extract-bench."""
_ANY_SIZE: Final = Context(Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
"""Arithmetic that raises nothing, however large the exponents are."""

_INVISIBLE: Final = "\u00ad\u200b\u200e\u200f\u2060\ufeff" + "".join(
    map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)
"""Soft hyphens, spaces of no width, and marks of the direction of writing."""
_TYPOGRAPHY: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032`\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys(_INVISIBLE),
    }
)
_EDGE: Final = r"""["'.,;:!?()\[\]{}]"""
_LEADING: Final = re.compile(rf"^(?:(?![.,]\d){_EDGE})+")
_TRAILING: Final = re.compile(rf"{_EDGE}+$")
_ALONE: Final = frozenset("-*/|")

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*", re.ASCII | re.DOTALL)
_FORMATS: Final[Mapping[str, TypeAdapter[Any]]] = {
    "date": TypeAdapter(date),
    "date-time": TypeAdapter(datetime),
    "time": TypeAdapter(time),
    "duration": TypeAdapter(timedelta),
}
_NUMERAL: Final = re.compile(r"[-+]?(?:\d[\d,]*)?\.?\d+(?:[eE][-+]?\d+)?", re.ASCII)


# ---- texts --------------------------------------------------------------------------------------


@lru_cache(maxsize=65_536)
def normalise_text(text: str) -> str:
    """Reduce a text to what two careful typists would agree on.

    Unicode compatibility form (NFKC, Unicode Standard Annex 15), case folded, quotes and dashes of
    one kind, white space collapsed, and punctuation removed where a word begins or ends: as the
    SQuAD scorer does (Rajpurkar et al. 2016), but not inside words, where `1.5` is not `15`.
    A text that consists of punctuation alone keeps it.

    Args:
        text: The text.
    """
    plain = unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHY).casefold()
    plain = unicodedata.normalize("NFKC", plain)
    words = (_TRAILING.sub("", _LEADING.sub("", word)) for word in plain.split())
    kept = " ".join(word for word in words if word and word not in _ALONE)
    return kept or " ".join(plain.split())


def same_text(found: str, gold: str) -> bool:
    """Compare two texts after `normalise_text`.

    Args:
        found: The text that was answered.
        gold: The right text.
    """
    return found == gold or normalise_text(found) == normalise_text(gold)


def word_f1(found: Json, gold: Json) -> float:
    """Measure how many words two texts share, in any order.

    F1 over the multisets of words, as the SQuAD scorer has it (Rajpurkar et al. 2016).

    Args:
        found: The leaf that was answered.
        gold: The right leaf.
    """
    ours = Counter(normalise_text(str(found)).split())
    theirs = Counter(normalise_text(str(gold)).split())
    total = ours.total() + theirs.total()
    return 2 * (ours & theirs).total() / total if total else 1.0


def sequence_ratio(found: Json, gold: Json, *, fold: bool = True) -> float:
    """Compare by `difflib.SequenceMatcher.ratio`, as extract-bench's `string_fuzzy`.

    Args:
        found: The leaf that was answered.
        gold: The right leaf.
        fold: Whether case is ignored.
    """
    ours, theirs = str(found), str(gold)
    if fold:
        ours, theirs = ours.lower(), theirs.lower()
    return SequenceMatcher(None, theirs, ours).ratio()


def edit_similarity(found: Json, gold: Json) -> float:
    """Compute 1 - distance / length of the longer text, by Levenshtein's distance (1966).

    Case and runs of white space do not count: stickler's `LevenshteinComparator`.

    Args:
        found: The leaf that was answered.
        gold: The right leaf.
    """
    ours, theirs = " ".join(str(found).lower().split()), " ".join(str(gold).lower().split())
    longest = max(len(ours), len(theirs))
    return 1 - _edit_distance(ours, theirs) / longest if longest else 1.0


def indel_similarity(found: Json, gold: Json) -> float:
    """Compute 2 L / (a + b): L is the longest common subsequence of texts of lengths a and b.

    This is `fuzz.ratio` of RapidFuzz, behind stickler's `FuzzyComparator`. L is counted with the
    bit-parallel algorithm of Hyyrö (2004).

    Args:
        found: The leaf that was answered.
        gold: The right leaf.
    """
    ours, theirs = str(found).strip().lower(), str(gold).strip().lower()
    total = len(ours) + len(theirs)
    return 2 * _common_subsequence(ours, theirs) / total if total else 1.0


def _places(text: str) -> dict[str, int]:
    """For each character, a bit for every place where it is."""
    places: dict[str, int] = {}
    for place, character in enumerate(text):
        places[character] = places.get(character, 0) | 1 << place
    return places


def _common_subsequence(one: str, other: str) -> int:
    places, mask = _places(one), (1 << len(one)) - 1
    state = mask
    for character in other:
        matches = state & places.get(character, 0)
        state = ((state + matches) | (state - matches)) & mask
    return len(one) - state.bit_count()


def _edit_distance(one: str, other: str) -> int:
    """Levenshtein's distance, a column of the table at a time (Myers 1999; Hyyrö 2003)."""
    if not one:
        return len(other)
    places, last, mask = _places(one), 1 << (len(one) - 1), (1 << len(one)) - 1
    up, down, distance = mask, 0, len(one)
    for character in other:
        matches = places.get(character, 0)
        diagonal = (((matches & up) + up) ^ up) | matches | down
        right_up = down | ~(diagonal | up) & mask
        right_down = up & diagonal
        distance += bool(right_up & last) - bool(right_down & last)
        right_up = (right_up << 1 | 1) & mask
        right_down = right_down << 1 & mask
        up = right_down | ~(diagonal | right_up) & mask
        down = right_up & diagonal
    return distance


# ---- numbers and dates --------------------------------------------------------------------------


def number_of(value: Json, *, inside: bool = False) -> Decimal | None:
    """Read the number that a leaf is; None if it is none. A boolean is no number.

    Args:
        value: A number, or a text that is one numeral.
        inside: Whether to look for a numeral inside a text, such as `$1,234.50`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, int):
        return Decimal(value)
    text = str(value).strip()
    if inside and isinstance(value, str):
        found = _NUMERAL.search(text)
        text = found[0].replace(",", "") if found else ""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def close(found: Decimal, gold: Decimal, *, absolute: float = 0.0, relative: float = 0.0) -> bool:
    """Tell whether two numbers differ by no more than a tolerance.

    Args:
        found: The number that was answered.
        gold: The right number.
        absolute: The difference that is allowed.
        relative: The same as a share of the right number's size.
    """
    if found == gold:
        return True
    difference = _ANY_SIZE.abs(_ANY_SIZE.subtract(found, gold))
    share = _ANY_SIZE.multiply(Decimal(str(relative)), _ANY_SIZE.abs(gold))
    allowed = max(Decimal(str(absolute)), share)
    return difference <= _ANY_SIZE.multiply(allowed, _SLACK)


def moment_of(text: str, kind: str) -> Any:
    """Read a date, time, moment or duration in ISO 8601 or RFC 3339; None if it is none.

    Args:
        text: The text.
        kind: A `format` of JSON Schema: `date`, `date-time`, `time` or `duration`.
    """
    if kind == "date-time" and not _MOMENT.fullmatch(text):
        return None
    try:
        return _FORMATS[kind].validate_python(text)
    except (ValidationError, OverflowError):
        return None


def same_moment(found: str, gold: str, kind: str) -> bool:
    """Compare two texts as dates or times of one kind; a moment with a time zone is an instant.

    Args:
        found: The text that was answered.
        gold: The right text.
        kind: A `format` of JSON Schema, as for `moment_of`.
    """
    ours, theirs = moment_of(found, kind), moment_of(gold, kind)
    return ours is not None and theirs is not None and bool(ours == theirs)


# ---- any leaf -----------------------------------------------------------------------------------


def same_leaf(
    found: Json, gold: Json, *, exact: bool = False, kind: str | None = None, numeric: bool = False
) -> bool:
    """Compare two leaves by their types.

    Booleans are equal to booleans alone. A number is compared by value, with a numeral in a text,
    too; fractions in binary may differ by `RELATIVE_TOLERANCE`. Texts are compared as moments if
    both are, else after `normalise_text`.

    Args:
        found: The leaf that was answered.
        gold: The right leaf.
        exact: Whether texts have to be equal character for character, as the values of an enum.
        kind: The `format` that the schema gives the leaf, where it gives one.
        numeric: Whether two texts are numbers in disguise, as those of a `Decimal`.
    """
    if isinstance(found, bool) or isinstance(gold, bool):
        return found is gold
    if isinstance(found, str) and isinstance(gold, str):
        if found == gold:
            return True
        if exact:
            return False
        if not numeric:
            return _same_words(found, gold, kind)
    ours, theirs = number_of(found), number_of(gold)
    if ours is None or theirs is None:
        return isinstance(found, str) and isinstance(gold, str) and same_text(found, gold)
    is_binary = isinstance(found, float) or isinstance(gold, float)
    is_whole = _is_whole(ours) and _is_whole(theirs)
    return close(ours, theirs, relative=RELATIVE_TOLERANCE if is_binary and not is_whole else 0.0)


def _is_whole(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and (exponent >= 0 or _ANY_SIZE.remainder(number, 1) == 0)


def _same_words(found: str, gold: str, kind: str | None) -> bool:
    if kind is not None and kind in _FORMATS:
        return same_moment(found, gold, kind) or same_text(found, gold)
    return same_text(found, gold) or same_moment(found, gold, "date-time")
