"""Choose what comes next in an answer under a grammar: a token, or all of a closed value."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from structgen.local.decide.closed_values import ClosedValues
from structgen.local.decide.decided import DecidedValues, Deciding
from structgen.local.decide.decisions import Decision, Option
from structgen.local.decide.pressure import Pressure
from structgen.local.decode.mask import TokenMask
from structgen.local.decode.request import DecodeRequest
from structgen.schema.json import pointer_of

if TYPE_CHECKING:
    from structgen.local.grammar.grammar import Grammar
    from structgen.local.grammar.matcher import Matcher
    from structgen.local.runtimes.base import Logits, Rows, Step, TokenSet, Vocabulary


class Choosing:
    """The choices of one answer.

    Args:
        request: What is decoded.
        grammar: What holds the answer.
        vocabulary: The tokens of the model.
        matcher: The grammar, as far as the answer was written. Whoever writes moves it on.
    """

    def __init__(
        self, request: DecodeRequest, grammar: Grammar, vocabulary: Vocabulary, matcher: Matcher
    ) -> None:
        self._sampler, self._deciding = request.sampler, request.deciding
        self._pieces, self._ends = vocabulary.pieces, vocabulary.ends
        self._matcher = matcher
        self._mask = TokenMask(vocabulary.engine.vocab_size, len(vocabulary.pieces))
        self._values = ClosedValues(grammar, vocabulary)
        self._picked: tuple[int, float] | None = None
        self._only: TokenSet | None = None
        """The tokens that may come next, if a value that was decided has to end now."""
        self.decided = DecidedValues(request.deciding or Deciding(), request.sampler)
        self.pressure = Pressure(vocabulary)

    def feed(self, token: int) -> None:
        """Follow a token that was written."""
        self._values.feed(self._pieces[token])
        if not self._values.is_growing:
            self._only = None

    def take_back(self, text: bytes) -> None:
        """Forget what was written after a beginning of the answer.

        Args:
            text: What stays.
        """
        self._picked = self._only = None
        self._values.take_back(text)
        self.decided.alternatives.forget(len(text))
        self.pressure.highest.forget(len(text))

    # -- a token

    def pick(self, scores: Logits) -> tuple[int, float]:
        """Choose a token.

        Args:
            scores: The scores of the next token.

        Returns:
            The token and the logarithm of its probability, as `Sampler.pick`.
        """
        token, chance = self._picked or self._pick(scores)
        self._picked = None
        if self._values.in_value:
            self._note_pressure(token, scores)
        return token, chance

    def _pick(self, scores: Logits) -> tuple[int, float]:
        """Choose a token that the grammar allows, and that ends a value that has to end."""
        if self._only is None:
            return self._sampler.pick(scores, self._allows, self._choices)
        choices = self._only[self._mask.fill(self._matcher).flags()[self._only]]
        return self._sampler.pick(scores, choices.__contains__, lambda: choices)

    def _allows(self, token: int) -> bool:
        if token in self._ends:
            return bool(self._matcher.is_accepting())
        return bool(self._matcher.validate_tokens([token]) == 1)

    def _choices(self) -> TokenSet:
        return self._mask.fill(self._matcher).tokens()

    def _note_pressure(self, token: int, scores: Logits) -> None:
        values = self._values
        place, likeliest = pointer_of(values.path), int(scores.argmax())
        is_allowed = token == likeliest or self._allows(likeliest)
        if not is_allowed or self.pressure.matters(place, scores):
            allowed = self._mask.fill(self._matcher).flags()
            found = self.pressure.measure(
                scores, allowed, values.pending, in_string=values.in_string
            )
            self.pressure.note(place, values.start, found)

    # -- a value

    def options(self, scores: Logits) -> list[Option]:
        """Find the options of a closed value that comes next.

        Args:
            scores: The scores of the next token.

        Returns:
            The options to decide among; [] to choose a token.
        """
        self._values.look_ahead(self._matcher)
        options = self._values.options(self._matcher) if self._deciding else []
        if options and self._values.may_end and not self._begins_item(scores):
            return []
        return options

    def _begins_item(self, scores: Logits) -> bool:
        """Whether an item comes next, and not the end of the empty list: a token tells."""
        self._picked = self._pick(scores)
        follows = self._pieces[self._picked[0]][len(self._values.pending) :]
        if not follows:
            self._values.ask_again()  # once the list is open
        if not follows or follows.lstrip().startswith(b"]"):
            return False
        self._picked = None
        return True

    def decide(
        self, options: list[Option], scores: Logits, fits: Callable[[Option], bool]
    ) -> Generator[Step, Rows, Decision | None]:
        """Decide the value that comes next.

        Args:
            options: Its options.
            scores: The scores of the next token.
            fits: Whether the answer still fits its budget with an option.

        Returns:
            The decision; None if no option fits.
        """
        path, start = self._values.path, self._values.start
        begun = self.pressure.share(scores, self._values.pending)
        decision = yield from self.decided.decide(path, start, options, scores, fits)
        if decision is not None:
            self.pressure.note(pointer_of(path), start, 1.0 - decision.mass / begun)
        return decision

    def end_with(self, option: Option) -> None:
        """Let nothing come next but what ends a decided value, unless it has ended.

        Args:
            option: The option, whose tokens were written.
        """
        is_open = self._values.is_growing or not option.tokens
        self._only = option.ends if is_open else None
