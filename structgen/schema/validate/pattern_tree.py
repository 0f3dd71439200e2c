"""ECMA-262 patterns, as JSON Schema has them, parsed into a tree.

Back-references are left to `python_patterns`, which keeps the groups that they name.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from structgen.errors import SchemaError
from structgen.schema.validate.pattern_nodes import (
    MAX_PATTERN,
    WORD,
    Chars,
    Choice,
    Edge,
    Look,
    Node,
    Repeat,
    Sequence,
    require_bounded_size,
)

_MAX_NESTING: Final = 100
"""The deepest nesting of groups."""
_DIGIT: Final = ((48, 57),)
_SPACE: Final = (
    *((9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029)),
    *((0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
_SETS: Final = {"d": _DIGIT, "w": WORD, "s": _SPACE}
_CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "0": 0}
_LINE_ENDS: Final = ((10, 10), (13, 13), (0x2028, 0x2029))
_LAST: Final = 0x10FFFF
_SIGNS: Final[dict[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_LOOKS: Final = {"<=": (True, False), "<!": (True, True), "=": (False, False), "!": (False, True)}
"""For what follows `(?`: whether the look is behind, and whether it is negated."""
_GROUP_NAME: Final = re.compile(r"<[A-Za-z_$][\w$]*>")
_CATEGORY: Final = re.compile(r"\{(?:General_Category=|gc=)?(\w+)\}")
_CODE_FORMS: Final = {
    "x": re.compile(r"([0-9A-Fa-f]{2})"),
    "u": re.compile(r"([0-9A-Fa-f]{4})|\{([0-9A-Fa-f]{1,6})\}"),
}
_LOW_SURROGATE: Final = re.compile(r"\\u([dD][c-fC-F][0-9A-Fa-f]{2})")
_QUANTIFIER: Final = re.compile(r"(?:([*+?])|\{(\d{1,6})(?:(,)(\d{1,6})?)?\})\??")
_CATEGORY_NAMES: Final = (
    "Letter=L Lowercase_Letter=Ll Uppercase_Letter=Lu Titlecase_Letter=Lt Modifier_Letter=Lm "
    "Other_Letter=Lo Mark=M Nonspacing_Mark=Mn Spacing_Mark=Mc Enclosing_Mark=Me Number=N "
    "Decimal_Number=Nd Letter_Number=Nl Other_Number=No Punctuation=P Connector_Punctuation=Pc "
    "Dash_Punctuation=Pd Open_Punctuation=Ps Close_Punctuation=Pe Initial_Punctuation=Pi "
    "Final_Punctuation=Pf Other_Punctuation=Po Symbol=S Math_Symbol=Sm Currency_Symbol=Sc "
    "Modifier_Symbol=Sk Other_Symbol=So Separator=Z Space_Separator=Zs Line_Separator=Zl "
    "Paragraph_Separator=Zp Other=C Control=Cc Format=Cf Surrogate=Cs Private_Use=Co "
    "Unassigned=Cn digit=Nd punct=P cntrl=Cc Alphabetic=L Alpha=L Lowercase=Ll Uppercase=Lu"
)
_LONG_NAMES: Final = dict(pair.split("=") for pair in _CATEGORY_NAMES.split())
_CATEGORIES: Final = _LONG_NAMES | {short: short for short in _LONG_NAMES.values()}
"""Unicode general categories by their long and short names (Unicode Standard Annex 44)."""


def is_portable(pattern: str) -> bool:
    """Whether `pattern` means the same to every reader of the schema."""
    try:
        parse_ecma(pattern)
    except SchemaError:
        return False
    return True


@lru_cache(maxsize=1024)
def parse_ecma(pattern: str) -> Node:
    """The tree of a pattern in ECMA-262's language alone.

    Raises:
        SchemaError: If `pattern` is none, or repeats the text of a group.
    """
    parser = _Parser(pattern)
    node = parser.choice(0)
    if parser.at < len(pattern):
        raise parser.fault("unmatched ')'")
    require_bounded_size(node, pattern)
    return node


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        if len(source) > MAX_PATTERN:
            raise self.fault(f"longer than {MAX_PATTERN} characters")

    def fault(self, what: str) -> SchemaError:
        return SchemaError(
            f"Cannot use the pattern {self.source[:80]!r}: {what} at character {self.at}.",
            keyword="pattern",
            hint="Write the pattern as an ECMA-262 (JavaScript) regular expression.",
        )

    def take(self, text: str) -> bool:
        if self.source.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def one(self) -> str:
        if self.at >= len(self.source):
            raise self.fault("unexpected end of the pattern")
        self.at += 1
        return self.source[self.at - 1]

    def choice(self, depth: int) -> Node:
        if depth > _MAX_NESTING:
            raise self.fault(f"groups nested deeper than {_MAX_NESTING}")
        parts = [self.sequence(depth)]
        while self.take("|"):
            parts.append(self.sequence(depth))
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.at < len(self.source) and self.source[self.at] not in "|)":
            parts.append(self.quantified(self.atom(depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def quantified(self, body: Node) -> Node:
        found = _QUANTIFIER.match(self.source, self.at)
        if not found:
            return body
        self.at = found.end()
        sign, low, comma, high = found.groups()
        if sign:
            least, most = _SIGNS[sign]
        else:
            least = int(low)
            most = (int(high) if high else None) if comma else least
        if most is not None and most < least:
            raise self.fault("a quantifier whose maximum is below its minimum")
        if isinstance(body, Edge) or _QUANTIFIER.match(self.source, self.at):
            raise self.fault("nothing to repeat")
        return Repeat(body, least, most)

    def atom(self, depth: int) -> Node:
        if self.source[self.at] in "*+?" or (
            self.source[self.at] == "{" and _QUANTIFIER.match(self.source, self.at)
        ):
            raise self.fault("nothing to repeat")
        char = self.one()
        if char in "^$":
            return Edge(char)
        if char == ".":
            return Chars(_LINE_ENDS, negated=True)
        if char == "(":
            return self.group(depth + 1)
        if char == "[":
            return self.chars()
        if char == "\\":
            if (kind := self.source[self.at : self.at + 1]) in ("b", "B"):
                self.at += 1
                return Edge(kind)
            return self.escape()
        return Chars(((ord(char), ord(char)),))

    def group(self, depth: int) -> Node:
        look: tuple[bool, bool] | None = None
        if self.take("?"):
            mark = next((mark for mark in _LOOKS if self.take(mark)), None)
            look = _LOOKS[mark] if mark else None
            if mark is None and not self.take(":"):
                name = _GROUP_NAME.match(self.source, self.at)
                if not name:
                    raise self.fault("unknown group type")
                self.at = name.end()
        body = self.choice(depth)
        if not self.take(")"):
            raise self.fault("missing ')'")
        return Look(body, *look) if look else body

    def escape(self) -> Chars:
        char = self.one()
        if char.lower() in _SETS:
            return Chars(_SETS[char.lower()], negated=char.isupper())
        if char in "123456789k":
            raise self.fault("a back-reference")
        found = _CATEGORY.match(self.source, self.at) if char in "pP" else None
        if found and found[1] in _CATEGORIES:
            self.at = found.end()
            return Chars(categories=((_CATEGORIES[found[1]], char == "P"),))
        code = self.code(char)
        return Chars(((code, code),))

    def code(self, char: str) -> int:
        """The character that an escape stands for."""
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "c" and self.source[self.at : self.at + 1].isalpha():
            return ord(self.one()) % 32
        found = _CODE_FORMS[char].match(self.source, self.at) if char in _CODE_FORMS else None
        if found:
            self.at = found.end()
            code = int(found[found.lastindex or 1], 16)
            low = _LOW_SURROGATE.match(self.source, self.at)
            if 0xD800 <= code < 0xDC00 and low:
                self.at = low.end()
                return 0x10000 + ((code - 0xD800) << 10) + int(low[1], 16) - 0xDC00
            return code
        if char.isalnum() and char.isascii():
            raise self.fault(f"unknown escape \\{char}")
        return ord(char)

    def chars(self) -> Chars:
        """A class in brackets, its opening bracket already taken."""
        negated = self.take("^")
        ranges: list[tuple[int, int]] = []
        categories: list[tuple[str, bool]] = []
        while not self.take("]"):
            first = self.member()
            if isinstance(first, Chars):
                ranges += _ranges_of(first)
                categories += first.categories
            elif self._is_range_ahead():
                self.at += 1
                last = self.member()
                if isinstance(last, Chars):
                    ranges += [(first, first), (45, 45), *_ranges_of(last)]
                    categories += last.categories
                elif last < first:
                    raise self.fault("a range whose end is below its start")
                else:
                    ranges.append((first, last))
            else:
                ranges.append((first, first))
        return Chars(tuple(ranges), tuple(categories), negated)

    def _is_range_ahead(self) -> bool:
        dash, end = self.source[self.at : self.at + 1], self.source[self.at + 1 : self.at + 2]
        return dash == "-" and end not in ("]", "")

    def member(self) -> int | Chars:
        """A character of a class, or an escape such as `\\d` that is a class itself."""
        char = self.one()
        if char != "\\":
            return ord(char)
        if self.take("b"):
            return 8  # inside a class, \b is the backspace
        found = self.escape()
        if found.negated or len(found.ranges) != 1:
            return found
        low, high = found.ranges[0]
        return low if low == high else found


def _ranges_of(chars: Chars) -> list[tuple[int, int]]:
    return _complement(chars.ranges) if chars.negated else list(chars.ranges)


def _complement(ranges: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    starts = [0, *(high + 1 for _, high in ranges)]
    ends = [*(low - 1 for low, _ in ranges), _LAST]
    return [(low, high) for low, high in zip(starts, ends, strict=True) if low <= high]
