"""The grammar engines as judges: a compiled schema is good if the engine builds a grammar."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import llguidance
from llguidance import LLMatcher

from tests.checkers.providers import any_schema


class ByteTokenizer:
    """One token a byte, and an end: enough to build and run any grammar without a model."""

    eos_token_id = 256
    bos_token_id = None
    tokens: Sequence[bytes] = [*(bytes([i]) for i in range(256)), b"<eos>"]
    special_token_ids: Sequence[int] = [256]

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode())


@cache
def tokenizer() -> Any:
    return llguidance.LLTokenizer(llguidance.TokenizerWrapper(ByteTokenizer()))


def violations(schema: Any, name: str) -> list[str]:
    """What llguidance says against the schema, in its strict setting."""
    error = LLMatcher.validate_grammar(
        LLMatcher.grammar_from_json_schema(json.dumps(schema)), tokenizer()
    )
    return any_schema(schema, name) + ([f"/: {error}"] if error else [])


def accepts(schema: Any, text: str) -> bool:
    """Can llguidance write this text under the schema, to its end?"""
    matcher = LLMatcher(tokenizer(), LLMatcher.grammar_from_json_schema(json.dumps(schema)))
    return bool(matcher.consume_tokens(list(text.encode())) and matcher.is_accepting())
