"""The figures of an evaluation, one function each.

Every figure is a function of counts of leaves (`scoring.Counts`) or of records. Over several
records the counts are added first (micro average); `mean_f1` gives each record or field the same
weight (macro average). An answer that failed has no leaves: all of its gold's are omitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import Final

from structgen.evaluation.scoring import Counts

Metric = Callable[[Counts], float]
"""A figure of counts of leaves, from 0 to 1."""


def precision(counts: Counts) -> float:
    """Compute the share of the answered leaves that are right (Kent et al. 1955).

    Of an answer without leaves: 1 if the gold has none either, else 0.

    Args:
        counts: What became of the leaves.
    """
    return counts.right / counts.found if counts.found else float(not counts.wanted)


def recall(counts: Counts) -> float:
    """Compute the share of the gold's leaves that were found right (Kent et al. 1955).

    If the gold has no leaves: 1 if the answer has none either, else 0.

    Args:
        counts: What became of the leaves.
    """
    return counts.right / counts.wanted if counts.wanted else float(not counts.found)


def f1(counts: Counts) -> float:
    """Compute the harmonic mean of precision and recall (van Rijsbergen 1979).

    It is 2 right / (found + wanted), and 1 if neither side has leaves.

    Args:
        counts: What became of the leaves.
    """
    total = counts.found + counts.wanted
    return 2 * counts.right / total if total else 1.0


def omission(counts: Counts) -> float:
    """Compute the share of the gold's leaves that were answered with null or not at all.

    "Deletions" of a slot error rate (Makhoul et al. 1999).

    Args:
        counts: What became of the leaves.
    """
    return counts.omitted / counts.wanted if counts.wanted else 0.0


def invention(counts: Counts) -> float:
    """Compute the share of the answered leaves for which the gold has none.

    "Insertions" of a slot error rate (Makhoul et al. 1999), per leaf of the answer.

    Args:
        counts: What became of the leaves.
    """
    return counts.invented / counts.found if counts.found else 0.0


def substitution(counts: Counts) -> float:
    """Compute the share of the gold's leaves that were answered with another value.

    "Substitutions" of a slot error rate (Makhoul et al. 1999).

    Args:
        counts: What became of the leaves.
    """
    return counts.wrong / counts.wanted if counts.wanted else 0.0


def null_recall(counts: Counts) -> float:
    """Compute the share of the gold's nulls that were left null.

    ExtractBench credits correct nulls (LlamaIndex, arXiv 2607.29677); here they are apart from F1.

    Args:
        counts: What became of the leaves.
    """
    nulls = counts.null + counts.invented
    return counts.null / nulls if nulls else 1.0


def perfect_rate(records: Iterable[tuple[bool, Counts]]) -> float:
    """Compute the share of records that are valid and have nothing wrong, omitted or invented.

    "Perfect record" of SOB (arXiv 2604.25359), frame accuracy in older work.

    Args:
        records: For each record whether it is valid, and its counts.
    """
    return fmean([float(valid and counts.perfect) for valid, counts in records] or [0.0])


def validity(valid: Iterable[bool]) -> float:
    """Compute the share of records that gave a value of the target at all.

    As JSONSchemaBench counts it (arXiv 2501.10868).

    Args:
        valid: For each record whether it is valid.
    """
    return fmean([float(one) for one in valid] or [0.0])


def mean_f1(counts: Iterable[Counts]) -> float:
    """Compute the mean of F1 over records or fields, each with the same weight.

    Args:
        counts: The counts of each record or field.
    """
    return fmean([f1(one) for one in counts] or [0.0])


LEAF_METRICS: Final[Mapping[str, Metric]] = {
    "f1": f1,
    "precision": precision,
    "recall": recall,
    "omission": omission,
    "invention": invention,
    "substitution": substitution,
    "null_recall": null_recall,
}
"""The figures of counts of leaves by their names."""
