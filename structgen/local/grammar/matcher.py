"""The interface between the decoder and a grammar engine.

A matcher reads one answer, token by token. llguidance's `LLMatcher` has these methods itself, so
nothing stands between it and the decoder; other engines get an adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from llguidance import LLTokenizer


class Matcher(Protocol):
    """One answer under a grammar, as far as it was written."""

    def deep_copy(self) -> Matcher:
        """Copy the matcher. What is read by one of both is not read by the other."""

    def is_error(self) -> bool:
        """Whether the engine gave up: it may spend only so much on one answer."""

    def get_error(self) -> str:
        """Say why the engine gave up; "" if it did not."""

    def is_accepting(self) -> bool:
        """Whether the answer may end here."""

    def is_stopped(self) -> bool:
        """Whether nothing but the end may come next."""

    def compute_ff_bytes(self) -> bytes:
        """Give the bytes that the grammar forces next."""

    def compute_ff_tokens(self) -> list[int]:
        """Give the tokens that the grammar forces next, as far as they are the only ones."""

    def consume_tokens(self, tokens: list[int], /) -> bool:
        """Read tokens that the grammar allows."""

    def try_consume_tokens(self, tokens: list[int], /) -> int:
        """Read tokens up to the first that the grammar forbids; tell how many were read."""

    def validate_tokens(self, tokens: list[int], /) -> int:
        """Tell how many of some tokens the grammar allows, and read none."""

    def rollback(self, count: int, /) -> bool:
        """Take back the tokens that were read last."""

    def compute_bitmask(self) -> bytes:
        """Give the mask of the next token, one bit for each token."""

    def unsafe_compute_mask_ptr(self, address: int, size: int, /) -> None:
        """Write the mask of the next token, one bit for each token.

        Args:
            address: Where to write it.
            size: Bytes that are there.
        """


class Tokens(Protocol):
    """The tokens of one model."""

    @property
    def pieces(self) -> Sequence[bytes]:
        """The bytes of each token; b"" for a special one."""

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end an answer."""

    @property
    def engine(self) -> LLTokenizer:
        """The same tokens, as llguidance takes them."""
