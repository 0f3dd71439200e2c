"""What a model in this process is to the decoder: a vocabulary, a template for chats, and logits for tokens at places of sequences.

A runtime holds `sequences` contexts of `context` tokens each and computes; nothing else. Which token comes next, which sequence
goes on, what a grammar allows and what is reused of earlier prompts is decided once, in `decoding` and `batching`.
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
    """How a model is run.

    `context`: tokens of prompt and answer together; `threads`: of computation; `parallel`: answers at a time, each with a context
    of its own; `device`: where it computes, by torch's name for it; of llama.cpp's builds each computes on the one it is made for.
    """

    context: int
    threads: int
    parallel: int
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens of a model. `pieces`: the bytes of each, b"" for special ones; `ends`: the tokens that end an answer; `engine`:
    the same tokens as the grammar engine takes them."""

    pieces: Sequence[bytes] = field(repr=False)
    ends: frozenset[int]
    engine: LLTokenizer = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens that go on a sequence, from its place `start` on."""

    sequence: int
    start: int
    tokens: Sequence[int]


class Runtime(Protocol):
    """A loaded model. Used by one thread at a time. Raises EngineErrors only.

    `context`: places of a sequence; `sequences`: how many there are; `batch`: tokens that one `decode` takes, all parts together.
    The logits that `decode` gives are the runtime's own memory: they hold until the next `decode`.
    """

    name: str
    context: int
    sequences: int
    batch: int
    vocabulary: Vocabulary

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The messages through the model's chat template, as tokens, up to where the answer begins. Called from any thread."""
        ...

    def decode(self, parts: Sequence[Part]) -> list[Logits]:
        """Compute the parts, each of another sequence, in one batch; gives the logits behind the last token of each."""
        ...

    def keep(self, sequence: int, length: int) -> int:
        """Forget what stands in a sequence from place `length` on; gives what is kept: less where a model cannot forget in part."""
        ...

    def copy(self, source: int, target: int, length: int) -> int:
        """Let `target` hold the first `length` places of `source`, and nothing else; gives how many it holds."""
        ...

    def close(self) -> None: ...
