"""ECMA-262 patterns, as JSON Schema has them, matched in bounded time.

Python's `re` differs from ECMA-262 (`$` before a final newline, `\\d` and `\\w` beyond ASCII, `\\p{L}`) and can backtrack for
ever. Here a set of positions in the text is one integer, a bit for each, and each node of the pattern maps a set of starts to the
set of ends. Nothing backtracks, look-around included: a lookbehind asks where its body can end, a lookahead does the same in the
mirror. Back-references are no regular language and are refused.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from structgen.errors import SchemaError

_MAX_PATTERN: Final = 20_000
_MAX_REPEAT: Final = 100_000
_MAX_NESTING: Final = 100
_BUDGET: Final = 3 * 10**10
"""Bits touched for one match: a few seconds at worst."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character: in a range or a category (`L`, `Nd`), or out of all of them."""

    ranges: tuple[tuple[int, int], ...] = ()
    categories: tuple[tuple[str, bool], ...] = ()
    negated: bool = False

    def __contains__(self, char: str) -> bool:
        code, category = ord(char), unicodedata.category(char)
        inside = any(low <= code <= high for low, high in self.ranges) or any(
            category.startswith(name) is not out for name, out in self.categories
        )
        return inside is not self.negated


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    body: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Look:
    """Where `body` can (`negated`: cannot) begin here, or end here (`behind`)."""

    body: Node
    behind: bool
    negated: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """`^`, `$`, `b` (a word boundary) or `B`."""

    kind: str


Node: TypeAlias = "Chars | Sequence | Choice | Repeat | Look | Edge"

_DIGIT: Final = ((48, 57),)
_WORD: Final = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Final = (
    *((9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029)),
    *((0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
_SETS: Final = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "0": 0}
_LINE_ENDS: Final = ((10, 10), (13, 13), (0x2028, 0x2029))
_LAST: Final = 0x10FFFF
_QUANTIFIER: Final = re.compile(r"(?:([*+?])|\{(\d{1,6})(?:(,)(\d{1,6})?)?\})\??")
_LONG_NAMES: Final = dict(
    re.findall(
        r"(\w+)=(\w+)",
        "Letter=L Lowercase_Letter=Ll Uppercase_Letter=Lu Titlecase_Letter=Lt Modifier_Letter=Lm Other_Letter=Lo Mark=M "
        "Nonspacing_Mark=Mn Spacing_Mark=Mc Enclosing_Mark=Me Number=N Decimal_Number=Nd Letter_Number=Nl Other_Number=No "
        "Punctuation=P Connector_Punctuation=Pc Dash_Punctuation=Pd Open_Punctuation=Ps Close_Punctuation=Pe "
        "Initial_Punctuation=Pi Final_Punctuation=Pf Other_Punctuation=Po Symbol=S Math_Symbol=Sm Currency_Symbol=Sc "
        "Modifier_Symbol=Sk Other_Symbol=So Separator=Z Space_Separator=Zs Line_Separator=Zl Paragraph_Separator=Zp Other=C "
        "Control=Cc Format=Cf Surrogate=Cs Private_Use=Co Unassigned=Cn "
        "digit=Nd punct=P cntrl=Cc Alphabetic=L Alpha=L Lowercase=Ll Uppercase=Lu",
    )
)
_CATEGORIES: Final = _LONG_NAMES | {short: short for short in _LONG_NAMES.values()}


def is_portable(pattern: str) -> bool:
    """Whether `pattern` means the same to every reader of the schema."""
    try:
        parse(pattern)
    except SchemaError:
        return False
    return True


@lru_cache(maxsize=1024)
def parse(pattern: str) -> Node:
    """The tree of a pattern. Raises SchemaError for what is no ECMA-262 pattern, and for what cannot be matched in bounded time."""
    parser = _Parser(pattern)
    node = parser.choice(0)
    if parser.at < len(pattern):
        raise parser.fault("a parenthesis too many")
    if _size(node) > _MAX_REPEAT:
        raise parser.fault("more repetitions than can be checked")
    return node


def _size(node: Node) -> int:
    """The number of steps that one pass through the node takes."""
    match node:
        case Sequence(parts) | Choice(parts):
            return sum(map(_size, parts))
        case Repeat(body, least, most):
            return _size(body) * max(least, most or 1)
        case Look(body):
            return _size(body)
    return 1


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` is found anywhere in `text`, as JSON Schema's `pattern` asks. Raises SchemaError.

    A text that is too long to be matched in a few seconds is not taken for a match.
    """
    try:
        return bool(_Text(text).ends(parse(pattern), (1 << (len(text) + 1)) - 1))
    except _OverBudgetError:
        return False


class _OverBudgetError(Exception):
    """The match would take longer than a few seconds."""


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        if len(source) > _MAX_PATTERN:
            raise self.fault(f"longer than {_MAX_PATTERN} characters")

    def fault(self, what: str) -> SchemaError:
        return SchemaError(
            f"The pattern {self.source[:80]!r} cannot be used: {what} at character {self.at}.",
            keyword="pattern",
            hint="Patterns are ECMA-262 regular expressions, as in JSON Schema.",
        )

    def take(self, text: str) -> bool:
        if self.source.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def one(self) -> str:
        if self.at >= len(self.source):
            raise self.fault("it ends too early")
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
        least = int(low) if low else 1 if sign == "+" else 0
        most = (
            1 if sign == "?" else None if sign else int(high) if high else None if comma else least
        )
        if most is not None and most < least:
            raise self.fault("a quantifier that ends before it begins")
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
            looks = {
                "=": (False, False),
                "!": (False, True),
                "<=": (True, False),
                "<!": (True, True),
            }
            mark = next((mark for mark in ("<=", "<!", "=", "!") if self.take(mark)), None)
            look = looks[mark] if mark else None
            if mark is None and not self.take(":"):
                name = re.compile(r"<[A-Za-z_$][\w$]*>").match(self.source, self.at)
                if not name:
                    raise self.fault("an unknown kind of group")
                self.at = name.end()
        body = self.choice(depth)
        if not self.take(")"):
            raise self.fault("a parenthesis that is not closed")
        return Look(body, *look) if look else body

    def escape(self) -> Chars:
        char = self.one()
        if char.lower() in _SETS:
            return Chars(_SETS[char.lower()], negated=char.isupper())
        if char in "123456789k":
            raise self.fault("a back-reference, which cannot be matched in bounded time,")
        found = (
            re.compile(r"\{(?:General_Category=|gc=)?(\w+)\}").match(self.source, self.at)
            if char in "pP"
            else None
        )
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
        forms = {"x": r"([0-9A-Fa-f]{2})", "u": r"([0-9A-Fa-f]{4})|\{([0-9A-Fa-f]{1,6})\}"}
        if char in forms and (found := re.compile(forms[char]).match(self.source, self.at)):
            self.at = found.end()
            code = int(found[found.lastindex or 1], 16)
            low = re.compile(r"\\u([dD][c-fC-F][0-9A-Fa-f]{2})").match(self.source, self.at)
            if 0xD800 <= code < 0xDC00 and low:
                self.at = low.end()
                return 0x10000 + ((code - 0xD800) << 10) + int(low[1], 16) - 0xDC00
            return code
        if char.isalnum() and char.isascii():
            raise self.fault(f"the escape \\{char}, which ECMA-262 does not have,")
        return ord(char)

    def chars(self) -> Chars:
        negated = self.take("^")
        ranges: list[tuple[int, int]] = []
        categories: list[tuple[str, bool]] = []
        while not self.take("]"):
            first = self.member()
            if isinstance(first, Chars):
                ranges += _complement(first.ranges) if first.negated else first.ranges
                categories += first.categories
            elif self.source[self.at : self.at + 1] == "-" and self.source[
                self.at + 1 : self.at + 2
            ] not in ("]", ""):
                self.at += 1
                last = self.member()
                if isinstance(last, Chars):
                    ranges += [
                        (first, first),
                        (45, 45),
                        *(_complement(last.ranges) if last.negated else last.ranges),
                    ]
                    categories += last.categories
                elif last < first:
                    raise self.fault("a range that ends before it begins")
                else:
                    ranges.append((first, last))
            else:
                ranges.append((first, first))
        return Chars(tuple(ranges), tuple(categories), negated)

    def member(self) -> int | Chars:
        char = self.one()
        if char != "\\":
            return ord(char)
        if self.take("b"):
            return 8
        found = self.escape()
        single = (
            len(found.ranges) == 1
            and found.ranges[0][0] == found.ranges[0][1]
            and not found.negated
        )
        return found.ranges[0][0] if single else found


def _complement(ranges: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    starts = [0, *(high + 1 for _, high in ranges)]
    ends = [*(low - 1 for low, _ in ranges), _LAST]
    return [(low, high) for low, high in zip(starts, ends, strict=True) if low <= high]


class _Text:
    """A text to match in; `where[c]` is the set of positions of the character c."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.size = len(text)
        self.work = 0
        positions: dict[str, bytearray] = {}
        for at, char in enumerate(text):
            bits = positions.setdefault(char, bytearray(self.size // 8 + 1))
            bits[at >> 3] |= 1 << (at & 7)
        self.where = {char: int.from_bytes(bits, "little") for char, bits in positions.items()}
        self.masks: dict[Chars, int] = {}
        self.mirror: _Text | None = None

    def mask(self, chars: Chars) -> int:
        if chars not in self.masks:
            found = 0
            for char, bits in self.where.items():
                if char in chars:
                    found |= bits
            self.masks[chars] = found
        return self.masks[chars]

    def ends(self, node: Node, starts: int) -> int:
        """The positions where `node` can end, having begun at one of `starts`."""
        self.work += self.size + 64
        if self.work > _BUDGET:
            raise _OverBudgetError
        if not starts:
            return 0
        match node:
            case Chars():
                return (starts & self.mask(node)) << 1
            case Sequence(parts):
                for part in parts:
                    starts = self.ends(part, starts)
                return starts
            case Choice(parts):
                found = 0
                for part in parts:
                    found |= self.ends(part, starts)
                return found
            case Repeat(body, least, most):
                return self.repeat(body, least, most, starts)
            case Look(body, behind, negated):
                everywhere = (1 << (self.size + 1)) - 1
                found = self.ends(body, everywhere) if behind else self.begins(body)
                return starts & (everywhere ^ found if negated else found)
            case Edge(kind):
                return starts & self.edge(kind)

    def repeat(self, body: Node, least: int, most: int | None, starts: int) -> int:
        for _ in range(least):
            starts = self.ends(body, starts)
        if most is None and isinstance(body, Chars):
            # A carry runs through the ones of `mask`: adding the starts to it reaches the end of every run at once.
            mask = self.mask(body)
            return starts | (((starts & mask) + mask) ^ mask)
        reached = new = starts
        rounds = 0
        while new and (most is None or rounds < most - least):
            new = self.ends(body, new) & ~reached
            reached |= new
            rounds += 1
        return reached

    def begins(self, node: Node) -> int:
        """Where `node` can begin, whatever its end: in the mirror, where the mirrored node can end."""
        if self.mirror is None:
            self.mirror = _Text(self.text[::-1])
            self.mirror.mirror = self
        size = self.size + 1
        ends = self.mirror.ends(_reversed(node), (1 << size) - 1)
        return int(format(ends, f"0{size}b")[::-1], 2)

    def edge(self, kind: str) -> int:
        if kind == "^":
            return 1
        if kind == "$":
            return 1 << self.size
        word = self.mask(Chars(_WORD))
        boundary = word ^ (word << 1)
        return boundary if kind == "b" else ((1 << (self.size + 1)) - 1) ^ boundary


_MIRRORED: Final = {"^": "$", "$": "^"}


@lru_cache(maxsize=1024)
def _reversed(node: Node) -> Node:
    match node:
        case Sequence(parts):
            return Sequence(tuple(_reversed(part) for part in reversed(parts)))
        case Choice(parts):
            return Choice(tuple(_reversed(part) for part in parts))
        case Repeat(body, least, most):
            return Repeat(_reversed(body), least, most)
        case Look(body, behind, negated):
            return Look(_reversed(body), not behind, negated)
        case Edge(kind):
            return Edge(_MIRRORED.get(kind, kind))
    return node
