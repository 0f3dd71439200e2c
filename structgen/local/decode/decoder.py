"""Decode one answer, token by token.

The decoders are generators: they yield the tokens to compute and are sent the scores of the tokens
that may come next. Three things hold an answer to its grammar and its budget:

- Tokens that the grammar forces are not chosen. They are computed along with the token before them.
- A short ending of the answer (`find_ending`) is known at all times and fits the tokens that are
  left, so that no answer is cut off.
- A value that may go on without end (a string, an array) may use half of the slack that was left
  when it began, or all of it if nothing follows. A value that goes round in circles is ended at
  once. `shortened` lists the values that were ended early.

A value may be taken back once it has closed (`held_back`): an item that its list has already, or a
text that the document does not hold. `repeated` and `removed` name such values. What follows is
decoded as if they had never been written: the sequence goes back to where they began.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from structgen.local.decide.decisions import Option, shared
from structgen.local.decode.choosing import Choosing
from structgen.local.decode.ending import find_ending
from structgen.local.decode.free_text import decode_free
from structgen.local.decode.held_back import HeldBack, TakenBack
from structgen.local.decode.open_values import OpenValue, OpenValues, find_circle, pointers_at
from structgen.local.decode.prelude import think
from structgen.local.decode.request import Decoded, DecodeRequest, Decoding, TextBuffer
from structgen.local.runtimes.base import Step

if TYPE_CHECKING:
    from structgen.local.grammar.grammar import Grammar
    from structgen.local.runtimes.base import Logits, Rows, Vocabulary

_STRUCTURE: Final = frozenset(b'"[]{},:')
"""Bytes after which the shortest ending may be another one."""
_LOOK_EVERY: Final = 16
"""Tokens between two looks for circles, and at most between two searches for an ending: often
enough to lose few tokens, rarely enough to cost nothing that can be measured.
"""
_NEARLY_FULL: Final = 8
"""Tokens of slack below which the ending is searched for at every step."""
_NOTHING_FOLLOWS: Final = b'"]} '
"""An ending of these bytes alone only closes what is open."""
_LAST_ITEM_ROOM: Final = 32
"""Tokens that a list at the end of an answer keeps to finish the item it is in: a short record."""
_COMMA: Final = b","[0]
_ENDLESS: Final = re.compile(rb"[eE][+-]?[0-9]{2}$|[-.0-9]{40}$")
"""A number that further digits would make larger than a float, or longer than anybody means."""


def decode(request: DecodeRequest, vocabulary: Vocabulary) -> Decoding:
    """Decode an answer.

    Args:
        request: The answer to decode.
        vocabulary: The tokens of the model.
    """
    return (
        decode_free(request, vocabulary)
        if request.grammar is None
        else _decode_held(request, request.grammar, vocabulary)
    )


def _decode_held(request: DecodeRequest, grammar: Grammar, vocabulary: Vocabulary) -> Decoding:
    decoder = _GrammarDecoder(request, grammar, vocabulary)
    if not decoder.fits():
        return Decoded(text="", finish_reason="length", tokens=0)
    thought = yield from think(request.prompt, request.prelude, request.sampler, vocabulary)
    decoder.go(vocabulary.engine.tokenize_bytes(request.begun))
    step = Step(thought.tokens + decoder.step().tokens)
    while not decoder.over:
        scores = (yield step)[-1]
        if options := decoder.choosing.options(scores):
            yield from decoder.decide(options, scores)
        else:
            decoder.choose(scores)
        step = decoder.step()
    return replace(decoder.decoded(), thought=thought)


class _GrammarDecoder:
    """An answer under a grammar, and what is left of its budget."""

    def __init__(self, request: DecodeRequest, grammar: Grammar, vocabulary: Vocabulary) -> None:
        self._request, self._pieces, self._ends = request, vocabulary.pieces, vocabulary.ends
        self._engine = vocabulary.engine
        self._matcher, self._shortest = grammar.matcher(), grammar.shortest
        self.choosing = Choosing(request, grammar, vocabulary, self._matcher)
        self._text = TextBuffer(vocabulary, request.watch)
        self._held_back = HeldBack(grammar.schema, self._text, self._pieces, request.rules)
        self._tokens = self._held_back.tokens
        self._computed: list[int] = []  # the tokens of the answer that the sequence holds
        self._kept = 0  # how many of them are the answer's, as far as is known
        self._taken_back = 0  # tokens
        self._gone: list[TakenBack] = []
        self._chosen = 0
        self._open_values = OpenValues()
        self._way: list[int] = []
        self._way_at = 0
        self._last_item: OpenValue | None = None
        self._looked_at = 0
        self._cut: list[int] = []
        self._filled: list[tuple[int, int]] = []  # ranges of bytes that only end the answer
        self._cut_by: set[str] = set()
        self.over = False

    # -- choosing

    def fits(self) -> bool:
        """Whether some answer fits the budget."""
        way = find_ending(
            self._matcher, self._engine, self._request.budget, self._open_values, self._shortest
        )
        self._way = way or []
        return way is not None

    def choose(self, scores: Logits) -> None:
        """Choose a token, and write it with the tokens that follow from it."""
        token, chance = self.choosing.pick(scores)
        if token in self._ends:
            self.over = True
            return
        self._chosen += 1
        self.go([token], chance)

    def go(self, step: list[int], chance: float = 0.0) -> None:
        """Write `step`, the tokens forced after it, and the ends of values that have to end.

        `chance` is the logarithm of the probability of the last token of `step`.
        """
        self._take(step, chance, len(step) - 1)
        while True:
            if self._held_back.found is not None:
                end, chance = self._instead_of(self._held_back.found)
            else:
                end, chance = [] if self.over else self._ending(), 0.0
            if end:
                self._take(end, chance)
            elif self._held_back.found is None:
                return

    def step(self) -> Step:
        """Compute next what the sequence lacks of the answer, after what it has too many."""
        kept = self._kept + shared(self._computed[self._kept :], self._tokens[self._kept : -1])
        step = Step(self._tokens[kept:], drop=len(self._computed) - kept)
        self._computed[kept:], self._kept = step.tokens, len(self._tokens)
        return step

    def decide(self, options: list[Option], scores: Logits) -> Generator[Step, Rows, None]:
        """Decide a closed value, and write it with the tokens that follow from it."""
        first = scores.copy()  # what a runtime gives lives until it computes again
        decision = yield from self.choosing.decide(
            options, scores, lambda option: self._fits(option.tokens, self._open_values)
        )
        if decision is None:
            self._end_now()
            return
        self._computed += decision.computed
        tokens, before = list(decision.option.tokens), len(self._tokens)
        if tokens:
            self._chosen += len(tokens)
            self.go(tokens, decision.chance)
        self.choosing.end_with(decision.option)
        if len(self._tokens) == before:
            self.choose(first)

    def _fits(self, tokens: Sequence[int], open_values: OpenValues) -> bool:
        """Whether the grammar allows some tokens, and the answer can end within its budget then."""
        ahead, open_values = self._matcher.deep_copy(), open_values.copy()
        left = self._left - len(tokens)
        if left < 0 or ahead.try_consume_tokens(list(tokens)) < len(tokens):
            return False
        for token in tokens:
            open_values.feed(self._pieces[token], 0)
        return find_ending(ahead, self._engine, left, open_values, self._shortest) is not None

    @property
    def _left(self) -> int:
        """Tokens that the answer may still have. Those that were taken back have been spent."""
        return self._request.budget - len(self._tokens) - self._taken_back

    # -- writing

    def _take(self, step: list[int], chance: float, chosen: int = 0) -> list[int]:
        """Write a step, of which one token was chosen with a probability, and what is forced."""
        if self._last_item is not None:
            step = self._up_to_item(self._last_item, step)
        self._matcher.consume_tokens(step)
        step = [*step, *self._forced()]
        open_values = self._open_values.copy()
        for number, token in enumerate(step):
            open_values.feed(self._pieces[token], len(self._tokens) + number)
        left = self._left - len(step)
        if open_values.in_number or self._due(step, left):
            way = (
                find_ending(self._matcher, self._engine, left, open_values, self._shortest)
                if left >= 0
                else None
            )
            if way is None:
                self._matcher.rollback(len(step))
                return self._end_now()
            self._way, self._way_at = way, len(self._tokens) + len(step)
        self._open_values = open_values
        self._write(step, chance, chosen)
        self.over = self._matcher.is_stopped()
        return step

    def _forced(self) -> list[int]:
        forced: list[int] = []
        while not self._matcher.is_stopped() and (tokens := self._matcher.compute_ff_tokens()):
            self._matcher.consume_tokens(tokens)
            forced += tokens
        return forced

    def _write(self, step: list[int], chance: float = 0.0, chosen: int = 0) -> None:
        """Write tokens, of which one was chosen with a logarithm of probability."""
        for number, token in enumerate(step):
            self._held_back.write(token, chance if number == chosen else 0.0)
            self.choosing.feed(token)

    def _due(self, step: list[int], left: int) -> bool:
        """Whether to search for an ending again.

        Plain characters within a string hardly change the shortest ending. Within one it is only
        checked that the known ending still is one.
        """
        since = len(self._tokens) + len(step) - self._way_at
        return (
            self._last_item is not None
            or since >= _LOOK_EVERY
            or left - len(self._way) <= _NEARLY_FULL
            or any(_STRUCTURE & set(self._pieces[token]) for token in step)
            or self._matcher.validate_tokens(self._way) < len(self._way)
        )

    def _end_now(self) -> list[int]:
        """Write the known ending, because the next tokens do not fit."""
        way, self.over = self._way, True
        self._mark_cut(0, b"".join(self._pieces[token] for token in way), "limit")
        self._write(way)
        self._held_back.flush()
        return way

    # -- ending

    def _ending(self) -> list[int]:
        """Tokens that end a value without slack, or one that goes round in circles; [] for none."""
        way = b"".join(self._pieces[token] for token in self._way)
        slack = self._left - len(self._way)
        self._last_item = None
        self._look_for_circles(slack)
        for depth, value in enumerate(self._open_values.open):
            if value.kind == "object":
                continue
            if value.floor is None:
                value.floor = self._floor(depth, value, way, slack)
            if value.kind == "number" and _ENDLESS.search(self._from(value)):
                value.floor, value.endless = slack, True
            if slack <= value.floor:
                behind_item = self._open_values.open[-1] is value and way.startswith(b"]")
                if value.kind == "array" and slack > value.floor / 2 and not behind_item:
                    self._last_item = value
                else:
                    return self._end(depth, way)
        return []

    def _from(self, value: OpenValue) -> bytes:
        """The bytes since the token in which a value began."""
        return b"".join(self._pieces[token] for token in self._tokens[value.token :])

    def _look_for_circles(self, slack: int) -> None:
        """Take all slack from the value in which the tokens go round in circles."""
        if len(self._tokens) - self._looked_at < _LOOK_EVERY:
            return
        self._looked_at = len(self._tokens)
        if (circle := find_circle(self._tokens)) is not None:
            around = [
                value
                for value in self._open_values.open
                if value.kind != "object" and value.token <= circle
            ]
            if around:
                around[-1].floor, around[-1].endless = max(slack, 0), True

    def _floor(self, depth: int, value: OpenValue, way: bytes, slack: int) -> float:
        """The slack at which a value has to end.

        Half of what there is stays for what follows. A list that comes last keeps a little, to end
        after a whole item.
        """
        if value.kind == "number":
            return 0
        if way[self._open_values.until(depth, way) :].strip(_NOTHING_FOLLOWS):
            return slack / 2
        return min(_LAST_ITEM_ROOM, slack / 4) if value.kind == "array" else 0

    def _up_to_item(self, array: OpenValue, step: list[int]) -> list[int]:
        """Cut a step after the list's last item, and end the list there, if the step goes
        beyond.
        """
        piece, ahead = b"".join(self._pieces[token] for token in step), self._open_values.copy()
        for at in range(len(piece)):
            ahead.feed(piece[at : at + 1], 0)
            if piece[at] == _COMMA and ahead.open and ahead.open[-1] is array:
                end: list[int] = self._engine.tokenize_bytes(piece[:at] + b"]")
                if self._matcher.validate_tokens(end) == len(end):
                    self._cut.append(array.start)
                    self._cut_by.add(_reason(array))
                    self._text.is_cut = True
                    return end
        return step

    def _end(self, depth: int, way: bytes) -> list[int]:
        size = self._open_values.until(depth, way)
        end: list[int] = self._engine.tokenize_bytes(way[:size])
        if self._matcher.validate_tokens(end) < len(end):
            return []
        self._mark_cut(depth, way[:size], _reason(self._open_values.open[depth]))
        return end

    def _mark_cut(self, depth: int, end: bytes, reason: str) -> None:
        """Remember which values `end` ends early: the open ones from a depth on, and what it adds.

        An object counts if it is in a list. It is an item that is not whole, even if it may end
        here.
        """
        self._cut_by.add(reason)
        self._text.is_cut = True
        in_list = False
        for value in self._open_values.open[depth:]:
            if in_list or value.kind != "object":
                self._cut.append(value.start)
            in_list = in_list or value.kind == "array"
        self._filled.append((self._open_values.size, self._open_values.size + len(end)))

    # -- values that are taken back

    def _instead_of(self, taken: TakenBack) -> tuple[list[int], float]:
        """Take a value back. Returns the tokens that take its place, and the first's chance.

        The value stays if the grammar does not allow them, or no ending of the answer would fit.
        """
        value, kept = self._tokens[taken.keep :], self._tokens[: taken.keep]
        tokens: list[int] = self._engine.tokenize_bytes(taken.rest + taken.instead)
        open_values = self._open_values.back_to([self._pieces[token] for token in kept])
        self._matcher.rollback(len(value))
        if not self._fits(tokens, open_values):
            self._matcher.consume_tokens(value)
            self._held_back.accept()
            return [], 0.0
        self._open_values, self._last_item, self.over = open_values, None, False
        self._taken_back += len(value)
        self._kept = min(self._kept, taken.keep)
        self._looked_at = self._way_at = taken.keep
        size = open_values.size
        self._cut = [start for start in self._cut if start < size]
        self._filled = [(start, end) for start, end in self._filled if start < size]
        self._gone = [one for one in self._gone if one.start < taken.start] + [taken]
        self.choosing.take_back(b"".join(self._pieces[token] for token in kept))
        return tokens, self._held_back.take_back(taken)

    def decoded(self) -> Decoded:
        """The answer as it is now."""
        self._held_back.flush()
        text = "".join(piece for piece, _ in self._text.logprobs)
        shortened = pointers_at(text.encode(), self._cut, self._filled)
        repeated = [one.earlier for one in self._gone if one.earlier is not None]
        spent = len(self._tokens) + self._taken_back
        return Decoded(
            text=text,
            finish_reason="stop",
            tokens=spent,
            forced=spent - self._chosen,
            logprobs=tuple(self._text.logprobs),
            shortened=shortened,
            shortened_by=tuple(sorted(self._cut_by)) if shortened else (),
            repeated=pointers_at(text.encode(), repeated),
            removed=tuple(one.removed for one in self._gone if one.removed is not None),
            alternatives=self.choosing.decided.alternatives.facts,
            scores=self.choosing.decided.scores,
            pressure=self.choosing.pressure.highest.facts,
        )


def _reason(value: OpenValue) -> str:
    """Why a value is ended early, in the words of `Answer.shortened_by`."""
    return "repetition" if value.endless else "limit"
