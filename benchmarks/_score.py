"""Answers against gold without a schema: structgen's own counts of leaves, compared by type."""

from __future__ import annotations

from typing import Any

from structgen.evaluation.rules import rules_of
from structgen.evaluation.scoring import Counts, counts_of, leaves_of


def score(found: Any, gold: Any) -> Counts:
    """The leaves of an answer against those of the gold."""
    return counts_of(leaves_of(rules_of({}), found, gold))
