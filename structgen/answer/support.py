"""Which values a document does not support, and what becomes of them (`require_evidence`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Final

from structgen.answer.wording import asks_for_a_copy, asks_for_more, names_a_label
from structgen.results import LeafEvidence
from structgen.schema.compile.keywords import listed_values, types_of
from structgen.schema.inside import described_by, inside
from structgen.schema.json import leaves_of, pointer, short
from structgen.schema.verbatim import INFERRED
from structgen.values import Json, JsonSchema, Violation

_RULE: Final = "/require_evidence"
"""What a violation names as its rule."""
_WANTED: Final = "a value that the document states, or null if it states none"


def unsupported(
    root: JsonSchema, data: Json, evidence: Mapping[str, LeafEvidence]
) -> dict[str, Json]:
    """Find the values that the document should state and does not.

    Booleans, listed values, labels, summaries and what is `Inferred` are not looked for: a document
    need not state them in words.

    Args:
        root: The schema.
        data: The value, as plain data.
        evidence: The evidence of its leaves.

    Returns:
        The values, by JSON Pointer.
    """
    return {
        pointer(path): value
        for path, value in leaves_of(data)
        if evidence[pointer(path)].status == "not-found"
        and not isinstance(value, bool)
        and not _may_be_made_up(root, path)
    }


def violations_of(values: Mapping[str, Json]) -> tuple[Violation, ...]:
    """Make violations of values that the document does not support.

    Args:
        values: The values, by JSON Pointer.
    """
    return tuple(Violation(at, _RULE, short(value), _WANTED) for at, value in values.items())


def nulled(
    root: JsonSchema, data: Json, places: Mapping[str, Json]
) -> tuple[Json, dict[str, Json]]:
    """Put null for values, where the schema takes it.

    Args:
        root: The schema.
        data: Plain data.
        places: The values, by JSON Pointer.

    Returns:
        The data, and the values that null replaced, by JSON Pointer.
    """
    data = deepcopy(data)
    done: dict[str, Json] = {}
    for path, value in list(leaves_of(data)):
        at = pointer(path)
        if at not in places or not path or not _takes_null(root, path):
            continue
        holder = data
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = None
        done[at] = value
    return data, done


def _schemas_on_the_way(root: JsonSchema, path: Sequence[str | int]) -> Iterator[list[JsonSchema]]:
    schemas = described_by(root, [root])
    yield schemas
    for step in path:
        schemas = inside(root, schemas, step)
        yield schemas


def _may_be_made_up(root: JsonSchema, path: Sequence[str | int]) -> bool:
    """Whether a document need not state a value in its own words."""
    *outer, schemas = _schemas_on_the_way(root, path)
    about = [*schemas, *outer[-1]] if outer and isinstance(path[-1], int) else schemas
    if any(node.get(INFERRED) is True for node in about):
        return True
    if any(set(listed_values(node) or ()) - {None} for node in schemas):
        return True
    texts = [str(node.get("description", "")) for node in about]
    if any(map(asks_for_more, texts)):
        return True
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    return names_a_label(name) and not any(map(asks_for_a_copy, texts))


def _takes_null(root: JsonSchema, path: Sequence[str | int]) -> bool:
    *_, schemas = _schemas_on_the_way(root, path)
    return any(
        "null" in (types_of(node) or ()) or None in (listed_values(node) or ()) for node in schemas
    )
