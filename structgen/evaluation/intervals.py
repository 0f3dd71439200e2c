"""How sure a figure is: intervals by resampling records.

Records are drawn, not leaves, because the leaves of one text are not independent. All counts of a
record are packed into one integer, so that one sum over a resample gives the counts of all fields.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from structgen.evaluation.scoring import KINDS, Counts

SAMPLES: Final = 1000
LEVEL: Final = 0.95
_BITS: Final = 40
"""Bits of one count: a sum of up to 10¹² leaves fits."""
_MASK: Final = (1 << _BITS) - 1


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the interval that holds it with 95 % confidence."""

    value: float
    """The figure over all records."""
    low: float
    """The lower end."""
    high: float
    """The upper end."""

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def pack(counts: Mapping[str, Counts], fields: Sequence[str]) -> int:
    """Put the counts of several fields into one integer; such integers add up as the counts do.

    Args:
        counts: The counts by field; a field that is missing has none.
        fields: The fields in the order in which they are packed.
    """
    packed = 0
    for field in reversed(fields):
        one = counts.get(field, Counts())
        for kind in reversed(KINDS):
            packed = packed << _BITS | getattr(one, kind)
    return packed


def unpack(packed: int, fields: Sequence[str]) -> dict[str, Counts]:
    """Take the counts of `pack` apart."""
    unpacked = {}
    for field in fields:
        numbers = {}
        for kind in KINDS:
            numbers[kind] = packed & _MASK
            packed >>= _BITS
        unpacked[field] = Counts(**numbers)
    return unpacked


def resampled(packed: Sequence[int], *, samples: int = SAMPLES, seed: int = 0) -> Iterator[int]:
    """Sums over records that were drawn with replacement (Efron 1979), as many as there are.

    Args:
        packed: The packed counts of each record.
        samples: How many sums.
        seed: Of the random numbers: the same seed gives the same sums.
    """
    generator = random.Random(seed)  # noqa: S311  # statistics, no secret
    for _ in range(samples):
        yield sum(generator.choices(packed, k=len(packed)))


def percentile_interval(value: float, resamples: Sequence[float], level: float = LEVEL) -> Interval:
    """The percentile interval of a figure (Efron and Tibshirani 1993, chapter 13).

    Args:
        value: The figure over all records.
        resamples: The figure over each resample.
        level: The confidence that the interval has.
    """
    ordered = sorted(resamples)
    tail = (1 - level) / 2
    last = len(ordered) - 1
    return Interval(value, ordered[round(tail * last)], ordered[round((1 - tail) * last)])


def share_interval(count: int, total: int) -> Interval:
    """The score interval of a share (Wilson 1927): it holds for few records, and for 0 and 1, too.

    Args:
        count: How many have the property.
        total: How many there are.
    """
    z = 1.959964  # of a normal distribution, for 95 %
    share = count / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    return Interval(share, max(middle - half, 0.0), min(middle + half, 1.0))
