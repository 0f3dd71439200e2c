"""The gate keeps its promise: by simulation, for records and for values of one record."""

from __future__ import annotations

import random
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen.calibration.gate import (
    DOUBT,
    PROMISES,
    Record,
    learn_thresholds,
    least_records,
    p_value,
)

RUNS = 150
MARGIN = 0.06
"""More than twice the deviation of a share of `RUNS`."""


def broken(draw_record, promised: float, records: int, seed: int) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """The share of calibrations whose promise is broken, and of those that accept anything."""
    draw = random.Random(seed)
    fresh: list[Record] = [draw_record(draw) for _ in range(2000)]
    broke = kept = 0
    for _ in range(RUNS):
        labelled = [draw_record(draw) for _ in range(records)]
        least = learn_thresholds(labelled, (promised,)).get(promised)
        if least is None:
            continue
        kept += 1
        outcomes = [[right for number, right in one if number >= least] for one in fresh]
        shares = [sum(one) / len(one) for one in outcomes if one]
        broke += bool(shares) and sum(shares) / len(shares) < promised
    return broke / RUNS, kept / RUNS


def one_number(draw: random.Random) -> Record:
    number = draw.random()
    return [(number, draw.random() < number**0.3)]


def overconfident(draw: random.Random) -> Record:
    number = draw.random() ** 0.2
    return [(number, draw.random() < 0.5 * number)]


def values_that_fail_together(draw: random.Random) -> Record:
    """All values of a record are right, or each is as likely as its number says."""
    is_good = draw.random() < 0.6
    numbers = [draw.random() for _ in range(draw.randrange(1, 8))]
    return [(number, is_good or draw.random() < number) for number in numbers]


@pytest.mark.parametrize("draw_record", [one_number, overconfident, values_that_fail_together])
@pytest.mark.parametrize("promised", [0.8, 0.9])
def test_a_promise_is_broken_in_few_calibrations(draw_record, promised: float) -> None:  # type: ignore[no-untyped-def]
    broke, _ = broken(draw_record, promised, 120, seed=3)
    assert broke <= DOUBT + MARGIN


def test_a_promise_that_can_be_kept_accepts_something() -> None:
    _, kept = broken(one_number, 0.8, 120, seed=4)
    assert kept > 0.75


def test_numbers_that_mean_nothing_accept_nothing() -> None:
    _, kept = broken(overconfident, 0.9, 120, seed=5)
    assert kept <= DOUBT


@pytest.mark.parametrize(("promised", "least"), [(0.5, 4), (0.9, 22), (0.95, 45), (0.99, 230)])
def test_so_many_records_are_needed_if_all_are_right(promised: float, least: int) -> None:
    assert least_records(promised) == least
    right: list[Record] = [[(0.9, True)]] * least
    assert promised in learn_thresholds(right, (promised,))
    assert promised not in learn_thresholds(right[1:], (promised,))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=80))
def test_a_stricter_promise_never_accepts_more(pairs: list[tuple[float, bool]]) -> None:
    found = learn_thresholds([[pair] for pair in pairs])
    assert list(found) == sorted(found)
    assert list(found.values()) == sorted(found.values())
    assert set(found) <= set(PROMISES)


@given(st.integers(1, 40), st.integers(0, 40), st.floats(0.01, 0.99))
def test_whole_shares_have_the_exact_chance(count: int, wrong: int, risk: float) -> None:
    wrong = min(wrong, count)
    exact = sum(comb(count, k) * risk**k * (1 - risk) ** (count - k) for k in range(wrong + 1))
    shares = [1.0] * wrong + [0.0] * (count - wrong)
    assert p_value(shares, risk) == pytest.approx(min(exact, 1.0))


def test_shares_that_are_not_whole_are_bounded_from_above() -> None:
    halves = p_value([0.5] * 10, 0.9)
    assert 0 < halves < 1
    assert p_value([0.5] * 40, 0.9) < halves
    assert p_value([0.5] * 10, 0.4) == 1.0
    assert p_value([], 0.1) == 1.0
