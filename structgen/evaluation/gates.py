"""Bounds that an evaluation has to keep, for continuous integration."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from structgen.errors import ConfigurationError
from structgen.evaluation import metrics
from structgen.evaluation.comparison import Comparison, Difference
from structgen.evaluation.result import OVERALL, Evaluation

MORE_IS_BETTER: Final = (
    "f1",
    "precision",
    "recall",
    "perfect",
    "valid",
    "null_recall",
    "f1_by_record",
    "f1_by_field",
    "spans_strict",
    "spans_relaxed",
    "auroc",
    "pressure_auroc",
    "accuracy_at_80",
    "coverage_at_95",
    "accepted",
    "accepted_right",
    "accepted_values",
    "accepted_values_right",
)
"""Figures that may be given a lower bound."""


def parse_bound(text: str) -> tuple[str, float]:
    """Read a lower bound such as `f1=0.9`, or `/total=0.95` for the F1 of one field.

    Args:
        text: What the user wrote.

    Raises:
        ConfigurationError: If it is no bound, or of no figure of which more is better.
    """
    name, _, number = text.rpartition("=")
    try:
        bound = float(number)
    except ValueError:
        bound = -1.0
    if not 0 <= bound <= 1:
        raise ConfigurationError(
            f"{text!r} is no bound.", hint="Write NAME=NUMBER with a number from 0 to 1: f1=0.9."
        )
    if name not in MORE_IS_BETTER and not name.startswith("/"):
        raise ConfigurationError(
            f"No figure {name!r} can be given a lower bound.",
            hint=f"Use a field such as /total, or one of: {', '.join(MORE_IS_BETTER)}.",
        )
    return name, bound


def require_fields(fields: Collection[str], bounds: Iterable[tuple[str, float]]) -> None:
    """See that each bound of a field names one that there is.

    Args:
        fields: The fields of the gold.
        bounds: Pairs of a figure or field and its lower bound (`parse_bound`).

    Raises:
        ConfigurationError: If there is no such field.
    """
    for name, _ in bounds:
        if name.startswith("/") and name not in fields:
            raise ConfigurationError(
                f"There is no field {name}.", hint=f"Fields: {', '.join(fields)}."
            )


def under(evaluation: Evaluation, bounds: Iterable[tuple[str, float]]) -> list[str]:
    """Say which bounds an evaluation does not keep, one line each; none if it keeps all.

    Args:
        evaluation: The evaluation.
        bounds: Pairs of a figure or field and its lower bound (`parse_bound`).

    Raises:
        ConfigurationError: If no record has such a field, or the figure is not known in this run.
    """
    bounds = list(bounds)
    require_fields(evaluation.fields, bounds)
    told = []
    for name, bound in bounds:
        figure = _figure(evaluation, name)
        if figure < bound:
            told.append(f"{name} is {figure:.3f}, under {bound:g}")
    return told


def _figure(evaluation: Evaluation, name: str) -> float:
    if name.startswith("/"):
        return metrics.f1(evaluation.by_field[name])
    figure = evaluation.figures[name]
    if figure is None:
        raise ConfigurationError(
            f"{name} is not known in this run: nothing was measured that it follows from.",
            hint="It needs results with confidence, or gold with spans.",
        )
    return figure


def worse(comparison: Comparison) -> list[str]:
    """Say what became worse for real, one line each; none if nothing did.

    Args:
        comparison: The later run against the earlier one.
    """
    return [describe(one) for one in comparison.worse]


def describe(difference: Difference) -> str:
    """Describe a difference in one line, for people.

    Args:
        difference: The difference.
    """
    change = difference.after - difference.before
    interval = difference.interval
    return (
        f"{_name_of(difference)} went from {difference.before:.3f} to {difference.after:.3f} "
        f"({change:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}], p = {difference.p:.3g})"
    )


def _name_of(difference: Difference) -> str:
    return "f1" if difference.field == OVERALL else difference.field or "/"


def comparison_lines(comparison: Comparison) -> list[str]:
    """List what is different between two runs, a line each: `real` if it is more than chance.

    Args:
        comparison: The later run against the earlier one.
    """
    every = (comparison.overall, comparison.perfect, comparison.valid, *comparison.fields)
    changed = [one for one in every if one.after != one.before]
    if not changed:
        return ["no figure is different"]
    return [f"{'real  ' if one.is_real else 'chance'}  {describe(one)}" for one in changed]
