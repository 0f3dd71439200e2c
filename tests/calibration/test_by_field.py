"""Thresholds by field keep their promise, and say where there are too few labels for one."""

from __future__ import annotations

import random

from structgen.calibration.by_field import NEVER, FieldThreshold, Label, learn_by_field
from structgen.calibration.gate import least_records

RUNS = 100


def records(count: int, *fields: str, right: bool = True) -> list[list[Label]]:
    """Labels of each field in each record, with confidences from 0.5 on."""
    return [[Label(field, 0.5 + at / count / 2, right) for field in fields] for at in range(count)]


def table(found: list[FieldThreshold]) -> dict[str, float | None]:
    return {one.field: one.below for one in found}


def test_a_field_with_enough_records_has_a_threshold_of_its_own_and_others_share_one() -> None:
    enough = least_records(0.9)
    rare = [[Label(f"/r{at % 3}", 0.8, True)] for at in range(enough)]
    found = learn_by_field([*records(enough, "/a", "/b"), *rare], 0.9)
    assert [one.field for one in found] == ["", "/a", "/b"]
    assert table(found) == {"": 0.8, "/a": 0.5, "/b": 0.5}
    assert found[0].records == found[0].values == enough


def test_a_threshold_is_no_lower_than_what_was_seen() -> None:
    found = learn_by_field(records(40, "/a"), 0.9)
    assert table(found) == {"/a": 0.5}
    certain = [[Label("/a", 1.0, True)] for _ in range(40)]
    assert learn_by_field(certain, 0.9)[0].below == 0.9999


def test_a_field_that_is_not_right_often_enough_is_never_kept() -> None:
    both = zip(records(40, "/a", right=False), records(40, "/b"), strict=True)
    found = learn_by_field([[*one, *other] for one, other in both], 0.9)
    assert table(found) == {"/a": NEVER, "/b": 0.5}


def test_too_few_records_teach_nothing_and_many_values_of_one_record_are_one() -> None:
    few = records(least_records(0.9) - 1, "/a")
    assert table(learn_by_field(few, 0.9)) == {"": None}
    one = [[Label("/items/*", 0.9, True)] * 500]
    assert table(learn_by_field(one, 0.9)) == {"": None}
    assert learn_by_field([], 0.9) == []


def test_a_target_without_fields_has_one_threshold() -> None:
    mixed = [[*one, Label("/*", 0.7, True)] for one in records(40, "")]
    assert table(learn_by_field(records(40, ""), 0.9)) == {"": 0.5}
    assert [one.field for one in learn_by_field(mixed, 0.9)] == ["", "/*"]


def test_the_wrong_values_are_below_the_threshold() -> None:
    labels = [[Label("/a", at / 100, at >= 60)] for at in range(100)]
    below = learn_by_field(labels, 0.9)[0].below
    assert below is not None
    kept = [label.is_right for [label] in labels if label.number >= below]
    assert sum(kept) / len(kept) >= 0.9
    assert below <= 0.62


def test_the_promise_is_broken_in_few_cases_only() -> None:
    draw = random.Random(4)

    def record() -> list[Label]:
        number = draw.random() ** 0.3
        return [Label("/a", number, draw.random() < number)]

    fresh = [label for _ in range(4000) for label in record()]
    broken = 0
    for _ in range(RUNS):
        below = learn_by_field([record() for _ in range(60)], 0.8)[0].below
        assert below is not None
        kept = [one.is_right for one in fresh if one.number >= below]
        broken += bool(kept) and sum(kept) / len(kept) < 0.8
    assert broken <= 0.16 * RUNS
