"""Spans against spans: cases with known counts."""

from __future__ import annotations

import pytest

from structgen.evaluation.scoring import Counts
from structgen.evaluation.spans import (
    Span,
    field_of,
    relaxed_spans,
    spans_in,
    spans_of_evidence,
    strict_spans,
)


def spans(*places: tuple[int, int, str]) -> list[Span]:
    return [Span(*place) for place in places]


GOLD = spans((0, 5, "drug"), (10, 20, "drug"))


@pytest.mark.parametrize(
    ("found", "strict", "relaxed"),
    [
        (GOLD, 2, 2),
        ([], 0, 0),
        (spans((0, 4, "drug")), 0, 1),
        (spans((0, 5, "disease")), 0, 0),
        (spans((5, 10, "drug")), 0, 0),
        (spans((4, 6, "drug")), 0, 1),
        (spans((5, 11, "drug")), 0, 1),
        (spans((0, 20, "drug")), 0, 1),
        (spans((0, 5, "drug"), (0, 5, "drug")), 1, 1),
        (spans((0, 2, "drug"), (3, 5, "drug")), 0, 1),
        (spans((0, 12, "drug"), (0, 5, "drug")), 1, 2),
    ],
)
def test_spans_with_the_same_bounds_or_that_overlap(
    found: list[Span], strict: int, relaxed: int
) -> None:
    for right, count in ((strict, strict_spans), (relaxed, relaxed_spans)):
        expected = Counts(right=right, omitted=2 - right, invented=len(found) - right)
        assert count(found, GOLD) == expected


def test_spans_that_a_value_states() -> None:
    value = {
        "entities": [
            {"type": "drug", "start": 0, "end": 4},
            {"label": "dose", "start": 5, "end": 9},
            {"start": 2, "end": 3},
            {"start": True, "end": 3},
            {"start": 1, "end": None},
            {"start": 1},
        ],
        "whole": {"start": 0, "end": 9, "type": 7},
    }
    assert list(spans_in(value)) == spans(
        (0, 4, "drug"), (5, 9, "dose"), (2, 3, "/entities/*"), (0, 9, "/whole")
    )


def test_spans_of_evidence_have_fields_for_labels() -> None:
    found = spans_of_evidence({"/items/12/name": {"quote": "x", "start": 3, "end": 4}})
    assert found == spans((3, 4, "/items/*/name"))
    assert field_of("/a1/2") == "/a1/*"
