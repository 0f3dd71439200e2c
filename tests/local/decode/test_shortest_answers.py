"""The shortest answer of real schemas: proved to be the shortest, whole in a budget that holds it,
and never begun in a smaller one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest

from benchmarks.walks import Even
from structgen.errors import SchemaError
from structgen.local.decode.decoder import decode
from structgen.local.decode.ending import find_ending
from structgen.local.decode.open_values import OpenValues
from structgen.local.decode.request import Decoded, DecodeRequest
from structgen.local.grammar.grammar import Grammar, byte_tokenizer, compile_grammar
from structgen.local.runtimes.base import Vocabulary
from structgen.schema.compiler import Compiled, compile_schema
from tests.checkers.shortest import cost, shortest_answer
from tests.local.decode.test_ending import WORDS, Words

PIECES = [b"" if token == Words.eos_token_id else piece for token, piece in enumerate(Words.tokens)]
VOCABULARY = Vocabulary(PIECES, frozenset({Words.eos_token_id}), WORDS)
SCORES = numpy.zeros((1, len(PIECES)), dtype=numpy.float32)
PLENTY = 100_000


@pytest.fixture(scope="module")
def schemas(shared_data: Path) -> list[Any]:
    """The schemas of JSONSchemaBench."""
    lines = (shared_data / "jsonschemabench-dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["schema"] for line in lines]


def compiled(schemas: list[Any]) -> Iterator[Compiled[Any]]:
    for schema in schemas:
        try:
            yield compile_schema(schema, "llguidance")
        except SchemaError:
            continue


def ending(grammar: Grammar, tokens: Any, limit: int) -> list[int] | None:
    return find_ending(grammar.matcher(), tokens, limit, OpenValues(), grammar.shortest)


@pytest.mark.slow
def test_no_answer_is_shorter_than_the_one_that_is_found(schemas: list[Any]) -> None:
    for it in compiled(schemas):
        grammar = compile_grammar(it.schema, byte_tokenizer())
        found = ending(grammar, byte_tokenizer(), PLENTY)
        assert found is not None, it
        text = bytes(found).decode()
        assert grammar.classify(text) == "whole"
        assert cost(text) == shortest_answer(it.schema), (it, text)


def written(grammar: Grammar, budget: int, seed: int) -> Decoded:
    """What is written in a budget by a model that prefers nothing."""
    asked = DecodeRequest(
        prompt=[0], budget=budget, sampler=Even(seed), watch=lambda _: None, grammar=grammar
    )
    decoding = decode(asked, VOCABULARY)
    try:
        next(decoding)
        while True:
            decoding.send(SCORES)
    except StopIteration as over:
        done: Decoded = over.value
        return done


@pytest.mark.slow
def test_an_answer_is_whole_in_any_budget_from_the_shortest_on(schemas: list[Any]) -> None:
    for seed, it in enumerate(compiled(schemas[::6])):
        grammar = compile_grammar(it.schema, WORDS)
        least = len(ending(grammar, WORDS, PLENTY) or ())
        for budget in (least, least + 1, least + 2, least + 5, least + 20):
            done = written(grammar, budget, seed)
            assert done.finish_reason == "stop", (it, budget, least)
            assert done.tokens <= budget
            assert grammar.classify(done.text) == "whole"
        for budget in {1, least // 2, least - 1} - {0, least}:
            done = written(grammar, budget, seed)
            assert (done.finish_reason, done.text, done.tokens) == ("length", "", 0)
