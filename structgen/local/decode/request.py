"""One answer to decode, and the decoded answer."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from structgen.local.decide.decided import Deciding
from structgen.local.decode.prelude import Prelude, Thought
from structgen.local.decode.sampling import Sampler
from structgen.local.runtimes.base import Step
from structgen.values import Alternatives, CutText, Removed

if TYPE_CHECKING:
    from structgen.answer.taking_back import TakingBack
    from structgen.local.grammar.grammar import Grammar
    from structgen.local.runtimes.base import Rows, Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeRequest:
    """One answer to decode."""

    prompt: list[int] = field(repr=False)
    """The prompt, in tokens."""
    budget: int
    """Tokens that the answer may have."""
    fixed: int = 0
    """Tokens at the beginning of the prompt that are the same for every document."""
    sampler: Sampler
    watch: Callable[[str], None]
    """Called with each piece of text. Whatever it raises ends the answer."""
    grammar: Grammar | None = None
    """What holds the answer; None for free text."""
    stop: tuple[str, ...] = ()
    """Texts that end free text."""
    begun: bytes = field(default=b"", repr=False)
    """The bytes that the answer begins with, under a grammar. They count as written by the
    model.
    """
    deciding: Deciding | None = None
    """How closed values are decided; None to write them token by token."""
    prelude: Prelude | None = None
    """What the model may write freely before an answer under a grammar; None for nothing."""
    rules: TakingBack | None = field(default=None, repr=False)
    """What texts are taken back once they have closed; None for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One decoded answer."""

    text: str = field(repr=False)
    finish_reason: str
    """`stop`, or `length` if the text was cut or no answer fits the budget."""
    tokens: int
    forced: int = 0
    """How many of the tokens the grammar forced, so that nothing was chosen."""
    logprobs: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    """The text in pieces, each with the natural logarithm of its probability."""
    shortened: tuple[str, ...] = ()
    """JSON Pointers of the values that were ended early."""
    shortened_by: tuple[str, ...] = ()
    """Why: `limit` if they did not fit, `repetition` if they went round in circles."""
    repeated: tuple[str, ...] = ()
    """JSON Pointers of the items that were not let come again: their lists end there."""
    removed: tuple[Removed, ...] = ()
    """The texts that were taken back by the request's rules."""
    alternatives: Alternatives = field(default_factory=dict, repr=False)
    """The options of decided values, by JSON Pointer."""
    pressure: Mapping[str, float] = field(default_factory=dict, repr=False)
    """The largest probability that the grammar took at a token of a value, by JSON Pointer."""
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)
    """The scores of decided values' options, as `Deciding.priors` has them."""
    thought: Thought | None = None
    """What the model wrote before the answer, under a grammar. `tokens` does not count it."""


Decoding: TypeAlias = "Generator[Step, Rows, Decoded]"
"""Yields steps (first the whole prompt); is sent the scores that each of them wants."""


class TextBuffer:
    """The text of tokens as they come. A character that a token ends in comes with a later
    token.
    """

    def __init__(self, vocabulary: Vocabulary, watch: Callable[[str], None]) -> None:
        self._pieces, self._watch = vocabulary.pieces, watch
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.logprobs: list[tuple[str, float]] = []
        self.count = 0
        self.is_cut = False
        """Whether a value was ended early by now."""

    def add(self, token: int, chance: float) -> str:
        text = self._decoder.decode(self._pieces[token])
        self.logprobs.append((text, chance))
        self.count += 1
        self._watch(CutText(text) if self.is_cut else text)
        return text
