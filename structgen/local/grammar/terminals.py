"""Grounded values as terminals of a grammar: what the source holds, as JSON writes it.

A string is a substring over chunks of the source, each written with JSON's escapes, so that no escape, no letter with its marks
and, by words, no word is divided. What else a schema says of the string is intersected with it. A number is one of the numerals of
the source, a listed value one of those that stand in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cache
from typing import Final

from llguidance import LLMatcher, LLParserLimits, LLTokenizer, regex_to_lark

from structgen.errors import GrammarError
from structgen.schema.compile.regexes import pattern_for
from structgen.schema.json import to_text
from structgen.schema.validate.validator import validator_of
from structgen.schema.verbatim import SourceText, chunks
from structgen.values import Json, JsonSchema

_CHARACTER: Final = r'(?:[^"\\]|\\["\\bfnrt]|\\u[0-9a-f]{4})'
_VISIBLE: Final = r'(?:[^"\\\s]|\\["\\b]|\\u00(?:0[0-8ef]|1[0-9ab]))'
_TRIMMED: Final = f"/(?:{_VISIBLE}(?:{_CHARACTER}*{_VISIBLE})?)?/"
_ESCAPED: Final = r"/(?s:.*)\\(?s:.*)/"


_MOST: Final = {"words": 2_000_000, "characters": 1_000_000}
"""Characters of a source: a grammar of so many takes 5 s and half a gigabyte. 500,000 take 1 s and 100 MB, or 4 s and 250 MB."""


@cache
def parser_limits() -> LLParserLimits:
    """What llguidance may spend on a grammar, so that it takes every source that is not too long."""
    return LLParserLimits(
        initial_lexer_fuel=40_000_000,
        step_lexer_fuel=40_000_000,
        max_lexer_states=1_000_000,
        max_items_in_row=20_000,
        step_max_items=200_000,
    )


@cache
def _bytes() -> LLTokenizer:
    return LLTokenizer("byte")


def literal(text: str) -> str:
    """A text as a literal of the grammar."""
    return json.dumps(text, ensure_ascii=False)


class Terminals:
    """The terminals of one source. `rules`: their bodies by name, with whatever else is given a name."""

    def __init__(self, source: str) -> None:
        self.rules: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._chunked: dict[str, str] = {}
        self._possible: dict[str, bool] = {}
        self._source = SourceText(
            source.encode(errors="replace").decode()
        )  # half a surrogate pair cannot be written

    def rule(self, letter: str, body: str) -> str:
        """The name of the rule with this body. It begins with `letter`: a capital for a terminal."""
        name = self._names.setdefault(body, f"{letter}{len(self._names)}")
        self.rules[name] = body
        return name

    def string(self, schema: JsonSchema, by: str) -> str | None:
        """A string of the source that meets `minLength`, `maxLength` and `pattern`.

        The pattern is held of the text as JSON writes it, so one with an escape in it is let through, for the check.
        """
        meets = [self._substrings(by)]
        if by == "words":
            meets.append(self.rule("T", _TRIMMED))
        if "minLength" in schema or "maxLength" in schema:
            meets.append(
                f"/{_CHARACTER}{{{schema.get('minLength', 0)},{schema.get('maxLength', '')}}}/"
            )
        if "pattern" in schema and (whole := pattern_for(schema["pattern"], "full")):
            meets.append(f"(/{regex_to_lark(whole[1:-1], 'dw')}/ | {_ESCAPED})")
        name = self.rule("G", f'"\\"" ({" & ".join(meets)}) "\\""')
        return name if self._is_possible(name) else None

    def _substrings(self, by: str) -> str:
        if len(self._source.text) > _MOST[by]:
            raise GrammarError(
                f"The text has {len(self._source.text)} characters; values are held to stand in one of at most {_MOST[by]}.",
                hint="Extract from parts of the text, or ask a model behind a server, where the check alone proves the answer.",
            )
        if by not in self._chunked:
            written = [
                json.dumps(chunk, ensure_ascii=False)[1:-1]
                for chunk in chunks(self._source.text, by)
            ]
            self._chunked[by] = self.rule("S", f"%regex {to_text({'substring_chunks': written})}")
        return self._chunked[by]

    def _is_possible(self, name: str) -> bool:
        """Can a terminal be written at all? llguidance knows, for it takes the first byte only where there is a whole one."""
        if name not in self._possible:
            lines = [
                f"{rule}: {body}"
                for rule, body in self.rules.items()
                if rule == name or rule[0] in "ST"
            ]
            text = "\n".join(["%llguidance {}", f"start: {name}", *lines])
            matcher = LLMatcher(
                _bytes(), LLMatcher.grammar_from_lark(text), log_level=0, limits=parser_limits()
            )
            self._possible[name] = matcher.validate_tokens([ord('"')]) == 1
        return self._possible[name]

    def number(self, schema: JsonSchema) -> str | None:
        """A numeral of the source that meets the schema."""
        numbers = {number for number, _, _ in self._source.numerals}
        texts = {text for number in numbers for text in _written(number)}
        if schema["type"] == "integer":
            texts = {text for text in texts if "." not in text}
        validator = validator_of(schema)
        return self._one_of(sorted(text for text in texts if validator.is_valid(json.loads(text))))

    def listed(self, values: Iterable[Json], by: str) -> str | None:
        """Those of some values that stand in the source, and those that are no text."""
        return self._one_of([to_text(value) for value in values if self._source.holds(value, by)])

    def _one_of(self, texts: list[str]) -> str | None:
        return self.rule("L", " | ".join(map(literal, texts))) if texts else None


def _written(number: Decimal) -> Iterator[str]:
    """A number as JSON may write it: with the digits of the source, with no more than it needs, and 12 as 12.0."""
    text = format(number, "f")
    short = text.rstrip("0").rstrip(".") if "." in text else text
    yield from (text, short) if "." in short else (text, short, f"{short}.0")
