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

from structgen.evaluation.scoring import Counts

SAMPLES: Final = 1000
LEVEL: Final = 0.95
_NONE: Final = Counts()


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


class Packing:
    """How counts of several fields are put into one integer. Such integers add up as the counts do.

    Of each field the leaves that are right, found and wanted are kept, which is all that F1,
    precision and recall follow from.

    Args:
        fields: The fields in the order in which they are packed.
        most: The largest number that a sum can come to.
    """

    def __init__(self, fields: Sequence[str], most: int) -> None:
        self.fields = tuple(fields)
        self._bits = max(most, 1).bit_length()
        self._mask = (1 << self._bits) - 1
        self.width = 3 * self._bits * len(self.fields)
        """Bits of a packed integer."""

    def pack(self, counts: Mapping[str, Counts]) -> int:
        """Put counts by field into one integer; a field that is missing has none.

        Args:
            counts: The counts by field.
        """
        packed = 0
        for field in reversed(self.fields):
            one = counts.get(field, _NONE)
            for number in (one.wanted, one.found, one.right):
                packed = packed << self._bits | number
        return packed

    def unpack(self, packed: int) -> dict[str, Counts]:
        """Take a sum apart. Leaves that are wrong count as omitted and invented.

        Args:
            packed: A packed integer, or a sum of them.
        """
        unpacked = {}
        for field in self.fields:
            right = packed & self._mask
            found = packed >> self._bits & self._mask
            wanted = packed >> 2 * self._bits & self._mask
            packed >>= 3 * self._bits
            unpacked[field] = Counts(right, 0, wanted - right, found - right)
        return unpacked


def packing_of(fields: Sequence[str], records: Sequence[Mapping[str, Counts]]) -> Packing:
    """Make a packing in which a sum over as many records as there are has room.

    Args:
        fields: The fields.
        records: The counts of each record by field.
    """
    largest = max(
        (max(one.found, one.wanted) for record in records for one in record.values()), default=0
    )
    return Packing(fields, largest * len(records))


def resampled(packed: Sequence[int], *, samples: int = SAMPLES, seed: int = 0) -> Iterator[int]:
    """Sum over records drawn with replacement, as many as there are (Efron 1979).

    Args:
        packed: The packed counts of each record.
        samples: How many sums.
        seed: The seed of the random numbers: the same seed gives the same sums.
    """
    generator = random.Random(seed)  # noqa: S311  # statistics, no secret
    for _ in range(samples):
        yield sum(generator.choices(packed, k=len(packed)))


def percentile_interval(value: float, resamples: Sequence[float], level: float = LEVEL) -> Interval:
    """Compute the percentile interval of a figure (Efron and Tibshirani 1993, chapter 13).

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
    """Compute the score interval of a share (Wilson 1927), which holds for few records, too.

    Args:
        count: How many have the property.
        total: How many there are.
    """
    z = 1.959964  # of a normal distribution, for 95 %
    share = count / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    return Interval(share, max(middle - half, 0.0), min(middle + half, 1.0))
