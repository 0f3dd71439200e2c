"""Decode many answers of one model at once.

One thread computes. Each round computes, in one batch, the next tokens of every answer under
way; new answers join between two rounds. A prompt that begins like an earlier one is not
computed again: an answer gets the free sequence that shares most with its prompt, or a copy of
the shared part from another sequence. So calls with one target share its instructions, and only
their documents are read. What is the same for every document may also come from a folder, where an
earlier process left it.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

import numpy

from structgen.local.decode.decoder import decode
from structgen.local.decode.prefill import PrefillLog
from structgen.local.decode.request import Decoded, DecodeRequest, Decoding
from structgen.local.runtimes.base import Part, Step
from structgen.local.runtimes.prefixes import LEAST

if TYPE_CHECKING:
    from structgen.local.models.packages import Log
    from structgen.local.runtimes.base import Rows, Runtime
    from structgen.local.runtimes.prefixes import SavedPrefixes

_WORTH_COPYING: Final = 16
"""Tokens that a copy between sequences has to save to be worth its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A decoded answer, and how it was made."""

    written: Decoded
    cached: int
    """Tokens of the prompt that were not computed again."""
    prefill: float
    """Seconds for the prompt."""
    decode: float
    """Seconds for the answer."""


@dataclass(slots=True)
class _Sequence:
    """A place for one answer at a time."""

    index: int
    held: list[int] = field(default_factory=list)
    """The tokens that the runtime has in it."""


@dataclass(slots=True)
class _Running:
    """An answer under way."""

    request: DecodeRequest
    future: Future[Finished]
    sequence: _Sequence
    decoding: Decoding
    step: Step
    """What the answer waits for."""
    ready: list[int]
    """Tokens to compute before the answer goes on."""
    cached: int
    began: float
    save: bool = False
    """Whether the state after the fixed tokens is to be saved."""
    first: float | None = None
    rows: list[Rows] = field(default_factory=list)
    """The scores of this step that have been computed, if it wants those of each token."""


class Batcher:
    """Decodes answers, as many at a time as the runtime has sequences. Close it once."""

    def __init__(
        self,
        runtime: Runtime,
        name: str,
        saved: SavedPrefixes | None = None,
        log: Log | None = None,
    ) -> None:
        self._runtime = runtime
        self._saved = saved
        self._prefill_log = PrefillLog(log)
        self._free = [_Sequence(index) for index in range(runtime.sequences)]
        self._turns: list[_Running] = []
        self._queue: SimpleQueue[tuple[DecodeRequest, Future[Finished]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"structgen-{name}", daemon=True)
        self._thread.start()

    def submit(self, request: DecodeRequest) -> Future[Finished]:
        """Queue an answer. The future raises whatever `request.watch` raises, and EngineErrors."""
        future: Future[Finished] = Future()
        self._queue.put((request, future))
        return future

    def close(self) -> None:
        """Finish the answers that were queued, then stop."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        waiting: list[tuple[DecodeRequest, Future[Finished]]] = []
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

    def _worth_waiting(self, request: DecodeRequest) -> bool:
        """Whether another answer is computing a prompt whose beginning this one can soon copy."""
        reading = [turn for turn in self._turns if turn.first is None]
        soon = max(
            (
                _shared(turn.request.prompt, request.prompt) - len(turn.sequence.held)
                for turn in reading
            ),
            default=0,
        )
        return soon >= _WORTH_COPYING

    def _begin(self, request: DecodeRequest, future: Future[Finished]) -> None:
        sequence = max(self._free, key=lambda free: _shared(free.held, request.prompt))
        decoding, began = decode(request, self._runtime.vocabulary), time.perf_counter()
        try:
            request.watch("")
            step = next(decoding)
            prompt = step.tokens
            cached = self._runtime.keep(
                sequence.index, min(self._reuse(sequence, prompt), len(prompt) - 1)
            )
            del sequence.held[cached:]
            save = self._load(sequence, prompt[: request.fixed])
            cached = len(sequence.held)
        except StopIteration as over:
            future.set_result(Finished(written=over.value, cached=0, prefill=0.0, decode=0.0))
        except BaseException as error:  # whatever went wrong belongs to whoever request
            future.set_exception(error)
        else:
            self._free.remove(sequence)
            ready = prompt[cached:]
            self._turns.append(
                _Running(request, future, sequence, decoding, step, ready, cached, began, save)
            )

    def _reuse(self, sequence: _Sequence, prompt: list[int]) -> int:
        """Copy the shared prompt from another sequence if that is worth it. Returns tokens held."""
        own = _shared(sequence.held, prompt)
        others = [turn.sequence for turn in self._turns] + self._free
        best = max(others, key=lambda other: _shared(other.held, prompt))
        shared = _shared(best.held, prompt)
        if shared < own + _WORTH_COPYING:
            return own
        shared = self._runtime.copy(best.index, sequence.index, shared)
        sequence.held = best.held[:shared]
        return shared

    def _load(self, sequence: _Sequence, fixed: list[int]) -> bool:
        """Load the fixed tokens of a prompt, unless the sequence holds them already.

        Returns:
            Whether they are to be saved once they are computed.
        """
        missing = len(fixed) - len(sequence.held)
        if self._saved is None or len(fixed) < LEAST or missing < _WORTH_COPYING:
            return False
        state = self._saved.load(fixed)
        if state is None:
            return self._saved.may_save()
        restored = self._runtime.restore(sequence.index, state, len(fixed))
        sequence.held = fixed if restored else []
        if not restored:
            self._saved.remove(fixed)
        return not restored

    def _round(self) -> None:
        """Compute one batch. Answers whose tokens are all computed go on."""
        room, parts, turns = self._runtime.batch, [], []
        for turn in sorted(
            self._turns, key=lambda turn: len(turn.ready)
        ):  # short steps do not wait behind long prompts
            if room:
                start = len(turn.sequence.held)
                # Fixed tokens are computed by themselves, so that an answer is the same whether
                # they come from memory, from the folder or from the model.
                until = turn.request.fixed - start
                piece = turn.ready[: min(room, until) if until > 0 else room]
                room -= len(piece)
                parts.append(Part(turn.sequence.index, start, piece, turn.step.each))
                turns.append(turn)
        try:
            scores = self._runtime.decode(parts)
        except BaseException as error:  # nobody knows any more what the sequences hold
            for turn in turns:
                turn.sequence.held = []
                self._end(turn, error)
            return
        for turn, part, score in zip(turns, parts, scores, strict=True):
            turn.sequence.held += part.tokens
            del turn.ready[: len(part.tokens)]
            if turn.save:
                self._save(turn)
            if turn.first is None:
                self._prefill_log.tell(
                    computed=len(turn.sequence.held) - turn.cached,
                    left=len(turn.ready),
                    seconds=time.perf_counter() - turn.began,
                )
            self._go_on(turn, score)

    def _save(self, turn: _Running) -> None:
        """Save the fixed tokens of a prompt once they are computed, and nothing after them."""
        held = turn.sequence.held
        if self._saved is not None and len(held) == turn.request.fixed:
            self._saved.save(held, self._runtime.state(turn.sequence.index))
            turn.save = False

    def _go_on(self, turn: _Running, scores: Rows) -> None:
        try:
            turn.request.watch("")
            if turn.ready and turn.step.each:
                turn.rows.append(scores.copy())
            if not turn.ready:
                turn.first = turn.first or time.perf_counter()
                if turn.rows:
                    scores = numpy.concatenate([*turn.rows, scores])
                    turn.rows.clear()
                if turn.step.each:
                    scores = scores[-len(turn.step.tokens) :]
                turn.step = turn.decoding.send(scores)
                turn.ready = self._tokens_of(turn)
        except StopIteration as over:
            self._end(turn, over.value)
        except BaseException as error:  # whatever went wrong belongs to whoever request
            self._end(turn, error)

    def _tokens_of(self, turn: _Running) -> list[int]:
        """The tokens to compute for a step: also dropped ones, if too many had to be dropped."""
        step, sequence = turn.step, turn.sequence
        if not step.drop:
            return list(step.tokens)
        length = len(sequence.held) - step.drop
        kept = self._runtime.keep(sequence.index, length)
        again = sequence.held[kept:length]
        del sequence.held[kept:]
        return [*again, *step.tokens]

    def _end(self, turn: _Running, outcome: Decoded | BaseException) -> None:
        self._turns.remove(turn)
        self._free.append(turn.sequence)
        turn.decoding.close()
        now = time.perf_counter()
        first = turn.first or now
        if isinstance(outcome, BaseException):
            turn.future.set_exception(outcome)
        else:
            turn.future.set_result(
                Finished(
                    written=outcome,
                    cached=turn.cached,
                    prefill=first - turn.began,
                    decode=now - first,
                )
            )


def _shared(held: list[int], prompt: list[int]) -> int:
    """How many tokens both begin with. Compares halves, because lists compare fast."""
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
