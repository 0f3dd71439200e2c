"""The values of `format` that are checked; every other one is an annotation, as JSON Schema has it.

Each test looks at the text alone and takes linear time. Sources: RFC 3339 (date, time,
date-time, duration), RFC 4122 (uuid), RFC 5321 §4.1.2 (email), RFC 1123 §2.1 (hostname;
internationalised labels are not decoded), RFC 3986 (uri, uri-reference), RFC 6901
(json-pointer).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date
from typing import Final

from structgen.errors import SchemaError
from structgen.schema.validate.pattern_tree import parse_ecma

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME: Final = re.compile(
    r"(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|([+-])(\d{2}):(\d{2}))", re.ASCII
)
_CLOCK: Final = r"T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)"
_DURATION: Final = re.compile(
    rf"P(?:\d+W|(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)(?:{_CLOCK})?|{_CLOCK})",
    re.ASCII,
)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_EMAIL: Final = re.compile(
    rf'(?:{_ATOM}(?:\.{_ATOM})*|"(?:[ !#-\[\]-~]|\\[ -~])*")@(?:{_HOST}|\[(?P<literal>[^\]]*)\])'
)
_HOSTNAME: Final = re.compile(_HOST)
_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+.-]*:"
_PIECE: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
_AUTHORITY: Final = (
    r"//(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
    r"(?:\[(?P<address>[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~:-]+)\]"
    r"|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::\d*)?(?=[/?#]|$)"
)
_FRAGMENT: Final = rf"(?:#{_PIECE})?"
_URI: Final = re.compile(rf"{_SCHEME}(?:{_AUTHORITY}|(?!//)){_PIECE}{_FRAGMENT}")
_RELATIVE: Final = re.compile(rf"(?:{_AUTHORITY}|(?!//)(?![^/?#]*:)){_PIECE}{_FRAGMENT}")
_POINTER: Final = re.compile(r"(?:/(?:[^~/]|~[01])*)*", re.DOTALL)


def _date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return False


def _time(text: str) -> bool:
    """RFC 3339 `full-time`; second 60 is allowed only as a leap second, at 23:59 UTC."""
    found = _TIME.fullmatch(text)
    if not found:
        return False
    hour, minute, second, shift_hours, shift_minutes = (
        int(part or 0) for part in found.group(1, 2, 3, 5, 6)
    )
    in_range = hour <= 23 and minute <= 59 and second <= 60
    if not in_range or shift_hours > 23 or shift_minutes > 59:
        return False
    shift = (60 * shift_hours + shift_minutes) * (-1 if found[4] == "+" else 1)
    return second < 60 or (60 * hour + minute + shift) % 1440 == 1439


def _address(version: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        try:
            return bool(version(text)) and "%" not in text
        except ValueError:
            return False

    return test


def _email(text: str) -> bool:
    found = _EMAIL.fullmatch(text)
    literal = found["literal"] if found else None
    if literal is None:
        return bool(found)
    return FORMATS["ipv6"](literal[5:]) if literal.startswith("IPv6:") else FORMATS["ipv4"](literal)


def _uri(text: str) -> bool:
    return _has_good_address(_URI.fullmatch(text))


def _uri_reference(text: str) -> bool:
    return _has_good_address(_URI.fullmatch(text) or _RELATIVE.fullmatch(text))


def _has_good_address(found: re.Match[str] | None) -> bool:
    address = found["address"] if found else None
    return bool(found) if address is None or address[0] in "vV" else FORMATS["ipv6"](address)


def _regex(text: str) -> bool:
    try:
        parse_ecma(text)
    except SchemaError as error:
        return "back-reference" in error.message
    return True


FORMATS: Final[dict[str, Callable[[str], bool]]] = {
    "date": _date,
    "time": _time,
    "date-time": lambda text: text[10:11] in ("T", "t") and _date(text[:10]) and _time(text[11:]),
    "duration": lambda text: bool(_DURATION.fullmatch(text)),
    "email": _email,
    "hostname": lambda text: len(text) <= 253 and bool(_HOSTNAME.fullmatch(text)),
    "ipv4": _address(ipaddress.IPv4Address),
    "ipv6": _address(ipaddress.IPv6Address),
    "uri": _uri,
    "uri-reference": _uri_reference,
    "uuid": lambda text: bool(_UUID.fullmatch(text)),
    "json-pointer": lambda text: bool(_POINTER.fullmatch(text)),
    "regex": _regex,
}
"""The test for each format that `validate` asserts for JSON Schema targets."""
