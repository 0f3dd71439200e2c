"""A glance at the JSON text of an answer: may any of its strings be nothing but certain words?

It errs on the side of yes. Looking at each string of a long answer takes twenty times as long as
its check does, and hardly any answer has such a string.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from structgen.answer.word_forms import folded, words_of

NULL_WORDS: Final = frozenset(
    {
        "none",
        "nil",
        "nan",
        "na",
        "n a",
        "unknown",
        "undefined",
        "unspecified",
        "unstated",
        "not available",
        "not applicable",
        "not given",
        "not known",
        "not mentioned",
        "not provided",
        "not specified",
        "not stated",
        "no information",
    }
)
"""Words for null unless the document has them. Those of other languages are left to the second
rule: it holds in every language."""
NULL_OR_WORDS: Final = NULL_WORDS | {"null"}

_BETWEEN: Final = r'(?:[^\w"\\]|_|\\[nrtbf/"\\])*'
"""What may stand between words of a string: no letter, no digit, and nothing that ends it."""
_BLANK: Final = r"(?:\s|\\[nrtbf])*"
_ESCAPE: Final = re.compile(r"\\.")
_FIRST: Final = re.compile(r"[^\W_]")
"""The first character of the first word of a text."""
_STRING: Final = re.compile(
    r'[:,\[]\s*"(?:[^\w"\\]|_|\\[nrtbf/"\\])*(?=([nu]|[^\x00-\x7f]))((?:[^"\\]|\\.)*)"',
    re.IGNORECASE,
)
"""A string from its first word on, if that may be another spelling of a word for null."""


def may_say_only(text: str, words: frozenset[str]) -> bool:
    """Whether a string of a JSON text may be blank, or nothing but some words.

    Args:
        text: The JSON text.
        words: The words, such as "none" and "not stated", as `words_of` gives them, with blanks
            between them.
    """
    is_one_string = text[:1] == '"' or text.lstrip()[:1] == '"'
    if is_one_string or "\\u" in text or _pattern(words).search(text):
        return True
    if text.isascii():
        return False
    return any(says_only(_ESCAPE.sub(" ", found[2]), words) for found in _STRING.finditer(text))


def says_only(value: str, words: frozenset[str]) -> bool:
    """Whether a text is nothing but some words.

    Args:
        value: The text.
        words: As for `may_say_only`.
    """
    found = _FIRST.search(value)
    if found is None or folded(found[0])[:1] not in _first_letters(words):
        return False  # so it is with most texts
    return " ".join(words_of(value)) in words


@lru_cache(maxsize=8)
def _first_letters(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word[0] for word in words)


@lru_cache(maxsize=8)
def _pattern(words: frozenset[str]) -> re.Pattern[str]:
    """A value that is blank or these words, after what stands before a value and not after one.

    The quote comes first, because a search for one character is fastest; most strings are then
    passed by the character before it or after it. A string that ends in a blank may look like the
    start of one.
    """
    first = "".join(sorted(_first_letters(words)))
    spelled = "|".join(sorted(word.replace(" ", f"{_BETWEEN}") for word in words))
    return re.compile(
        rf'"(?<=[:,\[\s]")(?=[\W_{first}])(?:{_BLANK}|{_BETWEEN}(?:{spelled}){_BETWEEN})"(?!\s*:)',
        re.IGNORECASE,
    )
