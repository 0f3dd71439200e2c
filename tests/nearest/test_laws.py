"""Laws of `Nearest`, over generated pools and documents in several scripts."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.extraction.nearest import NearestChooser
from structgen.extraction.similarity import SimilarityIndex, normalised
from structgen.values import Example

LAW = settings(max_examples=200, deadline=None, derandomize=True, database=None)
WORDS = (
    "tea",
    "Tee",
    "coffee",
    "two",
    "2",
    "12.50",
    "Ada",
    "ADA",
    "三杯",
    "咖啡",
    "قهوة",
    "चाय",
    ".",
)
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
POOLS = st.lists(st.tuples(TEXTS, st.integers(0, 3)), min_size=1, max_size=12)


def chooser(pool: list[tuple[str, int]], k: int = 3, **how: Any) -> NearestChooser:
    examples = [Example(text, value) for text, value in pool]
    usual: dict[str, Any] = {"max_tokens": None, "diversity": 0.5, "own": {}}
    return NearestChooser(examples, k, **{**usual, **how})


def chosen(
    one: NearestChooser, document: str, budget: int = 10_000, whole: str | None = None
) -> list[tuple[str, Any]]:
    numbers = one.choose(document, whole=whole, tokens=length_in(one), budget=budget)
    return [(one.examples[number].text, one.examples[number].value) for number in numbers]


def length_in(one: NearestChooser) -> Any:
    return lambda number: len(one.examples[number].text)


@LAW
@given(POOLS, TEXTS, st.integers(1, 5))
def test_at_most_k_are_chosen_and_none_shows_the_same_as_another(
    pool: list[tuple[str, int]], document: str, k: int
) -> None:
    texts = [normalised(text) for text, _ in chosen(chooser(pool, k), document)]
    assert len(texts) == len(set(texts)) <= k


@LAW
@given(POOLS, TEXTS, st.booleans())
def test_the_document_itself_is_never_shown(
    pool: list[tuple[str, int]], document: str, is_part: bool
) -> None:
    pool = [*pool, (f" {document.upper()} ", 9)]
    part = "tea" if is_part else document
    shown = chosen(chooser(pool), part, whole=document if is_part else None)
    assert not {normalised(document), normalised(part)} & {normalised(text) for text, _ in shown}


@LAW
@given(POOLS, TEXTS, st.randoms(use_true_random=False))
def test_the_order_of_the_pool_plays_no_part(
    pool: list[tuple[str, int]], document: str, order: random.Random
) -> None:
    shuffled = order.sample(pool, len(pool))
    assert chosen(chooser(pool), document) == chosen(chooser(shuffled), document)


@LAW
@given(POOLS, TEXTS)
def test_the_same_is_chosen_again(pool: list[tuple[str, int]], document: str) -> None:
    one = chooser(pool)
    assert chosen(one, document) == chosen(one, document) == chosen(chooser(pool), document)


@LAW
@given(POOLS, TEXTS, st.integers(0, 40), st.booleans())
def test_the_budget_is_kept(
    pool: list[tuple[str, int]], document: str, budget: int, of_the_pool: bool
) -> None:
    one = chooser(pool, max_tokens=budget if of_the_pool else None)
    shown = chosen(one, document, budget=999 if of_the_pool else budget)
    assert sum(len(text) for text, _ in shown) <= budget


@LAW
@given(POOLS, TEXTS)
def test_the_nearest_is_shown_last(pool: list[tuple[str, int]], document: str) -> None:
    one = chooser(pool)
    scores = SimilarityIndex([example.text for example in one.examples]).scores(document)
    numbers = one.choose(document, whole=None, tokens=length_in(one), budget=10_000)
    assert [scores[number] for number in numbers] == sorted(scores[number] for number in numbers)


@LAW
@given(POOLS, TEXTS)
def test_likeness_is_a_share(pool: list[tuple[str, int]], document: str) -> None:
    index = SimilarityIndex([document, *(text for text, _ in pool)])
    assert all(-1e-9 <= score <= 1 + 1e-9 for score in index.scores(document))
    assert abs(index.likeness(0, 0) - 1) < 1e-9
