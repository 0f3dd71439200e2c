"""Facts of models: rows that add up, with sources; lengths and prices from genai-prices."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timezone
from typing import Any

import pytest

from structgen.values import Usage
from structgen.wire.models import known, price_list
from structgen.wire.models.facts import ModelFacts
from structgen.wire.models.known import facts_of
from structgen.wire.models.prices import PRICES, Price, price_of
from structgen.wire.models.rows import EXAMPLE_MODEL, MODELS
from structgen.wire.providers import PROVIDERS, capabilities

ELSEWHERE = {"anthropic"}
"""Providers that have facts before they have a row of capabilities."""


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if genai-prices were not there."""
    usual: Callable[..., Any] = builtins.__import__

    def without(name: str, *args: Any, **named: Any) -> Any:
        if name.startswith("genai_prices"):
            raise ImportError(name)
        return usual(name, *args, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    for cache in (price_list._listed_model, known._known_facts):
        cache.cache_clear()
    yield
    for cache in (price_list._listed_model, known._known_facts):
        cache.cache_clear()


def test_every_row_has_a_source_and_a_provider_that_there_is() -> None:
    for row in MODELS:
        assert row.source, row.model
        assert row.provider in {*PROVIDERS, *ELSEWHERE}


def test_a_model_that_ends_has_a_whole_name_and_a_living_replacement() -> None:
    ended = {(row.provider, row.model) for row in MODELS if row.has_ended}
    for row in MODELS:
        if row.ends is not None:
            assert row.model == row.model.lower().strip("*")
            assert (row.provider, row.replacement) not in ended, row.model


def test_no_row_repeats_another() -> None:
    names = [(row.provider, row.model) for row in MODELS]
    assert len(names) == len(set(names))


def test_rows_of_a_model_and_of_its_family_add_up() -> None:
    rows = (
        ModelFacts(provider="p", model="m-1", image_tokens=2, source="one"),
        ModelFacts(provider="p", model="m-*", image_tokens=9, context=100, source="two"),
        ModelFacts(provider="q", model="*", max_output=7, source="three"),
    )
    found = facts_of("p", "M-1", rows)
    assert (found.image_tokens, found.context, found.max_output) == (2, 100, None)
    assert found.source == "one; two"


def test_the_end_is_said_in_one_clause() -> None:
    gone = ModelFacts(provider="p", model="m", ends=date(2020, 1, 1), replacement="n")
    assert gone.end_in_words() == "p:m ended on 2020-01-01; use n"
    assert ModelFacts(provider="p", model="m").end_in_words() == ""


@pytest.mark.usefixtures("not_installed")
def test_without_the_package_our_rows_say_lengths_and_prices() -> None:
    row = capabilities("groq", EXAMPLE_MODEL)
    assert (row.context, row.max_output) == (131_072, 65_536)
    assert capabilities("groq", "some/new-model").context == 131_072
    assert price_of("groq", EXAMPLE_MODEL) == PRICES[0]
    assert price_of("openai", "gpt-of-tomorrow") is None


def test_rows_of_the_users_own_are_taken_as_they_are() -> None:
    mine = capabilities("groq", EXAMPLE_MODEL)
    assert capabilities("groq", EXAMPLE_MODEL, (mine,)) is mine


CASES: Mapping[str, tuple[str, str, int]] = {
    "flat": ("groq", EXAMPLE_MODEL, 10_000),
    "short prompt": ("anthropic", "claude-haiku-5-5", 10_000),
    "long prompt": ("anthropic", "claude-haiku-5-5", 150_000),
    "dated": ("gemini", "gemini-3.8-flash", 10_000),
}


@pytest.mark.parametrize("case", CASES)
def test_with_the_package_a_price_is_what_the_package_computes(case: str) -> None:
    genai_prices = pytest.importorskip("genai_prices")
    provider, model, prompt_tokens = CASES[case]
    usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=2_000, cached_tokens=4_000)
    theirs = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            cache_read_tokens=usage.cached_tokens,
        ),
        model,
        provider_id=price_list._PROVIDERS[provider],
        genai_request_timestamp=datetime.now(timezone.utc),
    )
    price = price_of(provider, model)
    assert price is not None
    assert price.cost_of(usage) == pytest.approx(float(theirs.total_price))


def test_with_the_package_the_shorter_of_two_contexts_counts() -> None:
    pytest.importorskip("genai_prices")
    assert facts_of("groq", "qwen/qwen3.8-27b").context == 131_042
    assert facts_of("openai", "gpt-6-luna").context


def test_a_price_of_long_prompts_goes_by_the_length_of_one_prompt() -> None:
    price = Price(
        provider="p",
        input=1.0,
        output=1.0,
        longer=(Price(provider="p", above=1000, input=5.0, output=5.0),),
    )
    assert price.cost_of(Usage(prompt_tokens=1000)) == pytest.approx(1e-3)
    assert price.cost_of(Usage(prompt_tokens=1001)) == pytest.approx(5.005e-3)
