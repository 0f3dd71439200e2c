"""A compiled schema and a token budget -> the grammar a runtime decodes with, checked by the engine that will run it.

The grammar language is llguidance's Lark dialect with the schema embedded (`start: %json {...}`), which its `x-guidance` member
configures: no optional whitespace, so that a small model cannot loop on it, and the separators `", "` and `": "`, which are what
models read in training; the two characters cost a token only where a tokenizer does not merge them, and a decoder that feeds forced
tokens in batches pays nothing for them.

A runtime that refuses a grammar may go on without one, so none is handed over that llguidance itself has not taken. What the strict
reading of a schema refuses is tried with `coerce_one_of` and then `lenient`; the keywords those leave out become notes, for the
check. The finished text is read by the same grammar again (`Grammar.reads`): that proof, not the runtime's word, is the guarantee.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper, regex_to_lark

from structgen.errors import GrammarError
from structgen.local.bounds import bounded
from structgen.types import Json, JsonSchema, Note

_FORM: Final = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_LADDER: Final[tuple[Mapping[str, bool], ...]] = ({}, {"coerce_one_of": True}, {"lenient": True})
_EOS: Final = 256


class _Bytes:
    """A vocabulary of the 256 bytes and an end mark: what reads a text without any model's tokenizer."""

    eos_token_id = _EOS
    bos_token_id = None
    tokens: Final = [bytes([value]) for value in range(256)] + [b"<end>"]
    special_token_ids: Final = [_EOS]

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text.encode() if isinstance(text, str) else text)


@lru_cache(maxsize=1)
def _tokenizer() -> LLTokenizer:
    return LLTokenizer(TokenizerWrapper(_Bytes()))


@dataclass(frozen=True, slots=True)
class Grammar:
    """A grammar that llguidance has accepted.

    `text`: in llguidance's Lark dialect, as llama.cpp takes it; `notes`: what was narrowed to fit the budget, and which keywords
    the grammar does not hold.
    """

    text: str
    notes: tuple[Note, ...]
    _matcher: LLMatcher = field(repr=False, compare=False)

    def reads(self, text: str) -> Literal["whole", "part", "no"]:
        """Whether `text` is a sentence of the grammar, the beginning of one, or neither."""
        matcher, codes = self._matcher.deep_copy(), list(text.encode())
        if matcher.try_consume_tokens(codes) < len(codes):
            return "no"
        return "whole" if matcher.is_accepting() else "part"


@lru_cache(maxsize=256)
def _grammar(schema: str, tokens: int) -> Grammar:
    source = json.loads(schema)
    tight, narrowed = bounded(source, tokens, accepts=_accepts)
    refusal = ""
    for options in _LADDER:
        for candidate, notes in ((tight, narrowed), (source, (_UNBOUNDED,))):
            text = _lark(candidate, options)
            failed, messages = LLMatcher.validate_grammar_with_warnings(LLMatcher.grammar_from_lark(text), _tokenizer())
            if not failed:
                return Grammar(text, (*notes, *_ignored(messages)), LLMatcher(_tokenizer(), LLMatcher.grammar_from_lark(text)))
            refusal = messages[0]
    raise GrammarError(
        f"The grammar engine refuses the schema: {_reason(refusal)}",
        hint="Simplify the schema, or use a model behind a server, where the check alone proves the answer.",
    )


def grammar(schema: JsonSchema, tokens: int) -> Grammar:
    """The grammar of `schema` for an answer of at most `tokens` tokens. Cached. Raises GrammarError.

    The schema should be closed (`additionalProperties: false`) and require every property: an open object lets a model invent keys.
    """
    return _grammar(json.dumps(schema, ensure_ascii=False, separators=(",", ":")), tokens)


_UNBOUNDED: Final = Note("", "maxLength", "checked", "bounds for the token budget do not fit this schema: an answer may be cut off")


def _lark(schema: Json, options: Mapping[str, bool]) -> str:
    return "%llguidance {}\nstart: %json " + json.dumps({**schema, "x-guidance": {**_FORM, **options}}, ensure_ascii=False)


def _accepts(schema: JsonSchema) -> bool:
    """Whether llguidance takes a schema as it stands. It calls a schema without any value unsatisfiable."""
    failed, _ = LLMatcher.validate_grammar_with_warnings(LLMatcher.grammar_from_lark(_lark(schema, {})), _tokenizer())
    return not failed


def _ignored(warnings: list[str]) -> Iterator[Note]:
    for warning in warnings:
        keyword = "oneOf" if warning.startswith("oneOf") else "format" if "format" in warning else "schema"
        yield Note("", keyword, "checked", f"not held while decoding: {_reason(warning)}")


def _reason(message: str) -> str:
    """What is wrong, in one line of llguidance's message: without positions and the schema it quotes."""
    lines = message.splitlines()
    said = next((line for line in lines if line.startswith("error: ")), lines[0])
    return re.sub(r"^(error: |at \d+\(\d+\): )", "", said).removeprefix("failed to compile JSON schema: ")


def lark_of_regex(pattern: str) -> str:
    """The grammar of a regular expression. Raises GrammarError."""
    text = "%llguidance {}\nstart: /" + regex_to_lark(pattern) + "/"
    failed, messages = LLMatcher.validate_grammar_with_warnings(LLMatcher.grammar_from_lark(text), _tokenizer())
    if failed:
        raise GrammarError(f"The grammar engine refuses the regular expression: {_reason(messages[0])}")
    return text
