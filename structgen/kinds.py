"""Which values an argument takes, and the one check of values, made where they enter."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from math import isfinite
from numbers import Integral, Real
from typing import Any, Final, NamedTuple

from structgen.errors import ConfigurationError
from structgen.values import shorten

_SHOWN: Final = 60
"""Characters that an error shows of a value."""
_SECRET: Final = frozenset({"api_key", "client"})
"""Options whose value no error shows."""


class Kind(NamedTuple):
    """Which values an option takes."""

    fits: Callable[[Any], bool]
    """Whether a value is one of them."""
    wanted: str
    """What it has to be, in words that follow "must be"."""


def number(
    at_least: float | None = None,
    at_most: float | None = None,
    *,
    of: str = "",
    above: bool = False,
) -> Kind:
    """Give the kind of finite numbers.

    Args:
        at_least: The smallest one.
        at_most: The largest one.
        of: What they count, such as "seconds".
        above: Whether `at_least` itself is too small.
    """

    def fits(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, Real) or not isfinite(value):
            return False
        given: Any = value
        low = at_least is None or (given > at_least if above else given >= at_least)
        return bool(low and (at_most is None or given <= at_most))

    return Kind(fits, f"a number{f' of {of}' if of else ''}{_range(at_least, at_most, above)}")


def whole(at_least: int | None = None) -> Kind:
    """Give the kind of whole numbers, from `at_least` on."""

    def fits(value: Any) -> bool:
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        return is_whole and (at_least is None or int(value) >= at_least)

    return Kind(fits, f"a whole number{_range(at_least, None, False)}")


def one_of(*values: Any) -> Kind:
    """Give the kind of a few values."""
    *first, last = (repr(value) for value in values)
    return Kind(lambda value: value in values, f"{', '.join(first)} or {last}")


def or_none(kind: Kind) -> Kind:
    """Give a kind with None."""
    return Kind(lambda value: value is None or kind.fits(value), f"{kind.wanted}, or None")


def instance(*types: type, wanted: str) -> Kind:
    """Give the kind of instances of some types."""
    return Kind(lambda value: isinstance(value, types), wanted)


def sequence(of: Callable[[Any], bool], wanted: str) -> Kind:
    """Give the kind of sequences whose items are of one kind; a text is none."""

    def fits(value: Any) -> bool:
        is_text = isinstance(value, (str, bytes, bytearray))
        return isinstance(value, Sequence) and not is_text and all(map(of, value))

    return Kind(fits, wanted)


def _range(at_least: float | None, at_most: float | None, above: bool) -> str:
    if at_most is not None:
        return f" from {at_least} to {at_most}"
    if at_least is None:
        return ""
    return f" above {at_least}" if above else f", at least {at_least}"


TRUTH: Final = instance(bool, wanted="True or False")
TEXT: Final = instance(str, wanted="a text")
CALLABLE: Final = Kind(callable, "a function")
PATH: Final = instance(str, os.PathLike, wanted="a path")


def check_values(given: Mapping[str, Any], kinds: Mapping[str, Kind]) -> None:
    """Check values where they enter.

    Args:
        given: Values by the name of their argument. Names of no kind are not checked.
        kinds: Which values each option takes.

    Raises:
        ConfigurationError: If one is of another kind. The message names it, and says which values
            are taken.
    """
    for name, value in given.items():
        if name not in kinds or kinds[name].fits(value):
            continue
        shown = type(value).__name__ if name in _SECRET else shorten(repr(value), _SHOWN)
        raise ConfigurationError(f"`{name}` is {shown}, but must be {kinds[name].wanted}.")


def check_fields(record: Any, kinds: Mapping[str, Kind]) -> None:
    """Check the fields of a dataclass; see `check_values`."""
    check_values({one.name: getattr(record, one.name) for one in fields(record)}, kinds)
