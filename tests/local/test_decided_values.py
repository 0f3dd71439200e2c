"""Law 12 with the embedded model: decided values are options, in whatever order these are
listed.
"""

from __future__ import annotations

import json
from itertools import permutations
from math import exp
from typing import Any

import pytest

from structgen.local.engine import Engine
from structgen.options import Options
from tests.local.grammar.test_grammar import closed

ASK = [
    {"role": "system", "content": "Extract the restaurant as JSON. Use null for what is not said."},
    {"role": "user", "content": "Alimentum is a cheap Italian place. 安い。"},
]
FOODS = ["Italian", "Italian and French", "Indian", "日本料理", None]


def place(foods: Any) -> Any:
    food = {"enum": list(foods)}
    return closed(food=food, cheap={"type": "boolean"}, dishes={"type": "array", "items": food})


def test_another_order_and_another_try_give_the_same_answer(engine: Engine) -> None:
    answers = [
        engine.generate(ASK, place(foods), Options(max_tokens=60))
        for foods in [FOODS, FOODS, *list(permutations(FOODS))[7::50]]
    ]
    assert len({answer.text for answer in answers}) == 1
    value = json.loads(answers[0].text or "")
    assert value["food"] in FOODS
    assert answers[0].alternatives["/food"][0][0] == value["food"]
    assert answers[0].alternatives["/cheap"][0][0] == value["cheap"]


@pytest.mark.parametrize("tokens", [14, 20, 40])
@pytest.mark.parametrize("sampled", [{}, {"temperature": 1.0, "seed": 3}])
def test_the_budget_is_kept(engine: Engine, tokens: int, sampled: Any) -> None:
    answer = engine.generate(ASK, place(FOODS), Options(max_tokens=tokens, **sampled))
    assert answer.usage.completion_tokens <= tokens
    if answer.finish_reason == "stop":
        assert json.loads(answer.text or "")["food"] in FOODS


def test_the_logprobs_of_a_decided_value_are_its_probability(engine: Engine) -> None:
    answer = engine.generate(ASK, closed(food={"enum": FOODS}), Options(logprobs=True))
    chance = exp(sum(log for _, log in answer.logprobs))
    assert chance == pytest.approx(answer.alternatives["/food"][0][1], abs=0.01)


def test_nothing_is_decided_if_that_is_off(engine: Engine) -> None:
    answer = engine.generate(ASK, place(FOODS), Options(max_tokens=60, decide="off"))
    assert not answer.alternatives


def test_pressure_is_told_where_the_model_wanted_something_else(engine: Engine) -> None:
    schema = closed(code={"type": "string", "pattern": "^[0-9]{4}$"}, food={"enum": FOODS})
    answer = engine.generate(ASK, schema, Options(max_tokens=40))
    assert 0.05 <= answer.pressure["/code"] <= 1.0
