"""Numbers as a workbook shows them, by their number formats (ECMA-376, 18.8.30 and 18.8.31)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from math import floor, isfinite, log10
from typing import Final

from structgen.reading.office.date_formats import is_of_dates, shown_date

_ACCOUNTING: Final = '_(* {0}_);_(* \\({0}\\);_(* "-"_);_(@_)'
BUILT_IN: Final[Mapping[int, str]] = {
    0: "General",
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: '"$"#,##0_);\\("$"#,##0\\)',
    6: '"$"#,##0_);\\("$"#,##0\\)',
    7: '"$"#,##0.00_);\\("$"#,##0.00\\)',
    8: '"$"#,##0.00_);\\("$"#,##0.00\\)',
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    **dict.fromkeys(range(27, 37), "yyyy-mm-dd"),
    37: "#,##0_);\\(#,##0\\)",
    38: "#,##0_);\\(#,##0\\)",
    39: "#,##0.00_);\\(#,##0.00\\)",
    40: "#,##0.00_);\\(#,##0.00\\)",
    41: _ACCOUNTING.format("#,##0"),
    42: _ACCOUNTING.format('"$"#,##0'),
    43: _ACCOUNTING.format("#,##0.00"),
    44: _ACCOUNTING.format('"$"#,##0.00'),
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
    **dict.fromkeys(range(50, 59), "yyyy-mm-dd"),
}
"""The formats that have a number alone. Those that differ from country to country (14, 22 and the
East Asian ones) are those of ISO 8601, which everybody reads alike."""
_SECTION: Final = re.compile(r'(?:"[^"]*"?|\\.|_.|\*.|\[[^\]]*\]?|[^;])*')
_TOKEN: Final = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|[_*].|\[\$(?P<symbol>[^\]-]*)[^\]]*\]|\[[^\]]*\]?'
    r"|(?P<general>(?i:General))|(?P<exponent>[eE][+-])|(?P<sign>[0#?.,%/@])|(?P<literal>.)",
    re.DOTALL,
)
_CONDITION: Final = re.compile(r"\[(<=|>=|<>|=|<|>)\s*(-?[\d.]+)\]")
_DIGITS: Final = "0#?"
_SIGNIFICANT: Final = 15
"""The digits that a workbook keeps of a number."""
_PLAIN_BELOW: Final = Decimal(10) ** 21
"""Whole numbers up to this are written with all their digits."""
_MOST_DECIMALS: Final = 30
_THOUSAND: Final = 1000


@dataclass(frozen=True, slots=True)
class _Sign:
    """One sign of a format: a literal text, or a placeholder."""

    kind: str
    """"literal", or the placeholder itself."""
    text: str = ""


def shown_number(value: float, code: str, *, since_1904: bool = False) -> str:
    """Give a number as its format shows it, with names of months and days in English.

    Args:
        value: The number.
        code: The format, such as "#,##0.00;[Red]-#,##0.00".
        since_1904: Whether days are counted from 1904 rather than from 1900.

    Returns:
        The text. A number that no calendar has a day for, and one whose format is not understood,
        is written as without a format.
    """
    if not isfinite(value):
        return str(value)
    try:
        section, is_negative = _section_of(value, code)
        if is_of_dates(section):
            return shown_date(value, section, since_1904=since_1904)
        text = _filled(Decimal(repr(abs(value))), _signs_of(section))
    except (ArithmeticError, ValueError):
        return general(value)
    text = " ".join(text.split())
    has_digits = any(character in "123456789" for character in text)
    return f"-{text}" if is_negative and has_digits else text


def shown_text(value: str, code: str) -> str:
    """Give a text as its format shows it: most formats show it as it is.

    Args:
        value: The text.
        code: The format.
    """
    sections = sections_of(code)
    last = sections[-1]
    is_for_texts = "@" in last or len(sections) > 3
    if not is_for_texts or last == "@":
        return value
    signs = _signs_of(last)
    return "".join(value if one.kind == "@" else one.text for one in signs).strip()


def general(value: float) -> str:
    """Give a number as a cell without a format holds it, with up to 15 digits."""
    number = Context(prec=_SIGNIFICANT).create_decimal(repr(value)).normalize()
    if number == 0:
        return "0"
    is_whole = number == number.to_integral_value()
    is_plain = abs(number) < _PLAIN_BELOW if is_whole else number.adjusted() >= -_SIGNIFICANT
    return f"{number:f}" if is_plain else f"{number:E}"


@lru_cache(maxsize=1024)
def sections_of(code: str) -> tuple[str, ...]:
    """Give the parts of a format that semicolons separate."""
    found, at = [], 0
    while True:
        section = _SECTION.match(code, at)
        text = "" if section is None else section[0]
        found.append(text)
        at += len(text) + 1
        if at > len(code):
            return tuple(found)


def _section_of(value: float, code: str) -> tuple[str, bool]:
    """The section of a format for a number, and whether it needs a minus before it."""
    sections = [one for one in sections_of(code) if "@" not in one or len(one.strip()) == 0]
    sections = sections[:3] or ["General"]
    conditions = [_CONDITION.search(one) for one in sections]
    if any(conditions):
        for section, condition in zip(sections, conditions, strict=True):
            if condition is None or _holds(value, condition[1], float(condition[2])):
                return section, value < 0
        return sections[-1], value < 0
    if value < 0 and len(sections) > 1:
        return sections[1], False
    if value == 0 and len(sections) > 2:
        return sections[2], False
    return sections[0], value < 0


def _holds(value: float, sign: str, limit: float) -> bool:
    return {
        "<": value < limit,
        "<=": value <= limit,
        ">": value > limit,
        ">=": value >= limit,
        "=": value == limit,
        "<>": value != limit,
    }[sign]


@lru_cache(maxsize=1024)
def _signs_of(section: str) -> tuple[_Sign, ...]:
    found: list[_Sign] = []
    for token in _TOKEN.finditer(section):
        kind = token.lastgroup
        text = token[kind] if kind is not None else ""
        if kind in ("sign", "general", "exponent"):
            found.append(_Sign(text.lower() if kind == "general" else text, text))
        elif kind is None:
            found.append(_Sign("literal", " " if token[0].startswith("_") else ""))
        else:
            found.append(_Sign("literal", text))
    return tuple(found)


def _filled(number: Decimal, signs: Sequence[_Sign]) -> str:
    """Put the digits of a number, which is not negative, into a format."""
    kinds = [one.kind for one in signs]
    if not any(kind in _DIGITS for kind in kinds):
        return "".join(general(float(number)) if one.kind == "general" else one.text
                       for one in signs)  # fmt: skip
    number *= 100 ** kinds.count("%")
    if "/" in kinds:
        return _fraction(number, signs)
    exponent = next((at for at, kind in enumerate(kinds) if kind in ("E+", "E-", "e+", "e-")), None)
    if exponent is not None:
        return _scientific(number, signs, exponent)
    return _decimal(number, signs)


def _decimal(number: Decimal, signs: Sequence[_Sign]) -> str:
    kinds = [one.kind for one in signs]
    dot = kinds.index(".") if "." in kinds else len(kinds)
    whole = [at for at in range(dot) if kinds[at] in _DIGITS]
    parts = [at for at in range(dot + 1, len(kinds)) if kinds[at] in _DIGITS][:_MOST_DECIMALS]
    last = whole[-1] if whole else -1
    commas = [at for at, kind in enumerate(kinds) if kind == ","]
    number /= _THOUSAND ** sum(at > last for at in commas)
    is_grouped = any(whole and whole[0] < at < last for at in commas)
    step = Decimal(1).scaleb(-len(parts))
    rounded = number.quantize(step, ROUND_HALF_UP, Context(prec=400))
    before, _, after = f"{rounded:f}".partition(".")
    placed = _placed_whole(before.lstrip("0"), [kinds[at] for at in whole], is_grouped=is_grouped)
    texts = dict(zip(whole, placed, strict=True))
    texts |= zip(parts, _placed_parts(after, [kinds[at] for at in parts]), strict=True)
    if dot < len(kinds) and not whole:
        texts[dot] = f"{before.lstrip('0')}."
    elif dot < len(kinds):
        has_parts = not parts or any(texts[at] for at in parts)
        texts[dot] = "." if has_parts and parts else ""
    return "".join(
        "" if at in commas else texts.get(at, one.text if one.kind not in _DIGITS else "")
        for at, one in enumerate(signs)
    )


def _placed_whole(digits: str, places: Sequence[str], *, is_grouped: bool) -> list[str]:
    """The text at each placeholder before the decimal point, the last digit at the last one."""
    found: list[str] = []
    for at, place in enumerate(reversed(places)):
        is_first = at == len(places) - 1
        end = len(digits) - at
        text = digits[: max(end, 0)] if is_first else digits[max(end - 1, 0) : max(end, 0)]
        if not text and place == "0":
            text = "0"
        found.append(_grouped(text, at) if is_grouped else text)
    return found[::-1]


def _grouped(digits: str, after: int) -> str:
    """Digits with a comma after each that has a multiple of three digits to its right."""
    last = len(digits) - 1
    return "".join(
        f"{digit}," if (after + last - at) % 3 == 0 and after + last - at > 0 else digit
        for at, digit in enumerate(digits)
    )


def _placed_parts(digits: str, places: Sequence[str]) -> list[str]:
    """The text at each placeholder after the decimal point, without needless zeros."""
    found = list(digits)
    for at in range(len(places) - 1, -1, -1):
        if places[at] == "0" or found[at] != "0":
            break
        found[at] = ""
    return found


def _scientific(number: Decimal, signs: Sequence[_Sign], exponent: int) -> str:
    """A number as a mantissa and a power of ten."""
    mantissa, rest = signs[:exponent], signs[exponent + 1 :]
    kinds = [one.kind for one in mantissa]
    dot = kinds.index(".") if "." in kinds else len(kinds)
    width = max(1, sum(kind in _DIGITS for kind in kinds[:dot]))
    decimals = sum(kind in _DIGITS for kind in kinds[dot:])
    power = 0
    if number:
        power = floor(log10(number)) // width * width
        rounded = number.scaleb(-power).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
        power += width if rounded >= Decimal(10) ** width else 0
    digits = [one for one in rest if one.kind in _DIGITS]
    sign = "-" if power < 0 else "+" if signs[exponent].text.endswith("+") else ""
    after = "".join(one.text for one in rest if one.kind not in _DIGITS)
    shown = _decimal(number.scaleb(-power), mantissa)
    return f"{shown}E{sign}{abs(power):0{max(1, len(digits))}d}{after}"


def _fraction(number: Decimal, signs: Sequence[_Sign]) -> str:
    """A number as a whole number and a fraction."""
    kinds = [one.kind for one in signs]
    slash = kinds.index("/")
    top = slash - 1
    while top >= 0 and kinds[top] in _DIGITS:
        top -= 1
    has_whole = any(kind in _DIGITS for kind in kinds[: top + 1])
    end = slash + 1
    while end < len(kinds) and (kinds[end] in _DIGITS or signs[end].text.isdigit()):
        end += 1
    below = "".join(one.text for one in signs[slash + 1 : end])
    exact = Fraction(number)
    if below.strip("#?0"):
        bottom = int(below.translate(str.maketrans("#?", "00")))
        part = Fraction(round(exact * bottom), 1)
        upper, lower = int(part), bottom
    else:
        near = exact.limit_denominator(10 ** min(len(below), 7) - 1)
        upper, lower = near.numerator, near.denominator
    whole, upper = divmod(upper, lower) if has_whole else (0, upper)
    before = "".join(one.text for one in signs[: top + 1] if one.kind == "literal")
    after = "".join(one.text for one in signs[end:] if one.kind == "literal")
    fraction = f"{upper}/{lower}" if upper or not has_whole else ""
    parts = [str(whole) if has_whole and (whole or not upper) else "", fraction]
    return f"{before} {' '.join(one for one in parts if one)} {after}"
