"""Many answers from one model at once: a thread that computes, and sequences that answers take turns in.

Each round computes, in one batch, what every answer under way needs next; a new one joins between two rounds. What a sequence holds
of earlier prompts is not computed again: an answer gets the free sequence that shares most with its prompt, or a copy of what
another sequence has of it. So calls with one target share its instructions, and only their documents are read.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from structgen.local.decode.decoder import Asked, Writing, Written, write
from structgen.local.runtimes.base import Part

if TYPE_CHECKING:
    from structgen.local.runtimes.base import Logits, Runtime

_WORTH_COPYING: Final = 16
"""Tokens that a copy has to save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An answer and how it came about: `cached` tokens of the prompt were not computed again; times in seconds."""

    written: Written
    cached: int
    prefill: float
    decode: float


@dataclass(slots=True)
class _Sequence:
    """A place for one answer at a time. `held`: the tokens the runtime has in it."""

    index: int
    held: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Turn:
    """An answer under way: `ready` tokens have to be computed before it goes on."""

    asked: Asked
    future: Future[Done]
    sequence: _Sequence
    writing: Writing
    ready: list[int]
    cached: int
    began: float
    first: float | None = None


class Batcher:
    """Answers what is put to it, as many at a time as the runtime has sequences. Closed by `close`, once."""

    def __init__(self, runtime: Runtime, name: str) -> None:
        self._runtime = runtime
        self._free = [_Sequence(index) for index in range(runtime.sequences)]
        self._turns: list[_Turn] = []
        self._queue: SimpleQueue[tuple[Asked, Future[Done]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"structgen-{name}", daemon=True)
        self._thread.start()

    def put(self, asked: Asked) -> Future[Done]:
        """A future of the answer. It raises what `asked.watch` raises, and EngineErrors."""
        future: Future[Done] = Future()
        self._queue.put((asked, future))
        return future

    def close(self) -> None:
        """Finish what was put, then stop."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        waiting: list[tuple[Asked, Future[Done]]] = []
        closing = False
        while not (closing and not waiting and not self._turns):
            idle = not (closing or waiting or self._turns)
            while idle or not self._queue.empty():
                put = self._queue.get()
                idle, closing = False, closing or put is None
                if put is not None:
                    waiting.append(put)
            while waiting and self._free and not self._worth_waiting(waiting[0][0]):
                self._begin(*waiting.pop(0))
            if self._turns:
                self._round()

    def _worth_waiting(self, asked: Asked) -> bool:
        """Is another answer reading a prompt whose beginning this one can have when it is read?"""
        reading = [turn for turn in self._turns if turn.first is None]
        soon = max(
            (
                _shared(turn.asked.prompt, asked.prompt) - len(turn.sequence.held)
                for turn in reading
            ),
            default=0,
        )
        return soon >= _WORTH_COPYING

    def _begin(self, asked: Asked, future: Future[Done]) -> None:
        sequence = max(self._free, key=lambda free: _shared(free.held, asked.prompt))
        writing, began = write(asked, self._runtime.vocabulary), time.perf_counter()
        try:
            asked.watch("")
            ready = next(writing)
            cached = self._runtime.keep(
                sequence.index, min(self._reuse(sequence, ready), len(ready) - 1)
            )
        except StopIteration as over:
            future.set_result(Done(written=over.value, cached=0, prefill=0.0, decode=0.0))
        except BaseException as error:  # whatever went wrong belongs to whoever asked
            future.set_exception(error)
        else:
            del sequence.held[cached:]
            self._free.remove(sequence)
            self._turns.append(
                _Turn(asked, future, sequence, writing, ready[cached:], cached, began)
            )

    def _reuse(self, sequence: _Sequence, prompt: list[int]) -> int:
        """Tokens of the prompt that the sequence holds, after copying them from another where that is worth it."""
        own = _shared(sequence.held, prompt)
        others = [turn.sequence for turn in self._turns] + self._free
        best = max(others, key=lambda other: _shared(other.held, prompt))
        shared = _shared(best.held, prompt)
        if shared < own + _WORTH_COPYING:
            return own
        shared = self._runtime.copy(best.index, sequence.index, shared)
        sequence.held = best.held[:shared]
        return shared

    def _round(self) -> None:
        """Compute one batch, and let those go on whose tokens are all computed."""
        room, parts, turns = self._runtime.batch, [], []
        for turn in sorted(
            self._turns, key=lambda turn: len(turn.ready)
        ):  # short steps do not wait behind long prompts
            if room:
                piece = turn.ready[:room]
                room -= len(piece)
                parts.append(Part(turn.sequence.index, len(turn.sequence.held), piece))
                turns.append(turn)
        try:
            scores = self._runtime.decode(parts)
        except BaseException as error:  # what a sequence holds is not known any more
            for turn in turns:
                turn.sequence.held = []
                self._end(turn, error)
            return
        for turn, part, score in zip(turns, parts, scores, strict=True):
            turn.sequence.held += part.tokens
            del turn.ready[: len(part.tokens)]
            self._go_on(turn, score)

    def _go_on(self, turn: _Turn, scores: Logits) -> None:
        try:
            turn.asked.watch("")
            if not turn.ready:
                turn.first = turn.first or time.perf_counter()
                turn.ready = turn.writing.send(scores)
        except StopIteration as over:
            self._end(turn, over.value)
        except BaseException as error:  # whatever went wrong belongs to whoever asked
            self._end(turn, error)

    def _end(self, turn: _Turn, outcome: Written | BaseException) -> None:
        self._turns.remove(turn)
        self._free.append(turn.sequence)
        turn.writing.close()
        now = time.perf_counter()
        first = turn.first or now
        if isinstance(outcome, BaseException):
            turn.future.set_exception(outcome)
        else:
            turn.future.set_result(
                Done(
                    written=outcome,
                    cached=turn.cached,
                    prefill=first - turn.began,
                    decode=now - first,
                )
            )


def _shared(held: list[int], prompt: list[int]) -> int:
    """Tokens at the beginning that both have."""
    count = min(len(held), len(prompt))
    if held[:count] == prompt[:count]:
        return count
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if held[low : middle + 1] == prompt[low : middle + 1]:
            low = middle + 1
        else:
            high = middle
    return low
