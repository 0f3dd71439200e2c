"""The comparisons of leaves that a schema may name, as two evaluation suites name them.

`evaluation_config` of extract-bench 0.1 (https://github.com/ContextualAI/extract-bench) and
`x-aws-stickler-*` of stickler-eval 1.0. Keywords that ask a model for its opinion are
compared by words here, and `notes.notes_of` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any, Final, NamedTuple

from structgen.errors import ConfigurationError
from structgen.evaluation.comparing import (
    Similarity,
    close,
    edit_similarity,
    indel_similarity,
    moment_of,
    normalise_text,
    number_of,
    same_leaf,
    sequence_ratio,
    word_f1,
)
from structgen.values import Json, JsonSchema

CONFIG: Final = "evaluation_config"
STICKLER: Final = "x-aws-stickler-"
_SAME_WORDS: Final = 0.8


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two leaves are compared: they are the same if they are at least `threshold` alike."""

    name: str
    """What people call it."""
    similarity: Similarity
    """How alike two leaves are, from 0 to 1."""
    threshold: float = 1.0
    """How alike is alike enough."""

    def same(self, found: Json, gold: Json) -> bool:
        """Tell whether two leaves are the same; neither may be null.

        Args:
            found: The leaf that was answered.
            gold: The right leaf.
        """
        return self.similarity(found, gold) >= self.threshold


# ---- the comparisons that there are -------------------------------------------------------------


def typed(exact: bool, kind: str | None, numeric: bool) -> Comparison:
    """Make the comparison by type, which holds if the schema names none.

    Args:
        exact: Whether texts have to be equal character for character.
        kind: The `format` of the leaf, if it has one.
        numeric: Whether texts are numbers in disguise.
    """
    compare = partial(same_leaf, exact=exact, kind=kind, numeric=numeric)
    return Comparison(
        "exact" if exact else "typed", lambda found, gold: float(compare(found, gold))
    )


def _identical(found: Json, gold: Json, *, fold: bool = False) -> float:
    one, other = str(found), str(gold)
    return float(one.casefold() == other.casefold() if fold else one == other)


def _near(found: Json, gold: Json, *, absolute: float, relative: float, inside: bool) -> float:
    ours, theirs = number_of(found, inside=inside), number_of(gold, inside=inside)
    if ours is None or theirs is None:
        return 0.0
    return float(close(ours, theirs, absolute=absolute, relative=relative))


def _same_date(found: Json, gold: Json) -> float:
    for kind in ("date", "date-time"):
        ours, theirs = moment_of(str(found), kind), moment_of(str(gold), kind)
        if ours is not None and theirs is not None:
            return float(ours == theirs)
    return float(same_leaf(found, gold))


def _normalised(found: Json, gold: Json) -> float:
    return float(normalise_text(str(found)) == normalise_text(str(gold)))


def _tolerance(parameters: Mapping[str, Any], inside: bool = False) -> Similarity:
    absolute = finite(parameters.get("tolerance", parameters.get("absolute_tolerance", 0.0)))
    relative = finite(parameters.get("relative_tolerance", 0.0))
    return partial(_near, absolute=absolute, relative=relative, inside=inside)


def finite(number: Any) -> float:
    """Read a parameter that is a number.

    Args:
        number: What the schema says.

    Raises:
        ValueError: If it is no number, or not finite.
    """
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not isfinite(number):
        raise ValueError(f"{number!r} is no number")
    return float(number)


def _case(parameters: Mapping[str, Any]) -> Similarity:
    return partial(_identical, fold=not parameters.get("case_sensitive", True))


def _fuzzy(parameters: Mapping[str, Any]) -> Similarity:
    return partial(sequence_ratio, fold=not parameters.get("case_sensitive", False))


class _Row(NamedTuple):
    make: Callable[[Mapping[str, Any]], Similarity]
    """Makes the comparison of its parameters."""
    threshold: float
    """How alike is alike enough, if the schema does not say."""
    parameters: tuple[str, ...] = ()
    """The parameters that are heeded, besides the threshold."""


_METRICS: Final[Mapping[str, _Row]] = {
    "string_exact": _Row(_case, 1.0),
    "string_case_insensitive": _Row(lambda _: partial(_identical, fold=True), 1.0),
    "string_fuzzy": _Row(_fuzzy, 0.8, ("case_sensitive",)),
    "string_semantic": _Row(lambda _: word_f1, _SAME_WORDS, ("additional_instructions",)),
    "string_llm": _Row(lambda _: word_f1, _SAME_WORDS, ("additional_instructions",)),
    "number_exact": _Row(lambda _: _tolerance({}), 1.0),
    "number_tolerance": _Row(
        lambda given: _tolerance({"tolerance": 1e-6, **given}), 1.0, ("tolerance",)
    ),
    "integer_exact": _Row(lambda _: _tolerance({}), 1.0),
    "boolean_exact": _Row(lambda _: lambda found, gold: float(found is gold), 1.0),
}
"""extract-bench's metrics of leaves."""
_SHORT_FORMS: Final[Mapping[str, Mapping[str, Any]]] = {"number_tolerance": {"tolerance": 1e-3}}
"""The parameters of a metric whose name stands alone, if they are not those of its long form."""

_COMPARATORS: Final[Mapping[str, _Row]] = {
    "ExactComparator": _Row(_case, 0.5, ("case_sensitive",)),
    "LevenshteinComparator": _Row(lambda _: edit_similarity, 0.5),
    "FuzzyComparator": _Row(lambda _: indel_similarity, 0.5),
    "NormalizedComparator": _Row(lambda _: _normalised, 0.5),
    "NumericComparator": _Row(
        lambda given: _tolerance(given, inside=True),
        0.5,
        ("relative_tolerance", "absolute_tolerance", "tolerance"),
    ),
    "DateComparator": _Row(lambda _: _same_date, 0.5),
    "SemanticComparator": _Row(lambda _: word_f1, _SAME_WORDS),
    "BERTComparator": _Row(lambda _: word_f1, _SAME_WORDS),
    "LLMComparator": _Row(lambda _: word_f1, _SAME_WORDS),
}
"""stickler's comparators of leaves; a field that names no threshold has 0.5 there."""
_USUAL: Final = {
    "number": "NumericComparator",
    "integer": "NumericComparator",
    "boolean": "ExactComparator",
}
"""stickler's comparators of fields that name a threshold alone; of others, Levenshtein."""

ASK_A_MODEL: Final = frozenset(
    {"string_semantic", "string_llm", "SemanticComparator", "BERTComparator", "LLMComparator"}
)
OF_CONTAINERS: Final = frozenset({"array_llm", "StructuredModelComparator"})
"""What they compare is aligned and compared leaf by leaf here."""


# ---- what a schema names ------------------------------------------------------------------------


def named_comparison(node: JsonSchema, field: str) -> Comparison | None:
    """Find the comparison that a subschema names; None if it names none for leaves.

    Args:
        node: The subschema.
        field: The field that it speaks of, for errors.

    Raises:
        ConfigurationError: If the name or a parameter is not known, or a parameter is no number.
    """
    config = node.get(CONFIG)
    if config is not None:
        return _of_config(config, field)
    name = node.get(f"{STICKLER}comparator")
    threshold = node.get(f"{STICKLER}threshold")
    if name is None and threshold is None:
        return None
    name = name or _USUAL.get(str(node.get("type")), "LevenshteinComparator")
    given = node.get(f"{STICKLER}comparator-config") or {}
    if not isinstance(name, str) or not isinstance(given, dict):
        raise _malformed(
            f"{STICKLER}comparator", field, "Write a name, and an object of parameters."
        )
    if name in OF_CONTAINERS or name == "auto":
        return None
    parameters = dict(given)
    if threshold is not None:
        parameters["threshold"] = threshold
    return _made(name, _COMPARATORS, parameters, field)


def _of_config(config: Any, field: str) -> Comparison | None:
    metrics = metrics_of(config)
    if metrics is None:
        form = 'Write a name, or {"metrics": [{"metric_id": "...", "params": {...}}]}.'
        raise _malformed(CONFIG, field, form)
    if not metrics:
        return None
    name, parameters = metrics[0]["metric_id"], dict(metrics[0].get("params") or {})
    if name in OF_CONTAINERS:
        return None
    if "pass_threshold" in parameters:
        parameters["threshold"] = parameters.pop("pass_threshold")
    return _made(name, _METRICS, parameters, field)


def metrics_of(config: Any) -> list[dict[str, Any]] | None:
    """Read the metrics of an `evaluation_config`, of which the first one counts.

    Args:
        config: The value of the keyword: a name, or the long form.

    Returns:
        Objects with `metric_id`; None if the value has another form.
    """
    if isinstance(config, str):
        return [{"metric_id": config, "params": _SHORT_FORMS.get(config)}]
    if not isinstance(config, dict) or config.keys() - {"metrics", "aggregation_weight"}:
        return None
    metrics = config.get("metrics", [])
    return metrics if isinstance(metrics, list) and all(map(_is_metric, metrics)) else None


def _is_metric(metric: Any) -> bool:
    if not isinstance(metric, dict) or metric.keys() - {"metric_id", "weight", "params"}:
        return False
    is_named = isinstance(metric.get("metric_id"), str)
    return is_named and isinstance(metric.get("params") or {}, dict)


def is_skipped(config: Any) -> bool:
    """Tell whether an `evaluation_config` leaves its field out of every score.

    Args:
        config: The value of the keyword; None if there is none.
    """
    return config == "skip" or (config is not None and metrics_of(config) == [])


def _malformed(keyword: str, field: str, hint: str) -> ConfigurationError:
    return ConfigurationError(
        f"The schema's {keyword} of {field or '/'} has a form that is not known.", hint=hint
    )


def _made(
    name: str, table: Mapping[str, _Row], parameters: dict[str, Any], field: str
) -> Comparison:
    where = field or "/"
    if name not in table:
        raise ConfigurationError(
            f"The schema compares {where} by {name!r}, which is not known.",
            hint=f"Use one of: {', '.join(table)}.",
        )
    row = table[name]
    given_threshold = parameters.pop("threshold", row.threshold)
    if unknown := parameters.keys() - set(row.parameters):
        raise ConfigurationError(
            f"The schema compares {where} by {name} with {min(unknown)!r}, which is not known.",
            hint=f"Parameters: {', '.join((*row.parameters, 'threshold'))}.",
        )
    try:
        return Comparison(name, row.make(parameters), finite(given_threshold))
    except ValueError as error:
        raise ConfigurationError(
            f"The schema compares {where} by {name}, but {error}.",
            hint="Write thresholds and tolerances as finite numbers.",
        ) from error
