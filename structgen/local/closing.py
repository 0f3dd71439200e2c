"""The shortest way to end an answer under a grammar, found by asking the matcher.

What is forced is taken. Where there is a choice, what ends soonest comes first: the end of the string, object or array that is
open, then `null`, an empty string, an empty array, a short number. Within a string that may not end yet (a pattern, a least length,
a word of a list) the character used least so far comes first, so that whatever the pattern waits for is tried before long. That is
no proof that there is no shorter way, but a way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from structgen.local.outline import Outline

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

_ENDS: Final = (b"}", b"]", b", ", b",", b": ", b":")
_VALUES: Final = (b"null", b'""', b"[]", b"{}", b"0", b"1", b"-1", b"false", b"true", b"[", b'"', b"{")
_ESCAPED: Final = (b"n", b'"', b"u")
_CHARACTERS: Final = tuple(
    bytes([byte])
    for byte in (*b"a0 A1.-_@/:eEzZ9,;+()#%&'!?*=<>|~^$[]{}`", *range(33, 127), *range(0x80, 0xC0))
    if byte not in b'"\\'
)
_ROOM: Final = 64
_BYTES_A_TOKEN: Final = 8


def closing(matcher: LLMatcher, engine: LLTokenizer, limit: int, outline: Outline) -> list[int] | None:
    """Tokens, at most `limit`, that end the partial answer the matcher stands in; [] where it may end here, None for none found.

    `outline`: what is open in it. The matcher stays as it was.
    """
    if matcher.is_accepting():
        return []
    text = _text(matcher.deep_copy(), engine, limit * _BYTES_A_TOKEN + _ROOM, outline.copy())
    if text is None:
        return None
    tokens: list[int] = engine.tokenize_bytes(text)
    return tokens if len(tokens) <= limit and matcher.validate_tokens(tokens) == len(tokens) else None


def _text(probe: LLMatcher, engine: LLTokenizer, room: int, outline: Outline) -> bytes | None:
    written, used = bytearray(), Counter[bytes]()
    while not probe.is_accepting():
        piece = bytes(probe.compute_ff_bytes())
        if not (piece and _takes(probe, engine, piece)):
            found = next((choice for choice in _choices(outline, used) if _takes(probe, engine, choice)), None)
            if found is None:
                return None
            piece = found
            used[piece] += 1
        written += piece
        outline.feed(piece, 0)
        if len(written) > room:
            return None
    return bytes(written)


def _choices(outline: Outline, used: Counter[bytes]) -> Iterator[bytes]:
    if outline.escaped:
        yield from _ESCAPED
    elif outline.in_string:
        yield b'"'
    else:
        yield from _ENDS
        yield from _VALUES
    yield from _least_used(_CHARACTERS, used)


def _least_used(characters: Iterable[bytes], used: Counter[bytes]) -> Iterator[bytes]:
    yield from sorted(characters, key=used.__getitem__) if used else characters


def _takes(probe: LLMatcher, engine: LLTokenizer, piece: bytes) -> bool:
    """Go on with `piece` where the grammar allows it."""
    tokens = _tokens(engine, piece)
    if probe.validate_tokens(tokens) < len(tokens):
        return False
    return bool(probe.consume_tokens(tokens))


@lru_cache(maxsize=1 << 14)
def _tokens(engine: LLTokenizer, piece: bytes) -> list[int]:
    tokens: list[int] = engine.tokenize_bytes(piece)
    return tokens
