"""Dates, times and durations as a workbook shows them, by their number formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

_TOKEN: Final = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|[_*].|\[(?P<elapsed>[hH]+|[mM]+|[sS]+)\]'
    r"|\[\$(?P<symbol>[^\]-]*)[^\]]*\]|\[[^\]]*\]?|(?P<half>(?i:AM/PM|A/P))"
    r"|(?P<general>(?i:General))|(?P<part>[yY]+|[mM]+|[dD]+|[hH]+|[sS]+)|(?P<decimals>\.0+)"
    r"|(?P<literal>.)",
    re.DOTALL,
)
_SYSTEM: Final = re.compile(r"\[\$-(?P<kind>F[48]00)\]", re.IGNORECASE)
_AS_ISO: Final = {"F800": "yyyy-mm-dd", "F400": "hh:mm:ss"}
"""A system's own long date and its time differ from country to country."""
_MONTH_NAMES: Final = """
January February March April May June July August September October November December
"""
_MONTHS: Final = tuple(_MONTH_NAMES.split())
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LAST_DAY: Final = 2_958_466
"""The day after 9999-12-31, in days since 1900."""
_LEAP_BUG: Final = 60
"""The 29th of February 1900, a day that never was, but that the days since 1900 count."""
_FROM_1904: Final = 1462
"""The days from the first day of one calendar to that of the other."""
_SECONDS: Final = 86_400


def is_of_dates(section: str) -> bool:
    """Whether a section of a format shows a date, a time or a duration.

    Args:
        section: The section.
    """
    return any(kind in ("part", "elapsed", "half") for kind, _ in _tokens(section))


@lru_cache(maxsize=1024)
def _tokens(section: str) -> tuple[tuple[str, str], ...]:
    system = _SYSTEM.search(section)
    code = section if system is None else _AS_ISO[system["kind"].upper()]
    found = []
    for token in _TOKEN.finditer(code):
        kind = token.lastgroup
        if kind is None:
            found.append(("literal", " " if token[0].startswith("_") else ""))
        elif kind in ("quoted", "escaped", "symbol"):
            found.append(("literal", token[kind]))
        else:
            found.append((kind, token[kind]))
    return tuple(_with_minutes(found))


def _with_minutes(tokens: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Tell the minutes from the months: they come after hours or before seconds."""
    times = [at for at, (kind, _) in enumerate(tokens) if kind in ("part", "elapsed")]
    for at, place in enumerate(times):
        kind, text = tokens[place]
        if kind != "part" or text[0] not in "mM" or len(text) > 2:
            continue
        before = tokens[times[at - 1]][1][0] if at else ""
        after = tokens[times[at + 1]][1][0] if at + 1 < len(times) else ""
        if (before in "hH" and before) or (after in "sS" and after):
            tokens[place] = ("minutes", text)
    return tokens


def shown_date(value: float, section: str, *, since_1904: bool) -> str:
    """Give a number of days as a date, a time or a duration.

    Args:
        value: The days.
        section: The section of the format.
        since_1904: Whether they are counted from 1904 rather than from 1900.

    Raises:
        ValueError: If no calendar has such a day.
    """
    tokens = _tokens(section)
    decimals = max((len(text) - 1 for kind, text in tokens if kind == "decimals"), default=0)
    seconds = round(abs(value) * _SECONDS, min(decimals, 6))
    if any(kind == "elapsed" for kind, _ in tokens):
        sign = "-" if value < 0 else ""
        return sign + _joined(_duration(seconds), tokens, seconds)
    days = seconds / _SECONDS + (_FROM_1904 if since_1904 else 0)
    if value < 0 or days >= _LAST_DAY:
        raise ValueError("no such day")
    first = datetime(1899, 12, 31 if days < _LEAP_BUG else 30)
    shift = _FROM_1904 * _SECONDS if since_1904 else 0
    moment = first + timedelta(seconds=seconds + shift)
    has_half = any(kind == "half" for kind, _ in tokens)
    return _joined(_calendar(moment, in_halves=has_half), tokens, seconds)


_Parts = Mapping[str, Callable[[int], str]]
"""The part of a date for each letter, by how often it is written."""


def _calendar(moment: datetime, *, in_halves: bool) -> _Parts:
    hour = (moment.hour - 1) % 12 + 1 if in_halves else moment.hour
    month, day = _MONTHS[moment.month - 1], _DAYS[moment.weekday()]

    def names(name: str, number: int) -> Callable[[int], str]:
        shown = {1: str(number), 2: f"{number:02}", 3: name[:3], 5: name[0]}
        return lambda count: shown.get(count, name)

    return {
        "y": lambda count: f"{moment.year % 100:02}" if count < 3 else f"{moment.year:04}",
        "m": names(month, moment.month),
        "d": names(day, moment.day),
        "h": lambda count: f"{hour:0{min(count, 2)}}",
        "minutes": lambda count: f"{moment.minute:0{min(count, 2)}}",
        "s": lambda count: f"{moment.second:0{min(count, 2)}}",
        "half": lambda count: ("AM" if moment.hour < 12 else "PM")[: 1 if count == 3 else 2],
    }


def _duration(seconds: float) -> _Parts:
    whole = int(seconds)
    return {
        "y": lambda count: "0" * count,
        "m": lambda count: "0" * count,
        "d": lambda count: f"{whole // _SECONDS:0{count}}",
        "h": lambda count: f"{whole // 3600 % 24:0{count}}",
        "minutes": lambda count: f"{whole // 60 % 60:0{count}}",
        "s": lambda count: f"{whole % 60:0{count}}",
        "half": lambda count: "",
        "elapsed h": lambda count: f"{whole // 3600:0{count}}",
        "elapsed m": lambda count: f"{whole // 60:0{count}}",
        "elapsed s": lambda count: f"{whole:0{count}}",
    }


def _joined(parts: _Parts, tokens: tuple[tuple[str, str], ...], seconds: float) -> str:
    found = []
    for kind, text in tokens:
        if kind == "literal":
            found.append(text)
        elif kind == "decimals":
            digits = min(len(text) - 1, 6)
            found.append(f"{seconds % 1:.{digits}f}"[1:])
        elif kind in ("minutes", "half"):
            found.append(parts[kind](len(text)))
        elif kind == "elapsed":
            found.append(parts[f"elapsed {text[0].lower()}"](len(text)))
        elif kind == "part":
            found.append(parts[text[0].lower()](len(text)))
    return " ".join("".join(found).split())
