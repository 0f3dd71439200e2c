"""A judgement: calibrated numbers, what is accepted, and when labels are too few."""

from __future__ import annotations

from dataclasses import replace

import pytest

from structgen.calibration.curves import Logistic
from structgen.calibration.judge import judge, require_enough
from structgen.calibration.learnt import Calibration, Gate, Ranking, Thresholds
from structgen.errors import CalibrationError

AS_IT_IS = Logistic(1.0, 0.0)
RANKING = Ranking(
    kinds={"text": AS_IT_IS, "null": AS_IT_IS, "other": Logistic(0.0, 0.0)}, record=AS_IT_IS
)
CALIBRATION = Calibration(
    target="T",
    schema="s",
    model="m",
    by="tokens",
    records=80,
    labels=160,
    ranking=RANKING,
    gate=Gate(ranking=RANKING, records=60, promises={0.9: Thresholds(record=0.5, value=0.8)}),
)
KINDS = {"/name": "text", "/town": "text", "/age": "null", "/pets": "null"}


def test_the_record_is_the_product_of_its_leaves() -> None:
    raw = {"/name": 0.9, "/town": 0.8, "/age": 0.7}
    found = judge(raw, KINDS, None, None)
    assert found.record_confidence == pytest.approx(0.9 * 0.8 * 0.7)
    assert (found.confidence, found.raw_confidence, found.accepted) == (raw, {}, None)


def test_a_promise_splits_records_and_values() -> None:
    raw = {"/name": 0.9, "/town": 0.75, "/age": 0.9}
    found = judge(raw, KINDS, CALIBRATION, 0.9)
    assert found.confidence == pytest.approx(raw)
    assert found.raw_confidence == raw
    assert (found.accepted, found.to_review) == (True, frozenset({"/town"}))
    unsure = judge({**raw, "/age": 0.1}, KINDS, CALIBRATION, 0.9)
    assert (unsure.accepted, unsure.to_review) == (False, frozenset({"/town"}))
    nothing = judge(raw, KINDS, CALIBRATION, 0.95)
    assert (nothing.accepted, nothing.to_review) == (False, frozenset({"/name", "/town"}))


def test_a_stated_value_without_a_confidence_is_for_people() -> None:
    found = judge({"/name": 0.99}, KINDS, CALIBRATION, 0.9)
    assert found.record_confidence is None
    assert (found.accepted, found.to_review) == (False, frozenset({"/town"}))
    assert judge({}, {}, CALIBRATION, 0.9).accepted is False


def test_a_kind_that_is_not_known_takes_the_curve_of_all() -> None:
    found = judge({"/x": 0.99}, {"/x": "number"}, CALIBRATION, None)
    assert found.confidence["/x"] == pytest.approx(0.5)


def test_labels_are_counted() -> None:
    require_enough(CALIBRATION, 0.95)
    with pytest.raises(CalibrationError, match=r"At least 307 .* accept=0.99; .* has 80\."):
        require_enough(CALIBRATION, 0.99)
    few = replace(CALIBRATION, records=40, gate=replace(CALIBRATION.gate, records=30))
    with pytest.raises(CalibrationError, match="At least 60 labelled records"):
        require_enough(few, 0.95)
