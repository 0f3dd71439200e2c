"""Keep the valid part of an answer: drop the items that are invalid, or the values that were cut.

Nothing is mended: an item is there as it was answered, or it is among the rejected ones. A fault
outside the items of a list, or in a position of a tuple, leaves nothing to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeVar

from structgen.answer.grounding import require_grounded
from structgen.answer.ruled import UNRULED, Ruled
from structgen.answer.scanner import closed_part
from structgen.answer.unstated import Rules
from structgen.errors import InvalidOutputError, NotJsonError
from structgen.schema.check import locate, parse_json, validate_parsed
from structgen.schema.compiler import Compiled
from structgen.schema.json import escape, outer_lists, pointer, unescape
from structgen.values import Json, JsonSchema, Rejected, Violation

T = TypeVar("T")

_ROUNDS: Final = 10
"""How often the rest is checked: for lists in lists, and for checks that need valid parts."""
_LATER: Final = 1 << 30
"""An index beyond all positions of a tuple."""


def drop_invalid_items(
    text: str,
    compiled: Compiled[T],
    violations: Sequence[Violation],
    document: str | None = None,
    rules: Rules | None = None,
) -> tuple[T, tuple[Rejected, ...], Ruled] | None:
    """Drop the list items that are at fault.

    Args:
        text: The answer's JSON text.
        compiled: The target, as the model was asked for it.
        violations: What the check of the whole answer found.
        document: The text that grounded values must be copied from; None if none is grounded.
        rules: What takes out texts that the document does not state; None keeps all.

    Returns:
        The valid rest, the dropped items, whose paths are those in the answer as it was, and what
        the rules took out of the rest; None if a fault lies in no item, or nothing is left.
    """
    try:
        data, _ = compiled.restored(parse_json(text))
    except (InvalidOutputError, NotJsonError):
        return None

    def check(rest: Json) -> tuple[T, Ruled]:
        value = validate_parsed(compiled.target, rest)
        if document is not None:
            require_grounded(compiled.target, rest, document)
        return _by_rules(value, rest, compiled, rules)

    found = valid_rest(compiled.target.schema, data, violations, check)
    if found is None:
        return None
    (value, ruled), rejected = found
    return value, rejected, ruled


def valid_rest(
    schema: JsonSchema,
    data: Json,
    violations: Sequence[Violation],
    check: Callable[[Json], T],
) -> tuple[T, tuple[Rejected, ...]] | None:
    """Drop list items that are at fault until the rest is valid.

    Args:
        schema: The schema of the data.
        data: Plain data.
        violations: What the check of all of it found.
        check: Gives the value of a rest, or raises InvalidOutputError.

    Returns:
        The value of the valid rest and the dropped items, by their paths in all of the data; None
        if a fault lies in no item, or nothing is left.
    """
    faults: dict[str, list[Violation]] = {}
    rest = data
    for _ in range(_ROUNDS):
        dropped = frozenset(faults)
        for violation in _located(violations, rest, check):
            steps = _original_steps(data, violation.path, dropped)
            item = _innermost_item(schema, steps)
            if item is None:
                return None
            faults.setdefault(item, []).append(replace(violation, path=pointer(steps)))
        rest = _without(data, "", frozenset(faults))
        if rest == []:
            return None
        try:
            return check(rest), _rejected(data, faults)
        except InvalidOutputError as error:
            violations = error.violations
    return None


def _located(
    violations: Sequence[Violation], data: Json, check: Callable[[Json], object]
) -> Iterator[Violation]:
    """The violations; one that tells no place, since a validator raised, at the items it is of."""
    for violation in violations:
        places = list(_raising(data, check)) if _is_raised(violation) else []
        if not places:
            yield violation
        for place in places:
            yield replace(violation, path=place)


def _is_raised(violation: Violation) -> bool:
    """Whether it stands for an exception of the user's, which says nothing of its place."""
    return not violation.path and not violation.keyword


def _raising(data: Json, check: Callable[[Json], object]) -> Iterator[str]:
    """The items of lists that a validator raises an exception for: each half that raises one."""
    lists = list(outer_lists(data))
    halves = [(path, 0, len(items)) for path, items in reversed(lists) if items]
    none = {path: range(0) for path, _ in lists}
    while halves:
        path, start, end = halves.pop()
        try:
            check(_with_items(data, "", {**none, path: range(start, end)}))
        except InvalidOutputError as error:
            if not any(map(_is_raised, error.violations)):
                continue
        else:
            continue
        if end - start == 1:
            yield f"{path}/{start}"
        else:
            middle = (start + end) // 2
            halves += [(path, middle, end), (path, start, middle)]


def _with_items(data: Json, at: str, kept: Mapping[str, range]) -> Json:
    """The data with some of the items of each outer list."""
    if isinstance(data, list):
        return [data[index] for index in kept[at]]
    if isinstance(data, dict):
        return {key: _with_items(v, f"{at}/{escape(key)}", kept) for key, v in data.items()}
    return data


def _by_rules(value: T, data: Json, compiled: Compiled[T], rules: Rules | None) -> tuple[T, Ruled]:
    """A valid value after the rules, unless they make it invalid."""
    ruled = UNRULED if rules is None else rules.apply(data)
    with suppress(InvalidOutputError):
        if ruled.removed:
            return validate_parsed(compiled.target, ruled.data), ruled
    return value, UNRULED


def without_cut_values(text: str, cut: Collection[str]) -> Json:
    """The data of an answer that was ended early, without the values that were cut.

    Args:
        text: The answer's JSON text.
        cut: JSON Pointers into it, of the values that were cut short. A list or object among them
            is kept, with those of its parts that were not cut.

    Returns:
        Plain data; None if nothing is left.
    """
    try:
        data = parse_json(text)
    except NotJsonError:
        return closed_part(text)
    dropped = frozenset(at for at in cut if not _is_container(data, at))
    return None if "" in dropped else _without(data, "", dropped)


def value_at(data: Json, path: str) -> Json:
    """The part of some data at a JSON Pointer.

    Args:
        data: Plain data.
        path: The JSON Pointer.

    Raises:
        LookupError: If there is none.
    """
    for step in map(unescape, path.split("/")[1:]):
        if isinstance(data, dict):
            data = data[step]
        elif isinstance(data, list) and step.isdecimal():
            data = data[int(step)]
        else:
            raise LookupError(path)
    return data


def _is_container(data: Json, path: str) -> bool:
    try:
        return isinstance(value_at(data, path), list | dict)
    except LookupError:
        return False


def _innermost_item(schema: JsonSchema, steps: list[str | int]) -> str | None:
    """The innermost list item that a place lies in, unless it is a position of a tuple."""
    for end in range(len(steps), 0, -1):
        if isinstance(steps[end - 1], int):
            here = locate(schema, steps[:end])
            if here and here == locate(schema, [*steps[: end - 1], _LATER]):
                return pointer(steps[:end])
    return None


def _original_steps(data: Json, path: str, dropped: frozenset[str]) -> list[str | int]:
    """The steps of a path into the rest, as steps into the whole."""
    node, at = data, ""
    steps: list[str | int] = []
    for step in map(unescape, path.split("/")[1:]):
        key: str | int = step
        if isinstance(node, list):
            kept = [index for index in range(len(node)) if f"{at}/{index}" not in dropped]
            key = kept[int(step)]
            node = node[key]
        else:  # a member that is missing has a path too
            node = node.get(step) if isinstance(node, dict) else None
        at = f"{at}/{escape(str(key))}"
        steps.append(key)
    return steps


def _without(node: Json, at: str, dropped: frozenset[str]) -> Json:
    """The data without the values at some JSON Pointers."""
    if isinstance(node, dict):
        members = ((key, f"{at}/{escape(key)}", value) for key, value in node.items())
        return {key: _without(v, path, dropped) for key, path, v in members if path not in dropped}
    if isinstance(node, list):
        items = ((f"{at}/{index}", item) for index, item in enumerate(node))
        return [_without(item, path, dropped) for path, item in items if path not in dropped]
    return node


def _rejected(data: Json, faults: dict[str, list[Violation]]) -> tuple[Rejected, ...]:
    """The outermost items that were dropped, each with all that is wrong in it."""
    outer = [path for path in faults if not any(path.startswith(f"{other}/") for other in faults)]
    return tuple(
        Rejected(
            path,
            value_at(data, path),
            tuple(
                fault
                for other, found in faults.items()
                if other == path or other.startswith(f"{path}/")
                for fault in found
            ),
        )
        for path in outer
    )
