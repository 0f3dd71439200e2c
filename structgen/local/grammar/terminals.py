"""Grounded values as terminals of a grammar: parts of the document, as JSON writes them.

A string is a substring over chunks of the document. Each chunk is written with JSON's escapes,
so that no escape, no letter with its marks and, by words, no word is divided. Other keywords of
the string are intersected with it. A number is one of the numerals of the document; a listed
value is one that occurs in it.
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
"""Characters of a document, by words and by characters. A grammar of so many takes 5 s and half a
gigabyte; 500,000 take 1 s and 100 MB by words, 4 s and 250 MB by characters (measured)."""


@cache
def parser_limits() -> LLParserLimits:
    """How much llguidance may spend on a grammar: enough for every document that is not too
    long.
    """
    return LLParserLimits(
        initial_lexer_fuel=40_000_000,
        step_lexer_fuel=40_000_000,
        max_lexer_states=1_000_000,
        max_items_in_row=32_000,  # 8,000 members that may be left out; time is quadratic
        step_max_items=400_000,
    )


@cache
def _bytes() -> LLTokenizer:
    return LLTokenizer("byte")


def literal(text: str) -> str:
    """Write a text as a literal of the grammar.

    Args:
        text: Any text.
    """
    return json.dumps(text, ensure_ascii=False)


class Terminals:
    """The terminals of one document."""

    rules: dict[str, str]
    """The bodies of the terminals by name, with those of other named rules."""

    def __init__(self, document: str) -> None:
        self.rules = {}
        self._names: dict[str, str] = {}
        self._chunked: dict[str, str] = {}
        self._possible: dict[str, bool] = {}
        # Half of a surrogate pair cannot be written, so it is replaced.
        self._document = SourceText(document.encode(errors="replace").decode())

    def rule(self, letter: str, body: str) -> str:
        """Name a rule.

        Args:
            letter: How the name begins: a capital for a terminal.
            body: The rule's right side. Equal bodies get the same name.
        """
        name = self._names.setdefault(body, f"{letter}{len(self._names)}")
        self.rules[name] = body
        return name

    def string(self, schema: JsonSchema, by: str) -> str | None:
        """Write a string of the document that meets `minLength`, `maxLength` and `pattern`.

        The grammar sees the text as JSON writes it. A text with an escape in it is let through the
        pattern, for the check.

        Args:
            schema: The schema of the string.
            by: `words` or `characters`: where a value may begin and end.

        Returns:
            The name of the rule; None if the document has no such string.
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
        if len(self._document.text) > _MOST[by]:
            raise GrammarError(
                f"The document has {len(self._document.text)} characters, but grounded values can "
                f"be enforced in at most {_MOST[by]}.",
                hint="Use `extract_document`, or ask a server, which does not enforce them.",
            )
        if by not in self._chunked:
            written = [
                json.dumps(chunk, ensure_ascii=False)[1:-1]
                for chunk in chunks(self._document.text, by)
            ]
            self._chunked[by] = self.rule("S", f"%regex {to_text({'substring_chunks': written})}")
        return self._chunked[by]

    def _is_possible(self, name: str) -> bool:
        """Whether a terminal can be written: llguidance takes its first byte only if it can be."""
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
        """Write a numeral of the document that meets a schema.

        Args:
            schema: The schema of the number.

        Returns:
            The name of the rule; None if the document has no such number.
        """
        numbers = {number for number, _, _ in self._document.numerals}
        texts = {text for number in numbers for text in _written(number)}
        if schema["type"] == "integer":
            texts = {text for text in texts if "." not in text}
        validator = validator_of(schema)
        return self._one_of(sorted(text for text in texts if validator.is_valid(json.loads(text))))

    def listed(self, values: Iterable[Json], by: str) -> str | None:
        """Write the options that occur in the document, and those that are not text.

        Args:
            values: The options.
            by: `words` or `characters`: where a value may begin and end.

        Returns:
            The name of the rule; None if there is no such option.
        """
        return self._one_of([to_text(value) for value in values if self._document.holds(value, by)])

    def _one_of(self, texts: list[str]) -> str | None:
        return self.rule("L", " | ".join(map(literal, texts))) if texts else None


def _written(number: Decimal) -> Iterator[str]:
    """A number as JSON may write it: with the digits of the document, with few, and 12 as 12.0."""
    text = format(number, "f")
    short = text.rstrip("0").rstrip(".") if "." in text else text
    yield from (text, short) if "." in short else (text, short, f"{short}.0")
