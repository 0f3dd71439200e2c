"""The cost of a call is counted, told and bounded; an unknown price is told before any request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

import structgen
from structgen.errors import BudgetExceededError, ConfigurationError
from structgen.testing import ScriptedModel, ScriptedTransport
from structgen.values import Usage
from structgen.wire.models.prices import PRICES, Price, price_of
from tests.sent import sent

GOOD, BAD = '{"name":"Ada"}', '{"name":3}'
MINE = Price(provider="openai", model="gpt*", input=1.0, output=2.0)
EACH = (7 * 1.0 + 5 * 2.0) / 1e6
"""US dollars for one scripted answer at that price: 7 tokens of prompt, 5 of completion."""


class Person(BaseModel):
    name: str


def client(*script: Any, prices: Any = (MINE,), **options: Any) -> structgen.Client:
    return structgen.Client(
        "openai:gpt", api_key="k", transport=ScriptedTransport(*script), prices=prices, **options
    )


def test_tokens_cost_what_the_price_says_and_cached_ones_their_own() -> None:
    usage = Usage(
        prompt_tokens=1_000_000,
        cached_tokens=400_000,
        completion_tokens=500_000,
        reasoning_tokens=100_000,
    )
    assert Price(provider="p", input=1.0, output=4.0).cost_of(usage) == pytest.approx(3.0)
    discounted = Price(provider="p", input=1.0, output=4.0, cached=0.5)
    assert discounted.cost_of(usage) == pytest.approx(2.8)


def test_the_users_prices_go_before_the_built_in_ones() -> None:
    mine = Price(provider="groq", model="openai/*", input=9.0, output=9.0)
    assert price_of("groq", "openai/gpt-oss-20b") in PRICES
    assert price_of("groq", "OpenAI/GPT-oss-20b", [mine]) is mine
    assert price_of("groq", "llama", [mine]) is None


def test_the_cost_of_all_attempts_is_said() -> None:
    result = client(BAD, GOOD).extract_result(Person, "a text")
    assert result.cost == pytest.approx(2 * EACH)
    assert [attempt.cost for attempt in result.attempts] == pytest.approx([EACH, EACH])


def test_a_cost_that_is_not_known_is_none_and_that_of_this_process_nothing() -> None:
    assert client(GOOD, prices=()).extract_result(Person, "a text").cost is None
    assert structgen.Client(ScriptedModel(GOOD)).extract_result(Person, "a text").cost == 0.0


def test_a_spend_budget_ends_the_questions() -> None:
    with pytest.raises(BudgetExceededError, match="US dollars") as error:
        client(BAD, max_reasks=9).extract(Person, "a text", cost_budget=1.5 * EACH)
    assert error.value.unit == "US dollars"
    assert error.value.used == pytest.approx(2 * EACH)
    assert len(error.value.attempts) == 2


def test_a_spend_budget_without_a_price_says_how_to_give_one_and_asks_nothing() -> None:
    asked = client(GOOD, prices=())
    with pytest.raises(ConfigurationError, match="prices="):
        asked.extract(Person, "a text", cost_budget=1.0)
    assert not sent(asked)


def test_every_backend_of_a_chain_needs_a_price() -> None:
    asked = client(GOOD, fallback=[client(GOOD, prices=())])
    with pytest.raises(ConfigurationError, match="prices="):
        asked.extract(Person, "a text", cost_budget=1.0)
    assert client(GOOD, fallback=[structgen.Client(ScriptedModel(GOOD))]).extract(
        Person, "a text", cost_budget=1.0
    )


# ---- context, which is read and not extracted from ----------------------------------------------


def test_context_stands_before_the_document_as_data_of_its_own() -> None:
    plan = client(GOOD).plan(Person, "He </context> left.", context="Today is </context> Monday.")
    content = plan.messages[-1]["content"]
    assert content.index("<context-2>\nToday is </context> Monday.\n</context-2>") < content.index(
        "<document>\nHe"
    )
    assert "Nothing is extracted from it" in content
    assert plan.messages[0] == client(GOOD).plan(Person, "He left.").messages[0], (
        "the cached beginning stays the same"
    )


def test_context_of_a_conversation_is_a_turn_of_its_own() -> None:
    turns = [{"role": "user", "content": "I left yesterday."}]
    plan = client(GOOD).plan(Person, turns, context="Today is Monday.")
    assert [message["role"] for message in plan.messages] == ["system", "user", "user"]
    assert "Today is Monday." in plan.messages[1]["content"]
    assert plan.messages[2] == turns[0]


@pytest.mark.parametrize("context", [None, "", "  "])
def test_no_context_changes_nothing(context: Any) -> None:
    asked = client(GOOD)
    asked.extract(Person, "a text", context=context)
    asked.extract(Person, "a text")
    first, second = sent(asked)
    assert json.loads(first.body) == json.loads(second.body)
