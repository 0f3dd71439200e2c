"""Leaves against gold: cases with known answers, and laws."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.errors import ConfigurationError
from structgen.evaluation import metrics
from structgen.evaluation.assignment import best_alignment, best_assignment
from structgen.evaluation.notes import notes_of
from structgen.evaluation.rules import rules_of
from structgen.evaluation.scoring import Counts, Known, counts_by_field, counts_of, leaves_of
from tests.evaluation import cases_of_leaves, cases_of_rules, cases_of_structure
from tests.evaluation.case import ITEM, TEXT, Case, many, of

CASES = [*cases_of_leaves.CASES, *cases_of_structure.CASES, *cases_of_rules.CASES]


def counts(schema: Any, found: Any, gold: Any, **known: Any) -> Counts:
    return counts_of(leaves_of(rules_of(schema), found, gold, Known(**known)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cases_with_a_known_answer(case: Case) -> None:
    assert counts(case.schema, case.found, case.gold) == case.counts


def test_there_are_enough_cases() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


# ---- fields, paths and what else is known -------------------------------------------------------


def test_fields_have_stars_for_indices_and_free_keys() -> None:
    schema = of({"type": "object", "additionalProperties": {"type": "array", "items": TEXT}})
    leaves = leaves_of(rules_of(schema), {"v": {"x": ["a"]}}, {"v": {"x": ["b", "a"]}})
    assert {leaf.field for leaf in leaves} == {"/v/*/*"}
    right = next(leaf for leaf in leaves if leaf.kind == "right")
    assert (right.path, right.gold_path) == ("/v/x/0", "/v/x/1")


def test_counts_by_field() -> None:
    schema = many(ITEM)
    gold = {"v": [{"name": "x", "quantity": 1}, {"name": "y", "quantity": None}]}
    found = {"v": [{"name": "y", "quantity": 2}, {"name": "x", "quantity": 1}]}
    assert counts_by_field(leaves_of(rules_of(schema), found, gold)) == {
        "/v/*/name": Counts(right=2),
        "/v/*/quantity": Counts(right=1, invented=1),
    }


def test_recursive_schemas_are_walked() -> None:
    node = {
        "$defs": {"N": {"type": "object", "properties": {"n": TEXT, "in": {"$ref": "#/$defs/N"}}}},
        "$ref": "#/$defs/N",
    }
    value = {"n": "a", "in": {"n": "b", "in": {"n": "c"}}}
    assert counts(node, value, value) == Counts(right=3, null=1)


def test_a_default_that_the_model_left_out_is_not_stated() -> None:
    schema = of(TEXT)
    absent = {"absent": frozenset({"/v"})}
    assert counts(schema, {"v": "USD"}, {"v": None}, **absent) == Counts(null=1)
    assert counts(schema, {"v": "USD"}, {"v": "USD"}, **absent) == Counts(right=1)
    assert counts(schema, {"v": "USD"}, {"v": "EUR"}, **absent) == Counts(omitted=1)


def test_any_alternative_is_right() -> None:
    others = {"alternatives": {"/v": ["March 11th", "the eleventh"]}}
    assert counts(of(TEXT), {"v": "march 11th"}, {"v": "11th of March"}, **others).right == 1
    assert counts(of(TEXT), {"v": "march 12th"}, {"v": "11th of March"}, **others).wrong == 1


def test_a_comparison_that_is_not_known_is_an_error_with_the_field() -> None:
    with pytest.raises(ConfigurationError, match="compares /v by 'psychic'"):
        counts(of({"evaluation_config": "psychic"}), {"v": 1}, {"v": 1})


def test_a_parameter_that_is_not_known_is_an_error_too() -> None:
    keys = {
        "x-aws-stickler-comparator": "NormalizedComparator",
        "x-aws-stickler-comparator-config": {"ignore_whitespace": False},
    }
    with pytest.raises(ConfigurationError, match="/v by NormalizedComparator with 'ignore_white"):
        counts(of(keys), {"v": "a"}, {"v": "a"})


def test_what_is_not_compared_as_the_schema_says_is_told() -> None:
    schema = of({"evaluation_config": "string_semantic", "x-aws-stickler-weight": 2})
    told = " ".join(notes_of(schema))
    assert "string_semantic asks a model" in told
    assert "x-aws-stickler-weight is not used" in told


def test_long_lists_are_paired_in_reasonable_time() -> None:
    gold = {"v": [{"name": f"n{i}", "quantity": i} for i in range(400)]}
    found = copy.deepcopy(gold)
    found["v"].reverse()
    found["v"][7]["quantity"] = -1
    assert counts(many(ITEM), found, gold) == Counts(right=799, wrong=1)


# ---- laws ---------------------------------------------------------------------------------------

scalars = st.sampled_from([None, "a", "b", "A.", "", 0, 1, 2.5, True, False])
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
    ),
    max_leaves=12,
)
records = st.dictionaries(st.sampled_from("pqr"), values, max_size=3)
ANY: dict[str, Any] = {"type": "object"}


@given(records)
def test_gold_against_itself_is_1(gold: Any) -> None:
    scored = counts(ANY, gold, gold)
    assert scored.perfect
    assert metrics.f1(scored) == metrics.precision(scored) == metrics.recall(scored) == 1.0


@given(records)
def test_an_empty_record_is_0(gold: Any) -> None:
    scored = counts(ANY, {}, gold)
    assert scored.right == scored.found == 0
    assert metrics.f1(scored) == (0.0 if scored.wanted else 1.0)
    assert metrics.recall(scored) == (0.0 if scored.wanted else 1.0)


def shuffled(value: Any, generator: random.Random) -> Any:
    if isinstance(value, list):
        items = [shuffled(item, generator) for item in value]
        generator.shuffle(items)
        return items
    if isinstance(value, dict):
        return {key: shuffled(inner, generator) for key, inner in reversed(value.items())}
    return value


@settings(max_examples=300)
@given(records, records, st.randoms(use_true_random=False))
def test_order_of_unordered_lists_changes_nothing(found: Any, gold: Any, generator: Any) -> None:
    before = counts(ANY, found, gold)
    assert counts(ANY, shuffled(found, generator), gold) == before
    assert counts(ANY, found, shuffled(gold, generator)) == before


@settings(max_examples=300)
@given(records, records)
def test_adding_a_wrong_leaf_never_raises_precision(found: Any, gold: Any) -> None:
    before = metrics.precision(counts(ANY, found, gold))
    more = {**found, "another": "a value that stands nowhere"}
    assert metrics.precision(counts(ANY, more, gold)) <= before
    for key, inner in found.items():
        if isinstance(inner, list):
            longer = {**found, key: [*inner, "a value that stands nowhere"]}
            assert metrics.precision(counts(ANY, longer, gold)) <= before


@given(records, records)
def test_found_and_wanted_are_the_leaves_of_each_side(found: Any, gold: Any) -> None:
    def leaves(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, (dict, list)):
            return sum(map(leaves, inner))
        return int(value is not None)

    scored = counts(ANY, found, gold)
    assert (scored.found, scored.wanted) == (leaves(found), leaves(gold))


@given(records, records)
def test_precision_of_one_side_is_recall_of_the_other(found: Any, gold: Any) -> None:
    one, other = counts(ANY, found, gold), counts(ANY, gold, found)
    assert (one.right, one.wrong) == (other.right, other.wrong)
    assert metrics.f1(one) == metrics.f1(other)


@given(records)
def test_null_and_a_key_that_is_left_out_are_the_same(record: Any) -> None:
    schema = {"type": "object", "properties": {key: {} for key in "pqr"}}
    gold = {"p": "a", "q": [1], "r": None}
    full = {**dict.fromkeys("pqr"), **record}
    assert counts(schema, record, gold) == counts(schema, full, gold)


matrices = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 6), min_size=width, max_size=width), min_size=1, max_size=5
    )
)


@given(matrices)
def test_the_assignment_is_the_best_of_all(weights: list[list[int]]) -> None:
    def best(row: int, taken: frozenset[int]) -> int:
        if row == len(weights):
            return 0
        options = [best(row + 1, taken)]
        for column, weight in enumerate(weights[row]):
            if column not in taken:
                options.append(weight + best(row + 1, taken | {column}))
        return max(options)

    pairs = best_assignment(weights)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert sum(weights[row][column] for row, column in pairs) == best(0, frozenset())


@given(matrices)
def test_the_alignment_is_the_best_that_does_not_cross(weights: list[list[int]]) -> None:
    def best(row: int, first: int) -> int:
        if row == len(weights):
            return 0
        options = [best(row + 1, first)]
        for column in range(first, len(weights[row])):
            options.append(weights[row][column] + best(row + 1, column + 1))
        return max(options)

    pairs = best_alignment(weights)
    assert pairs == sorted(pairs)
    assert [column for _, column in pairs] == sorted({column for _, column in pairs})
    assert sum(weights[row][column] for row, column in pairs) == best(0, 0)


def test_lists_without_items_have_no_pairs() -> None:
    for solve in (best_assignment, best_alignment):
        assert solve([]) == solve([[], []]) == []


# ---- figures of counts --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("precision", 6 / 10),
        ("recall", 6 / 12),
        ("f1", 12 / 22),
        ("omission", 4 / 12),
        ("invention", 2 / 10),
        ("substitution", 2 / 12),
        ("null_recall", 8 / 10),
    ],
)
def test_figures_of_known_counts(metric: str, expected: float) -> None:
    known = Counts(right=6, wrong=2, omitted=4, invented=2, null=8)
    assert metrics.LEAF_METRICS[metric](known) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (Counts(), {"precision": 1, "recall": 1, "f1": 1, "null_recall": 1}),
        (Counts(omitted=2), {"precision": 0, "recall": 0, "f1": 0, "omission": 1}),
        (Counts(invented=2), {"precision": 0, "recall": 0, "f1": 0, "null_recall": 0}),
        (Counts(invented=2), {"invention": 1, "omission": 0, "substitution": 0}),
        (Counts(null=2), {"f1": 1, "invention": 0, "omission": 0, "substitution": 0}),
    ],
)
def test_figures_where_a_side_has_no_leaves(known: Counts, expected: dict[str, float]) -> None:
    assert {name: metrics.LEAF_METRICS[name](known) for name in expected} == expected


def test_figures_of_no_records() -> None:
    assert metrics.perfect_rate([]) == metrics.validity([]) == metrics.mean_f1([]) == 0


def test_perfect_records_and_validity() -> None:
    good, bad = Counts(right=2, null=1), Counts(right=2, invented=1)
    assert metrics.perfect_rate([(True, good), (True, bad), (False, Counts())]) == 1 / 3
    assert metrics.validity([True, True, False, False]) == 0.5
    assert metrics.mean_f1([good, Counts(omitted=3)]) == 0.5
