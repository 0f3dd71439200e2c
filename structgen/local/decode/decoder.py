"""Decode one answer, token by token.

The decoders are generators: they yield the tokens to compute and are sent the scores of the tokens
that may come next. Three things hold an answer to its grammar and its budget:

- Tokens that the grammar forces are not chosen. They are computed along with the token before them.
- A short ending of the answer (`find_ending`) is known at all times and fits the tokens that are
  left, so that no answer is cut off.
- A value that may go on without end (a string, an array) may use half of the slack that was left
  when it began, or all of it if nothing follows. A value that goes round in circles is ended at
  once. `shortened` lists the values that were ended early.

A list ends before an item that it has already (`repeats`): `repeated` names such items.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from structgen.local.decide.decisions import Option, shared
from structgen.local.decode.choosing import Choosing
from structgen.local.decode.ending import find_ending
from structgen.local.decode.free_text import decode_free
from structgen.local.decode.open_values import OpenValue, OpenValues, find_circle, pointers_at
from structgen.local.decode.prelude import think
from structgen.local.decode.repeats import Repeat, Repeats
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
    begun = vocabulary.engine.tokenize_bytes(request.begun)
    step = Step(thought.tokens + decoder.go(begun))
    while not decoder.over:
        scores = (yield step)[-1]
        if options := decoder.choosing.options(scores):
            step = yield from decoder.decide(options, scores)
        else:
            step = Step(decoder.choose(scores))
    return replace(decoder.decoded(), thought=thought)


class _GrammarDecoder:
    """An answer under a grammar, and what is left of its budget."""

    def __init__(self, request: DecodeRequest, grammar: Grammar, vocabulary: Vocabulary) -> None:
        self._request, self._pieces, self._ends = request, vocabulary.pieces, vocabulary.ends
        self._engine = vocabulary.engine
        self._matcher, self._shortest = grammar.matcher(), grammar.shortest
        self.choosing = Choosing(request, grammar, vocabulary, self._matcher)
        self._text = TextBuffer(vocabulary, request.watch)
        self._repeats = Repeats(grammar.schema, self._text, self._pieces)
        self._tokens = self._repeats.tokens
        self._taken_back = 0  # tokens
        self._repeated: list[int] = []  # the first bytes of items that came again
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

    def choose(self, scores: Logits) -> list[int]:
        """Choose a token. Returns it and the tokens that follow from it, to be computed."""
        token, chance = self.choosing.pick(scores)
        if token in self._ends:
            self.over = True
            return []
        self._chosen += 1
        return self.go([token], chance)

    def go(self, step: list[int], chance: float = 0.0) -> list[int]:
        """Write `step`, the tokens forced after it, and the ends of values that have to end.

        `chance` is the logarithm of the probability of the last token of `step`.
        """
        taken = self._take(step, chance, len(step) - 1)
        while True:
            if self._repeats.found is not None:
                end, chance = self._end_of_list(self._repeats.found)
            else:
                end, chance = [] if self.over else self._ending(), 0.0
            if end:
                taken += self._take(end, chance)
            elif self._repeats.found is None:
                return taken

    def decide(self, options: list[Option], scores: Logits) -> Generator[Step, Rows, Step]:
        """Decide a closed value. Returns the tokens to compute next."""
        first = scores.copy()  # what a runtime gives lives until it computes again
        decision = yield from self.choosing.decide(options, scores, self._fits)
        if decision is None:
            return Step(self._end_now())
        tokens, taken = list(decision.option.tokens), list[int]()
        if tokens:
            self._chosen += len(tokens)
            taken = self.go(tokens, decision.chance)
        self.choosing.end_with(decision.option)
        if not taken:
            taken = self.choose(first)
        same = shared(decision.computed, taken[:-1])
        return Step(taken[same:], drop=len(decision.computed) - same)

    def _fits(self, option: Option) -> bool:
        """Whether the answer can end within its budget after an option."""
        ahead, open_values = self._matcher.deep_copy(), self._open_values.copy()
        ahead.consume_tokens(list(option.tokens))
        for token in option.tokens:
            open_values.feed(self._pieces[token], 0)
        left = self._left - len(option.tokens)
        way = find_ending(ahead, self._engine, left, open_values, self._shortest)
        return left >= 0 and way is not None

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
            self._repeats.write(token, chance if number == chosen else 0.0)
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
        self._repeats.flush()
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

    # -- repeated items

    def _end_of_list(self, repeat: Repeat) -> tuple[list[int], float]:
        """Take a repeated item back. Returns the tokens that end its list, and the first's chance.

        The item stays if the list may not end there, or no ending of the answer would fit.
        """
        item = self._tokens[repeat.keep :]
        end: list[int] = self._engine.tokenize_bytes(repeat.rest + b"]")
        self._matcher.rollback(len(item))
        if self._matcher.validate_tokens(end) == len(end):
            open_values = self._open_values_at(repeat.keep)
            self._matcher.consume_tokens(end)
            ahead = open_values.copy()
            ahead.feed(repeat.rest + b"]", repeat.keep)
            left = self._left - len(end)
            fits = left >= 0 and (
                find_ending(self._matcher, self._engine, left, ahead, self._shortest) is not None
            )
            self._matcher.rollback(len(end))
            if fits:
                return end, self._take_back(repeat, item, open_values)
        self._matcher.consume_tokens(item)
        self._repeats.accept()
        return [], 0.0

    def _take_back(self, repeat: Repeat, item: list[int], open_values: OpenValues) -> float:
        size, self.over, self._last_item = open_values.size, False, None
        self._open_values = open_values
        self._taken_back += len(item)
        self._looked_at = self._way_at = repeat.keep
        self._cut = [start for start in self._cut if start < size]
        self._filled = [(start, end) for start, end in self._filled if start < size]
        self._repeated.append(repeat.earlier)
        kept = b"".join(self._pieces[token] for token in self._tokens[: repeat.keep])
        self.choosing.take_back(kept)
        return self._repeats.take_back(repeat)

    def _open_values_at(self, count: int) -> OpenValues:
        """The values that were open after some tokens, with what is known of them."""
        found, known = OpenValues(), {value.start: value for value in self._open_values.open}
        for number, token in enumerate(self._tokens[:count]):
            found.feed(self._pieces[token], number)
        found.open = [known.get(value.start, value) for value in found.open]
        return found

    def decoded(self) -> Decoded:
        """The answer as it is now."""
        self._repeats.flush()
        text = "".join(piece for piece, _ in self._text.logprobs)
        shortened = pointers_at(text.encode(), self._cut, self._filled)
        spent = len(self._tokens) + self._taken_back
        return Decoded(
            text=text,
            finish_reason="stop",
            tokens=spent,
            forced=spent - self._chosen,
            logprobs=tuple(self._text.logprobs),
            shortened=shortened,
            shortened_by=tuple(sorted(self._cut_by)) if shortened else (),
            repeated=pointers_at(text.encode(), self._repeated),
            alternatives=self.choosing.decided.alternatives.facts,
            scores=self.choosing.decided.scores,
            pressure=self.choosing.pressure.highest.facts,
        )


def _reason(value: OpenValue) -> str:
    """Why a value is ended early, in the words of `Answer.shortened_by`."""
    return "repetition" if value.endless else "limit"
