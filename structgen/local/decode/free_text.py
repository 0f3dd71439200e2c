"""Decode free text: no grammar, up to a stop sequence, the end of the answer or the budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy

from structgen.local.decode.request import Decoded, DecodeRequest, Decoding, TextBuffer
from structgen.local.runtimes.base import Step

if TYPE_CHECKING:
    from structgen.local.runtimes.base import Vocabulary


def decode_free(request: DecodeRequest, vocabulary: Vocabulary) -> Decoding:
    """Decode an answer that no grammar holds.

    Args:
        request: The answer to decode.
        vocabulary: The tokens of the model.
    """
    everything = numpy.arange(len(vocabulary.pieces))
    filtered = _StopFilter(request.stop, request.watch)
    text = TextBuffer(vocabulary, filtered.add)
    scores = (yield Step(request.prompt))[-1]
    finish = "length"
    for left in range(request.budget, 0, -1):
        token, chance = request.sampler.pick(scores, lambda _: True, lambda: everything)
        if token in vocabulary.ends:
            finish = "stop"
            break
        text.add(token, chance)
        if filtered.stopped:
            finish = "stop"
            break
        if left > 1:
            scores = (yield Step([token]))[-1]
    filtered.end()
    return Decoded(
        text=filtered.text, finish_reason=finish, tokens=text.count, logprobs=tuple(text.logprobs)
    )


class _StopFilter:
    """Passes text on, up to the first stop sequence. Text that may begin one waits."""

    def __init__(self, stop: tuple[str, ...], watch: Callable[[str], None]) -> None:
        self._stop, self._watch = stop, watch
        self._waiting = ""
        self.text = ""
        self.stopped = False

    def add(self, piece: str) -> None:
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
