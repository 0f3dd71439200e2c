"""Values that are copied from the document: their annotation, their keyword, their boundaries.

The JSON Schema keyword `x-verbatim` constrains strings and numbers, as `minLength`
constrains strings; other values always meet it. Its value is `words` or `characters`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from typing import Any, Final, Literal, TypeAlias

from structgen.errors import SchemaError
from structgen.kinds import check_fields, one_of
from structgen.values import Json, JsonSchema

VERBATIM: Final = "x-verbatim"
INFERRED: Final = "x-inferred"
BY: Final = ("words", "characters")
Span: TypeAlias = "tuple[int, int]"
"""Start and end of a part of a text, in characters."""

_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001b000-\U0001b16f"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
"""Scripts without spaces between words: there a word may begin and end at any letter."""
_JOINER: Final = "\u200d"
"""The zero-width joiner, which makes one letter or emoji of several."""
_GROUPS: Final = r"\d{1,3}(?:([,' \u00a0\u2009\u202f])\d{3})(?:\1\d{3})*"
_NUMERAL: Final = re.compile(
    rf"(?<![\w.,])(?:(?<!\d)[-\u2212])?(?:{_GROUPS}|\d+)(?:\.\d+)?(?!\d|[.,]\d)", re.ASCII
)

_WITHOUT_TEXT: Final = frozenset(
    {
        "list",
        "set",
        "frozenset",
        "tuple",
        "generator",
        "dict",
        "typed-dict",
        "model",
        "dataclass",
        "named-tuple",
        "bool",
        "none",
    }
)
"""Pydantic's names for types whose values have no text of their own."""


@dataclass(frozen=True, slots=True)
class Verbatim:
    """The value is copied from the document, character for character: `Annotated[str, Verbatim()]`.

    It applies to strings and to what JSON writes as strings (dates, literals), whose
    JSON form must be in the document; and to numbers, for which a numeral in the
    document must be the same number. An empty string is in every document. For lists,
    annotate the items.
    """

    by: Literal["words", "characters"] = "words"
    """Where a value may begin and end: `words`, where words do, and not with white
    space; `characters`, anywhere but inside a letter with its marks."""

    def __post_init__(self) -> None:
        check_fields(self, {"by": one_of("words", "characters")})

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> JsonSchema:
        schema: JsonSchema = handler(core)
        while core["type"] not in _WITHOUT_TEXT and "schema" in core:
            core = core["schema"]
        if core["type"] in _WITHOUT_TEXT:
            raise SchemaError(
                f"Verbatim() cannot apply to a {core['type']}, a type without a text of its own.",
                keyword=VERBATIM,
                hint="Annotate the strings, dates and numbers inside: "
                "list[Annotated[str, Verbatim()]].",
            )
        return {**schema, VERBATIM: self.by}


@dataclass(frozen=True, slots=True)
class Inferred:
    """The value is worked out, not copied: `Annotated[str | None, Inferred()]`.

    A label, a summary or a translation does not have to be in the document. Without this mark a
    text that may be null becomes null if the document does not hold it (`on_ungrounded`), unless
    the field's description says that it asks for such a thing. For lists, annotate the items or the
    list. In a JSON Schema it is the keyword `"x-inferred": true`.
    """

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> JsonSchema:
        return {**handler(core), INFERRED: True}


_UNSPACED_LETTER: Final = re.compile(f"[{_UNSPACED}]")


def is_unspaced(letter: str) -> bool:
    """Whether a letter belongs to a script without spaces between words.

    Args:
        letter: One character.
    """
    return _UNSPACED_LETTER.match(letter) is not None


# ---- where a value may begin and end -------------------------------------------------


def chunks(text: str, by: str) -> list[str]:
    """A text in parts that no value divides.

    Args:
        text: The text.
        by: `words`, for parts that are words (letters, digits, `_`) with their marks,
            or any other single character; `characters`, for parts that are one
            character with marks.
    """
    marks = "".join(c for c in set(text) if c == _JOINER or unicodedata.category(c)[0] == "M")
    word = rf"[^\W{_UNSPACED}{marks}]" if by == "words" else r"[^\s\S]"
    mark = f"[{re.escape(marks)}]" if marks else r"[^\s\S]"
    tail = f"(?:{word}|{mark})*"
    return re.findall(rf"\r\n|{word}{tail}|[\s\S](?:{mark}{tail})?", text)


class SourceText:
    """A text, and where values are in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._edges: dict[str, frozenset[int]] = {}

    def spans(self, value: Json, by: str) -> list[Span]:
        """Where a string or number is in the text, in order; nowhere for an empty string.

        Args:
            value: The value.
            by: Where it may begin and end (`Verbatim.by`).
        """
        if not isinstance(value, str):
            wanted = Decimal(str(value))
            return [(start, end) for number, start, end in self.numerals if number == wanted]
        edges, found, at = self._edges_of(by), [], self.text.find(value) if value else -1
        while at >= 0:
            if at in edges and at + len(value) in edges:
                found.append((at, at + len(value)))
            at = self.text.find(value, at + 1)
        return found if by != "words" or value == value.strip() else []

    def holds(self, value: Json, by: str) -> bool:
        """Whether a value is in the text; True for an empty string, and for values without text.

        Args:
            value: The value.
            by: Where it may begin and end (`Verbatim.by`).
        """
        if value is None or value == "" or isinstance(value, (bool, list, dict)):
            return True
        return bool(self.spans(value, by))

    def respaced(self, value: str, by: str) -> str | None:
        """The part of the text that differs from `value` only in white space, if there is one.

        Args:
            value: A string that is not in the text.
            by: Where the part may begin and end (`Verbatim.by`).
        """
        words = value.split()
        if not words:
            return None
        for match in re.finditer(r"\s+".join(map(re.escape, words)), self.text):
            if {match.start(), match.end()} <= self._edges_of(by):
                return match[0]
        return None

    @cached_property
    def numerals(self) -> list[tuple[Decimal, int, int]]:
        """The numbers of the text, each with its span.

        A numeral is written in digits: groups of three may be set apart (`1,250`, `1
        250`), and it may have a decimal point and a minus sign. `1.250` is one and a
        quarter; words, fractions and exponents are not numerals.
        """
        return [(_number_of(match[0]), *match.span()) for match in _NUMERAL.finditer(self.text)]

    def _edges_of(self, by: str) -> frozenset[int]:
        if by not in self._edges:
            self._edges[by] = frozenset(accumulate(map(len, chunks(self.text, by)), initial=0))
        return self._edges[by]


def _number_of(numeral: str) -> Decimal:
    return Decimal(re.sub(r"[^\d.-]", "", numeral.replace("\u2212", "-")))
