"""What becomes of several values that parts state for one place: the policies of a merge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from structgen.errors import ConfigurationError
from structgen.schema.json import to_text
from structgen.values import Json

PolicyName: TypeAlias = Literal[
    "first",
    "last",
    "most-common",
    "longest",
    "any",
    "all",
    "sum",
    "min",
    "max",
    "concat",
    "union",
]
"""The name of a policy.

- `first`, `last`, `longest`, `most-common`: one of the values; among equally common values the
  first. `most-common` is the default for single values.
- `any`, `all` (true or false): true if any part says so, or if every part does that states it.
- `sum`, `min`, `max` (numbers): of what the parts state.
- `concat`: lists one after another; what two parts say of the text they share is said once. It is
  the default for lists. Texts are joined by line breaks, equal ones once.
- `union` (lists): equal items of several parts are one. It is the default for sets.
"""
Policy: TypeAlias = PolicyName | Callable[[Sequence[Json]], Json]
"""A policy's name, or a function: from the stated values, in the order of the document, to one."""

Values: TypeAlias = "Sequence[tuple[Json, tuple[int, ...]]]"
"""Distinct values, each with the numbers of the parts that state it."""


def _size(value: Json) -> int:
    return len(value) if isinstance(value, str | list | dict) else len(to_text(value))


CHOICES: Final[Mapping[str, Callable[[Values], int]]] = {
    "first": lambda values: 0,
    "last": lambda values: max(range(len(values)), key=lambda at: values[at][1][-1]),
    "most-common": lambda values: max(range(len(values)), key=lambda at: (len(values[at][1]), -at)),
    "longest": lambda values: max(range(len(values)), key=lambda at: (_size(values[at][0]), -at)),
}
"""The index of the value to take, by policy."""


def _joined(values: Sequence[str]) -> str:
    return "\n".join(dict.fromkeys(values))


_COMBINED: Final[Mapping[str, tuple[tuple[type, ...], Callable[[Any], Json]]]] = {
    "any": ((bool,), any),
    "all": ((bool,), all),
    "sum": ((int, float), sum),
    "min": ((int, float), min),
    "max": ((int, float), max),
    "concat": ((str,), _joined),
}
"""Policies that make one value of several: the types they take, and how."""

OF_LISTS: Final = ("concat", "union")
"""Policies that join lists."""
_NAMES: Final = (*CHOICES, *_COMBINED, "union")


def check_policies(policies: Mapping[str, Policy]) -> None:
    """Check the names of policies.

    Args:
        policies: The policies, by JSON Pointer.

    Raises:
        ConfigurationError: If there is no policy of a name.
    """
    for path, policy in policies.items():
        if not callable(policy) and policy not in _NAMES:
            raise ConfigurationError(
                f"There is no merge policy {policy!r} (given for {path!r}).",
                hint=f"Known: {', '.join(_NAMES)}; or a function of the stated values.",
            )


def combine(policy: Policy, values: Sequence[Json], path: str) -> tuple[bool, Json]:
    """Make one value of several.

    Args:
        policy: A policy.
        values: What the parts state, in the order of the document; none of them is null.
        path: JSON Pointer of the place, for errors.

    Returns:
        Whether the policy makes a value of these, and the value. A policy that chooses one of them
        makes none; one whose values are of other types does not, either.

    Raises:
        ConfigurationError: If a function of the caller's fails, or gives no plain JSON data.
    """
    if callable(policy):
        return True, _made_by(policy, values, path)
    if policy not in _COMBINED:
        return False, None
    types, make = _COMBINED[policy]
    is_truth = types == (bool,)
    if all(isinstance(one, types) and isinstance(one, bool) == is_truth for one in values):
        return True, make(values)
    return False, None


def _made_by(function: Callable[[Sequence[Json]], Json], values: Sequence[Json], path: str) -> Json:
    try:
        made = function(values)
        to_text(made)
    except Exception as error:
        raise ConfigurationError(
            f"The policy of {path or '/'} raised {type(error).__name__} for {len(values)} values, "
            "or what it gave is no plain JSON data.",
            hint="Give a function from a list of values to one value.",
        ) from error
    return made
