"""The values of `format` that are checked; every other one is an annotation, as JSON Schema has it.

Each test looks at the text alone and takes linear time. Sources: RFC 3339 (date, time,
date-time, duration), RFC 4122 (uuid), RFC 5321 §4.1.2 (email), RFC 6531 §3.3 (idn-email),
RFC 1123 §2.1 (hostname), RFC 5891 to 5893 (idn-hostname, and labels of a hostname), RFC 3986
(uri, uri-reference), RFC 3987 (iri, iri-reference), RFC 6570 (uri-template), RFC 6901
(json-pointer), draft-bhutton-relative-json-pointer-00.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date
from typing import Final
from unicodedata import bidirectional, normalize

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
_PRIVATE: Final = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"
"""What only the query of an IRI may have (RFC 3987, `iprivate`)."""
_BEYOND_ASCII: Final = "\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef\U00010000-\U000efffd"
"""The letters and signs that an IRI may have and a URI may not, nearly (RFC 3987, `ucschar`)."""


def _references(more: str, in_query: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The patterns of absolute and relative references.

    Args:
        more: Further characters that may stand unescaped, for a class of a pattern.
        in_query: Those that the query may have besides.
    """
    letters = rf"A-Za-z0-9._~{more}"
    path = rf"(?:[{letters}!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{{2}})*"
    query = rf"(?:\?(?:[{letters}{in_query}!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{{2}})*)?"
    authority = (
        rf"//(?:(?:[{letters}!$&'()*+,;=:-]|%[0-9A-Fa-f]{{2}})*@)?"
        r"(?:\[(?P<address>[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~:-]+)\]"
        rf"|(?:[{letters}!$&'()*+,;=-]|%[0-9A-Fa-f]{{2}})*)(?::\d*)?(?=[/?#]|$)"
    )
    fragment = rf"(?:#(?:[{letters}!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{{2}})*)?"
    rest = f"{path}{query}{fragment}"
    absolute = re.compile(rf"{_SCHEME}(?:{authority}|(?!//)){rest}")
    relative = re.compile(rf"(?:{authority}|(?!//)(?![^/?#]*:)){rest}")
    return absolute, relative


_URI, _RELATIVE = _references("", "")
_IRI, _RELATIVE_IRI = _references(_BEYOND_ASCII, _PRIVATE)
_VARIABLE: Final = r"(?:\w|%[0-9A-Fa-f]{2})(?:\.?(?:\w|%[0-9A-Fa-f]{2}))*(?::[1-9][0-9]{0,3}|\*)?"
_TEMPLATE: Final = re.compile(
    r"(?:[^\x00-\x20\"%<>\\^`{|}\x7f]|%[0-9A-Fa-f]{2}"
    rf"|\{{[+#./;?&=,!@|]?{_VARIABLE}(?:,{_VARIABLE})*\}})*",
    re.ASCII,
)
_RELATIVE_POINTER: Final = re.compile(
    r"(?:0|[1-9]\d*)(?:[+-][1-9]\d*)?(?:#|(?:/(?:[^~/]|~[01])*)*)", re.ASCII | re.DOTALL
)
_POINTER: Final = re.compile(r"(?:/(?:[^~/]|~[01])*)*", re.DOTALL)
_FULL_STOPS: Final = re.compile("[.\u3002\uff0e\uff61]")
_RIGHT_TO_LEFT: Final = ("R", "AL", "AN")
"""Kinds of characters that make a name bidirectional (RFC 5893, section 1.4)."""
_MOST_OF_A_NAME: Final = 253
"""Characters of the longest host name, in ASCII; in other scripts it has fewer."""


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


def _hostname(text: str) -> bool:
    is_name = len(text) <= _MOST_OF_A_NAME and bool(_HOSTNAME.fullmatch(text))
    return is_name and ("xn--" not in text.lower() or _idn_hostname(text))


def _idn_hostname(text: str) -> bool:
    """A name of labels that IDNA 2008 allows, with any of its four full stops between them."""
    import idna  # loads large tables, which few schemas need

    labels = _FULL_STOPS.split(text)
    if len(text) > _MOST_OF_A_NAME or not all(labels):
        return False
    try:
        idna.encode(text)
        read = [idna.ulabel(label) for label in labels]
        if any(bidirectional(char) in _RIGHT_TO_LEFT for char in "".join(read)):
            for label in read:  # RFC 5893: then every label follows the rule
                idna.check_bidi(label, check_ltr=True)
    except (idna.IDNAError, UnicodeError):
        return False
    return True


def _idn_email(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    if not at or text.isascii():
        return _email(text)
    plain = "".join(char if char.isascii() else "x" for char in local)
    # RFC 6531 asks for no normal form, and a mail server makes it.
    return _email(f"{plain}@x") and _idn_hostname(normalize("NFC", domain))


def _uri(text: str) -> bool:
    return _has_good_address(_URI.fullmatch(text))


def _uri_reference(text: str) -> bool:
    return _has_good_address(_URI.fullmatch(text) or _RELATIVE.fullmatch(text))


def _iri(text: str) -> bool:
    return _has_good_address(_IRI.fullmatch(text))


def _iri_reference(text: str) -> bool:
    return _has_good_address(_IRI.fullmatch(text) or _RELATIVE_IRI.fullmatch(text))


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
    "idn-email": _idn_email,
    "hostname": _hostname,
    "idn-hostname": _idn_hostname,
    "ipv4": _address(ipaddress.IPv4Address),
    "ipv6": _address(ipaddress.IPv6Address),
    "uri": _uri,
    "uri-reference": _uri_reference,
    "uri-template": lambda text: bool(_TEMPLATE.fullmatch(text)),
    "iri": _iri,
    "iri-reference": _iri_reference,
    "uuid": lambda text: bool(_UUID.fullmatch(text)),
    "json-pointer": lambda text: bool(_POINTER.fullmatch(text)),
    "relative-json-pointer": lambda text: bool(_RELATIVE_POINTER.fullmatch(text)),
    "regex": _regex,
}
"""The test for each format that `validate` asserts for JSON Schema targets."""
