"""The tokens that may come next, as one bit for each.

The engine fills the same memory for every token of an answer, and nothing is copied. The bits are
unpacked only by who needs more than one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy

if TYPE_CHECKING:
    from structgen.local.grammar.matcher import Matcher
    from structgen.local.runtimes.base import TokenSet

    Flags = numpy.ndarray[tuple[int], numpy.dtype[numpy.bool_]]


class TokenMask:
    """The mask of one answer.

    Args:
        size: Tokens of the vocabulary, as the grammar engine counts them.
        pieces: Tokens that the model scores; those beyond may not be chosen.
    """

    def __init__(self, size: int, pieces: int) -> None:
        words = numpy.zeros((size + 31) // 32, dtype=numpy.int32)
        self._bytes = words.view(numpy.uint8)
        self._address, self._size = words.ctypes.data, words.nbytes
        self._pieces = pieces

    def fill(self, matcher: Matcher) -> TokenMask:
        """Fill the mask with the tokens that may come next.

        Args:
            matcher: The grammar, after what was written.
        """
        matcher.unsafe_compute_mask_ptr(self._address, self._size)
        return self

    def flags(self) -> Flags:
        """Tell for each token whether it may come next."""
        bits = numpy.unpackbits(self._bytes, count=self._pieces, bitorder="little")
        return bits.view(numpy.bool_)

    def tokens(self) -> TokenSet:
        """Give the tokens that may come next."""
        return numpy.flatnonzero(self.flags())
