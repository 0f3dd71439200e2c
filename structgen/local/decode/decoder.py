"""One answer, token by token: generators that yield the tokens to compute and are sent the scores of what may come next.

An answer under a grammar is held in three ways. What the grammar forces is not chosen, but computed along with the token before
it. The shortest way to end the answer (`closing`) is known at all times and fits what is left of the budget, so that no answer is
cut off. And a value that may go on without end (a string, an array) may use up half of the slack there was when it began, or all
of it when nothing follows; one that goes round in circles is ended at once. What was ended so is listed in `shortened`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy

from structgen.local.decode.closing import closing
from structgen.local.decode.open_values import Open, Outline, going_round, pointers_at
from structgen.local.decode.sampling import Sampler

if TYPE_CHECKING:
    from structgen.local.decode.sampling import Mask
    from structgen.local.grammar.grammar import Grammar
    from structgen.local.runtimes.base import Logits, Vocabulary

_STRUCTURE: Final = frozenset(b'"[]{},:')
_EVERY: Final = 16
_NEAR: Final = 8
_NOTHING_FOLLOWS: Final = b'"]} '
_LAST: Final = 32
_COMMA: Final = b","[0]
_ENDLESS: Final = re.compile(rb"[eE][+-]?[0-9]{2}$|[-.0-9]{40}$")
"""A number with digits to come that would make it larger than a float, or longer than any that is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be answered: `prompt` as tokens, `budget` tokens of answer, `grammar` where it is held to one.

    `stop`: texts that end a free answer; `watch` is given each piece of text, and what it raises ends the answer.
    """

    prompt: list[int] = field(repr=False)
    budget: int
    sampler: Sampler
    watch: Callable[[str], None]
    grammar: Grammar | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was answered: `tokens`, of which `forced` were not chosen; `logprobs`: pieces of the text, each with its log chance."""

    text: str = field(repr=False)
    finish_reason: str
    tokens: int
    forced: int = 0
    logprobs: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    shortened: tuple[str, ...] = ()
    shortened_by: tuple[str, ...] = ()


Writing: TypeAlias = "Generator[list[int], Logits, Written]"
"""Yields tokens that go on the sequence (the whole prompt first), is sent the scores behind the last of them."""


def write(asked: Asked, vocabulary: Vocabulary) -> Writing:
    """The answer to what was asked."""
    return (
        _free(asked, vocabulary)
        if asked.grammar is None
        else _held(asked, asked.grammar, vocabulary)
    )


class _Text:
    """The text of tokens as they come. A token may end within a character, whose text then comes with a later one."""

    def __init__(self, vocabulary: Vocabulary, watch: Callable[[str], None]) -> None:
        self._pieces, self._watch = vocabulary.pieces, watch
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.logprobs: list[tuple[str, float]] = []
        self.count = 0

    def add(self, token: int, chance: float) -> str:
        text = self._decoder.decode(self._pieces[token])
        self.logprobs.append((text, chance))
        self.count += 1
        self._watch(text)
        return text


# ---- free text ------------------------------------------------------------------------------------------------------------


def _free(asked: Asked, vocabulary: Vocabulary) -> Writing:
    everything = numpy.ones(len(vocabulary.pieces), dtype=bool)
    heard = _UntilStop(asked.stop, asked.watch)
    text = _Text(vocabulary, heard.hear)
    scores = yield asked.prompt
    finish = "length"
    for left in range(asked.budget, 0, -1):
        token, chance = asked.sampler.pick(scores, lambda _: True, lambda: everything)
        if token in vocabulary.ends:
            finish = "stop"
            break
        text.add(token, chance)
        if heard.stopped:
            finish = "stop"
            break
        if left > 1:
            scores = yield [token]
    heard.end()
    return Written(
        text=heard.text, finish_reason=finish, tokens=text.count, logprobs=tuple(text.logprobs)
    )


class _UntilStop:
    """Hands on a text up to the first stop sequence; what may be the beginning of one waits."""

    def __init__(self, stop: tuple[str, ...], watch: Callable[[str], None]) -> None:
        self._stop, self._watch = stop, watch
        self._waiting = ""
        self.text = ""
        self.stopped = False

    def hear(self, piece: str) -> None:
        self._waiting += piece
        found = [at for at in (self._waiting.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self._waiting, self.stopped = self._waiting[: min(found)], True
            self.end()
            return
        keep = max(
            (
                length
                for stop in self._stop
                for length in range(1, len(stop))
                if self._waiting.endswith(stop[:length])
            ),
            default=0,
        )
        self._hand_on(len(self._waiting) - keep)

    def end(self) -> None:
        self._hand_on(len(self._waiting))

    def _hand_on(self, length: int) -> None:
        piece, self._waiting = self._waiting[:length], self._waiting[length:]
        self.text += piece
        self._watch(piece)


# ---- under a grammar ------------------------------------------------------------------------------------------------------


def _held(asked: Asked, grammar: Grammar, vocabulary: Vocabulary) -> Writing:
    pen = _Pen(asked, grammar, vocabulary)
    if not pen.fits():
        return Written(text="", finish_reason="length", tokens=0)
    ready = asked.prompt + pen.go([])
    while not pen.over:
        scores = yield ready
        ready = pen.choose(scores)
    return pen.written()


class _Pen:
    """An answer under a grammar, and what is left of its budget."""

    def __init__(self, asked: Asked, grammar: Grammar, vocabulary: Vocabulary) -> None:
        self._asked, self._pieces, self._ends = asked, vocabulary.pieces, vocabulary.ends
        self._engine = vocabulary.engine
        self._matcher, self._samples = grammar.matcher(), grammar.samples
        self._words = numpy.zeros((vocabulary.engine.vocab_size + 31) // 32, dtype=numpy.int32)
        self._text = _Text(vocabulary, asked.watch)
        self._tokens: list[int] = []
        self._chosen = 0
        self._outline = Outline()
        self._way: list[int] = []
        self._way_at = 0
        self._last_item: Open | None = None
        self._looked_at = 0
        self._cut: list[int] = []
        self._filled: list[tuple[int, int]] = []  # bytes that only serve to end the answer
        self._cut_by: set[str] = set()
        self.over = False

    # -- choosing

    def fits(self) -> bool:
        """Is there an answer within the budget?"""
        way = closing(self._matcher, self._engine, self._asked.budget, self._outline, self._samples)
        self._way = way or []
        return way is not None

    def choose(self, scores: Logits) -> list[int]:
        """Choose a token; gives it and all that follows from it, to be computed."""
        token, chance = self._asked.sampler.pick(scores, self._allows, self._mask)
        if token in self._ends:
            self.over = True
            return []
        self._chosen += 1
        return self.go([token], chance)

    def go(self, step: list[int], chance: float = 0.0) -> list[int]:
        """Write the tokens of `step`, what the grammar forces behind them, and the ends of values that have to end."""
        taken = self._take(step, chance)
        while not self.over and (end := self._ending()):
            taken += self._take(end, 0.0)
        return taken

    def _allows(self, token: int) -> bool:
        if token in self._ends:
            return bool(self._matcher.is_accepting())
        return bool(self._matcher.validate_tokens([token]) == 1)

    def _mask(self) -> Mask:
        self._matcher.unsafe_compute_mask_ptr(self._words.ctypes.data, self._words.nbytes)
        return numpy.unpackbits(
            self._words.view(numpy.uint8), bitorder="little", count=len(self._pieces)
        ).view(numpy.bool_)

    # -- writing

    def _take(self, step: list[int], chance: float) -> list[int]:
        if self._last_item is not None:
            step = self._up_to_item(self._last_item, step)
        self._matcher.consume_tokens(step)
        step = [*step, *self._forced()]
        outline = self._outline.copy()
        for number, token in enumerate(step):
            outline.feed(self._pieces[token], len(self._tokens) + number)
        left = self._asked.budget - len(self._tokens) - len(step)
        if outline.in_number or self._due(step, left):
            way = (
                closing(self._matcher, self._engine, left, outline, self._samples)
                if left >= 0
                else None
            )
            if way is None:
                self._matcher.rollback(len(step))
                return self._give_up()
            self._way, self._way_at = way, len(self._tokens) + len(step)
        self._outline = outline
        self._write(step, chance)
        self.over = self._matcher.is_stopped()
        return step

    def _forced(self) -> list[int]:
        forced: list[int] = []
        while not self._matcher.is_stopped() and (tokens := self._matcher.compute_ff_tokens()):
            self._matcher.consume_tokens(tokens)
            forced += tokens
        return forced

    def _write(self, step: list[int], chance: float) -> None:
        for token in step:
            self._tokens.append(token)
            self._text.add(token, chance)
            chance = 0.0

    def _due(self, step: list[int], left: int) -> bool:
        """May the way to the end be another than the known one? Plain characters within a string hardly change it, so there it is
        asked only whether it is still one."""
        since = len(self._tokens) + len(step) - self._way_at
        return (
            self._last_item is not None
            or since >= _EVERY
            or left - len(self._way) <= _NEAR
            or any(_STRUCTURE & set(self._pieces[token]) for token in step)
            or self._matcher.validate_tokens(self._way) < len(self._way)
        )

    def _give_up(self) -> list[int]:
        """What came next would not fit. Write the known end of the answer."""
        way, self.over = self._way, True
        self._mark_cut(0, b"".join(self._pieces[token] for token in way), "limit")
        self._write(way, 0.0)
        return way

    # -- ending

    def _ending(self) -> list[int]:
        """Tokens that end a value: one without slack, or one that goes round in circles. [] for none."""
        way = b"".join(self._pieces[token] for token in self._way)
        slack = self._asked.budget - len(self._tokens) - len(self._way)
        self._last_item = None
        self._look_for_circles(slack)
        for depth, value in enumerate(self._outline.open):
            if value.kind == "object":
                continue
            if value.floor is None:
                value.floor = self._floor(depth, value, way, slack)
            if value.kind == "number" and _ENDLESS.search(self._from(value)):
                value.floor, value.endless = slack, True
            if slack <= value.floor:
                behind_item = self._outline.open[-1] is value and way.startswith(b"]")
                if value.kind == "array" and slack > value.floor / 2 and not behind_item:
                    self._last_item = value
                else:
                    return self._end(depth, way)
        return []

    def _from(self, value: Open) -> bytes:
        """What was written since the token in which a value began."""
        return b"".join(self._pieces[token] for token in self._tokens[value.token :])

    def _look_for_circles(self, slack: int) -> None:
        """Let the value within which the tokens go round in circles have no slack."""
        if len(self._tokens) - self._looked_at < _EVERY:
            return
        self._looked_at = len(self._tokens)
        if (circle := going_round(self._tokens)) is not None:
            around = [
                value
                for value in self._outline.open
                if value.kind != "object" and value.token <= circle
            ]
            if around:
                around[-1].floor, around[-1].endless = max(slack, 0), True

    def _floor(self, depth: int, value: Open, way: bytes, slack: int) -> float:
        """Half of the slack is for what follows; a list that comes last keeps a little, to end behind an item."""
        if value.kind == "number":
            return 0
        if way[self._outline.until(depth, way) :].strip(_NOTHING_FOLLOWS):
            return slack / 2
        return min(_LAST, slack / 4) if value.kind == "array" else 0

    def _up_to_item(self, array: Open, step: list[int]) -> list[int]:
        """The part of a step up to the end of the list's last item, and the end of the list, where it goes beyond that."""
        piece, ahead = b"".join(self._pieces[token] for token in step), self._outline.copy()
        for at in range(len(piece)):
            ahead.feed(piece[at : at + 1], 0)
            if piece[at] == _COMMA and ahead.open and ahead.open[-1] is array:
                end: list[int] = self._engine.tokenize_bytes(piece[:at] + b"]")
                if self._matcher.validate_tokens(end) == len(end):
                    self._cut.append(array.start)
                    self._cut_by.add(_why(array))
                    return end
        return step

    def _end(self, depth: int, way: bytes) -> list[int]:
        size = self._outline.until(depth, way)
        end: list[int] = self._engine.tokenize_bytes(way[:size])
        if self._matcher.validate_tokens(end) < len(end):
            return []
        self._mark_cut(depth, way[:size], _why(self._outline.open[depth]))
        return end

    def _mark_cut(self, depth: int, end: bytes, why: str) -> None:
        """Remember which values `end` ends early: the open ones from a depth on, and what it adds.

        An object counts if it is in a list: it is an item that is not whole, even if it may end here.
        """
        self._cut_by.add(why)
        in_list = False
        for value in self._outline.open[depth:]:
            if in_list or value.kind != "object":
                self._cut.append(value.start)
            in_list = in_list or value.kind == "array"
        self._filled.append((self._outline.size, self._outline.size + len(end)))

    def written(self) -> Written:
        """The answer as it stands."""
        text = "".join(piece for piece, _ in self._text.logprobs)
        shortened = pointers_at(text.encode(), self._cut, self._filled)
        return Written(
            text=text,
            finish_reason="stop",
            tokens=len(self._tokens),
            forced=len(self._tokens) - self._chosen,
            logprobs=tuple(self._text.logprobs),
            shortened=shortened,
            shortened_by=tuple(sorted(self._cut_by)) if shortened else (),
        )


def _why(value: Open) -> str:
    """Why a value is ended early, in the words of `Answer.shortened_by`."""
    return "repetition" if value.endless else "limit"
