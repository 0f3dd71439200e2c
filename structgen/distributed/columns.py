"""The column of values with the target's own type, which is the same in every partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from structgen.extras import load
from structgen.pipeline.outputs.columns.arrow import arrow_type
from structgen.pipeline.outputs.columns.kinds import Clock, Entries, Kind, Many, Struct, Text
from structgen.pipeline.outputs.columns.table import kind_of_target
from structgen.schema.target import Target

_UNFIT: Final = (ValueError, TypeError, ArithmeticError, AttributeError, NotImplementedError)
"""What is raised for a value that has no place in a column. Arrow's errors are ValueErrors,
TypeErrors and the like."""


class ValueColumn:
    """The type of a target's values, before any was seen: other partitions cannot be asked."""

    def __init__(self, target: Target[Any]) -> None:
        """Find the type.

        Args:
            target: The target of the extraction.
        """
        self._kind = _for_engines(kind_of_target(target))
        self.type: Any = arrow_type(self._kind)
        """The Arrow type."""

    def array(self, values: Sequence[Any]) -> tuple[Any, list[int]]:
        """Give values as an Arrow array.

        Args:
            values: Plain JSON data, None for what is not there.

        Returns:
            The array, and the places of the values that the type cannot hold; they are null there.
        """
        arrow = load("pyarrow", "distributed")
        try:
            return arrow.array([self._kind.cell(one) for one in values], self.type), []
        except _UNFIT:
            fits = [self._fits(one) for one in values]
        kept = [value if fit else None for value, fit in zip(values, fits, strict=True)]
        array = arrow.array([self._kind.cell(one) for one in kept], self.type)
        return array, [place for place, fit in enumerate(fits) if not fit]

    def _fits(self, value: Any) -> bool:
        try:
            load("pyarrow", "distributed").scalar(self._kind.cell(value), self.type)
        except _UNFIT:
            return False
        return True


def _for_engines(kind: Kind) -> Kind:
    """Give a kind without times of day: Spark has no type for them, so they stay text."""
    if isinstance(kind, Clock):
        return Text()
    if isinstance(kind, Many):
        return Many(_for_engines(kind.item))
    if isinstance(kind, Struct):
        return Struct({name: _for_engines(one) for name, one in kind.fields.items()})
    if isinstance(kind, Entries):
        return Entries(_for_engines(kind.value))
    return kind
