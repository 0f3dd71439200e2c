"""A compiled schema -> the grammar that answers are decoded with, taken by the engine that will run it.

A runtime that is given a grammar it refuses may go on without one, so none is handed out that llguidance itself has not taken. What
the strict reading of a schema refuses is tried with `coerce_one_of` and then `lenient`; the keywords those leave out become notes,
for the check. The finished text is read by the same grammar once more (`Grammar.reads`), byte by byte and without any model's
tokens: that proof, not the decoder's word, is the guarantee.

llguidance bounds what it builds: a lexer's work, a grammar's symbols and states, the depth of a document. Whatever goes beyond is a
GrammarError within about a second.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Generic, Literal, TypeVar

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper, regex_to_lark

from structgen.errors import GrammarError
from structgen.local.grammar.dates import tight
from structgen.local.grammar.lark import lark
from structgen.local.grammar.samples import samples
from structgen.local.grammar.terminals import parser_limits
from structgen.schema.json import to_text
from structgen.values import Json, JsonSchema, Note

T = TypeVar("T")

_LADDER: Final[tuple[Mapping[str, bool], ...]] = ({}, {"coerce_one_of": True}, {"lenient": True})
_COSTLY: Final = 100_000
"""What all divisors of a schema (`multipleOf`) may add up to: llguidance counts remainders, so many in half a second."""
_EOS: Final = 256
_KEPT: Final = 8 << 20
_EACH: Final = 1 << 14


class _Bytes:
    """A vocabulary of the 256 bytes and an end mark: what reads a text without any model's tokenizer."""

    eos_token_id = _EOS
    bos_token_id = None
    tokens: Final = [bytes([value]) for value in range(256)] + [b"<end>"]
    special_token_ids: Final = [_EOS]

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text.encode() if isinstance(text, str) else text)


@lru_cache(maxsize=1)
def byte_tokenizer() -> LLTokenizer:
    """A token for each byte, and 256 for the end."""
    return LLTokenizer(TokenizerWrapper(_Bytes()))


@dataclass(frozen=True, slots=True)
class Grammar:
    """A grammar that llguidance has taken, for the tokens of one model.

    `text`: in llguidance's Lark dialect; `notes`: which keywords of the schema it does not hold; `samples`: short texts that its
    patterns find, for `closing`.
    """

    text: str = field(repr=False)
    notes: tuple[Note, ...]
    _matcher: LLMatcher = field(repr=False, compare=False)
    samples: tuple[bytes, ...] = field(default=(), repr=False)

    def matcher(self) -> LLMatcher:
        """A matcher at the beginning of an answer, for one generation."""
        return self._matcher.deep_copy()

    def reads(self, text: str) -> Literal["whole", "part", "no"]:
        """Whether `text` is a sentence of the grammar, the beginning of one, or neither."""
        matcher, codes = _built(self.text, byte_tokenizer()).deep_copy(), list(text.encode())
        if matcher.try_consume_tokens(codes) < len(codes):
            return "no"
        return "whole" if matcher.is_accepting() else "part"


def grammar(schema: JsonSchema, engine: LLTokenizer, source: str | None = None) -> Grammar:
    """The grammar of `schema` over the tokens of `engine`; grounded values stand in `source`. Cached. Raises GrammarError.

    The schema should be closed (`additionalProperties: false`) and require every property: an open object lets a model invent keys.
    """
    try:
        key = (to_text(schema), source, engine)
        return _GRAMMARS.get(key) or _GRAMMARS.keep(key, _climb(tight(schema), engine, source))
    except RecursionError:
        raise _refused("it is nested too deeply") from None


def lark_of_regex(pattern: str) -> str:
    """The grammar of a regular expression. Raises GrammarError."""
    text = "%llguidance {}\nstart: /" + regex_to_lark(pattern) + "/"
    matcher = _built(text, byte_tokenizer())
    if matcher.is_error():
        raise GrammarError(
            f"The grammar engine refuses the regular expression: {_reason(matcher.get_error())}"
        )
    return text


def of_lark(text: str, engine: LLTokenizer) -> Grammar:
    """A grammar that is written in llguidance's Lark dialect. Raises GrammarError."""
    matcher = _built(text, engine)
    if matcher.is_error():
        raise _refused(_reason(matcher.get_error()))
    return Grammar(text, (), matcher)


# ---- the ladder -----------------------------------------------------------------------------------------------------------


def _climb(schema: JsonSchema, engine: LLTokenizer, source: str | None) -> Grammar:
    refusal, left_out = "", list[Note]()
    if sum(_divisors(schema)) > _COSTLY:
        schema = _without_divisors(schema)
        left_out = [
            Note("", "multipleOf", "checked", "not held while decoding: the divisors are too large")
        ]
    for options in _LADDER:
        text = lark(schema, source, options)
        matcher = _built(text, engine)
        if not matcher.is_error():
            return Grammar(
                text,
                (*left_out, *_ignored(matcher.get_grammar_warnings())),
                matcher,
                samples(schema),
            )
        refusal = matcher.get_error()
    raise _refused(_reason(refusal))


def _divisors(node: Json) -> Iterator[float]:
    """What stands under `multipleOf`; that a field may be called so does no harm."""
    if isinstance(node, dict) and isinstance(divisor := node.get("multipleOf"), int | float):
        yield divisor
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
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


def _refused(reason: str) -> GrammarError:
    return GrammarError(
        f"The grammar engine refuses the schema: {reason}",
        hint="Simplify the schema, or use a model behind a server, where the check alone proves the answer.",
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
    """What is wrong, in one line of llguidance's message: without positions and the schema it quotes."""
    lines = message.splitlines()
    said = next((line for line in lines if line.startswith("error: ")), lines[0])
    said = re.sub(r"^(error: |at \d+\(\d+\): )", "", said).removeprefix(
        "failed to compile JSON schema: "
    )
    return said if len(said) <= 200 else said[:200] + "..."


# ---- what is kept ---------------------------------------------------------------------------------------------------------


class _Kept(Generic[T]):
    """The values used last, as many as the texts of their keys allow. Safe to use from many threads."""

    def __init__(self) -> None:
        self._values: OrderedDict[tuple[Any, ...], T] = OrderedDict()
        self._lock = threading.Lock()
        self._size = 0

    def get(self, key: tuple[Any, ...]) -> T | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def keep(self, key: tuple[Any, ...], value: T) -> T:
        with self._lock:
            if key not in self._values:
                self._size += _size(key)
            self._values[key] = value
            while self._size > _KEPT and len(self._values) > 1:
                self._size -= _size(self._values.popitem(last=False)[0])
        return value


def _size(key: tuple[Any, ...]) -> int:
    return _EACH + sum(len(part) for part in key if isinstance(part, str))


_GRAMMARS: Final[_Kept[Grammar]] = _Kept()
_MATCHERS: Final[_Kept[LLMatcher]] = _Kept()


def _built(text: str, engine: LLTokenizer) -> LLMatcher:
    """A matcher of a grammar, in its error state where llguidance refuses it, be it at the first token only. Cached."""
    key = (text, engine)
    found = _MATCHERS.get(key)
    if found is None:
        found = LLMatcher(
            engine, LLMatcher.grammar_from_lark(text), log_level=0, limits=parser_limits()
        )
        found.compute_ff_bytes()
        _MATCHERS.keep(key, found)
    return found
