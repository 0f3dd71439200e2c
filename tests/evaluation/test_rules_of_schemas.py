"""Comparisons that a JSON Schema names reach the scores; what is not heeded is told."""

from __future__ import annotations

from typing import Any

import pytest

from structgen.errors import ConfigurationError
from structgen.evaluation.notes import notes_of
from structgen.evaluation.rules import rules_of
from structgen.evaluation.scoring import Counts, counts_of, leaves_of
from structgen.schema.target import target_of
from tests.evaluation.case import of

RIGHT = Counts(right=1)
WRONG = Counts(wrong=1)


def scored(field: dict[str, Any], found: Any, gold: Any) -> Counts:
    """Compare by the schema of a target, as `structgen eval` does."""
    rules = rules_of(target_of(of(field)).schema)
    return counts_of(leaves_of(rules, {"v": found}, {"v": gold}))


def config(*metrics: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"evaluation_config": {"metrics": list(metrics), **more}}


def test_the_long_form_of_a_json_schema_counts() -> None:
    near = config({"metric_id": "number_tolerance", "params": {"tolerance": 0.5}})
    assert scored({"type": "number", **near}, 10.4, 10) == RIGHT
    assert scored({"type": "number", **near}, 10.6, 10) == WRONG
    assert scored({"type": "number", **config()}, 1, 2) == Counts()
    assert scored({"type": "number", **config(aggregation_weight=2)}, 1, 2) == Counts()
    share = {
        "x-aws-stickler-comparator": "NumericComparator",
        "x-aws-stickler-comparator-config": {"relative_tolerance": 0.1},
    }
    assert scored({"type": "number", **share}, 109, 100) == RIGHT
    assert scored({"type": "number", **share}, 112, 100) == WRONG


def test_the_tolerance_of_the_long_form_is_extract_benchs() -> None:
    bare = config({"metric_id": "number_tolerance"})
    assert scored({"type": "number", **bare}, 10.0009, 10) == WRONG
    assert scored({"type": "number", **bare}, 10.0000009, 10) == RIGHT
    assert scored({"type": "number", "evaluation_config": "number_tolerance"}, 10.0009, 10) == RIGHT


@pytest.mark.parametrize(
    "keywords",
    [
        {"evaluation_config": 5},
        {"evaluation_config": ["string_exact"]},
        {"evaluation_config": {"metrics": 5}},
        {"evaluation_config": {"metrics": ["string_exact"]}},
        {"evaluation_config": {"metrics": [{"metric_id": ["x"]}]}},
        {"evaluation_config": {"metric": []}},
        config({"metric_id": "skip"}),
        config({"metric_id": "string_fuzzy", "params": 5}),
        config({"metric_id": "string_fuzzy", "params": {"threshold": "high"}}),
        config({"metric_id": "number_tolerance", "params": {"tolerance": None}}),
        {"x-aws-stickler-comparator": 5},
        {"x-aws-stickler-threshold": "high"},
        {"x-aws-stickler-comparator": "FuzzyComparator", "x-aws-stickler-comparator-config": 5},
    ],
)
def test_a_form_that_is_not_known_is_an_error_that_names_the_field(keywords: Any) -> None:
    with pytest.raises(ConfigurationError, match="/v "):
        counts_of(leaves_of(rules_of(of(keywords)), {"v": "a"}, {"v": "b"}))


def test_a_share_of_matching_that_is_no_number_is_one_too() -> None:
    items = {"x-aws-stickler-match-threshold": "x"}
    schema = of({"type": "array", "items": items})
    with pytest.raises(ConfigurationError, match=r"match-threshold of /v/\*"):
        leaves_of(rules_of(schema), {"v": [1]}, {"v": [2]})


def test_weights_and_further_metrics_are_told() -> None:
    exact, fuzzy = {"metric_id": "string_exact", "weight": 2}, {"metric_id": "string_fuzzy"}
    field = {"type": "string", **config(exact, fuzzy, aggregation_weight=3)}
    assert notes_of(target_of(of(field)).schema) == [
        "`aggregation_weight` of evaluation_config is not used: every leaf counts once",
        "`weight` of evaluation_config is not used: every leaf counts once",
        "string_fuzzy is not used: the first metric of a field counts, here string_exact",
    ]
    assert scored(field, "Acme", "Acme!") == WRONG
    listed = of({"type": "array", "evaluation_config": "array_llm"})
    told = "array_llm asks a model; items are paired and compared leaf by leaf here"
    assert notes_of(listed) == [told]
    assert notes_of(of({"type": "string", "evaluation_config": "string_exact"})) == []


@pytest.mark.parametrize(
    ("found", "gold", "counts"),
    [
        (1234567891, 1234567890, WRONG),
        (12345678901.0, 12345678902, WRONG),
        (1234567890.13, 1234567890.12, WRONG),
        (0.1 + 0.2, 0.3, RIGHT),
        (1e23, 10**23, RIGHT),
        (10**400 + 1, 10**400, WRONG),
        ("1e999999999", 1, WRONG),
        ("1e999999999", 0.5, WRONG),
        ("0.50", 0.5, RIGHT),
    ],
)
def test_numbers_that_differ_are_not_the_same_however_large(
    found: Any, gold: Any, counts: Counts
) -> None:
    rules = rules_of(of({"type": ["number", "string"]}))
    assert counts_of(leaves_of(rules, {"v": found}, {"v": gold})) == counts


@pytest.mark.parametrize(
    ("found", "gold"),
    [
        ("שלום\u200f", "שלום"),
        ("caf\u00e9", "cafe\u0301"),
        ("\u202babc\u202c", "abc"),
        ("\ufeffa", "a"),
    ],
)
def test_marks_that_nobody_sees_change_no_text(found: str, gold: str) -> None:
    assert scored({"type": "string"}, found, gold) == RIGHT
