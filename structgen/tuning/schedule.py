"""Successive halving: many candidates on few records, the better half of them on twice as many.

After Karnin, Koren and Somekh (2013), and Jamieson and Talwalkar (2016). How many candidates are
judged on how many records follows from two numbers, so what a tuning costs at most is known before
it begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log2
from typing import Final, NamedTuple

FINALISTS: Final = 2
"""Candidates that are judged on all records of a half."""
FEWEST: Final = 5
"""Records that candidates are judged on first, at least: fewer tell nothing."""
FEWEST_GOLD: Final = 16
"""Records of gold at least: each half has to tell candidates apart."""


class Rung(NamedTuple):
    """One step of the halving."""

    candidates: int
    """How many candidates are judged, the one that joins included."""
    records: int
    """On how many records, those of the steps before included."""


def rungs_of(candidates: int, records: int) -> list[Rung]:
    """Plan the halving.

    From the second step on, one more candidate joins: the best changes of all put together.

    Args:
        candidates: How many candidates there are.
        records: How many records there are to choose by.
    """
    if not candidates:
        return []
    halvings = max(0, ceil(log2(candidates / FINALISTS)))
    doublings = max(0, int(log2(records / FEWEST)))
    last = min(halvings, doublings)
    found, left = [], candidates
    for step in range(last + 1):
        found.append(Rung(left, records >> (last - step)))
        left = kept_of(left) + 1
    return found


def kept_of(candidates: int) -> int:
    """Tell how many candidates a step keeps: the better half, and no fewer than can be finalists.

    Args:
        candidates: How many it judged.
    """
    return min(candidates, max(FINALISTS, ceil(candidates / 2)))


def most_of(
    weights: Sequence[float], default: float, joined: float, records: int, others: int
) -> float:
    """Add up what one half of a tuning needs at most: of calls, tokens or money.

    Args:
        weights: What each candidate needs for a record.
        default: What the default needs for a record.
        joined: What the candidates that join later need for a record, at most.
        records: How many records there are to choose by.
        others: How many records the other half has, which judge the choice.
    """
    total = default * records
    heaviest = sorted(weights, reverse=True)
    before = 0
    for step, rung in enumerate(rungs_of(len(weights), records)):
        joining = 1 if step else 0
        kept = heaviest[: rung.candidates - joining]
        total += sum(kept) * (rung.records - before) + joining * joined * rung.records
        # One that joined may stay, and is asked about the new records of the next steps.
        heaviest = sorted([*heaviest, *[joined] * joining], reverse=True)
        before = rung.records
    return total + max(heaviest, default=0.0) * others
