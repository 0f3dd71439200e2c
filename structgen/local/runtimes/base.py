"""The interface between the decoder and a model in this process.

A runtime holds `sequences` contexts of `context` tokens each and computes, nothing else.
`decode/` decides which token comes next, which sequence goes on, what a grammar allows, and how
much of earlier prompts is reused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from structgen.values import Message

if TYPE_CHECKING:
    import numpy
    from llguidance import LLTokenizer

    Logits: TypeAlias = "numpy.ndarray[tuple[int], numpy.dtype[numpy.float32]]"
    """One score per token of the vocabulary."""
    Rows: TypeAlias = "numpy.ndarray[tuple[int, int], numpy.dtype[numpy.float32]]"
    """Logits after several tokens, one row for each."""
    TokenSet: TypeAlias = "numpy.ndarray[tuple[int], numpy.dtype[numpy.int64]]"
    """Some tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a model is run."""

    context: int
    """Tokens of prompt and answer together."""
    threads: int
    """Threads of computation."""
    parallel: int
    """Answers at a time, each with a context of its own."""
    device: str = "auto"
    """Where torch computes, by torch's name. A build of llama.cpp computes where it was built
    for.
    """
    grammar: str = "llguidance"
    """The grammar engine that holds answers to their schemas."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens of a model."""

    pieces: Sequence[bytes] = field(repr=False)
    """The bytes of each token; b"" for a special one."""
    ends: frozenset[int]
    """The tokens that end an answer."""
    engine: LLTokenizer = field(repr=False, compare=False)
    """The same tokens, as the grammar engine takes them."""
    _sets: dict[tuple[bytes, ...], TokenSet] = field(
        default_factory=dict, repr=False, compare=False
    )
    _following: dict[bytes, tuple[TokenSet, TokenSet]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def beginning_with(self, *texts: bytes) -> TokenSet:
        """Give the tokens that begin with one of some texts.

        Args:
            *texts: The bytes that a token may begin with.
        """
        import numpy

        if texts not in self._sets:
            pieces = enumerate(self.pieces)
            found = [token for token, piece in pieces if piece.startswith(texts)]
            self._sets[texts] = numpy.array(found, dtype=numpy.int64)
        return self._sets[texts]

    def following(self, text: bytes) -> tuple[TokenSet, TokenSet]:
        """Give the tokens that begin with a text, and the byte that each has after it.

        Args:
            text: The bytes that a token begins with.

        Returns:
            Both in the same order; 256 for a token that has nothing after the text.
        """
        import numpy

        if text not in self._following:
            tokens, size = self.beginning_with(text), len(text)
            pieces = (self.pieces[token][size : size + 1] for token in tokens.tolist())
            after = numpy.array([piece[0] if piece else 256 for piece in pieces], dtype=numpy.int64)
            self._following[text] = tokens, after
        return self._following[text]


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens to compute for one sequence."""

    sequence: int
    start: int
    """The place of the first token in the sequence."""
    tokens: Sequence[int]
    each: bool = False
    """Whether the logits after each token are wanted, and not those after the last alone."""


class Step(NamedTuple):
    """Tokens to compute at the end of the sequence."""

    tokens: list[int]
    """At least one."""
    drop: int = 0
    """Tokens to take off the end of the sequence before."""
    each: bool = False
    """Whether the scores after each of the tokens are wanted, and not those after the last
    alone."""


class Runtime(Protocol):
    """A loaded model. One thread at a time uses it. It raises EngineErrors only."""

    name: str
    context: int
    """Places of each sequence."""
    sequences: int
    batch: int
    """Tokens that one `decode` takes, all parts together."""
    vocabulary: Vocabulary
    build: str
    """The library that computes, with its version; "" if it gives no states."""

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Turn messages into tokens, through the model's chat template, up to where the answer
        begins.

        Any thread may call it.

        Args:
            messages: The conversation.

        Raises:
            EngineError: If the template refuses the messages.
        """
        ...

    def decode(self, parts: Sequence[Part]) -> list[Rows]:
        """Compute parts in one batch.

        Args:
            parts: Tokens of different sequences.

        Returns:
            For each part the logits after its last token, or after each token. They may live in
            the runtime's own memory, until the next `decode`.

        Raises:
            EngineError: If the model cannot go on.
        """
        ...

    def keep(self, sequence: int, length: int) -> int:
        """Forget a sequence from place `length` on.

        Args:
            sequence: Which sequence.
            length: How many places to keep.

        Returns:
            The places that are kept: fewer if the model cannot forget in part.
        """
        ...

    def copy(self, source: int, target: int, length: int) -> int:
        """Copy the beginning of one sequence over another.

        Args:
            source: The sequence to copy from.
            target: The sequence to copy to. It holds nothing else afterwards.
            length: How many places to copy.

        Returns:
            The places that `target` holds.
        """
        ...

    def state(self, sequence: int) -> bytes:
        """Give what the model knows after the tokens of a sequence.

        Args:
            sequence: Which sequence.

        Returns:
            A state for `restore`, in any process with the same build, model and settings; b"" if
            there is none.
        """
        ...

    def restore(self, sequence: int, state: bytes, length: int) -> bool:
        """Put a state into a sequence, over everything that it holds.

        Args:
            sequence: Which sequence.
            state: What `state` gave.
            length: The tokens that it is the state after.

        Returns:
            Whether the sequence holds it now. If not, it holds nothing.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...
