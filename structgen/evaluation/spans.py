"""Where values stand in the text: spans that were found against those of the gold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from structgen.evaluation.assignment import best_assignment
from structgen.evaluation.scoring import Counts
from structgen.values import Json

_LABELS = ("type", "label", "class", "category")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text, in characters, and what it is said to be."""

    start: int
    """The first character."""
    end: int
    """One after the last character."""
    label: str = ""
    """Its class, or the field whose value stands there."""


def strict_spans(found: Sequence[Span], gold: Sequence[Span]) -> Counts:
    """Count spans that have the same bounds and the same label (CoNLL-2003; SemEval-2013 "strict").

    Args:
        found: The spans of an answer.
        gold: The right spans.
    """
    return _matched(found, gold, lambda one, other: float(one == other))


def relaxed_spans(found: Sequence[Span], gold: Sequence[Span]) -> Counts:
    """Count spans that overlap and have the same label (SemEval-2013 task 9.1 "type").

    Each span is matched once, so that most match, and of those the ones that overlap most.

    Args:
        found: The spans of an answer.
        gold: The right spans.
    """
    return _matched(found, gold, _overlap)


def _overlap(one: Span, other: Span) -> float:
    common = min(one.end, other.end) - max(one.start, other.start)
    if common <= 0 or one.label != other.label:
        return 0.0
    union = max(one.end, other.end) - min(one.start, other.start)
    return 1.0 + common / union / 1_000_000


def _matched(
    found: Sequence[Span], gold: Sequence[Span], fit: Callable[[Span, Span], float]
) -> Counts:
    weights = [[fit(one, other) for other in gold] for one in found]
    right = len(best_assignment(weights))
    return Counts(right=right, omitted=len(gold) - right, invented=len(found) - right)


def spans_in(value: Json, field: str = "") -> Iterator[Span]:
    """Find the spans that a value states itself: objects with integers `start` and `end`.

    Args:
        value: Plain JSON data.
        field: The field that the value stands in, which is the label of spans that have no class.
    """
    if isinstance(value, list):
        for item in value:
            yield from spans_in(item, f"{field}/*")
    if not isinstance(value, dict):
        return
    start, end = value.get("start"), value.get("end")
    if type(start) is int and type(end) is int:
        labels = (value[name] for name in _LABELS if isinstance(value.get(name), str))
        yield Span(start, end, next(labels, field))
    for key, inner in value.items():
        yield from spans_in(inner, f"{field}/{key}")


def spans_of_evidence(evidence: Mapping[str, Mapping[str, Json]]) -> list[Span]:
    """Make spans of a result's evidence: each is labelled with its field.

    Args:
        evidence: For each JSON Pointer an object with `start` and `end`.
    """
    return [
        Span(int(place["start"]), int(place["end"]), field_of(path))
        for path, place in evidence.items()
    ]


def field_of(path: str) -> str:
    """Make a field's name of a JSON Pointer: `*` for indices.

    Args:
        path: The JSON Pointer.
    """
    return "/".join("*" if step.isdigit() else step for step in path.split("/"))


def all_spans(value: Json, evidence: Iterable[Span]) -> list[Span]:
    """Give the spans that a value states, or else those of its evidence.

    Args:
        value: Plain JSON data.
        evidence: The spans of its evidence.
    """
    return list(spans_in(value)) or list(evidence)
