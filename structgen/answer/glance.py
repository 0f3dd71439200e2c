"""A glance at the JSON text of an answer: may any of its strings be nothing but certain words?

It errs on the side of yes. Looking at each string of a long answer takes twenty times as long as
its check does, and hardly any answer has such a string.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

from structgen.answer.word_forms import words_of

_BETWEEN: Final = r'(?:[^\w"\\]|_|\\[nrtbf/"\\])*'
"""What may stand between words of a string: no letter, no digit, and nothing that ends it."""
_BLANK: Final = r"(?:\s|\\[nrtbf])*"
_LONGEST: Final = 60
"""Characters of the longest string that is looked at."""
_NOT_ASCII: Final = re.compile(
    rf'[:,\[]\s*"([^"\\]{{0,{_LONGEST}}}[^\x00-\x7f"\\][^"\\]{{0,{_LONGEST}}})"'
)
"""Short strings with characters that may be other spellings of letters."""


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
    return any(" ".join(words_of(found[1])) in words for found in _NOT_ASCII.finditer(text))


@lru_cache(maxsize=8)
def _pattern(words: Collection[str]) -> re.Pattern[str]:
    """A value that is blank or these words, with what stands before a value and not after one."""
    # Most strings are passed by their first character.
    first = "".join({word[0] for word in words})
    spelled = "|".join(sorted(word.replace(" ", f"{_BETWEEN}") for word in words))
    return re.compile(
        rf'[:,\[]\s*"(?=[\W_{first}])(?:{_BLANK}|{_BETWEEN}(?:{spelled}){_BETWEEN})"(?!\s*:)',
        re.IGNORECASE,
    )
