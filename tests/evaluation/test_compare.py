"""Intervals, and two runs compared: known values, and what chance does."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from structgen.errors import ConfigurationError, InputError
from structgen.evaluation.comparison import compare, holm
from structgen.evaluation.gates import comparison_lines, parse_bound, under, worse
from structgen.evaluation.intervals import (
    packing_of,
    percentile_interval,
    resampled,
    share_interval,
)
from structgen.evaluation.record import RecordScore
from structgen.evaluation.result import Evaluation
from structgen.evaluation.scoring import Counts


def record(key: str, right: bool, *, other: bool = True, error: str | None = None) -> RecordScore:
    def leaf(is_right: bool) -> Counts:
        return Counts(right=1) if is_right else Counts(wrong=1)

    counts = {"/a": leaf(right), "/b": leaf(other)}
    return RecordScore(key=key, counts=counts, error=error, seconds=1.0, tokens=10)


def run(rights: list[bool], schema: str = "s", gold: str = "g") -> Evaluation:
    records = [record(str(n), right) for n, right in enumerate(rights)]
    return Evaluation(target="T", schema=schema, gold=gold, model="m", records=records)


# ---- intervals ----------------------------------------------------------------------------------


def test_packed_counts_add_up_as_the_counts_do() -> None:
    one = {"/a": Counts(1, 2, 3, 4, 5), "/b": Counts(null=7)}
    other = {"/b": Counts(right=10**6)}
    packing = packing_of(["/a", "/b"], [one, other])
    total = packing.unpack(packing.pack(one) + packing.pack(other))
    a, b = total["/a"], total["/b"]
    assert (a.right, a.found, a.wanted) == (1, 1 + 2 + 4, 1 + 2 + 3)
    assert (b.right, b.found, b.wanted) == (10**6, 10**6, 10**6)


def test_resamples_are_the_same_for_the_same_seed_and_as_wide_as_the_theory_says() -> None:
    packed = [1] * 50 + [0] * 50
    sums = list(resampled(packed, samples=2000, seed=1))
    assert sums == list(resampled(packed, samples=2000, seed=1))
    assert sums != list(resampled(packed, samples=2000, seed=2))
    interval = percentile_interval(0.5, [one / 100 for one in sums])
    assert interval.low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.015)
    assert interval.high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.015)


def test_the_interval_of_a_share_is_wilsons() -> None:
    # Brown, Cai, DasGupta 2001: for 0 of 10 the upper end is z² / (n + z²).
    assert share_interval(0, 10).high == pytest.approx(3.8415 / 13.8415, abs=1e-4)
    assert share_interval(0, 10).low == 0.0
    assert share_interval(10, 10).high == pytest.approx(1.0)
    half = share_interval(5, 10)
    assert half.low == pytest.approx(0.2366, abs=1e-4)
    assert half.high == pytest.approx(0.7634, abs=1e-4)


def test_ten_thousand_records_have_their_intervals_in_seconds() -> None:
    generator = random.Random(3)
    big = run([generator.random() < 0.7 for _ in range(10_000)])
    assert big.intervals["f1"].low < big.f1 < big.intervals["f1"].high
    assert big.intervals["f1"].high - big.intervals["f1"].low < 0.02


# ---- Holm ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.01], [0.01]),
        ([], []),
    ],
)
def test_holm(given: list[float], expected: list[float]) -> None:
    assert holm(given) == pytest.approx(expected)


# ---- two runs -----------------------------------------------------------------------------------


def test_a_run_is_no_different_from_itself() -> None:
    same = compare(run([True, False] * 10), run([True, False] * 10))
    assert not same.overall.is_real
    assert same.overall.p == 1.0
    assert same.worse == []
    assert comparison_lines(same) == ["no figure is different"]


def test_a_large_difference_is_real_and_only_in_its_field() -> None:
    before, after = run([True] * 40), run([False] * 20 + [True] * 20)
    compared = compare(before, after)
    a, b = compared.fields
    assert (a.field, a.before, a.after) == ("/a", 1.0, 0.5)
    assert a.is_real
    assert a.interval.high < 0
    assert not b.is_real
    assert compared.perfect.is_real
    assert not compared.valid.is_real
    assert [one.field for one in compared.worse] == ["all leaves", "perfect records", "/a"]
    assert worse(compared)[0].startswith("f1 went from 1.000 to 0.750")
    assert not compare(after, before).worse


def test_one_record_of_many_is_chance() -> None:
    compared = compare(run([True] * 40), run([False] + [True] * 39))
    assert not compared.overall.is_real
    assert any(line.startswith("chance") for line in comparison_lines(compared))


def test_chance_alone_is_called_real_rarely() -> None:
    generator = random.Random(5)
    real = 0
    for seed in range(40):
        one = run([generator.random() < 0.6 for _ in range(30)])
        other = run([generator.random() < 0.6 for _ in range(30)])
        real += compare(one, other, seed=seed).fields[0].is_real
    assert real <= 6  # expected: 2 at most


def test_runs_of_other_targets_or_gold_are_refused() -> None:
    with pytest.raises(InputError, match="of another target"):
        compare(run([True]), run([True], schema="other"))
    with pytest.raises(InputError, match="of other gold"):
        compare(run([True]), run([True], gold="other"))


# ---- bounds -------------------------------------------------------------------------------------


def test_bounds_that_are_kept_and_that_are_not() -> None:
    evaluation = run([True, False])
    assert under(evaluation, [("f1", 0.75), ("/b", 1.0), ("perfect", 0.5)]) == []
    assert under(evaluation, [("f1", 0.76), ("/a", 0.9)]) == [
        "f1 is 0.750, under 0.76",
        "/a is 0.500, under 0.9",
    ]


@pytest.mark.parametrize("text", ["f1", "f1=high", "f1=1.5", "f1=-1", "omission=0.5", "=0.5"])
def test_what_is_no_bound(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_bound(text)


def test_bounds_of_what_there_is_not() -> None:
    assert parse_bound("/total=0.5") == ("/total", 0.5)
    with pytest.raises(ConfigurationError, match="no field /total"):
        under(run([True]), [("/total", 0.5)])
    with pytest.raises(ConfigurationError, match="auroc is not known"):
        under(run([True]), [("auroc", 0.5)])


# ---- saved and shown ----------------------------------------------------------------------------


def test_an_evaluation_is_the_same_after_it_was_saved(tmp_path: Path) -> None:
    records = [
        record("a", True),
        RecordScore(
            key="b",
            error="Truncated",
            counts={"/a": Counts(omitted=1)},
            strict=Counts(omitted=1),
            judged=((0.5, True),),
            cost=0.1,
        ),
    ]
    saved = Evaluation(
        target="T", schema="s", gold="g", model="m", records=records, notes=["n"], seed=4
    )
    saved.save(tmp_path / "run.json")
    loaded = Evaluation.load(tmp_path / "run.json")
    assert loaded == saved
    assert loaded.figures == saved.figures
    assert saved.to_dict()["risk_coverage"] == [[1.0, 0.0]]
    assert loaded.failures == {"Truncated": 1}
    assert (loaded.valid, loaded.perfect) == (0.5, 0.5)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"records": 5}'])
def test_a_file_that_is_no_evaluation(text: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(InputError, match="holds no evaluation"):
        Evaluation.load(path)
    with pytest.raises(InputError, match="Cannot read"):
        Evaluation.load(tmp_path / "none.json")


def test_tables_have_the_worst_field_first_and_escape_what_they_show() -> None:
    evaluation = run([False, False])
    lines = evaluation.table().splitlines()
    assert lines[0] == "T, 2 records, m"
    assert [line.split()[0] for line in lines[-2:]] == ["/a", "/b"]
    shown = Evaluation(target="<b>", schema="s", gold="g", model="m", records=[record("x", True)])
    assert "&lt;b&gt;" in shown._repr_html_()
    assert "<b>" not in shown._repr_html_()
