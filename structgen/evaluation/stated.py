"""What a line of gold states beside its value: other right values, and where values stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from structgen.errors import InputError
from structgen.schema.json import leaves_of, pointer, short
from structgen.values import Json, TextOrMessages


def alternatives_of(line: str, given: Any, value: Json) -> Mapping[str, Sequence[Json]]:
    """Read other right values of leaves.

    Args:
        line: Where they are, for errors.
        given: What the line states; None if nothing.
        value: The right value.

    Raises:
        InputError: If it is no object of lists, or names what is no leaf of the value.
    """
    leaves = {pointer(path) for path, _ in leaves_of(value)}
    for path, others in _members(line, "alternatives", given):
        if not isinstance(others, list):
            raise InputError(
                f"{line}: the alternatives of {path} are no list.",
                hint="Write a list, even of one value.",
            )
        if path not in leaves:
            raise InputError(
                f"{line}: `alternatives` names {short(path)}, which is no leaf of the value.",
                hint="Name a text, number, boolean or null of it by JSON Pointer.",
            )
    return given or {}


def evidence_of(
    line: str, given: Any, document: TextOrMessages
) -> Mapping[str, Mapping[str, Json]]:
    """Read where values stand in the text.

    Args:
        line: Where it is, for errors.
        given: What the line states; None if nothing.
        document: The text, beyond whose end nothing stands.

    Raises:
        InputError: If it is no object of spans, or a span is outside of the text.
    """
    for path, place in _members(line, "evidence", given):
        length = len(document) if isinstance(document, str) and document else None
        if not _is_span(place, length):
            raise InputError(
                f"{line}: the evidence of {path} is no part of the text.",
                hint="Write `start` and `end` in characters; `end` is one after the last.",
            )
    return given or {}


def _is_span(place: Any, length: int | None) -> bool:
    """Whether a place is a part of a text of this length; None: of any."""
    if not isinstance(place, dict):
        return False
    start, end = place.get("start"), place.get("end")
    if type(start) is not int or type(end) is not int:
        return False
    return 0 <= start < end and (length is None or end <= length)


def _members(line: str, name: str, given: Any) -> Iterator[tuple[str, Any]]:
    if given is None:
        return
    if not isinstance(given, dict):
        raise InputError(f"{line}: `{name}` is no object.", hint="Its keys are JSON Pointers.")
    yield from given.items()
