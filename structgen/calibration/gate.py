"""Which numbers are high enough to accept: thresholds whose promise holds for finite samples.

The promise: of what is accepted, at least the share `promised` is right. It is learnt, then tested
(Angelopoulos, Bates, Candès, Jordan and Lei 2021, "Learn then Test"): a fixed grid of thresholds is
tried from the highest down, each against the hypothesis that more than `1 - promised` of what it
accepts is wrong, and the last one before the first that is not refuted is taken. The tests of a
fixed sequence need no correction for their number, so a threshold breaks its promise in at most the
share `DOUBT` of all calibrations, if less confidence does not mean fewer wrong values.

The sequence begins at the first threshold that accepts enough records to refute anything at all,
which depends on the numbers alone and on no label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, exp, lgamma, log, log1p
from typing import Final, TypeAlias

DOUBT: Final = 0.1
"""The share of calibrations whose promise may be broken."""
PROMISES: Final = (*(percent / 100 for percent in range(50, 100)), 0.995, 0.999)
"""The promises that thresholds are learnt for."""

Record: TypeAlias = "Sequence[tuple[float, bool]]"
"""The numbers of one record that may be accepted, and whether each is right: a single pair for the
record itself, or a pair for each of its values."""

_GRID: Final = tuple(1 / (1 + exp(-step / 10)) for step in range(70, -71, -1))
"""The thresholds that are tried: log odds from 7 to -7, which is 0.999 to 0.001."""
_CERTAIN: Final = 1e-9


def least_records(promised: float, doubt: float = DOUBT) -> int:
    """Give how many accepted records a promise needs at least, if all of them are right.

    The chance that n records are all right at a share of `promised` is `promised^n`.

    Args:
        promised: The share of right ones, above 0 and below 1.
        doubt: The share of calibrations whose promise may be broken.
    """
    return ceil(log(doubt) / log(promised) - _CERTAIN)


def learn_thresholds(
    records: Sequence[Record], promises: Sequence[float] = PROMISES, doubt: float = DOUBT
) -> dict[float, float]:
    """Learn the lowest number that can be accepted, for each promise that can be made.

    Of values, the share of wrong ones is taken within each record first, because those of one
    record are not independent: the promise is about the mean of these shares.

    Args:
        records: Labelled records that taught the numbers nothing.
        promises: Shares of right ones among those accepted, above 0 and below 1.
        doubt: The share of calibrations whose promise may be broken.

    Returns:
        By promise, the threshold: what is at or above it is accepted. Promises that no threshold is
        shown to keep are left out.
    """
    tried = list(_tried(records))
    found = {promised: _lowest(tried, promised, doubt) for promised in promises}
    return {promised: least for promised, least in found.items() if least is not None}


def _lowest(
    tried: Sequence[tuple[float, list[float]]], promised: float, doubt: float
) -> float | None:
    """The last threshold before the first whose promise is not shown."""
    enough = least_records(promised, doubt)
    found = None
    for least, shares in tried:
        if len(shares) < enough:
            continue
        if p_value(shares, 1 - promised) > doubt:
            break
        found = least
    return found


def _tried(records: Sequence[Record]) -> Iterator[tuple[float, list[float]]]:
    """Each threshold with the share of wrong values in every record that it accepts some of."""
    for least in _GRID:
        accepted = [[right for number, right in record if number >= least] for record in records]
        yield least, [1 - sum(outcomes) / len(outcomes) for outcomes in accepted if outcomes]


def p_value(shares: Sequence[float], risk: float) -> float:
    """Bound the chance of so few wrong ones if more than a share of `risk` is wrong.

    If each share is 0 or 1, this is the exact lower tail of the binomial distribution (Clopper and
    Pearson 1934); else the smaller of Hoeffding's and Bentkus' bounds, which hold for any shares.

    Args:
        shares: The shares of wrong ones, each from 0 to 1; they are independent.
        risk: The share of wrong ones that is to be refuted.
    """
    count, wrong = len(shares), sum(shares)
    if not count:
        return 1.0
    if all(share in (0.0, 1.0) for share in shares):
        return _binomial_tail(round(wrong), count, risk)
    mean = min(wrong / count, risk)
    hoeffding = exp(-count * _divergence(mean, risk))
    bentkus = exp(1) * _binomial_tail(ceil(wrong - _CERTAIN), count, risk)
    return min(hoeffding, bentkus, 1.0)


def _binomial_tail(most: int, count: int, share: float) -> float:
    """The chance of at most so many out of `count`, by logarithms: the terms overflow floats."""
    whole = lgamma(count + 1)
    terms = (
        whole - lgamma(k + 1) - lgamma(count - k + 1) + k * log(share) + (count - k) * log1p(-share)
        for k in range(min(most, count) + 1)
    )
    return min(sum(map(exp, terms)), 1.0)


def _divergence(one: float, other: float) -> float:
    """The Kullback-Leibler divergence of a coin from another."""
    first = one * log(one / other) if one > 0 else 0.0
    second = (1 - one) * log((1 - one) / (1 - other)) if one < 1 else 0.0
    return first + second
