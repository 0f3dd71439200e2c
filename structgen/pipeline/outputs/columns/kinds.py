"""The types of columns: from the schema of a target, widened by the values that come.

A kind sees every value of its column first. A value that its type cannot hold without loss makes
the column wider: a 30-digit integer makes a decimal of it, and in the last resort it is text.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Any, Final

from structgen.schema.json import to_text
from structgen.values import Json

_INT64: Final = range(-(2**63), 2**63)
_EXACT_FLOAT: Final = 2**53
"""Up to here a float holds every integer."""
MOST_DIGITS: Final = 76
"""The digits of the widest decimal that Arrow has."""


class Kind(ABC):
    """The type of a column, or of a value inside one."""

    broken = False
    """Whether a value came that the type cannot hold, so that the column is text."""

    def see(self, value: Json) -> None:
        """Take a value into account."""
        if value is not None and not self.broken and not self._holds(value):
            self.broken = True

    def cell(self, value: Json) -> Any:
        """Give a value as the column holds it, after all values were seen."""
        if value is None:
            return None
        return text_cell(value) if self.broken else self._cell(value)

    @abstractmethod
    def _holds(self, value: Json) -> bool:
        """Whether the type can hold a value; some types become wider meanwhile."""

    def _cell(self, value: Json) -> Any:
        return value


def text_cell(value: Json) -> str:
    """Give a value as text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else to_text(value)


class Text(Kind):
    """Text, and anything else as JSON text."""

    def _holds(self, value: Json) -> bool:
        return True

    def _cell(self, value: Json) -> Any:
        return text_cell(value)


class JsonText(Kind):
    """What has no type of its own: JSON text, also of texts."""

    def _holds(self, value: Json) -> bool:
        return True

    def _cell(self, value: Json) -> Any:
        return to_text(value)


class Choice(Kind):
    """One of a few texts."""

    def __init__(self, values: Sequence[str]) -> None:
        self.values = list(values)

    def _holds(self, value: Json) -> bool:
        return value in self.values


class Flag(Kind):
    """True or false."""

    def _holds(self, value: Json) -> bool:
        return isinstance(value, bool)


class Integer(Kind):
    """Integers of 64 bits, or of as many digits as come."""

    digits = 0
    """The digits of the longest one that has more than 64 bits."""

    def _holds(self, value: Json) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if isinstance(value, float) and not value.is_integer():
            return False
        if int(value) not in _INT64:
            self.digits = max(self.digits, len(str(abs(int(value)))))
        return self.digits <= MOST_DIGITS

    def _cell(self, value: Json) -> Any:
        return Decimal(int(value)) if self.digits else int(value)


class Number(Kind):
    """Floats."""

    def _holds(self, value: Json) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return isinstance(value, float) or abs(value) <= _EXACT_FLOAT

    def _cell(self, value: Json) -> Any:
        return float(value)


class Exact(Kind):
    """Decimals, of as many digits as come."""

    whole = 0
    """Digits before the point, at most."""
    scale = 0
    """Digits after the point, at most."""

    def _holds(self, value: Json) -> bool:
        number = _decimal(value)
        if number is None or not number.is_finite():
            return False
        _, digits, exponent = number.as_tuple()
        places = int(exponent)
        self.scale = max(self.scale, -places)
        self.whole = max(self.whole, len(digits) + places)
        return self.whole + self.scale <= MOST_DIGITS

    def _cell(self, value: Json) -> Any:
        return _decimal(value)


def _decimal(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return None


class Parsed(Kind):
    """What has a text form in JSON: parsed, and text if one does not parse."""

    def __init__(self, parse: Callable[[str], Any]) -> None:
        self._parse = parse

    def _holds(self, value: Json) -> bool:
        try:
            self._parse(value)
        except (ValueError, TypeError, OverflowError):
            return False
        return True

    def _cell(self, value: Json) -> Any:
        return self._parse(value)


class Day(Parsed):
    """Dates."""

    def __init__(self) -> None:
        super().__init__(date.fromisoformat)


class Clock(Parsed):
    """Times of day without an offset; with one, they are text."""

    def __init__(self) -> None:
        super().__init__(_clock)


def _clock(text: str) -> time:
    parsed = time.fromisoformat(text)
    if parsed.tzinfo is not None:
        raise ValueError("an offset")
    return parsed


class Moment(Parsed):
    """Dates with a time: all with an offset (kept as UTC), or all without one."""

    def __init__(self) -> None:
        super().__init__(_moment)
        self.zoned: bool | None = None
        """Whether they have an offset; None before the first one."""

    def _holds(self, value: Json) -> bool:
        if not super()._holds(value):
            return False
        zoned = _moment(value).tzinfo is not None
        self.zoned = zoned if self.zoned is None else self.zoned
        return self.zoned is zoned


def _moment(text: str) -> datetime:
    # Before Python 3.11, fromisoformat knows no "Z" and no fractions of other lengths.
    whole, point, rest = text.replace("Z", "+00:00").replace("z", "+00:00").partition(".")
    if point:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        if len(digits) > 6 and digits[6:].strip("0"):
            raise ValueError("finer than a microsecond")
        whole = f"{whole}.{digits[:6]:0<6}{rest[len(digits) :]}"
    parsed = datetime.fromisoformat(whole)
    return parsed if parsed.tzinfo is None else parsed.astimezone(timezone.utc)


class Many(Kind):
    """Lists."""

    def __init__(self, item: Kind) -> None:
        self.item = item

    def _holds(self, value: Json) -> bool:
        if not isinstance(value, list):
            return False
        for one in value:
            self.item.see(one)
        return True

    def _cell(self, value: Json) -> Any:
        return [self.item.cell(one) for one in value]


class Struct(Kind):
    """Objects with named fields. A member that the schema does not name becomes a further field."""

    def __init__(self, fields: Mapping[str, Kind]) -> None:
        self.fields = dict(fields)

    def _holds(self, value: Json) -> bool:
        if not isinstance(value, dict):
            return False
        for name, one in value.items():
            if name not in self.fields:
                self.fields[name] = Found()
            self.fields[name].see(one)
        return True

    def _cell(self, value: Json) -> Any:
        return {name: kind.cell(value.get(name)) for name, kind in self.fields.items()}


class Entries(Kind):
    """Objects with any names, and values of one type."""

    def __init__(self, value: Kind) -> None:
        self.value = value

    def _holds(self, value: Json) -> bool:
        if not isinstance(value, dict):
            return False
        for one in value.values():
            self.value.see(one)
        return True

    def _cell(self, value: Json) -> Any:
        return [(name, self.value.cell(one)) for name, one in value.items()]


class Found(Kind):
    """A column that no schema describes: what its values have in common."""

    def __init__(self) -> None:
        self.kind: Kind | None = None
        """The kind of its values; None before the first one."""

    def _holds(self, value: Json) -> bool:
        if self.kind is None:
            self.kind = _kind_of_value(value)
        self.kind.see(value)
        if self.kind.broken and isinstance(self.kind, Integer) and isinstance(value, float):
            self.kind = Number()
        return not self.kind.broken

    def _cell(self, value: Json) -> Any:
        return text_cell(value) if self.kind is None else self.kind.cell(value)


def _kind_of_value(value: Json) -> Kind:
    kinds: Sequence[tuple[Any, Callable[[], Kind]]] = (
        (bool, Flag),
        (int, Integer),
        (float, Number),
        (str, Text),
    )
    return next((make() for type, make in kinds if isinstance(value, type)), JsonText())
