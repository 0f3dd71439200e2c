"""What an evaluation came to: a score for each record, and the figures over all of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from statistics import median
from typing import Final

from structgen.errors import InputError
from structgen.evaluation import metrics
from structgen.evaluation.intervals import (
    Interval,
    packing_of,
    percentile_interval,
    resampled,
    share_interval,
)
from structgen.evaluation.pressed import Pressed
from structgen.evaluation.record import RecordScore
from structgen.evaluation.saved import SAVED_RUN, VERSION
from structgen.evaluation.scoring import KINDS, Counts
from structgen.evaluation.tables import html_table, text_table
from structgen.evaluation.trust import Trust
from structgen.schema.json_file import write_json
from structgen.values import Json

OVERALL: Final = "all leaves"
"""Stands for all fields together; the field of a target that is a leaf or a list is ""."""
COLUMNS: Final = ("field", "f1", "95 %", "precision", "recall", *KINDS)
"""The columns of the table of fields."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The scores of a run over gold, and the figures that follow from them.

    Save it with `save`, and give the file to `structgen eval --not-worse-than` or to `compare`.
    """

    target: str
    """The target's name."""
    schema: str
    """A fingerprint of the target's schema."""
    gold: str
    """A fingerprint of the gold."""
    model: str
    """Who was asked."""
    records: Sequence[RecordScore]
    """The scores in the order of the gold."""
    notes: Sequence[str] = ()
    """What was not compared as the schema says, one line each."""
    seed: int = 0
    """Of the resamples behind the intervals."""

    # ---- counts

    @cached_property
    def fields(self) -> list[str]:
        """The fields in the order in which they first appear."""
        return list(dict.fromkeys(name for record in self.records for name in record.counts))

    @cached_property
    def by_field(self) -> dict[str, Counts]:
        """What became of the leaves of all records, by field."""
        found = {name: Counts() for name in self.fields}
        for record in self.records:
            for name, counts in record.counts.items():
                found[name] += counts
        return found

    @cached_property
    def total(self) -> Counts:
        """What became of all leaves."""
        return sum(self.by_field.values(), Counts())

    # ---- figures

    @property
    def f1(self) -> float:
        """F1 of all leaves of all records (micro average); see `metrics.f1`."""
        return metrics.f1(self.total)

    @property
    def precision(self) -> float:
        """The share of answered leaves that are right; see `metrics.precision`."""
        return metrics.precision(self.total)

    @property
    def recall(self) -> float:
        """The share of the gold's leaves that were found right; see `metrics.recall`."""
        return metrics.recall(self.total)

    @property
    def perfect(self) -> float:
        """The share of records without a fault; see `metrics.perfect_rate`."""
        return metrics.perfect_rate((record.valid, record.total) for record in self.records)

    @property
    def valid(self) -> float:
        """The share of records that gave a value of the target."""
        return metrics.validity(record.valid for record in self.records)

    @cached_property
    def figures(self) -> dict[str, float | None]:
        """Every figure by its name; None if nothing is known, such as a cost without prices."""
        costs = [record.cost for record in self.records if record.cost is not None]
        strict = sum((record.strict for record in self.records), Counts())
        relaxed = sum((record.relaxed for record in self.records), Counts())
        has_spans = bool(strict.found or strict.wanted)
        seconds = sorted(record.seconds for record in self.records)
        per_record = [metrics.f1(record.total) if record.valid else 0.0 for record in self.records]
        return {
            **{name: metric(self.total) for name, metric in metrics.LEAF_METRICS.items()},
            "f1_by_record": sum(per_record) / len(per_record),
            "f1_by_field": metrics.mean_f1(self.by_field.values()),
            "perfect": self.perfect,
            "valid": self.valid,
            "spans_strict": metrics.f1(strict) if has_spans else None,
            "spans_relaxed": metrics.f1(relaxed) if has_spans else None,
            **self.trust.figures,
            **self.pressed.figures,
            "copied": float(sum(record.copied for record in self.records)),
            "tokens": float(sum(record.tokens for record in self.records)),
            "cost": sum(costs) if costs else None,
            "seconds_median": median(seconds),
            "seconds_p95": seconds[ceil(len(seconds) * 0.95) - 1],
        }

    @cached_property
    def trust(self) -> Trust:
        """How far the confidence can be trusted, and what a promise came to."""
        return Trust(self.records, self.seed)

    @cached_property
    def pressed(self) -> Pressed:
        """How hard the schema pressed on values, and whether it pressed on the wrong ones."""
        return Pressed(self.records)

    @property
    def judged(self) -> list[tuple[float, bool]]:
        """The confidence of every answered leaf that has one, and whether the leaf is right."""
        return self.trust.judged

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """Intervals of 95 % for f1, precision, recall, perfect and valid, and for confidence.

        The first three by bootstrap over records, the next two by Wilson's score interval; those of
        `Trust` are there if results have a confidence.
        """
        count = len(self.records)
        perfect = sum(record.valid and record.total.perfect for record in self.records)
        names = ("f1", "precision", "recall")
        found = {name: self._interval(OVERALL, metrics.LEAF_METRICS[name]) for name in names}
        found["perfect"] = share_interval(perfect, count)
        found["valid"] = share_interval(sum(record.valid for record in self.records), count)
        return {**found, **self.trust.intervals}

    @cached_property
    def field_intervals(self) -> dict[str, Interval]:
        """The interval of each field's F1, by bootstrap over records."""
        return {name: self._interval(name, metrics.f1) for name in self.fields}

    @property
    def resampled_f1(self) -> list[float]:
        """F1 over each resample of the records: equal seeds and sizes draw the same places."""
        return [metrics.f1(one[OVERALL]) for one in self._resamples]

    def _interval(self, name: str, metric: metrics.Metric) -> Interval:
        own = self.total if name == OVERALL else self.by_field[name]
        return percentile_interval(metric(own), [metric(one[name]) for one in self._resamples])

    @cached_property
    def _resamples(self) -> list[dict[str, Counts]]:
        packing = packing_of(self.fields, [record.counts for record in self.records])
        packed = [packing.pack(record.counts) for record in self.records]
        resamples = []
        for one in resampled(packed, seed=self.seed):
            by_field = packing.unpack(one)
            resamples.append({**by_field, OVERALL: sum(by_field.values(), Counts())})
        return resamples

    @property
    def failures(self) -> dict[str, int]:
        """How many records failed, by the type of the error."""
        return dict(Counter(record.error for record in self.records if record.error is not None))

    # ---- as data

    def to_dict(self) -> dict[str, Json]:
        """Give the evaluation as plain JSON data: figures and intervals first, then each record."""
        intervals = {name: asdict(one) for name, one in self.intervals.items()}
        return {
            "version": VERSION,
            "target": self.target,
            "schema": self.schema,
            "gold": self.gold,
            "model": self.model,
            "notes": list(self.notes),
            "seed": self.seed,
            "figures": self.figures,
            "intervals": intervals,
            "fields": {
                name: {
                    **asdict(counts),
                    "f1": metrics.f1(counts),
                    "interval": asdict(self.field_intervals[name]),
                }
                for name, counts in self.by_field.items()
            },
            "failures": self.failures,
            "risk_coverage": self.trust.risk_coverage(),
            "reliability": [asdict(one) for one in self.trust.reliability],
            "records": [record.to_dict() for record in self.records],
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the evaluation to a JSON file.

        Args:
            path: The file.

        Raises:
            InputError: If the file cannot be written.
        """
        try:
            write_json(path, self.to_dict())
        except OSError as error:
            raise InputError(
                f"Cannot write {path}: {error.strerror}.",
                hint="Name a file in a folder that exists.",
            ) from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Evaluation:
        """Read an evaluation that `save` wrote.

        Args:
            path: The file.

        Raises:
            InputError: If there is no such file, or it holds no evaluation.
        """
        try:
            data = SAVED_RUN.validate_json(Path(path).read_bytes(), strict=True)
        except OSError as error:
            raise InputError(
                f"Cannot read {path}: {error.strerror}.",
                hint="Name a file that `structgen eval -o` wrote.",
            ) from error
        except ValueError as error:
            raise InputError(
                f"{path} holds no evaluation.", hint="Give a file that `structgen eval -o` wrote."
            ) from error
        return cls(
            target=data["target"],
            schema=data["schema"],
            gold=data["gold"],
            model=data["model"],
            records=[RecordScore.from_dict(one) for one in data["records"]],
            notes=data["notes"],
            seed=data["seed"],
        )

    # ---- for people

    def headline(self) -> list[str]:
        """Say the figures over all records in some lines."""
        figures = self.figures
        total = self.total
        shares = [
            f"omitted {figures['omission']:.1%} of what the gold states",
            f"invented {figures['invention']:.1%} of what was answered",
        ]
        if total.null + total.invented:
            shares.append(f"left {figures['null_recall']:.1%} of the nulls null")
        cost = figures["cost"]
        spent = (
            f"{figures['tokens']:.0f} tokens, "
            f"{'cost not known' if cost is None else f'{cost:.4f} US dollars'}, "
            f"{figures['seconds_median']:.2f} s a record, "
            f"{figures['seconds_p95']:.2f} s at the 95th percentile"
        )
        count = len(self.records)
        failed = ", ".join(f"{times} {error}" for error, times in self.failures.items())
        return [
            f"{self.target}, {count} record{'s' if count != 1 else ''}, {self.model}",
            *(f"{name:<9} {interval}" for name, interval in self.intervals.items()),
            ", ".join(shares),
            *_known(figures, "spans", ("spans_strict", "spans_relaxed")),
            *self.trust.lines(),
            *self.pressed.lines(),
            *(
                [f"copied from examples, it seems: {figures['copied']:.0f}"]
                if figures["copied"]
                else []
            ),
            spent,
            *([f"failed: {failed}"] if failed else []),
            *self.notes,
        ]

    def rows(self) -> list[tuple[str, ...]]:
        """Make a row for each field, the worst first: the cells of `COLUMNS` as text."""
        found = []
        for name, counts in self.by_field.items():
            interval = self.field_intervals[name]
            scores = (
                f"{interval.value:.3f}",
                f"{interval.low:.2f}-{interval.high:.2f}",
                f"{metrics.precision(counts):.3f}",
                f"{metrics.recall(counts):.3f}",
            )
            numbers = tuple(str(getattr(counts, kind)) for kind in KINDS)
            found.append((interval.value, (name or "/", *scores, *numbers)))
        return [row for _, row in sorted(found, key=lambda pair: pair[0])]

    def table(self) -> str:
        """Lay the evaluation out in lines: figures, fields (the worst first), confidence."""
        fields = text_table([COLUMNS, *self.rows()])
        bins = self.trust.rows()
        return "\n".join(
            [*self.headline(), "", *fields, *(["", *text_table(bins)] if bins else [])]
        )

    def _repr_html_(self) -> str:
        return html_table(self.headline(), [COLUMNS, *self.rows()])


def _known(figures: Mapping[str, float | None], title: str, names: Sequence[str]) -> list[str]:
    known = [f"{name} {figure:.3f}" for name in names if (figure := figures[name]) is not None]
    return [f"{title}: {', '.join(known)}"] if known else []
