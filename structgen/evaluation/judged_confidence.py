"""Whether a confidence can be trusted: does it rank right values above wrong ones, and is it right
as often as it says?

Each function takes pairs of (confidence from 0 to 1, whether the value is right), one for each leaf
that was answered and has a confidence.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from statistics import fmean
from typing import Final, TypeAlias

from structgen.evaluation.intervals import share_interval

Judged: TypeAlias = Sequence[tuple[float, bool]]

BINS: Final = 10


def auroc(judged: Judged) -> float | None:
    """Compute the chance that a right value has more confidence than a wrong one.

    This is the area under the ROC curve, as the Mann-Whitney statistic: ties count half (Hanley and
    McNeil 1982).

    Args:
        judged: The pairs.

    Returns:
        None if all values are right, or all wrong.
    """
    right = sum(is_right for _, is_right in judged)
    wrong = len(judged) - right
    if not right or not wrong:
        return None
    above, wrong_so_far = 0.0, 0
    for _, group in groupby(sorted(judged), key=lambda pair: pair[0]):
        same = list(group)
        same_right = sum(is_right for _, is_right in same)
        same_wrong = len(same) - same_right
        above += same_right * (wrong_so_far + same_wrong / 2)
        wrong_so_far += same_wrong
    return above / (right * wrong)


def brier(judged: Judged) -> float | None:
    """Compute the mean squared difference of confidence and outcome (Brier 1950); 0 is best.

    Args:
        judged: The pairs.

    Returns:
        None if there are no values.
    """
    if not judged:
        return None
    return fmean((confidence - is_right) ** 2 for confidence, is_right in judged)


@dataclass(frozen=True, slots=True)
class Bin:
    """The values whose confidence lies between two numbers."""

    low: float
    """The lower end, which does not belong to it (except 0)."""
    high: float
    """The upper end, which does."""
    count: int
    """How many values there are."""
    confidence: float
    """Their mean confidence."""
    right: float
    """The share of them that is right."""
    interval: tuple[float, float]
    """The interval of that share, with 95 % (Wilson 1927)."""


def reliability(judged: Judged, bins: int = BINS) -> list[Bin]:
    """Compare confidence with what is right, bin by bin; bins without values are left out.

    The table behind a reliability diagram (DeGroot and Fienberg 1983).

    Args:
        judged: The pairs.
        bins: How many bins of equal width.
    """
    by_bin: dict[int, list[tuple[float, bool]]] = {}
    for confidence, is_right in judged:
        by_bin.setdefault(max(ceil(confidence * bins) - 1, 0), []).append((confidence, is_right))
    found = []
    for place, own in sorted(by_bin.items()):
        share = share_interval(sum(is_right for _, is_right in own), len(own))
        mean = fmean(confidence for confidence, _ in own)
        ends = place / bins, (place + 1) / bins
        found.append(Bin(*ends, len(own), mean, share.value, (share.low, share.high)))
    return found


def calibration_error(judged: Judged, bins: int = BINS) -> float | None:
    """Compute the expected calibration error (Naeini et al. 2015; Guo et al. 2017); 0 is best.

    Values are put into bins of equal width by their confidence; the mean distance between a bin's
    confidence and its share of right values is weighted by the bin's size.

    Args:
        judged: The pairs.
        bins: How many bins.

    Returns:
        None if there are no values.
    """
    if not judged:
        return None
    distances = (abs(one.confidence - one.right) * one.count for one in reliability(judged, bins))
    return sum(distances) / len(judged)


def calibration_error_by_chance(judged: Judged, draws: int = 20, seed: int = 0) -> float | None:
    """Compute the calibration error that right numbers would have on as few values.

    It is not 0: of ten values with 0.5, five are right only on average. An error of this size is no
    sign that the numbers are wrong.

    Args:
        judged: The pairs, of which only the confidence counts.
        draws: How often outcomes are drawn from it.
        seed: The seed of the random numbers.

    Returns:
        None if there are no values.
    """
    if not judged:
        return None
    draw = random.Random(seed)  # noqa: S311  # statistics, no secret
    errors = (
        calibration_error([(confidence, draw.random() < confidence) for confidence, _ in judged])
        for _ in range(draws)
    )
    return fmean(error or 0.0 for error in errors)


def risk_coverage(judged: Judged) -> list[tuple[float, float]]:
    """Compute the share of wrong values among the most confident, for every share that is kept.

    The risk-coverage curve of selective prediction (El-Yaniv and Wiener 2010; Geifman and El-Yaniv
    2017). Values of equal confidence are kept or left together.

    Args:
        judged: The pairs.

    Returns:
        Points (coverage, risk) in the order of coverage.
    """
    points, kept, wrong = [], 0, 0
    ordered = sorted(judged, key=lambda pair: -pair[0])
    for _, group in groupby(ordered, key=lambda pair: pair[0]):
        for _, is_right in group:
            kept += 1
            wrong += not is_right
        points.append((kept / len(judged), wrong / kept))
    return points


def accuracy_at_coverage(judged: Judged, coverage: float = 0.8) -> float | None:
    """Compute the share of right values among the most confident `coverage` of all values.

    ExtractConf reports it at 80 % (arXiv 2606.24420). If the last ones kept have a confidence in
    common with others, their mean accuracy counts for the ones that are kept.

    Args:
        judged: The pairs.
        coverage: The share of values that is kept.

    Returns:
        None if there are no values.
    """
    wanted = ceil(coverage * len(judged) - 1e-9)
    if not judged or wanted < 1:
        return None
    kept, right = 0, 0.0
    ordered = sorted(judged, key=lambda pair: -pair[0])
    for _, group in groupby(ordered, key=lambda pair: pair[0]):
        outcomes = [is_right for _, is_right in group]
        taken = min(len(outcomes), wanted - kept)
        right += fmean(outcomes) * taken
        kept += taken
        if kept == wanted:
            break
    return right / wanted


def coverage_at_accuracy(judged: Judged, accuracy: float = 0.95) -> float | None:
    """Compute the largest share of values that can be kept with so many of them right.

    The most confident are kept, those of equal confidence together. It is looked up afterwards, on
    the same labels; a threshold chosen so promises nothing about other values (see `accept`).

    Args:
        judged: The pairs.
        accuracy: The share of those kept that is right.

    Returns:
        None if there are no values; 0 if not even the most confident are right so often.
    """
    if not judged:
        return None
    kept = (at for at, risk in risk_coverage(judged) if 1 - risk >= accuracy)
    return max(kept, default=0.0)
