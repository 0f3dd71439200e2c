"""Confidence judged: figures with known values."""

from __future__ import annotations

import pytest

from structgen.evaluation.judged_confidence import (
    BINS,
    accuracy_at_coverage,
    auroc,
    brier,
    calibration_error,
    calibration_error_by_chance,
    coverage_at_accuracy,
    reliability,
    risk_coverage,
)

MIXED = [(0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.2, False)]


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        ([(0.9, True), (0.1, False)], 1.0),
        ([(0.1, True), (0.9, False)], 0.0),
        ([(0.5, True), (0.5, False)], 0.5),
        ([(0.9, True), (0.5, True), (0.5, False), (0.1, False)], 0.875),
        (MIXED, 5 / 6),
        ([(0.9, True)], None),
        ([], None),
    ],
)
def test_auroc(judged: list[tuple[float, bool]], expected: float | None) -> None:
    assert auroc(judged) == (None if expected is None else pytest.approx(expected))


def test_brier() -> None:
    assert brier([(1.0, True), (0.0, False)]) == 0
    assert brier([(0.5, True), (1.0, False)]) == pytest.approx((0.25 + 1) / 2)
    assert brier([]) is None


def test_calibration_error() -> None:
    assert calibration_error([(0.8, True)] * 4 + [(0.8, False)]) == pytest.approx(0.0)
    assert calibration_error([(1.0, False)]) == 1.0
    # bins (0.7, 0.8] with 0.75 and half right, (0.1, 0.2] with 0.15 and none right
    judged = [(0.75, True), (0.75, False), (0.15, False), (0.15, False)]
    assert calibration_error(judged) == pytest.approx((0.25 + 0.15) / 2)
    assert calibration_error([]) is None
    assert calibration_error([(0.0, False)]) == 0.0


def test_risk_coverage() -> None:
    assert risk_coverage(MIXED) == [
        (0.2, 0.0),
        (0.4, 0.0),
        (0.6, 1 / 3),
        (0.8, 0.25),
        (1.0, 0.4),
    ]
    assert risk_coverage([(0.5, True), (0.5, False)]) == [(1.0, 0.5)]
    assert risk_coverage([]) == []


def test_accuracy_at_coverage() -> None:
    assert accuracy_at_coverage(MIXED) == 0.75
    assert accuracy_at_coverage(MIXED, 0.4) == 1.0
    assert accuracy_at_coverage(MIXED, 1.0) == 0.6
    assert accuracy_at_coverage([(0.5, True), (0.5, False)], 0.5) == 0.5
    assert accuracy_at_coverage([]) is None


@pytest.mark.parametrize(
    ("confidence", "other", "same_bin"),
    [
        (0.05, 0.1, True),
        (0.1, 0.11, False),
        (0.91, 1.0, True),
        (0.0, 0.05, True),
        (0.2, 0.3, False),
    ],
)
def test_bins_are_tenths_and_hold_their_upper_end(
    confidence: float, other: float, same_bin: bool
) -> None:
    """In one bin, a right and a wrong value make one difference; in two bins, two."""
    judged = [(confidence, False), (other, True)]
    together = abs((confidence + other) / 2 - 0.5)
    apart = (confidence + abs(other - 1)) / 2
    assert calibration_error(judged) == pytest.approx(together if same_bin else apart)
    assert BINS == 10


def test_accuracy_at_coverage_of_ties_and_of_small_shares() -> None:
    ties = [(0.9, True), (0.5, True), (0.5, False), (0.5, False), (0.5, False)]
    assert accuracy_at_coverage(ties, 0.6) == pytest.approx((1 + 2 * 0.25) / 3)
    assert accuracy_at_coverage(ties, 0.0) is None
    assert accuracy_at_coverage([(0.5, True)], 0.8) == 1.0


def test_reliability_is_the_table_behind_the_error() -> None:
    judged = [(0.75, True), (0.75, False), (0.15, False), (1.0, True)]
    bins = reliability(judged)
    assert [(one.low, one.high, one.count) for one in bins] == [
        (0.1, 0.2, 1),
        (0.7, 0.8, 2),
        (0.9, 1.0, 1),
    ]
    assert [(one.confidence, one.right) for one in bins] == [(0.15, 0.0), (0.75, 0.5), (1.0, 1.0)]
    assert all(low <= one.right <= high for one in bins for low, high in [one.interval])
    by_hand = sum(abs(one.confidence - one.right) * one.count for one in bins) / len(judged)
    assert calibration_error(judged) == pytest.approx(by_hand)
    assert reliability([]) == []


def test_chance_alone_makes_an_error_that_shrinks_with_the_values() -> None:
    few = calibration_error_by_chance([(0.5, True)] * 20)
    many = calibration_error_by_chance([(0.5, True)] * 2000)
    assert few is not None
    assert many is not None
    assert 0 < many < 0.03 < few
    assert calibration_error_by_chance([(1.0, False)]) == 0.0
    assert calibration_error_by_chance([]) is None


def test_coverage_at_accuracy() -> None:
    assert coverage_at_accuracy(MIXED) == 0.4
    assert coverage_at_accuracy(MIXED, 0.7) == 0.8
    assert coverage_at_accuracy([(0.9, False)]) == 0.0
    assert coverage_at_accuracy([]) is None
