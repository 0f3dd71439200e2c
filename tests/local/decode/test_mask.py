"""The mask that is filled in place says what the grammar engine says."""

from __future__ import annotations

import numpy
from hypothesis import given
from hypothesis import strategies as st

from structgen.local.decode.mask import TokenMask
from structgen.local.decode.sampling import Sampler, Sampling
from structgen.local.grammar.grammar import compile_grammar
from tests.local.decode.test_ending import WORDS

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "kind": {"enum": ["ab", "ac", "b"]}},
    "required": ["name", "kind"],
    "additionalProperties": False,
}
SIZE = WORDS.vocab_size


@given(st.lists(st.integers(0, 1 << 30), max_size=20))
def test_the_tokens_of_the_mask_are_those_that_the_grammar_allows(draws: list[int]) -> None:
    matcher, mask = compile_grammar(SCHEMA, WORDS).matcher(), TokenMask(SIZE, SIZE)
    for draw in draws:
        bits = matcher.compute_bitmask()
        wanted = [token for token in range(SIZE) if bits[token // 8] >> token % 8 & 1]
        allowed = mask.fill(matcher).tokens()
        assert allowed.tolist() == wanted
        assert numpy.flatnonzero(mask.flags()).tolist() == wanted
        matcher.consume_tokens([int(allowed[draw % len(allowed)])])
        if matcher.is_stopped():
            break


@given(st.lists(st.floats(-9, 9, width=32), min_size=8, max_size=8), st.sets(st.integers(0, 7)))
def test_the_likeliest_token_is_the_likeliest_of_those_allowed(
    scores: list[float], allowed: set[int]
) -> None:
    allowed |= {3}
    choices = numpy.array(sorted(allowed), dtype=numpy.int64)
    given_scores = numpy.array(scores, dtype=numpy.float32)
    for temperature in (0.0, 1.0):
        sampler = Sampler(Sampling(temperature=temperature, top_k=1, seed=1), logprobs=True)
        token, chance = sampler.pick(given_scores, allowed.__contains__, lambda: choices)
        assert token in allowed
        assert given_scores[token] == given_scores[choices].max()
        assert chance <= 0.0


def test_tokens_beyond_those_that_the_model_scores_are_not_chosen() -> None:
    matcher = compile_grammar({"type": "string"}, WORDS).matcher()
    few = TokenMask(SIZE, 40).fill(matcher)
    assert few.tokens().max() < 40
    assert len(few.flags()) == 40
