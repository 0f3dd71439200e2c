"""Two runs over the same gold: which of their differences are real.

Records are paired, because the same text is easy or hard for both. A difference is real if a paired
permutation test says so, with the p-values of the fields corrected by Holm for how many there are.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import compress
from typing import Final, TypeAlias

from structgen.errors import InputError
from structgen.evaluation import metrics
from structgen.evaluation.intervals import (
    Interval,
    Packing,
    packing_of,
    percentile_interval,
    resampled,
)
from structgen.evaluation.record import RecordScore
from structgen.evaluation.result import OVERALL, Evaluation
from structgen.evaluation.scoring import Counts
from structgen.values import Json

PERMUTATIONS: Final = 2000
"""How often the runs are exchanged, at least."""
PERMUTATIONS_A_FIELD: Final = 40
"""And for each field: the smallest p-value times the number of fields stays under 5 %."""
RESAMPLES: Final = 1000
SIGNIFICANCE: Final = 0.05
PERFECT: Final = "perfect records"
VALID: Final = "valid records"
_ONES: Final = str.maketrans("01", "\0\1")
_ZEROS: Final = str.maketrans("01", "\1\0")
"""From the digits of random bits to selectors of what is exchanged, and of what is not."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of two runs, and how sure the difference is."""

    field: str
    """The field; or what is compared: "all leaves" (F1 of all fields), "perfect records"..."""
    before: float
    """The figure of the earlier run."""
    after: float
    """The figure of the later run."""
    interval: Interval
    """The difference, later less earlier, by bootstrap over pairs."""
    p: float
    """The chance of such a difference if the runs were the same; corrected for fields."""

    @property
    def is_real(self) -> bool:
        """Whether the difference is more than chance, at 5 %."""
        return self.p < SIGNIFICANCE


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs compared."""

    overall: Difference
    """F1 of all leaves."""
    perfect: Difference
    """The share of perfect records."""
    valid: Difference
    """The share of valid records."""
    fields: Sequence[Difference]
    """F1 of each field, p-values corrected by Holm."""

    @property
    def worse(self) -> list[Difference]:
        """The real differences for the worse."""
        every = (self.overall, self.perfect, self.valid, *self.fields)
        return [one for one in every if one.is_real and one.after < one.before]

    def to_dict(self) -> dict[str, Json]:
        """Give the comparison as plain JSON data."""
        return asdict(self)


def compare(before: Evaluation, after: Evaluation, *, seed: int = 0) -> Comparison:
    """Compare two runs over the same gold, record by record.

    Args:
        before: The earlier run.
        after: The later run.
        seed: The seed of the permutations and resamples: the same seed gives the same p-values.

    Raises:
        InputError: If the runs are of different targets or of different gold.
    """
    _require_same(before, after)
    fields = list(dict.fromkeys((*after.fields, *before.fields)))
    names = [*fields, PERFECT, VALID]
    by_key = {record.key: record for record in before.records}
    earlier = [_counts_of(by_key[record.key]) for record in after.records]
    later = [_counts_of(record) for record in after.records]
    packing = packing_of(names, [*earlier, *later])
    packed = [packing.pack(one) for one in earlier], [packing.pack(one) for one in later]
    observed, permuted, resamples = _drawn(*packed, packing, seed)
    return _comparison(fields, observed, permuted, resamples)


_Figures: TypeAlias = "dict[str, float]"
"""A figure by field."""


def _counts_of(record: RecordScore) -> dict[str, Counts]:
    """The counts of a record, with its being perfect and valid as fields of their own."""
    perfect = record.valid and record.total.perfect
    return {**record.counts, PERFECT: _yes(perfect), VALID: _yes(record.valid)}


def _yes(answer: bool) -> Counts:
    """A yes or no as counts whose F1 is the share of yes."""
    return Counts(right=int(answer), wrong=int(not answer))


def _require_same(before: Evaluation, after: Evaluation) -> None:
    if before.schema != after.schema:
        raise InputError(
            f"The earlier run is of another target: {before.target}, with another schema.",
            hint="Run it again with this target, then compare.",
        )
    keys = sorted(record.key for record in before.records)
    if before.gold != after.gold or keys != sorted(record.key for record in after.records):
        raise InputError(
            "The earlier run is of other gold: keys, texts or values differ.",
            hint="Run it again over this gold, then compare.",
        )


def _drawn(
    befores: Sequence[int], afters: Sequence[int], packing: Packing, seed: int
) -> tuple[tuple[_Figures, _Figures], list[_Figures], list[_Figures]]:
    """The figures of both runs; their differences if runs are exchanged, and over resamples."""
    generator = random.Random(seed)  # noqa: S311  # statistics, no secret
    count = len(befores)
    both = sum(befores) + sum(afters)
    permuted, resamples = [], []
    for _ in range(max(PERMUTATIONS, PERMUTATIONS_A_FIELD * len(packing.fields))):
        bits = format(generator.getrandbits(count), f"0{count}b")
        swapped, kept = bits.translate(_ONES).encode(), bits.translate(_ZEROS).encode()
        one = sum(compress(befores, kept)) + sum(compress(afters, swapped))
        permuted.append(_difference(one, both - one, packing))
    pairs = [one | other << packing.width for one, other in zip(befores, afters, strict=True)]
    low = (1 << packing.width) - 1
    for drawn in resampled(pairs, samples=RESAMPLES, seed=seed):
        resamples.append(_difference(drawn & low, drawn >> packing.width, packing))
    return (_figures(sum(befores), packing), _figures(sum(afters), packing)), permuted, resamples


def _figures(packed: int, packing: Packing) -> dict[str, float]:
    by_field = packing.unpack(packed)
    everything = Counts()
    for name, counts in by_field.items():
        if name not in (PERFECT, VALID):
            everything += counts
    figures = {name: metrics.f1(counts) for name, counts in by_field.items()}
    return {**figures, OVERALL: metrics.f1(everything)}


def _difference(before: int, after: int, packing: Packing) -> dict[str, float]:
    ours, theirs = _figures(before, packing), _figures(after, packing)
    return {name: theirs[name] - ours[name] for name in ours}


def _comparison(
    fields: Sequence[str],
    observed: tuple[_Figures, _Figures],
    permuted: Sequence[_Figures],
    resamples: Sequence[_Figures],
) -> Comparison:
    before, after = observed

    def p_value(name: str) -> float:
        """Of an approximate randomisation test, two-sided (Noreen 1989)."""
        size = abs(after[name] - before[name]) - 1e-12
        extreme = sum(abs(one[name]) >= size for one in permuted)
        return (1 + extreme) / (1 + len(permuted))

    def difference(name: str, p: float) -> Difference:
        change = after[name] - before[name]
        interval = percentile_interval(change, [one[name] for one in resamples])
        return Difference(name, before[name], after[name], interval, p)

    corrected = holm([p_value(name) for name in fields])
    return Comparison(
        overall=difference(OVERALL, p_value(OVERALL)),
        perfect=difference(PERFECT, p_value(PERFECT)),
        valid=difference(VALID, p_value(VALID)),
        fields=[difference(name, p) for name, p in zip(fields, corrected, strict=True)],
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for how many there are, by the step-down method of Holm (1979).

    Args:
        p_values: The p-values of tests that were made together.

    Returns:
        Corrected p-values in the same order: a real one is below the level that was chosen.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, p_values[i] * (len(p_values) - rank)))
        corrected[i] = largest
    return corrected
