"""Law 12: a decided value is one that the grammar allows, and the order of its options is nothing.

The model is a hash, so that anything may be likely; the grammar, the decoder and the batches are
the real ones.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import jsonschema
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.local.decide.decided import Deciding
from structgen.local.decide.decisions import options_of
from tests.local.decode.fake_runtime import VOCABULARY, FakeRuntime, scores_after, written
from tests.local.grammar.test_grammar import closed

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
PRINTED = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)
ENUMS = st.lists(TEXTS | st.integers(-20, 20) | st.none() | st.booleans(), min_size=2, max_size=12)
SEEDS = st.integers(0, 1 << 20)


def unique(values: list[Any]) -> list[Any]:
    return list({json.dumps(value): value for value in values}.values())


def value_of(schema: Any, at: int, **more: Any) -> Any:
    done = written(schema, prompt=[at % 200, at // 200 % 200, 7], **more)
    assert done.written.finish_reason == "stop"
    return json.loads(done.written.text)


# ---- laws ----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(values=ENUMS.map(unique).filter(lambda one: len(one) > 1), seed=SEEDS, data=st.data())
def test_the_value_is_an_option_and_their_order_is_nothing(
    values: list[Any], seed: int, data: Any
) -> None:
    schema = closed(a={"enum": values}, b={"type": "array", "items": {"enum": values}})
    order = data.draw(st.permutations(values))
    other = closed(a={"enum": order}, b={"type": "array", "items": {"enum": order}})
    found = value_of(schema, seed, budget=600)
    jsonschema.Draft202012Validator(schema).validate(found)
    assert value_of(other, seed, budget=600) == found
    drawn = value_of(schema, seed, budget=600, temperature=0.8, seed=seed)
    assert value_of(other, seed, budget=600, temperature=0.8, seed=seed) == drawn


@settings(max_examples=60, deadline=None)
@given(values=st.lists(PRINTED, min_size=2, max_size=12, unique=True), seed=SEEDS)
def test_the_value_is_the_one_whose_whole_text_is_likeliest(values: list[str], seed: int) -> None:
    prompt = [seed % 200, seed // 200 % 200]
    done = written({"enum": values}, prompt=prompt)
    texts = sorted(json.dumps(value, ensure_ascii=False).encode() for value in values)
    chances = {}
    for option in options_of(texts, b"", b"", VOCABULARY):
        held, chance = list(prompt), 0.0
        for token in option.tokens:
            chance += share(held, token)
            held.append(token)
        if option.ends is not None:
            chance += share(held, option.ends)
        chances[option.value] = chance
    best = max(chances.values())
    assert chances[json.loads(done.written.text)] == pytest.approx(best, abs=1e-4)


def share(held: list[Any], tokens: Any) -> float:
    """The logarithm of the probability of a token, or of any of some tokens."""
    scores = scores_after(held).astype(numpy.float64)
    return float(numpy.log(numpy.exp(scores)[tokens].sum() / numpy.exp(scores).sum()))


@settings(max_examples=40, deadline=None)
@given(values=st.lists(TEXTS, min_size=2, max_size=8, unique=True), seed=SEEDS)
def test_batches_and_models_that_cannot_forget_change_nothing(values: list[str], seed: int) -> None:
    schema = closed(a={"enum": values}, b={"type": ["boolean", "null"]}, c={"enum": values[::-1]})
    found = value_of(schema, seed)
    assert value_of(schema, seed, runtime=FakeRuntime(batch=2)) == found
    assert value_of(schema, seed, runtime=FakeRuntime(forgets=False)) == found


@settings(max_examples=60, deadline=None)
@given(values=st.lists(TEXTS, min_size=2, max_size=8, unique=True), seed=SEEDS, data=st.data())
def test_the_budget_is_kept(values: list[str], seed: int, data: Any) -> None:
    schema = closed(a={"enum": values}, b={"type": "string"}, c={"enum": values})
    budget = data.draw(st.integers(1, 80))
    done = written(schema, prompt=[seed % 200], budget=budget)
    assert done.written.tokens <= budget
    if done.written.finish_reason == "stop":
        jsonschema.Draft202012Validator(schema).validate(json.loads(done.written.text))
    else:
        assert done.written.text == ""


@settings(max_examples=30, deadline=None)
@given(values=st.lists(TEXTS, min_size=2, max_size=8, unique=True), seed=SEEDS)
def test_probabilities_are_sorted_and_add_up_to_one(values: list[str], seed: int) -> None:
    done = written(closed(a={"enum": values}), prompt=[seed % 200])
    found = done.written.alternatives["/a"]
    assert found[0][0] == json.loads(done.written.text)["a"]
    assert {value for value, _ in found} == set(values)
    assert sum(chance for _, chance in found) == pytest.approx(1.0)
    assert all(one >= other for (_, one), (_, other) in pairwise(found))


def test_two_long_options_that_are_equally_likely_all_along_are_not_taken_in_turns() -> None:
    values = ["x" + "a" * 40, "y" + "b" * 40]
    runtime = FakeRuntime()
    found = written({"enum": values}, prompt=[3], runtime=runtime).written
    assert json.loads(found.text) in values
    assert runtime.computed < 200


def test_an_option_of_many_tokens_is_decided() -> None:
    values = ["a" * 300, "b" * 300]
    found = written({"enum": values}, prompt=[3], budget=900).written
    assert json.loads(found.text) in values
    assert {value for value, _ in found.alternatives[""]} == set(values)


# ---- places --------------------------------------------------------------------------------------

SHAPES = {
    "anyOf": [
        closed(kind={"const": "circle"}, size={"enum": ["big", "bigger", "biggest"]}),
        closed(kind={"const": "cube"}, size={"type": "integer", "minimum": 1, "maximum": 12}),
    ]
}


def test_values_in_lists_unions_and_records_are_decided() -> None:
    schema = closed(shapes={"type": "array", "minItems": 2, "maxItems": 2, "items": SHAPES})
    for seed in range(8):
        done = written(schema, prompt=[seed])
        value = json.loads(done.written.text)
        jsonschema.Draft202012Validator(schema).validate(value)
        assert sorted(done.written.alternatives) == [
            f"/shapes/{index}/{name}" for index in (0, 1) for name in ("kind", "size")
        ]
        for index, shape in enumerate(value["shapes"]):
            options = done.written.alternatives[f"/shapes/{index}/size"]
            assert len(options) == (3 if shape["kind"] == "circle" else 10)


def test_open_values_are_not_decided() -> None:
    schema = closed(
        a={"type": "string"},
        b={"type": "number"},
        c={"type": "integer", "minimum": 0, "maximum": 1000},
        d={"anyOf": [{"enum": ["x", "y"]}, {"type": "string", "maxLength": 9}]},
        e={"type": ["string", "null"]},
    )
    assert written(schema).written.alternatives == {}


def test_a_list_may_be_empty_although_its_items_are_closed() -> None:
    schema = closed(a={"type": "array", "items": {"enum": ["x", "y"]}, "maxItems": 3})
    lengths = {len(value_of(schema, seed)["a"]) for seed in range(60)}
    assert {0, 1} <= lengths


def test_500_options_with_a_long_common_beginning() -> None:
    values = [f"a rather long beginning that all of them have, number {n}" for n in range(500)]
    runtime = FakeRuntime()
    done = written(closed(a={"enum": values}), runtime=runtime, prompt=[3])
    assert json.loads(done.written.text)["a"] in values
    assert runtime.computed < 2000
    assert len(done.written.alternatives["/a"]) == 10


def test_nothing_is_decided_if_that_is_off() -> None:
    done = written(closed(a={"enum": ["x", "y"]}), deciding=None)
    assert done.written.alternatives == {}


# ---- chance --------------------------------------------------------------------------------------


def test_options_are_drawn_as_often_as_they_are_likely() -> None:
    schema, prompt = closed(a={"enum": ["an", "and", "or", "not"]}), [11]
    likely = dict(written(schema, prompt=prompt).written.alternatives["/a"])
    drawn = Counter(
        json.loads(written(schema, prompt=prompt, temperature=1.0, seed=seed).written.text)["a"]
        for seed in range(400)
    )
    for value, chance in likely.items():
        assert drawn[value] / 400 == pytest.approx(chance, abs=0.1)


def test_what_is_taken_off_changes_the_value_and_only_at_its_place() -> None:
    schema = closed(a={"enum": ["x", "y"]}, b={"enum": ["x", "y"]})
    plain = written(schema).written
    first = json.loads(plain.text)["a"]
    prior = {f'"{value}"': 0.0 if value == first else -50.0 for value in "xy"}
    deciding = Deciding(share=1.0, priors={"/a": prior})
    assert json.loads(written(schema, deciding=deciding).written.text)["a"] != first
    unknown = Deciding(share=1.0, priors={"/a": {'"x"': 0.0}, "/c": prior})
    assert written(schema, deciding=unknown).written.text == plain.text


def test_all_scores_are_those_of_whole_options() -> None:
    values = ["an", "and", "android"]
    done = written(closed(a={"enum": values}), deciding=Deciding(all_scores=True), prompt=[5])
    scores = done.written.scores["/a"]
    assert set(scores) == {f'"{value}"' for value in values}
    assert sum(numpy.exp(list(scores.values()))) < 1.0
