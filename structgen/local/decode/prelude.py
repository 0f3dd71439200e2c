"""Think, then write: let a model write freely before its answer, in the same pass.

What it writes stays in the sequence as it was computed, and the answer goes on from there under its
grammar. A closing tag ends it, or the end that the model sees for its answer, or its budget; then
the words are forced with which an answer begins.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy

from structgen.local.decode.open_values import find_circle
from structgen.local.runtimes.base import Step
from structgen.options import MAX_REASONING_TOKENS, THINKING_TAGS, UNSET, Options

if TYPE_CHECKING:
    from structgen.local.decode.sampling import Sampler
    from structgen.local.runtimes.base import Rows, Vocabulary

_LOOK_EVERY: Final = 16
"""Tokens between two looks for circles."""
_FORCED: Final = 32
"""Tokens that are kept for the words around what the model writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prelude:
    """What a model may write before its answer."""

    opening: bytes
    """What it begins with. It is written for the model."""
    closing: bytes
    """What ends it once the model writes it. It is written for the model if something else ends
    it: its own end of an answer, its budget, or words that go round in circles."""
    bridge: bytes
    """What is written for the model between the prelude and the answer."""
    budget: int = 0
    """Tokens that the model may write."""


_OPENING, _CLOSING = THINKING_TAGS
_FORMS: Final[Mapping[str, Prelude]] = {
    "first": Prelude(opening=f"{_OPENING}\n".encode(), closing=_CLOSING.encode(), bridge=b"\n"),
    "draft": Prelude(opening=b"Draft:\n", closing=b"\n\n", bridge=b"Record:\n"),
}
"""The preludes by the option `reasoning`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """What a model wrote before its answer."""

    tokens: list[int] = field(repr=False)
    """The tokens to compute next: those after which the answer begins, as far as they are not
    computed yet."""
    text: str | None = field(default=None, repr=False)
    """What it wrote; None if it was not asked to."""
    count: int = 0
    """How many tokens it wrote."""


def prelude_for(options: Options, *, prompt: int, answer: int, context: int) -> Prelude | None:
    """Give the prelude that a call asks for, as long as the answer leaves room for one.

    Args:
        options: The options of the call.
        prompt: Tokens of the prompt.
        answer: Tokens that the answer may have.
        context: Tokens of all together.
    """
    form = _FORMS.get("off" if options.reasoning is UNSET else options.reasoning)
    if form is None:
        return None
    wanted = options.max_reasoning_tokens
    most = MAX_REASONING_TOKENS if wanted is UNSET else wanted
    budget = min(most, context - prompt - answer - _FORCED)
    if budget <= 0:
        return None
    return Prelude(opening=form.opening, closing=form.closing, bridge=form.bridge, budget=budget)


def think(
    prompt: list[int], prelude: Prelude | None, sampler: Sampler, vocabulary: Vocabulary
) -> Generator[Step, Rows, Thought]:
    """Let the model write its prelude.

    Args:
        prompt: The prompt, in tokens.
        prelude: What the model may write; None for nothing.
        sampler: Chooses the tokens.
        vocabulary: The tokens of the model.

    Returns:
        What it wrote, and the tokens that lead to the answer.
    """
    if prelude is None:
        return Thought(tokens=prompt)
    tokens_of = vocabulary.engine.tokenize_bytes
    everything = numpy.ones(len(vocabulary.pieces), dtype=bool)
    pending: list[int] = prompt + tokens_of(prelude.opening)
    tokens: list[int] = []
    text, rest = b"", prelude.closing + prelude.bridge
    while len(tokens) < prelude.budget:
        scores = (yield Step(pending))[-1]
        token, _ = sampler.pick(scores, lambda _: True, lambda: everything)
        if token in vocabulary.ends:
            pending = []
            break
        tokens.append(token)
        text += vocabulary.pieces[token]
        pending = [token]
        at = text.find(prelude.closing)
        if at >= 0:
            # What the last token has after the tag is no part of the answer.
            beyond = len(text) - at - len(prelude.closing)
            piece = vocabulary.pieces[token]
            pending = tokens_of(piece[: len(piece) - beyond]) if beyond else pending
            text, rest = text[:at], prelude.bridge
            break
        if len(tokens) % _LOOK_EVERY == 0 and find_circle(tokens) is not None:
            break
    written = text.decode(errors="replace").strip()
    return Thought(tokens=pending + tokens_of(rest), text=written, count=len(tokens))
