"""Values that must stand in the source text: the annotation, its JSON Schema keyword, and where
such a value may begin and end.

The keyword `x-verbatim` says something about strings and numbers, as `minLength` does about
strings: other values meet it always. It is `words` or `characters`.
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
from structgen.values import Json, JsonSchema

VERBATIM: Final = "x-verbatim"
BY: Final = ("words", "characters")
Span: TypeAlias = "tuple[int, int]"
"""Where something begins and ends in a text, in characters."""

_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
"""Scripts that put no space between words (kana and Han are the second line): a word may begin
and end at any letter."""
_JOINER: Final = "\u200d"
_GROUPS: Final = r"\d{1,3}(?:([,' \u00a0\u2009\u202f])\d{3})(?:\1\d{3})*"


_WITHOUT_TEXT: Final = frozenset(
    (
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
    )
)
"""Pydantic's names for types whose values stand in no text themselves."""


@dataclass(frozen=True, slots=True)
class Verbatim:
    """`Annotated[str, Verbatim()]`: the value stands in the text that is extracted from,
    character for character.

    For strings and what JSON writes as strings (dates, literals), whose JSON form must stand in
    the text, and for numbers, of which a numeral in the text must be the same number. `by`:
    `words`, a value begins and ends where words do, and not with white space; `characters`,
    anywhere but inside a letter with its marks. An empty string stands everywhere. For lists,
    annotate the items.
    """

    by: Literal["words", "characters"] = "words"

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> JsonSchema:
        schema: JsonSchema = handler(core)
        while core["type"] not in _WITHOUT_TEXT and "schema" in core:
            core = core["schema"]
        if core["type"] in _WITHOUT_TEXT:
            raise SchemaError(
                "Verbatim() stands on a type without a text of its own.",
                keyword=VERBATIM,
                hint="Annotate the strings, dates and numbers inside: list[Annotated[str, Verbatim()]].",
            )
        return {**schema, VERBATIM: self.by}


# ---- where a value may begin and end -------------------------------------------------


def chunks(text: str, by: str) -> list[str]:
    """`text` in parts that no value divides: words (letters, digits, `_`) or letters, with
    their marks; all else one by one."""
    marks = "".join(c for c in set(text) if c == _JOINER or unicodedata.category(c)[0] == "M")
    word = rf"[^\W{_UNSPACED}{marks}]" if by == "words" else r"[^\s\S]"
    mark = f"[{re.escape(marks)}]" if marks else r"[^\s\S]"
    tail = f"(?:{word}|{mark})*"
    return re.findall(rf"\r\n|{word}{tail}|[\s\S](?:{mark}{tail})?", text)


_NUMERAL: Final = re.compile(
    rf"(?<![\w.,])(?:(?<!\d)[-\u2212])?(?:{_GROUPS}|\d+)(?:\.\d+)?(?!\d|[.,]\d)", re.ASCII
)


class SourceText:
    """A text, and where values stand in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._edges: dict[str, frozenset[int]] = {}

    def spans(self, value: Json, by: str) -> list[Span]:
        """Where a string or number stands, in order. An empty string stands nowhere in particular."""
        if not isinstance(value, str):
            return [
                (start, end)
                for number, start, end in self.numerals
                if number == Decimal(str(value))
            ]
        edges, found, at = self._edges_of(by), [], self.text.find(value) if value else -1
        while at >= 0:
            if at in edges and at + len(value) in edges:
                found.append((at, at + len(value)))
            at = self.text.find(value, at + 1)
        return found if by != "words" or value == value.strip() else []

    def holds(self, value: Json, by: str) -> bool:
        """Does a value stand in the text? What is no string or number says nothing of it, and
        so does an empty string."""
        return (
            value is None
            or isinstance(value, (bool, list, dict))
            or value == ""
            or bool(self.spans(value, by))
        )

    def respaced(self, value: str, by: str) -> str | None:
        """What stands in the text and differs from `value` in nothing but its white space; None
        where there is no such."""
        words = value.split()
        for match in re.finditer(r"\s+".join(map(re.escape, words)), self.text) if words else ():
            if {match.start(), match.end()} <= self._edges_of(by):
                return match[0]
        return None

    @cached_property
    def numerals(self) -> list[tuple[Decimal, int, int]]:
        """The numbers of the text, each with its span.

        Digits, of which groups of three may be set apart (`1,250`, `1 250`), a decimal point, a
        minus sign before them. `1.250` is one and a quarter; words, fractions and exponents are
        no numerals.
        """
        return [(_read(match[0]), *match.span()) for match in _NUMERAL.finditer(self.text)]

    def _edges_of(self, by: str) -> frozenset[int]:
        if by not in self._edges:
            self._edges[by] = frozenset(accumulate(map(len, chunks(self.text, by)), initial=0))
        return self._edges[by]


def _read(numeral: str) -> Decimal:
    return Decimal(re.sub(r"[^\d.-]", "", numeral.replace("\u2212", "-")))
