"""Curves from a raw confidence to a share of right values, learnt from labels.

Both kinds never fall: of two values, the one with more raw confidence never gets less. Few labels
make a logistic curve, with two numbers to learn (Platt 1999, with the targets that keep it off 0
and 1); many make an isotonic one, which takes any shape (Zadrozny and Elkan 2002). From about a
thousand labels on, the second is better (Niculescu-Mizil and Caruana 2005).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import exp, log
from typing import Final, TypeAlias

Labels: TypeAlias = "Sequence[tuple[float, bool]]"
"""Pairs of a raw confidence, from 0 to 1, and whether the value is right."""

MANY: Final = 1000
"""Labels from which on a curve is isotonic."""
_FARTHEST: Final = 1e-12
"""How near to 0 or 1 a raw confidence is told apart from it."""
_STEPS: Final = 100
_SMALL: Final = 1e-9
_RIDGE: Final = 1e-3
"""Holds the slope back a little, so that labels that a threshold separates have a curve, too."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """`1 / (1 + exp(-(slope * z + intercept)))`, where z are the log odds of the confidence."""

    slope: float
    """How much of the confidence counts; never negative."""
    intercept: float
    """The log odds at a confidence of one half."""

    def __call__(self, raw: float) -> float:
        """Give the share of right values at a raw confidence."""
        return sigmoid(self.slope * log_odds(raw) + self.intercept)


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Straight lines between points that never fall; level before the first and after the last."""

    points: tuple[tuple[float, float], ...]
    """Pairs of a raw confidence and its share of right values, in order; at least one."""

    def __call__(self, raw: float) -> float:
        """Give the share of right values at a raw confidence."""
        after = bisect_right(self.points, raw, key=lambda point: point[0])
        if after == 0:
            return self.points[0][1]
        left, low = self.points[after - 1]
        if after == len(self.points):
            return low
        right, high = self.points[after]
        return min(low + (high - low) * ((raw - left) / (right - left)), high)


Curve: TypeAlias = "Logistic | Isotonic"


def log_odds(share: float) -> float:
    """Give `log(p / (1 - p))`; what is nearer to 0 or 1 than a trillionth counts as that far.

    Args:
        share: A number from 0 to 1.
    """
    held = min(max(share, _FARTHEST), 1 - _FARTHEST)
    return log(held) - log(1 - held)


def sigmoid(at: float) -> float:
    """Give the share that some log odds are of.

    Args:
        at: The log odds.
    """
    if at >= 0:
        return 1 / (1 + exp(-at))
    return exp(at) / (1 + exp(at))


def learn_offset(labels: Labels) -> float:
    """Learn how much better right values are than their numbers say, in log odds.

    It is the most likely offset if offsets are normally distributed around 0 with deviation 1, so
    few labels move little.

    Args:
        labels: Pairs of a calibrated number and whether the value is right.
    """
    numbers = [(log_odds(number), is_right) for number, is_right in labels]
    offset = 0.0
    for _ in range(_STEPS):
        shares = [sigmoid(at + offset) for at, _ in numbers]
        down = offset + sum(shares) - sum(is_right for _, is_right in numbers)
        step = down / (1 + sum(share * (1 - share) for share in shares))
        offset -= max(-1.0, min(1.0, step))
        if abs(step) < _SMALL:
            break
    return offset


def learn_curve(labels: Labels) -> Curve:
    """Learn the curve of these labels: isotonic if there are many, else logistic.

    Args:
        labels: At least one.
    """
    return learn_isotonic(labels) if len(labels) >= MANY else learn_logistic(labels)


def learn_isotonic(labels: Labels) -> Isotonic:
    """Learn an isotonic curve by pooling adjacent violators (Ayer et al. 1955).

    Shares stay between 1 / (n + 2) and (n + 1) / (n + 2), because n labels cannot show that a value
    is never, or always, right.

    Args:
        labels: At least one.
    """
    blocks: list[tuple[float, float, int]] = []  # sums of confidence and of right values, and size
    for raw, group in groupby(sorted(labels), key=lambda pair: pair[0]):
        outcomes = [is_right for _, is_right in group]
        block = (raw * len(outcomes), float(sum(outcomes)), len(outcomes))
        while blocks and blocks[-1][1] * block[2] >= block[1] * blocks[-1][2]:
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
        blocks.append(block)
    least = 1 / (len(labels) + 2)
    return Isotonic(
        tuple((raw / size, min(max(right / size, least), 1 - least)) for raw, right, size in blocks)
    )


def learn_logistic(labels: Labels) -> Logistic:
    """Learn a logistic curve by Newton's method, with halved steps (Lin, Lin and Weng 2007).

    If the labels say that more confidence means fewer right values, the curve is level.

    Args:
        labels: At least one.
    """
    right = sum(is_right for _, is_right in labels)
    wrong = len(labels) - right
    low, high = 1 / (wrong + 2), (right + 1) / (right + 2)
    points = [(log_odds(raw), high if is_right else low) for raw, is_right in labels]
    level = log_odds((right + 1) / (len(labels) + 2))
    slope, intercept = 0.0, level
    loss = _loss(points, slope, intercept)
    for _ in range(_STEPS):
        down, across = _newton_step(points, slope, intercept)
        scale = 1.0
        while scale > _SMALL:
            tried = slope + scale * down, intercept + scale * across
            found = _loss(points, *tried)
            if found < loss:
                break
            scale /= 2
        else:
            break
        (slope, intercept), gained, loss = tried, loss - found, found
        if gained < _SMALL:
            break
    return Logistic(slope, intercept) if slope > 0 else Logistic(0.0, level)


def _newton_step(
    points: Sequence[tuple[float, float]], slope: float, intercept: float
) -> tuple[float, float]:
    by_slope, by_intercept = _RIDGE * slope, 0.0
    curve_slope, curve_both, curve_intercept = _RIDGE, 0.0, _SMALL
    for z, wanted in points:
        share = sigmoid(slope * z + intercept)
        weight = share * (1 - share)
        by_slope += (share - wanted) * z
        by_intercept += share - wanted
        curve_slope += weight * z * z
        curve_both += weight * z
        curve_intercept += weight
    size = curve_slope * curve_intercept - curve_both * curve_both
    return (
        (curve_both * by_intercept - curve_intercept * by_slope) / size,
        (curve_both * by_slope - curve_slope * by_intercept) / size,
    )


def _loss(points: Sequence[tuple[float, float]], slope: float, intercept: float) -> float:
    """The cross-entropy of the curve's shares with the wanted ones."""
    total = _RIDGE * slope * slope / 2
    for z, wanted in points:
        at = slope * z + intercept
        total += max(at, 0.0) + log(1 + exp(-abs(at))) - wanted * at
    return total
