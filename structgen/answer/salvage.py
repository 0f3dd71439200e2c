"""What of an invalid answer is good: the value without the items of lists that are at fault, and those items.

Nothing is mended: an item is there as it was answered, or it is among the rejected ones. A fault that lies in no list's item, or in
a position of a tuple, leaves nothing to sift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from structgen.answer.grounding import grounded
from structgen.errors import InvalidOutputError, NotJsonError
from structgen.schema.check import locate, parse_json, validate_parsed
from structgen.schema.compiler import Compiled
from structgen.schema.json import escape, pointer, unescape
from structgen.values import Json, JsonSchema, Rejected, Violation

T = TypeVar("T")

_ROUNDS = 10
"""How often what is left is checked: lists within lists, and checks that only see a record once its parts are valid."""
_LATER = 1 << 30


def sift(
    document: str, compiled: Compiled[T], violations: Sequence[Violation], source: str | None = None
) -> tuple[T, tuple[Rejected, ...]] | None:
    """The valid rest of an answer and what was left out of it, None where that is not possible or nothing is left.

    `violations`: what the check of the whole said; `source`: the text that grounded values have to stand in. The rejected items'
    paths are those of the answer as it was.
    """
    try:
        data, _ = compiled.restored(parse_json(document))
    except (InvalidOutputError, NotJsonError):
        return None
    schema = compiled.target.schema
    faults: dict[str, list[Violation]] = {}
    for _ in range(_ROUNDS):
        gone = frozenset(faults)
        for violation in violations:
            steps = _original(data, violation.path, gone)
            item = _item(schema, steps)
            if item is None:
                return None
            faults.setdefault(item, []).append(replace(violation, path=pointer(steps)))
        left = _without(data, "", frozenset(faults))
        if left == []:
            return None
        try:
            value = validate_parsed(compiled.target, left)
            if source is not None:
                grounded(compiled.target, left, source)
            return value, _rejected(data, faults)
        except InvalidOutputError as error:
            violations = error.violations
    return None


def _item(schema: JsonSchema, steps: list[str | int]) -> str | None:
    """The innermost list item that a place lies in: an item for which the schema says what it says for all later ones too."""
    for end in range(len(steps), 0, -1):
        if isinstance(steps[end - 1], int):
            said = locate(schema, steps[:end])
            if said and said == locate(schema, [*steps[: end - 1], _LATER]):
                return pointer(steps[:end])
    return None


def _original(data: Json, path: str, gone: frozenset[str]) -> list[str | int]:
    """The steps of a path into what is left, as steps into the whole."""
    node, at = data, ""
    steps: list[str | int] = []
    for step in map(unescape, path.split("/")[1:]):
        key: str | int = step
        if isinstance(node, list):
            key = [index for index in range(len(node)) if f"{at}/{index}" not in gone][int(step)]
            node = node[key]
        else:  # a member that is missing has a path too
            node = node.get(step) if isinstance(node, dict) else None
        at = f"{at}/{escape(str(key))}"
        steps.append(key)
    return steps


def _without(node: Json, at: str, gone: frozenset[str]) -> Json:
    if isinstance(node, dict):
        return {key: _without(value, f"{at}/{escape(key)}", gone) for key, value in node.items()}
    if isinstance(node, list):
        return [
            _without(item, f"{at}/{index}", gone)
            for index, item in enumerate(node)
            if f"{at}/{index}" not in gone
        ]
    return node


def _rejected(data: Json, faults: dict[str, list[Violation]]) -> tuple[Rejected, ...]:
    """The outermost items that were left out, each with all that was wrong in it."""
    outer = [path for path in faults if not any(path.startswith(f"{other}/") for other in faults)]
    found = []
    for path in outer:
        node = data
        for step in map(unescape, path.split("/")[1:]):
            node = node[int(step)] if isinstance(node, list) else node[step]
        wrong = [
            fault
            for other in faults
            if other == path or other.startswith(f"{path}/")
            for fault in faults[other]
        ]
        found.append(Rejected(path, node, tuple(wrong)))
    return tuple(found)
