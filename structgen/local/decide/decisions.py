"""Decide a closed value: score its options as whole strings, and take the best.

The score of an option is the natural logarithm of the probability that the model writes all of it,
with what ends it: the product over its tokens, without the grammar. So an option whose beginning is
likely and whose rest is not, is not chosen for its beginning. From this a share of the option's
prior is taken: its logarithm of probability after the same prompt with an empty document, because
what the model would say about nothing says nothing about the document.

Options with a common beginning share its tokens (`_Trie`). Tokens are computed one by one, each of
the option that is the best so far, and only as long as they can change the outcome: a further token
never makes an option likelier, so the score of its beginning is a bound. The best option is mostly
the likeliest at once, and deciding then costs what writing it costs. To compute an option to its
end at once would cost more, because a processor takes as long for two tokens in a row as for two
apart, and many an option is given up after its first. Only options that are taken in turns for long
are followed to their ends.

At a temperature the option is drawn: noise of the Gumbel distribution is added to the scores, which
is a draw from the distribution of the options (Gumbel 1954), and can be bounded alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from math import log
from typing import TYPE_CHECKING, Final

import numpy

from structgen.local.runtimes.base import Step

if TYPE_CHECKING:
    from structgen.local.runtimes.base import Logits, Rows, TokenSet, Vocabulary
    from structgen.values import Json

    Floats = numpy.ndarray[tuple[int], numpy.dtype[numpy.float64]]

_MOST_TOKENS: Final = 256
"""Tokens that are computed for one decision; then the best option known is taken."""
_MOST_DROPPED: Final = 16
"""Tokens that are computed in vain before options are followed to their ends: two that are equally
likely all along would be taken in turns, and their beginnings computed again and again."""
_WORD_ENDS: Final = (b",", b"]", b"}", b" ", b"\n")
"""Texts that end a number or a word."""
_QUOTE: Final = b'"'
_NEVER: Final = -100.0
"""The logarithm of a probability that is too small for a float."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a closed value."""

    value: Json
    text: bytes
    """Its JSON text."""
    tokens: tuple[int, ...]
    """The tokens still to be written, without what ends it."""
    ends: TokenSet | None
    """The tokens that end it; None if nothing else can follow its tokens."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decided value."""

    option: Option
    probabilities: tuple[tuple[Json, float], ...]
    """The options, the likeliest first, each with its probability among them."""
    chance: float
    """The natural logarithm of the option's probability among the options."""
    mass: float
    """The probability of all options together; the grammar took the rest."""
    computed: tuple[int, ...]
    """The tokens that the sequence holds now, after those that it held before."""
    scores: tuple[float, ...] = field(repr=False)
    """The score of each option, in their order, before the prior is taken off."""


def options_of(
    texts: Sequence[bytes], begun: bytes, pending: bytes, vocabulary: Vocabulary
) -> list[Option]:
    """Make options of their texts.

    Args:
        texts: The bytes that end the value in each way.
        begun: What was written of the value, or is forced.
        pending: The forced bytes that were not yet written; they may begin before the value.
        vocabulary: The tokens of the model.
    """
    found: dict[str, Option] = {}
    for text in texts:
        whole = begun + text
        value = json.loads(whole)
        if (written := json.dumps(value)) in found:
            continue  # another spelling of the same value
        tokens: list[int] = vocabulary.engine.tokenize_bytes(pending + text)
        ends = None
        if whole.endswith(_QUOTE):
            ends = vocabulary.beginning_with(vocabulary.pieces[tokens.pop()])
        elif any(other != text and other.startswith(text) for other in texts):
            ends = numpy.append(vocabulary.beginning_with(*_WORD_ENDS), [*vocabulary.ends])
        found[written] = Option(value, whole, tuple(tokens), ends)
    return list(found.values())


def decide(
    options: Sequence[Option],
    scores: Logits,
    *,
    priors: Floats,
    noise: Floats,
    temperature: float,
    fits: Callable[[Option], bool],
    all_scores: bool = False,
) -> Generator[Step, Rows, Decision | None]:
    """Decide among options.

    Args:
        options: At least one, in an order that does not depend on the schema's.
        scores: The scores of the next token.
        priors: What to take off the score of each option.
        noise: What to add to the score of each option, after it is divided by the temperature.
        temperature: 0 takes the best option.
        fits: Whether the answer still fits its budget with an option.
        all_scores: Whether every option is scored to its end, whatever that costs.

    Returns:
        The decision; None if no option fits.
    """
    trie = _Trie(options)
    trie.open((), scores)
    computed: tuple[int, ...] = ()
    spent = dropped = 0
    refused = numpy.zeros(len(options))
    while True:
        known = trie.scores - priors
        wanted = (known / temperature + noise if temperature else known) + refused
        if all_scores:
            wanted = numpy.where(trie.done, -numpy.inf, wanted) if not trie.done.all() else wanted
        elif spent >= _MOST_TOKENS and trie.done.any():
            wanted = numpy.where(trie.done, wanted, -numpy.inf)
        best = int(wanted.argmax())
        if wanted[best] == -numpy.inf:
            return None
        if trie.done[best]:
            if fits(options[best]):
                return _decision(options, best, trie, known - trie.crowds(), computed)
            refused[best] = -numpy.inf
            continue
        at_once = all_scores or dropped >= _MOST_DROPPED
        path = trie.to_end(best) if at_once else trie.beginning(best)
        same = shared(computed, path)
        rows = yield Step(list(path[same:]), drop=len(computed) - same, each=at_once)
        spent += len(path) - same
        dropped += len(computed) - same
        for at, row in enumerate(rows, len(path) - len(rows) + 1):
            trie.open(path[:at], row)
        computed = path


def _decision(
    options: Sequence[Option], best: int, trie: _Trie, known: Floats, computed: tuple[int, ...]
) -> Decision:
    weights = numpy.exp(known - known.max())
    shares = weights / weights.sum()
    order = numpy.argsort(-shares, kind="stable")
    return Decision(
        option=options[best],
        probabilities=tuple((options[at].value, float(shares[at])) for at in order),
        chance=float(known[best] - known.max() - numpy.log(weights.sum())),
        mass=min(1.0, float(numpy.exp(trie.scores - trie.crowds()).sum())),
        computed=computed,
        scores=tuple(trie.scores.tolist()),
    )


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """Count the tokens that both begin with."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


class _Trie:
    """The tokens of options, of which those with a common beginning share it."""

    def __init__(self, options: Sequence[Option]) -> None:
        self._options = options
        self._waiting: dict[tuple[int, ...], list[int]] = {(): list(range(len(options)))}
        self.scores = numpy.zeros(len(options))
        """The score of each option, or a bound if it is not done."""
        self.done = numpy.zeros(len(options), dtype=bool)
        self._scored = numpy.zeros(len(options), dtype=int)
        """How many tokens of each option the score is of."""

    def beginning(self, number: int) -> tuple[int, ...]:
        """The tokens of an option that its score is of: what follows them is not known yet."""
        return self._options[number].tokens[: self._scored[number]]

    def to_end(self, number: int) -> tuple[int, ...]:
        """The tokens of an option after which its whole score is known."""
        option = self._options[number]
        return option.tokens if option.ends is not None else option.tokens[:-1]

    def crowds(self) -> Floats:
        """The logarithm of how many options share the beginning that an option's score is of.

        Together they are as likely as that beginning at most.
        """
        found = numpy.zeros(len(self._options))
        for members in self._waiting.values():
            found[members] = log(len(members))
        return found

    def open(self, beginning: tuple[int, ...], row: Logits) -> None:
        """Score what follows a beginning.

        Args:
            beginning: The tokens of a beginning.
            row: The scores of the token after it.
        """
        members = self._waiting.pop(beginning, [])
        if not members:
            return
        weights = numpy.exp(row - row.max())
        shares = weights / weights.sum(dtype=numpy.float64)
        size = len(beginning)
        for number in members:
            option = self._options[number]
            ends_here = len(option.tokens) == size
            chosen = option.ends if ends_here else option.tokens[size]
            share = float(shares[chosen].sum())
            self.scores[number] += log(share) if share > 0 else _NEVER
            self._scored[number] = size + 1
            is_whole = len(option.tokens) == size + 1 and option.ends is None
            if ends_here or is_whole:
                self.done[number] = True
            else:
                self._waiting.setdefault(option.tokens[: size + 1], []).append(number)
