"""Which values of an answer are in doubt, and why: what a cascade escalates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from structgen.answer.evidence import EvidenceFinder
from structgen.answer.grounding import said_in
from structgen.answer.salvage import value_at
from structgen.answer.support import unsupported
from structgen.answer.wording import asks_for_more
from structgen.calibration.learnt import field_of
from structgen.errors import ConfigurationError
from structgen.extraction.question import Question
from structgen.extraction.supported import located_text
from structgen.options import UNSET
from structgen.results import Extraction
from structgen.schema.compile.keywords import types_of
from structgen.schema.places import find_nodes, nodes_at, paths_in
from structgen.schema.shown import shown
from structgen.values import Json, JsonSchema

BELOW: Final = 0.8
"""The confidence below which a field is escalated, if the call sets none."""
PRESSED: Final = 0.5
"""The pressure of the grammar from which on a value is in doubt."""

_WHOLES: Final = frozenset({"object", "array"})
"""The types whose values have no confidence of their own: their fields and items have."""


class Doubt(NamedTuple):
    """One reason to ask another model about a value."""

    path: str
    """JSON Pointer of the value."""
    why: str
    """A few words for people."""


def doubts(question: Question[Any], result: Extraction[Any]) -> dict[str, str]:
    """Find the values of a result that another model should be asked about.

    Args:
        question: What was asked. Its options set the confidence that is enough.
        result: What came.

    Returns:
        Why each value is in doubt, by JSON Pointer.
    """
    data = shown(question.target, result.value)
    below = question.options.cascade_below
    found: dict[str, str] = {}
    for doubt in (
        *_of_confidence(result, BELOW if below is UNSET else below),
        *_of_pressure(result),
        *_of_document(question, data, result),
        *_of_rules(data, result),
    ):
        found.setdefault(doubt.path, doubt.why)
    return found


def _of_confidence(result: Extraction[Any], below: float | Mapping[str, float]) -> Iterator[Doubt]:
    for path, sure in result.confidence.items():
        if sure < enough_for(field_of(path), below):
            yield Doubt(path, f"confidence {sure:.2f}")


def enough_for(field: str, below: float | Mapping[str, float]) -> float:
    """Give the confidence that is enough for the values of a field.

    Args:
        field: The field: a JSON Pointer with `*` for indices.
        below: One number for all fields, or one for each.
    """
    if not isinstance(below, Mapping):
        return below
    if field in below:
        return below[field]
    # A `*` in a table is also any key of a map, or any field of a record.
    steps = field.split("/")
    wide = (path for path in below if "*" in path and _is_among(steps, path.split("/")))
    return below.get(next(wide, ""), BELOW)


def _is_among(steps: Sequence[str], pattern: Sequence[str]) -> bool:
    if len(steps) != len(pattern):
        return False
    return all(one in (step, "*") for step, one in zip(steps, pattern, strict=True))


def may_have_confidence(root: JsonSchema, path: str) -> bool:
    """Tell whether there may be a value at a place that has a confidence of its own.

    Args:
        root: The schema of the whole.
        path: A JSON Pointer with `*` for any key or index; "" is all other fields.
    """
    kinds = map(types_of, find_nodes(root, path))
    return not path or any(not kind or set(kind) - _WHOLES for kind in kinds)


def check_thresholds(root: JsonSchema, below: Mapping[str, float]) -> None:
    """See that each threshold of a table is about values that may have a confidence.

    Args:
        root: The schema of the whole.
        below: The table, as `cascade_below` has it.

    Raises:
        ConfigurationError: If a path leads to no field, to one item of a list, or to a record or a
            list, whose fields and items have a confidence each.
    """
    for path in below:
        nodes_at(root, path, "cascade_below")
        if path != field_of(path):
            raise ConfigurationError(
                f"`cascade_below` has {path!r}, and one threshold is for all items of a list.",
                hint=f"Write {field_of(path)!r}.",
            )
        if not may_have_confidence(root, path):
            fields = [one for one in paths_in(root) if one.startswith(f"{path}/")]
            such = f", such as {fields[0]!r}" if fields else ""
            raise ConfigurationError(
                f"`cascade_below` has {path!r}, which is a record or a list and has no confidence "
                "of its own.",
                hint=f"Name what is in it{such}.",
            )


def _of_pressure(result: Extraction[Any]) -> Iterator[Doubt]:
    """The values under pressure that have no confidence: with one, pressure adds nothing to it."""
    for path, pressure in result.pressure.items():
        if pressure >= PRESSED and path not in result.confidence:
            yield Doubt(path, f"pressure {pressure:.2f}")


def _of_document(question: Question[Any], data: Json, result: Extraction[Any]) -> Iterator[Doubt]:
    """The values that the document should state and does not.

    As for `on_ungrounded`, the context counts as a part of it, an image may state anything, and no
    text is looked up if the instructions ask for labels or summaries.
    """
    if said_in(question.document) is None or asks_for_more(question.instructions or ""):
        return
    texts = filter(None, (located_text(question.document), question.context))
    evidence = EvidenceFinder("\n".join(texts)).find(data, absent=result.absent)
    for path in unsupported(question.target.schema, data, evidence):
        yield Doubt(path, "not in the document")


def _of_rules(data: Json, result: Extraction[Any]) -> Iterator[Doubt]:
    """The faults that the checks and rules of the call found in values."""
    for path in sorted(result.to_review):
        yield Doubt(path, "to review")
    for path in sorted(result.shortened):
        yield Doubt(path, "cut short")
    for path in sorted(result.copied):
        yield Doubt(path, "in a worked example, not in the document")
    for removed in result.removed:
        if removed.reason in ("ungrounded", "endless"):
            yield Doubt(_place_left(data, removed.path), f"{removed.reason}, taken out")
    for rejected in result.rejected:
        yield Doubt(_list_of(rejected.path), "an item is not valid")


def _place_left(data: Json, path: str) -> str:
    """Where a value was taken out: its place if that is null now, else the list that had it.

    Items that follow an item that was taken out have moved.
    """
    try:
        return path if value_at(data, path) is None else _list_of(path)
    except LookupError:
        return _list_of(path)


def _list_of(path: str) -> str:
    """The outermost list on a path; the path itself if it leads through none."""
    steps = path.split("/")
    end = next((at for at, step in enumerate(steps) if step.isdecimal()), len(steps))
    return "/".join(steps[:end])
