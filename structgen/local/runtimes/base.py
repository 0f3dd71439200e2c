"""The interface between the decoder and a model in this process.

A runtime holds `sequences` contexts of `context` tokens each and computes, nothing else.
`decode/` decides which token comes next, which sequence goes on, what a grammar allows, and how
much of earlier prompts is reused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from structgen.values import Message

if TYPE_CHECKING:
    import numpy
    from llguidance import LLTokenizer

    Logits: TypeAlias = "numpy.ndarray[tuple[int], numpy.dtype[numpy.float32]]"
    """One score per token of the vocabulary."""


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


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens of a model."""

    pieces: Sequence[bytes] = field(repr=False)
    """The bytes of each token; b"" for a special one."""
    ends: frozenset[int]
    """The tokens that end an answer."""
    engine: LLTokenizer = field(repr=False, compare=False)
    """The same tokens, as the grammar engine takes them."""


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens to compute for one sequence."""

    sequence: int
    start: int
    """The place of the first token in the sequence."""
    tokens: Sequence[int]


class Runtime(Protocol):
    """A loaded model. One thread at a time uses it. It raises EngineErrors only."""

    name: str
    context: int
    """Places of each sequence."""
    sequences: int
    batch: int
    """Tokens that one `decode` takes, all parts together."""
    vocabulary: Vocabulary

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

    def decode(self, parts: Sequence[Part]) -> list[Logits]:
        """Compute parts in one batch.

        Args:
            parts: Tokens of different sequences.

        Returns:
            The logits after the last token of each part. They live in the runtime's own memory,
            until the next `decode`.

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

    def close(self) -> None:
        """Free the model."""
        ...
