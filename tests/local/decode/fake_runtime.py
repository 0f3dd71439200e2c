"""A runtime without a model: what it would write next is a fixed function of what was written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from structgen.answer.taking_back import TakingBack
from structgen.local.decide.decided import Deciding
from structgen.local.decode.batcher import Batcher, Finished
from structgen.local.decode.request import DecodeRequest
from structgen.local.decode.sampling import Sampler, Sampling
from structgen.local.grammar.grammar import compile_grammar
from structgen.local.runtimes.base import Part, Vocabulary
from tests.local.decode.test_ending import WORDS, Words

VOCABULARY = Vocabulary(
    [b"" if token == Words.eos_token_id else piece for token, piece in enumerate(Words.tokens)],
    frozenset({Words.eos_token_id}),
    WORDS,
)


class FakeRuntime:
    """Scores tokens by a hash of what the sequence holds, so that order and batches are nothing."""

    name = "fake"
    context = 4096
    vocabulary = VOCABULARY

    def __init__(self, *, batch: int = 512, sequences: int = 1, forgets: bool = True) -> None:
        self.batch, self.sequences = batch, sequences
        self.computed = 0
        self.held: list[list[int]] = [[] for _ in range(sequences)]
        self._forgets = forgets

    def decode(self, parts: Sequence[Part]) -> list[Any]:
        rows = []
        for part in parts:
            held = self.held[part.sequence]
            assert part.start == len(held)
            own = []
            for token in part.tokens:
                held.append(token)
                own.append(scores_after(held))
            self.computed += len(part.tokens)
            rows.append(numpy.stack(own if part.each else own[-1:]))
        return rows

    def keep(self, sequence: int, length: int) -> int:
        if length < len(self.held[sequence]) and not self._forgets:
            length = 0  # as a model with a state that cannot be cut
        del self.held[sequence][length:]
        return length

    def copy(self, source: int, target: int, length: int) -> int:
        self.held[target] = self.held[source][:length]
        return self.keep(target, length)

    def close(self) -> None:
        """There is nothing to free."""


def scores_after(tokens: Sequence[int]) -> Any:
    """The scores of the next token."""
    seed = hashlib.blake2b(repr(list(tokens)).encode(), digest_size=8).digest()
    random = numpy.random.default_rng(int.from_bytes(seed, "little"))
    return random.normal(scale=3.0, size=len(VOCABULARY.pieces)).astype(numpy.float32)


def written(
    schema: Any,
    *,
    prompt: Sequence[int] = (0,),
    budget: int = 400,
    deciding: Deciding | None = Deciding(),  # noqa: B008 - it is frozen
    runtime: FakeRuntime | None = None,
    rules: TakingBack | None = None,
    watch: Callable[[str], None] = lambda _: None,
    **sampling: Any,
) -> Finished:
    """Decode an answer to a schema."""
    request = DecodeRequest(
        prompt=list(prompt),
        budget=budget,
        sampler=Sampler(Sampling(**sampling)),
        watch=watch,
        grammar=compile_grammar(schema, WORDS),
        deciding=deciding,
        rules=rules,
    )
    batcher = Batcher(runtime or FakeRuntime(), "fake")  # type: ignore[arg-type]  # no prompts
    try:
        return batcher.submit(request).result()
    finally:
        batcher.close()
