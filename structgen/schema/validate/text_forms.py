"""Patterns for the text form of values that have no JSON type of their own."""

from __future__ import annotations

import re
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

_ZONES: Final = {None: f"{OFFSET}?", "naive": "", "aware": OFFSET}
"""A time's offset, by Pydantic's name for the constraint on it."""
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
    zone = _ZONES[node.get("tz_constraint")]
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
            digits, places = node.get("max_digits"), node.get("decimal_places")
            whole = None if digits is None else digits - (places or 0)
            return decimal_pattern(whole, places, node.get("allow_inf_nan", False))
    return None


# ---- in words -------------------------------------------------------------------------

_ISO: Final = "ISO 8601, such as {}"
FORMATS_IN_WORDS: Final = {
    "date": _ISO.format("2026-05-01"),
    "time": _ISO.format("14:30:00Z"),
    "date-time": _ISO.format("2026-05-01T14:30:00Z"),
    "duration": _ISO.format("P3DT4H30M"),
}
"""What people and models know a format by."""
_FIXED: Final = {
    **{f"^{DAY}[T ]{CLOCK}{zone}$": FORMATS_IN_WORDS["date-time"] for zone in _ZONES.values()},
    f"^{DAY}[T ]{CLOCK}$": _ISO.format("2026-05-01T14:30:00"),
    f"^{CLOCK}{OFFSET}?$": _ISO.format("14:30:00"),
    f"^{CLOCK}{OFFSET}$": FORMATS_IN_WORDS["time"],
    f"^{CLOCK}$": _ISO.format("14:30:00"),
    DURATION: f"{FORMATS_IN_WORDS['duration']}, without years and months",
    INTEGER_KEY: "an integer",
    NUMBER_KEY: "a number",
    BYTES["base64"]: "base64, URL-safe",
    BYTES["hex"]: "hexadecimal digits, two for each byte",
}
_DECIMAL: Final = re.compile(
    r"\^(?:\(\?:)?-\?(?:0\*\\d\{1,(?P<whole>\d+)\}|(?P<none>0\+)|\\d\+)"
    r"(?:\(\?:\\\.\\d\{1,(?P<places>\d+)\}0\*\)\?|(?P<zeros>\(\?:\\\.0\+\)\?)|\(\?:\\\.\\d\+\)\?).*"
)
"""A pattern that `decimal_pattern` may have made."""


def in_words(pattern: str) -> str | None:
    """A text form in a few words with an example; None if the pattern is none of ours.

    Args:
        pattern: The pattern of a string.
    """
    return _FIXED.get(pattern) or _decimal_in_words(pattern)


def _decimal_in_words(pattern: str) -> str | None:
    found = _DECIMAL.fullmatch(pattern)
    if not found:
        return None
    whole = 0 if found["none"] else _count(found["whole"])
    places = 0 if found["zeros"] else _count(found["places"])
    if pattern not in (decimal_pattern(whole, places, n) for n in (False, True)):
        return None
    limits = [] if whole is None else [f"at most {whole} digits before the point"]
    limits += (
        []
        if places is None
        else [f"at most {places} after it" if limits else f"at most {places} after the point"]
    )
    return ", ".join(["a decimal number", *limits])


def _count(digits: str | None) -> int | None:
    return None if digits is None else int(digits)
