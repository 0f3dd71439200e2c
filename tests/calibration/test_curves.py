"""Curves never fall, whatever the labels, and learn what the labels show."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen.calibration.curves import (
    MANY,
    Isotonic,
    Logistic,
    learn_curve,
    learn_isotonic,
    learn_logistic,
    learn_offset,
    log_odds,
    sigmoid,
)
from structgen.calibration.learnt import Ranking, RawLeaf, field_of
from structgen.evaluation.judged_confidence import calibration_error

SHARES = st.floats(0, 1)
LABELS = st.lists(st.tuples(SHARES, st.booleans()), min_size=1, max_size=60)


@given(LABELS, st.sampled_from([learn_logistic, learn_isotonic]), SHARES, SHARES)
def test_more_raw_confidence_never_gives_less(labels, learn, one, other) -> None:  # type: ignore[no-untyped-def]
    curve = learn(labels)
    low, high = sorted((one, other))
    assert 0 <= curve(low) <= curve(high) <= 1


@given(LABELS, st.floats(-50, 50), SHARES, SHARES)
def test_a_field_that_is_better_than_its_kind_keeps_the_order(
    labels: list[tuple[float, bool]], better: float, one: float, other: float
) -> None:
    ranking = Ranking(
        kinds={"other": learn_logistic(labels)}, fields={"/a": better}, record=Logistic(1, 0)
    )
    low, high = (ranking.value(RawLeaf("/a", "text", raw)) for raw in sorted((one, other)))
    assert low <= high


@pytest.mark.parametrize("count", [400, MANY])
def test_a_confidence_that_says_too_much_is_brought_down(count: int) -> None:
    """What says p is right in p squared of all cases."""
    draw = random.Random(1)

    def labels(number: int) -> list[tuple[float, bool]]:
        raws = [draw.random() for _ in range(number)]
        return [(raw, draw.random() < raw * raw) for raw in raws]

    curve = learn_curve(labels(count))
    assert isinstance(curve, Isotonic if count >= MANY else Logistic)
    fresh = labels(4000)
    before = calibration_error(fresh)
    after = calibration_error([(curve(raw), is_right) for raw, is_right in fresh])
    assert before is not None
    assert after is not None
    assert before > 0.15
    assert after < 0.05


def test_labels_that_contradict_the_confidence_make_a_level_curve() -> None:
    curve = learn_logistic([(0.9, False), (0.8, False), (0.2, True), (0.1, True)])
    assert curve.slope == 0
    assert curve(0.1) == curve(0.9) == pytest.approx(0.5)


def test_no_curve_says_never_or_always() -> None:
    certain = [(0.2, False)] * 10 + [(0.9, True)] * 10
    for curve in (learn_logistic(certain), learn_isotonic(certain)):
        assert 0 < curve(0.0) < 0.5 < curve(1.0) < 1
    assert learn_isotonic(certain)(0.9) == pytest.approx(21 / 22)


def test_between_points_a_curve_is_straight() -> None:
    curve = Isotonic(((0.2, 0.1), (0.6, 0.5)))
    assert [curve(raw) for raw in (0.0, 0.2, 0.4, 0.6, 1.0)] == pytest.approx(
        [0.1, 0.1, 0.3, 0.5, 0.5]
    )


@given(SHARES)
def test_log_odds_and_back(share: float) -> None:
    assert sigmoid(log_odds(share)) == pytest.approx(share, abs=1e-11)


def test_an_offset_grows_with_its_labels() -> None:
    few = learn_offset([(0.5, True)] * 2)
    many = learn_offset([(0.5, True)] * 200)
    assert 0 < few < many
    assert learn_offset([(0.5, True), (0.5, False)]) == pytest.approx(0)
    assert learn_offset([(0.5, False)] * 200) == pytest.approx(-many)
    assert math.isfinite(learn_offset([(0.0, True), (1.0, False)] * 50))


def test_items_of_a_list_are_one_field() -> None:
    assert field_of("/lines/12/price") == "/lines/*/price"
    assert field_of("") == ""
