"""Compile a schema to the grammar that answers are decoded with.

A runtime may ignore a grammar that it refuses, so only grammars that llguidance has accepted are
handed out. A schema that llguidance refuses is tried again with `coerce_one_of`, then with
`lenient`; the keywords that these leave out become notes, for the check. The finished text is
read by the same grammar once more (`Grammar.classify`), byte by byte and without any model's
tokens. That proof is the guarantee, not the decoder's word.

llguidance bounds the grammars it builds: the work of the lexer, symbols and states, the depth of a
document. Anything beyond is a GrammarError within about a second.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Final, Literal

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper, regex_to_lark

from structgen.errors import GrammarError
from structgen.local.grammar.cache import Cache
from structgen.local.grammar.closed import ClosedPlaces
from structgen.local.grammar.dates import close_formats
from structgen.local.grammar.lark import to_lark
from structgen.local.grammar.left_out import (
    MAX_DEPTH,
    depth_of,
    without_long_patterns,
    without_refused,
)
from structgen.local.grammar.matcher import Matcher
from structgen.local.grammar.shortest import shortest_values
from structgen.local.grammar.terminals import parser_limits
from structgen.schema.json import inner_values, to_text
from structgen.values import Json, JsonSchema, Note

_LADDER: Final[tuple[Mapping[str, bool], ...]] = ({}, {"coerce_one_of": True}, {"lenient": True})
_COSTLY: Final = 100_000
"""The most that all divisors of a schema (`multipleOf`) may add up to. llguidance counts
remainders, so many in half a second.
"""
_EOS: Final = 256
_SIMPLIFY: Final = "Simplify the schema, or ask a server: there the check alone proves the answer."
_FIRST_BYTES: Final = b'{"'
"""How an object begins."""


class _Bytes:
    """A vocabulary of the 256 bytes and an end mark, for reading a text without a model's
    tokenizer.
    """

    eos_token_id = _EOS
    bos_token_id = None
    tokens: Final = [bytes([value]) for value in range(256)] + [b"<end>"]
    special_token_ids: Final = [_EOS]

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text.encode() if isinstance(text, str) else text)


@lru_cache(maxsize=1)
def byte_tokenizer() -> LLTokenizer:
    """The grammar engine's tokenizer with a token for each byte, and 256 for the end."""
    return LLTokenizer(TokenizerWrapper(_Bytes()))


@dataclass(frozen=True, slots=True)
class Grammar:
    """A grammar that its engine has accepted, for the tokens of one model."""

    text: str = field(repr=False)
    """The grammar in the words of its engine: llguidance's Lark dialect, or xgrammar's schema."""
    notes: tuple[Note, ...]
    """The keywords of the schema that it does not enforce."""
    _matcher: Matcher = field(repr=False, compare=False)
    _of_bytes: Callable[[], Matcher] = field(repr=False, compare=False)
    """Makes a matcher of bytes, at the beginning of an answer."""
    shortest: tuple[bytes, ...] = field(default=(), repr=False)
    """The shortest values of the schema's parts, as JSON, for `find_ending`."""
    schema: JsonSchema | None = field(default=None, repr=False, compare=False)
    """What it was compiled from; None if it is a grammar of something else."""
    closed: ClosedPlaces | None = field(default=None, repr=False, compare=False)
    """Where its values may be closed; None if it was not compiled from a schema."""

    def matcher(self) -> Matcher:
        """Make a matcher at the beginning of an answer, for one generation."""
        return self._matcher.deep_copy()

    def byte_matcher(self) -> Matcher:
        """Make a matcher at the beginning of an answer that takes bytes (`byte_tokenizer`)."""
        return self._of_bytes().deep_copy()

    def classify(self, text: str) -> Literal["whole", "part", "no"]:
        """Tell whether a text is a sentence of the grammar, the beginning of one, or neither.

        Args:
            text: The text of an answer.

        Raises:
            GrammarError: If the engine spends more on the text than it may.
        """
        matcher, codes = self.byte_matcher(), list(text.encode())
        is_read = matcher.try_consume_tokens(codes) == len(codes)
        if matcher.is_error():
            raise GrammarError(
                f"The grammar engine gave up reading the answer: {_reason(matcher.get_error())}",
                hint=_SIMPLIFY,
            )
        if not is_read:
            return "no"
        return "whole" if matcher.is_accepting() else "part"


def compile_grammar(
    schema: JsonSchema, engine: LLTokenizer, document: str | None = None
) -> Grammar:
    """Compile a schema to a grammar. Results are cached.

    The schema should close its objects (`additionalProperties: false`) and require every
    property: in an open object a model invents keys.

    Args:
        schema: The compiled schema.
        engine: The grammar engine's tokenizer, with the tokens of the model.
        document: The text that grounded values must be copied from; None if none is grounded.

    Raises:
        GrammarError: If llguidance refuses the schema, or it is nested too deeply.
    """
    try:
        key = (to_text(schema), document, engine)
        return _GRAMMARS.get(key) or _GRAMMARS.keep(
            key, _compile_on_ladder(close_formats(schema), engine, document)
        )
    except RecursionError:
        raise refused("it is nested too deeply") from None


def lark_of_regex(pattern: str) -> str:
    """Make the grammar of a regular expression.

    Args:
        pattern: The regular expression, in Python's syntax.

    Raises:
        GrammarError: If llguidance refuses it.
    """
    text = "%llguidance {}\nstart: /" + regex_to_lark(pattern) + "/"
    matcher = _matcher_of(text, byte_tokenizer())
    if matcher.is_error():
        raise GrammarError(
            f"The grammar engine refuses the regular expression: {_reason(matcher.get_error())}"
        )
    return text


def grammar_of_lark(text: str, engine: LLTokenizer) -> Grammar:
    """Make a grammar from its text.

    Args:
        text: A grammar in llguidance's Lark dialect.
        engine: The grammar engine's tokenizer, with the tokens of the model.

    Raises:
        GrammarError: If llguidance refuses it.
    """
    matcher = _matcher_of(text, engine)
    if matcher.is_error():
        raise refused(_reason(matcher.get_error()))
    return Grammar(text, (), matcher, partial(_matcher_of, text, byte_tokenizer()))


# ---- the ladder ----------------------------------------------------------------------------------


def _compile_on_ladder(schema: JsonSchema, engine: LLTokenizer, document: str | None) -> Grammar:
    refusal, left_out = "", list[Note]()
    if sum(_divisors(schema)) > _COSTLY:
        schema = _without_divisors(schema)
        left_out = [
            Note("", "multipleOf", "checked", "not held while decoding: the divisors are too large")
        ]
    schema, notes = without_long_patterns(schema)
    left_out += notes
    if depth_of(schema) > MAX_DEPTH:
        raise refused(f"its parts lead more than {MAX_DEPTH} deep into one another")
    for last in (False, True):
        for options in _LADDER:
            text = to_lark(schema, document, options)
            matcher = _matcher_of(text, engine)
            if not matcher.is_error():
                return Grammar(
                    text,
                    (*left_out, *_ignored(matcher.get_grammar_warnings())),
                    matcher,
                    partial(_matcher_of, text, byte_tokenizer()),
                    shortest_values(schema),
                    schema,
                    ClosedPlaces(schema),
                )
            refusal = matcher.get_error()
        if not last:
            schema, notes = without_refused(schema, _accepts)
            left_out += notes
    raise refused(_reason(refusal))


def _accepts(schema: JsonSchema) -> bool:
    """Whether the engine takes a schema as it is."""
    text = to_lark(schema, None, {"lenient": True})
    return not _matcher_of(text, byte_tokenizer()).is_error()


def _divisors(node: Json) -> Iterator[float]:
    """The divisors of a schema. A field that is named `multipleOf` does no harm."""
    if isinstance(node, dict) and isinstance(divisor := node.get("multipleOf"), int | float):
        yield divisor
    for part in inner_values(node):
        yield from _divisors(part)


def _without_divisors(node: Json) -> Json:
    if isinstance(node, list):
        return [_without_divisors(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_divisors(part)
        for key, part in node.items()
        if key != "multipleOf" or isinstance(part, dict)
    }


def refused(reason: str) -> GrammarError:
    """Say that an engine refuses a schema.

    Args:
        reason: Why, in the engine's words.
    """
    return GrammarError(
        f"The grammar engine refuses the schema: {reason.rstrip('.')}.",
        hint=_SIMPLIFY,
    )


def _ignored(warnings: list[str]) -> Iterator[Note]:
    for warning in warnings:
        keyword = (
            "oneOf"
            if warning.startswith("oneOf")
            else "format"
            if "format" in warning
            else "schema"
        )
        yield Note("", keyword, "checked", f"not held while decoding: {_reason(warning)}")


def _reason(message: str) -> str:
    """The first line of llguidance's message, without positions and the schema that it quotes."""
    lines = message.splitlines()
    said = next((line for line in lines if line.startswith("error: ")), lines[0])
    said = re.sub(r"^(error: |at \d+\(\d+\): )", "", said).removeprefix(
        "failed to compile JSON schema: "
    )
    return said if len(said) <= 200 else said[:200] + "..."


# ---- what is kept --------------------------------------------------------------------------------


_GRAMMARS: Final[Cache[Grammar]] = Cache()
_MATCHERS: Final[Cache[LLMatcher]] = Cache()


def _matcher_of(text: str, engine: LLTokenizer) -> LLMatcher:
    """Make a matcher of a grammar; in its error state if llguidance refuses it. Cached.

    Some errors show at the first tokens only, so it reads the beginning of an object.
    """
    key = (text, engine)
    found = _MATCHERS.get(key)
    if found is None:
        found = LLMatcher(
            engine, LLMatcher.grammar_from_lark(text), log_level=0, limits=parser_limits()
        )
        forced = found.compute_ff_bytes()
        if forced == _FIRST_BYTES[:1] and not found.is_error():  # members compete there
            begun = found.deep_copy()
            begun.try_consume_tokens(engine.tokenize_bytes(_FIRST_BYTES))
            found = begun if begun.is_error() else found
        _MATCHERS.keep(key, found)
    return found
