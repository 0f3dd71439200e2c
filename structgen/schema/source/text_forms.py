"""Patterns for the text form of values that have no JSON type of their own."""

from __future__ import annotations

from typing import Any, Final

_HOUR: Final = r"(?:[01]\d|2[0-3])"
OFFSET: Final = rf"(?:Z|[+-]{_HOUR}:[0-5]\d)"
"""A time's offset from UTC (RFC 3339, `time-offset`)."""
CLOCK: Final = rf"{_HOUR}:[0-5]\d(?::[0-5]\d(?:\.\d{{1,6}})?)?"
"""A time of day, with at most the microseconds that Python keeps."""
DAY: Final = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
"""A date; whether the month has that day is for the type to check."""

_SECONDS: Final = r"\d{1,9}(?:\.\d{1,6})?S"
_MINUTES: Final = rf"\d{{1,9}}M(?:{_SECONDS})?"
_HOURS: Final = rf"\d{{1,9}}H(?:\d{{1,9}}M)?(?:{_SECONDS})?"
_CLOCK_PART: Final = rf"T(?:{_HOURS}|{_MINUTES}|{_SECONDS})"
DURATION: Final = rf"^-?P(?:\d{{1,8}}W|\d{{1,9}}D(?:{_CLOCK_PART})?|{_CLOCK_PART})$"
"""ISO 8601 durations that have one length: no years, no months."""

_DATE: Final = r"^\d{4}-\d{2}-\d{2}$"
_UUID: Final = r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"

BYTES: Final = {"base64": r"^[A-Za-z0-9_-]*={0,2}$", "hex": r"^(?:[0-9A-Fa-f]{2})*$"}
"""Bytes, by Pydantic's name for the encoding (`val_json_bytes`)."""

INTEGER_KEY: Final = r"^-?\d+$"
NUMBER_KEY: Final = r"^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$"
"""A float as a member's name. The pattern also matches numbers that no float can hold
(1e999)."""

EXPONENT_DIGITS: Final = 8
"""Digits that a decimal's exponent may have. Every build of Python's `decimal` holds
that many: its largest exponent, `MAX_EMAX`, is 425000000 on 32 bits."""


def decimal_pattern(whole: int | None, places: int | None, non_finite: bool) -> str:
    """A decimal in text, with at most `whole` digits before the point and `places` after it.

    Args:
        whole: Digits before the point that may differ from zero; None for any number.
        places: Digits after the point that may differ from zero; None for any number.
        non_finite: Whether infinity and NaN are decimals too.
    """
    if whole is None:
        before = r"\d+"
    else:
        before = rf"0*\d{{1,{whole}}}" if whole > 0 else "0+"
    if places is None:
        after = r"(?:\.\d+)?"
    else:
        after = rf"(?:\.\d{{1,{places}}}0*)?" if places > 0 else r"(?:\.0+)?"
    has_exponent = whole is None and places is None
    exponent = rf"(?:[eE][-+]?\d{{1,{EXPONENT_DIGITS}}})?" if has_exponent else ""
    finite = f"-?{before}{after}{exponent}"
    return f"^(?:{finite}|-?Infinity|NaN)$" if non_finite else f"^{finite}$"


def text_form(node: Any) -> str | None:
    """The pattern of the texts that a node of a core schema reads; None if it reads any.

    Pydantic also reads numbers in text as times, years of 365 days, and more, which the
    schema written for the node does not have.

    Args:
        node: The core schema.
    """
    zone = {"naive": "", "aware": OFFSET}.get(node.get("tz_constraint"), f"{OFFSET}?")
    match node["type"]:
        case "date":
            return _DATE
        case "datetime":
            return f"^{DAY}[T ]{CLOCK}{zone}$"
        case "time":
            return f"^{CLOCK}{zone}$"
        case "timedelta":
            return DURATION
        case "uuid":
            return _UUID
        case "decimal":
            return _decimal_form(node)
    return None


def _decimal_form(node: Any) -> str:
    digits, places = node.get("max_digits"), node.get("decimal_places")
    whole = None if digits is None else digits - (places or 0)
    return decimal_pattern(whole, places, node.get("allow_inf_nan", False))
