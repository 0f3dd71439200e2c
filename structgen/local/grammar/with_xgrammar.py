"""xgrammar as the grammar engine, behind the interface that the decoder knows.

xgrammar takes nearly every schema, and lets through some values that the schema refuses. So each
grammar has a note that leaves the whole schema to the check, beside the notes of the schema
language `xgrammar`. Texts are turned into tokens by llguidance's tokenizer, as for its grammars.

It has no substrings, so grounded values are left to the check. Bytes are forced up to the last
whole character only.
"""

from __future__ import annotations

import ctypes
import re
from functools import cache, cached_property
from typing import Any, Final

import numpy
import xgrammar

from structgen.local.grammar.cache import Cache
from structgen.local.grammar.closed import ClosedPlaces
from structgen.local.grammar.grammar import Grammar, byte_tokenizer, refused
from structgen.local.grammar.lark import without_ours
from structgen.local.grammar.left_out import (
    MAX_DEPTH,
    depth_of,
    without_long_patterns,
    without_refused,
)
from structgen.local.grammar.matcher import Tokens
from structgen.local.grammar.shortest import shortest_values
from structgen.schema.json import to_text
from structgen.values import JsonSchema, Note

_SEPARATORS: Final = (", ", ": ")
_THREADS: Final = 1
_BYTES: Final = 256
_CHECKED: Final = Note(
    "", "schema", "checked", "xgrammar may let through what the schema refuses: proved by the check"
)
_POSITION: Final = re.compile(r"^\[[0-9:]+\] \S+: (Check failed: \(.*?\) is false: )?")
"""The time and the line of C++ in a message of xgrammar."""


class XGrammarMatcher:
    """One answer under a grammar of xgrammar.

    Args:
        matcher: xgrammar's own matcher.
        tokenizer: llguidance's tokenizer, with the same tokens.
    """

    def __init__(self, matcher: xgrammar.GrammarMatcher, tokenizer: Any) -> None:
        self._matcher, self._tokenizer = matcher, tokenizer
        self._mask: tuple[int, Any] = (0, None)

    def deep_copy(self) -> XGrammarMatcher:
        """Copy the matcher."""
        return XGrammarMatcher(self._matcher.fork(), self._tokenizer)

    def is_error(self) -> bool:
        """Whether the engine gave up. It never does."""
        return False

    def get_error(self) -> str:
        """Say why the engine gave up."""
        return ""

    def is_accepting(self) -> bool:
        """Whether the answer may end here."""
        return bool(self._matcher.is_completed())

    def is_stopped(self) -> bool:
        """Whether nothing but the end may come next."""
        if not self._matcher.is_completed():
            return False
        bits = numpy.frombuffer(self.compute_bitmask(), numpy.uint8)
        flags = numpy.unpackbits(bits, bitorder="little")
        ends = set(self._matcher.stop_token_ids)
        return ends.issuperset(numpy.flatnonzero(flags).tolist())

    def compute_ff_bytes(self) -> bytes:
        """Give the bytes that the grammar forces next, up to the last whole character."""
        if self._matcher.is_completed():
            return b""
        return bytes(self._matcher.find_jump_forward_string().encode())

    def compute_ff_tokens(self) -> list[int]:
        """Give the tokens of the forced bytes, less the last if more may be joined to it."""
        tokens: list[int] = self._tokenizer.tokenize_bytes(self.compute_ff_bytes())
        if not self.consume_tokens(tokens):
            return []
        is_whole = self.is_stopped()
        self.rollback(len(tokens))
        return tokens if is_whole else tokens[:-1]

    def consume_tokens(self, tokens: list[int]) -> bool:
        """Read tokens that the grammar allows; none if it does not allow all of them."""
        taken = self.try_consume_tokens(tokens)
        if taken < len(tokens):
            self.rollback(taken)
        return taken == len(tokens)

    def try_consume_tokens(self, tokens: list[int]) -> int:
        """Read tokens up to the first that the grammar forbids; tell how many were read."""
        accept = self._matcher.accept_token
        return next((at for at, token in enumerate(tokens) if not accept(token)), len(tokens))

    def validate_tokens(self, tokens: list[int]) -> int:
        """Tell how many of some tokens the grammar allows."""
        taken = self.try_consume_tokens(tokens)
        self.rollback(taken)
        return taken

    def rollback(self, count: int) -> bool:
        """Take back the tokens that were read last."""
        if count:
            self._matcher.rollback(count)
        return True

    def compute_bitmask(self) -> bytes:
        """Give the mask of the next token, one bit for each token."""
        bits = numpy.zeros((1, (self._tokenizer.vocab_size + 31) // 32), dtype=numpy.int32)
        self._matcher.fill_next_token_bitmask(bits)
        return bits.tobytes()

    def unsafe_compute_mask_ptr(self, address: int, size: int) -> None:
        """Write the mask of the next token."""
        if self._mask[0] != address:
            words = (ctypes.c_int32 * (size // 4)).from_address(address)
            self._mask = address, numpy.frombuffer(memoryview(words), numpy.int32).reshape(1, -1)
        self._matcher.fill_next_token_bitmask(self._mask[1])


class XGrammarCompiler:
    """Compiles schemas for the tokens of one model.

    Args:
        tokens: The tokens.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._grammars: Cache[Grammar] = Cache()

    @cached_property
    def _compiler(self) -> xgrammar.GrammarCompiler:
        size = max(len(self._tokens.pieces), self._tokens.engine.vocab_size)
        return _compiler(list(self._tokens.pieces), sorted(self._tokens.ends), size)

    def compile(self, schema: JsonSchema, document: str | None = None) -> Grammar:
        """Compile a schema to a grammar. Results are cached.

        Args:
            schema: The compiled schema.
            document: The text that grounded values are copied from, which only the check reads.

        Raises:
            GrammarError: If xgrammar refuses the schema, or it is nested too deeply.
        """
        try:
            key = (to_text(schema),)
            return self._grammars.get(key) or self._grammars.keep(key, self._compile(schema))
        except RecursionError:
            raise refused("it is nested too deeply") from None

    def _compile(self, schema: JsonSchema) -> Grammar:
        if depth_of(schema) > MAX_DEPTH:
            raise refused(f"its parts lead more than {MAX_DEPTH} deep into one another")
        held, notes = without_long_patterns(without_ours(schema))
        reason = _refusal(held)
        if reason:
            held, more = without_refused(held, _accepts)
            notes += more
            reason = _refusal(held)
        if reason:
            raise refused(reason)
        text = to_text(held)
        matcher = xgrammar.GrammarMatcher(_compiled(self._compiler, text))
        return Grammar(
            text,
            (*notes, _CHECKED),
            XGrammarMatcher(matcher, self._tokens.engine),
            lambda: _byte_matcher(text),
            shortest_values(held),
            schema,
            ClosedPlaces(schema),
        )


def _compiler(pieces: list[bytes], ends: list[int], size: int) -> xgrammar.GrammarCompiler:
    tokens = xgrammar.TokenizerInfo(pieces, vocab_size=size, stop_token_ids=ends)
    return xgrammar.GrammarCompiler(tokens, max_threads=_THREADS, enable_dynamic_compilation=True)


@cache
def _byte_compiler() -> xgrammar.GrammarCompiler:
    pieces = [bytes([value]) for value in range(_BYTES)] + [b""]
    return _compiler(pieces, [_BYTES], len(pieces))


def _byte_matcher(text: str) -> XGrammarMatcher:
    matcher = xgrammar.GrammarMatcher(_compiled(_byte_compiler(), text))
    return XGrammarMatcher(matcher, byte_tokenizer())


def _compiled(compiler: xgrammar.GrammarCompiler, text: str) -> xgrammar.CompiledGrammar:
    return compiler.compile_json_schema(
        text, any_whitespace=False, separators=_SEPARATORS, strict_mode=False
    )


def _accepts(schema: JsonSchema) -> bool:
    return not _refusal(schema)


def _refusal(schema: JsonSchema) -> str:
    """Why xgrammar refuses a schema; "" if it takes it."""
    try:
        _compiled(_byte_compiler(), to_text(schema))
    except RuntimeError as error:  # whatever its C++ checks
        return _POSITION.sub("", str(error).strip()).splitlines()[0][:200]
    return ""
