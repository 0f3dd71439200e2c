"""Thoughts before an answer: written in the same pass, and never at the cost of the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jsonschema
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.local.decide.decided import Deciding
from structgen.local.decode.batcher import Batcher, Finished
from structgen.local.decode.decoder import decode
from structgen.local.decode.prelude import Prelude, prelude_for
from structgen.local.decode.request import Decoded, DecodeRequest
from structgen.local.decode.sampling import Sampler, Sampling
from structgen.local.grammar.grammar import compile_grammar
from structgen.local.runtimes.base import Vocabulary
from structgen.options import Options
from tests.local.decode.fake_runtime import FakeRuntime
from tests.local.decode.test_ending import WORDS, Words

VOCABULARY = Vocabulary(pieces=Words.tokens, ends=frozenset({Words.eos_token_id}), engine=WORDS)
TAGS = Prelude(opening=b"<think>", closing=b"</think>", bridge=b"\n", budget=400)
RECORD: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "kind": {"enum": ["a", "ab", None]}},
    "required": ["name", "kind"],
    "additionalProperties": False,
}
END = Words.eos_token_id


def asked(prelude: Prelude | None, **members: Any) -> DecodeRequest:
    given: dict[str, Any] = {
        "prompt": [0],
        "budget": 60,
        "sampler": Sampler(Sampling()),
        "watch": lambda _: None,
        "grammar": compile_grammar(RECORD, WORDS),
        "prelude": prelude,
    }
    return DecodeRequest(**{**given, **members})


def told(script: Sequence[int], prelude: Prelude, **members: Any) -> tuple[Decoded, bytes]:
    """What is decoded if the model wants to write a script, and all that it was given to read."""
    decoding = decode(asked(prelude, **members), VOCABULARY)
    step, wanted = next(decoding), list(script)
    read = list(step.tokens)
    try:
        while True:
            scores = numpy.zeros(len(Words.tokens), dtype=numpy.float32)
            if wanted:
                scores[wanted.pop(0)] = 9.0
            step = decoding.send(numpy.stack([scores] * (len(step.tokens) if step.each else 1)))
            del read[len(read) - step.drop :]
            read += step.tokens
    except StopIteration as over:
        decoded: Decoded = over.value
    return decoded, b"".join(Words.tokens[token] for token in read[1:])


def tokens_of(text: bytes) -> list[int]:
    tokens: list[int] = WORDS.tokenize_bytes(text)
    return tokens


def test_the_answer_goes_on_after_the_closing_tag() -> None:
    decoded, read = told(tokens_of(b"the name</think>"), TAGS)
    assert decoded.thought is not None
    assert decoded.thought.text == "the name"
    assert read.startswith(b'<think>the name</think>\n{"name": "')
    assert json.loads(decoded.text).keys() == {"name", "kind"}


def test_a_model_that_does_not_close_its_thoughts_has_them_closed() -> None:
    for script in ([*tokens_of(b"the name"), END], tokens_of(b"the name" + b"x" * 90)):
        _, read = told(script, replace(TAGS, budget=8))
        assert read.startswith((b"<think>the name</think>\n{", b"<think>the name"))
        assert b'</think>\n{"name": "' in read


def test_what_a_token_has_after_the_tag_is_not_part_of_the_answer() -> None:
    """The token `]}` ends the tag `]` and begins something else."""
    prelude = replace(TAGS, closing=b"]")
    script = [*tokens_of(b"the"), Words.tokens.index(b"]}")]
    decoded, read = told(script, prelude)
    assert decoded.thought is not None
    assert decoded.thought.text == "the"
    assert read.startswith(b'<think>the]\n{"name": "')


def test_thoughts_that_go_round_in_circles_end_early() -> None:
    decoded, _ = told(tokens_of(b"the name " * 99), TAGS)
    assert decoded.thought is not None
    assert decoded.thought.count < 200


def test_no_thoughts_are_told_as_text_of_the_answer() -> None:
    heard: list[str] = []
    decoded, _ = told(tokens_of(b'{"name": 1}</think>'), TAGS, watch=heard.append)
    assert "".join(heard) == decoded.text
    assert decoded.thought is not None
    assert decoded.thought.text == '{"name": 1}'


def decoded_with(prelude: Prelude | None, budget: int, seed: int) -> Finished:
    batcher = Batcher(FakeRuntime(), "fake")  # type: ignore[arg-type]  # no prompts
    sampler = Sampler(Sampling(temperature=1.0, seed=seed))
    request = asked(prelude, budget=budget, sampler=sampler, deciding=Deciding())
    try:
        return batcher.submit(request).result()
    finally:
        batcher.close()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 99), st.integers(1, 60), st.integers(12, 80))
def test_thoughts_never_cost_the_answer_its_tokens(seed: int, thoughts: int, budget: int) -> None:
    written = decoded_with(replace(TAGS, budget=thoughts), budget, seed).written
    plain = decoded_with(None, budget, seed).written
    assert written.finish_reason == plain.finish_reason
    assert written.tokens <= budget
    if written.finish_reason == "stop":
        assert written.thought is not None
        assert written.thought.count <= thoughts
        jsonschema.validate(json.loads(written.text), RECORD)


@pytest.mark.parametrize("reasoning", ["first", "draft"])
def test_an_answer_keeps_its_room_in_the_context(reasoning: Any) -> None:
    options = Options(reasoning=reasoning, max_reasoning_tokens=100)
    roomy = prelude_for(options, prompt=100, answer=100, context=1000)
    assert roomy is not None
    assert roomy.budget == 100
    tight = prelude_for(options, prompt=100, answer=100, context=250)
    assert tight is not None
    assert 0 < tight.budget < 50
    assert prelude_for(options, prompt=100, answer=100, context=200) is None
    assert prelude_for(Options(), prompt=1, answer=1, context=1000) is None
