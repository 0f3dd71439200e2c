"""Patterns for dates and times that the grammar engine allows and no reader takes.

llguidance knows how many days a month has at most, but not in which years. It allows the year 0,
and a 61st second of any minute. RFC 3339 has one only for leap seconds: at 23:59 UTC.
"""

from __future__ import annotations

from typing import Final

from structgen.values import Json

_YEAR: Final = "([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_LEAP_YEAR: Final = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_DATE: Final = f"({_LEAP_YEAR}-|{_YEAR}-(0[13-9]|1|02-([01]|2[0-8])))"
_TIME: Final = "([0-9]{2}:[0-9]{2}:[0-5]|23:59:60(\\.[0-9]+)?[Zz]$)"
_PATTERNS: Final = {
    "date": f"^{_DATE}",
    "time": f"^{_TIME}",
    "date-time": f"^{_DATE}.*[Tt ]{_TIME}",
}


def close_formats(schema: Json) -> Json:
    """Add a pattern to each `format` that needs one and has none.

    Args:
        schema: A compiled schema. It stays as it is.
    """
    if isinstance(schema, list):
        return [close_formats(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    pattern = None if "pattern" in schema else _PATTERNS.get(str(schema.get("format")))
    return {
        key: value if key in ("enum", "const") else close_formats(value)
        for key, value in schema.items()
    } | ({"pattern": pattern} if pattern else {})
