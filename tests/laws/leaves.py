"""Strategies over scalar types, each with a strategy for its values."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal, Optional

import pydantic
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from pydantic import AnyUrl, Field, JsonValue, RootModel

ALL_KINDS = frozenset({"null", "boolean", "number", "string", "array", "object"})


@dataclass(frozen=True)
class Typed:
    """A type and its values."""

    type: Any
    values: SearchStrategy[Any] = field(repr=False)
    kinds: frozenset[str]
    """The JSON types that its values may have."""
    hashable: bool = False


def nullable(type_: Any) -> Any:
    return Optional[type_]  # noqa: UP045 - `|` takes neither None nor text on its left


def or_null(item: Typed) -> Typed:
    """The type or null. JSON has one null: a null with a name of its own is read as none."""
    values = st.none() | item.values.map(without_name)
    return Typed(nullable(item.type), values, item.kinds | {"null"}, item.hashable)


def without_name(value: Any) -> Any:
    """The value, or None if it is a root model of null."""
    root = value
    while isinstance(root, RootModel):
        root = root.root
    return None if root is None else value


def kinds(*names: str) -> frozenset[str]:
    return frozenset(names)


# ---- values --------------------------------------------------------------------------

AWKWARD_TEXT = [
    "",
    " ",
    "null",
    "None",
    "0",
    "true",
    '"',
    "\\",
    "\n",
    "/",
    "~1",
    "$ref",
    "#",
    "key",
    "value",
    "{}",
    "[]",
    "\x00",
    "é",
    "🐍",
    "\u2028",
]
TEXT = st.sampled_from(AWKWARD_TEXT) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
INTS = st.integers(-3, 3) | st.integers(-(2**53), 2**53)
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 3).map(float)
DATES = st.dates()
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
ZONES = st.just(timezone.utc) | OFFSETS
NAIVE = st.datetimes(timezones=st.none())
AWARE = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES)
TIMES = st.times()
SPANS = st.timedeltas(timedelta(days=-4000), timedelta(days=4000))
UUIDS = st.uuids()
EXPONENTS = st.sampled_from([-99_999_990, -300, -60, 60, 300, 99_999_990])
DECIMALS = st.one_of(
    st.decimals(Decimal(-(10**9)), Decimal(10**9), places=3),
    st.integers(-9, 9).map(Decimal),
    st.builds(
        lambda digit, exponent: Decimal(f"{digit}E{exponent}"), st.integers(-9, 9), EXPONENTS
    ),
)
URLS = st.sampled_from(
    ["https://example.org/", "http://a.b/c?d=e#f", "ftp://x.y:21/z%20z", "mailto:a@b.c"]
).map(AnyUrl)
JSON = st.recursive(
    st.none() | st.booleans() | INTS | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


class Tone(enum.Enum):
    WARM = "warm"
    COLD = "cold"
    ODD = "a/b"


class Rank(enum.IntEnum):
    LOW = -1
    HIGH = 2


class Mood(str, enum.Enum):
    GOOD = "good"
    BAD = "bad"


class Mixed(enum.Enum):
    TEXT = "1"
    NUMBER = 1
    HALF = 0.5


# ---- leaves --------------------------------------------------------------------------

LEAVES: list[Typed] = [
    Typed(str, TEXT, kinds("string"), True),
    Typed(int, INTS, kinds("number"), True),
    Typed(float, FLOATS, kinds("number"), True),
    Typed(bool, st.booleans(), kinds("boolean"), True),
    Typed(None, st.none(), kinds("null"), True),
    Typed(Decimal, DECIMALS, kinds("string", "number"), True),
    Typed(date, DATES, kinds("string"), True),
    Typed(time, TIMES, kinds("string"), True),
    Typed(datetime, NAIVE | AWARE, kinds("string"), True),
    Typed(pydantic.NaiveDatetime, NAIVE, kinds("string"), True),
    Typed(pydantic.AwareDatetime, AWARE, kinds("string"), True),
    Typed(timedelta, SPANS, kinds("string"), True),
    Typed(uuid.UUID, UUIDS, kinds("string"), True),
    Typed(pydantic.UUID4, st.uuids(version=4), kinds("string"), True),
    Typed(bytes, TEXT.map(str.encode), kinds("string"), True),
    Typed(AnyUrl, URLS, kinds("string"), True),
    Typed(IPv4Address, st.ip_addresses(v=4), kinds("string"), True),
    Typed(Tone, st.sampled_from(Tone), kinds("string"), True),
    Typed(Rank, st.sampled_from(Rank), kinds("number"), True),
    Typed(Mood, st.sampled_from(Mood), kinds("string"), True),
    Typed(Mixed, st.sampled_from(Mixed), kinds("string", "number"), True),
    Typed(Literal["a"], st.just("a"), kinds("string"), True),
    Typed(Literal["a", "b", ""], st.sampled_from(["a", "b", ""]), kinds("string"), True),
    Typed(Literal[0, 1, 7], st.sampled_from([0, 1, 7]), kinds("number"), True),
    Typed(
        Literal["x", 2, None, True],
        st.sampled_from(["x", 2, None, True]),
        kinds("string", "number", "null", "boolean"),
        True,
    ),
    Typed(Any, JSON, ALL_KINDS),
    Typed(JsonValue, JSON, ALL_KINDS),
]

PATTERNS = [
    r"^[a-z]{2,4}$",
    r"^\d{3}-\d{2}$",
    r"^(a|bc)+$",
    r"^[^\s]*$",
    r"x",
    r"^[A-Z][a-z ]*",
    r"^-?\d+(\.\d+)?$",
]
CHARACTERS = st.characters(max_codepoint=0x2FF, exclude_categories=["Cs", "Cc"])


@st.composite
def constrained(draw: DrawFn) -> Typed:
    """A primitive with limits."""
    return draw(st.sampled_from([_text, _pattern, _integer, _number, _decimal]))(draw)


def _text(draw: DrawFn) -> Typed:
    low = draw(st.integers(0, 3))
    high = draw(st.none() | st.integers(low, low + 4))
    type_ = Annotated[str, Field(min_length=low, max_length=high)]
    return Typed(
        type_,
        st.text(CHARACTERS, min_size=low, max_size=low + 4 if high is None else high),
        kinds("string"),
        True,
    )


def _pattern(draw: DrawFn) -> Typed:
    pattern = draw(st.sampled_from(PATTERNS))
    # In Python, but not in JSON Schema, `$` also matches before a last newline.
    strict = pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern
    values = st.from_regex(strict, alphabet=st.characters(min_codepoint=32, max_codepoint=126))
    return Typed(Annotated[str, Field(pattern=pattern)], values, kinds("string"), True)


def _integer(draw: DrawFn) -> Typed:
    low = draw(st.integers(-20, 20))
    span = draw(st.integers(0, 40))
    step = draw(st.sampled_from([1, 1, 3]))
    first = -(-low // step)
    last = max(first, (low + span) // step)
    bounds = {"gt": first * step - 1} if draw(st.booleans()) else {"ge": first * step}
    bounds |= {"lt": last * step + 1} if draw(st.booleans()) else {"le": last * step}
    type_ = Annotated[int, Field(**bounds, **({"multiple_of": step} if step > 1 else {}))]
    return Typed(type_, st.integers(first, last).map(lambda n: n * step), kinds("number"), True)


def _number(draw: DrawFn) -> Typed:
    low, high = sorted(draw(st.tuples(st.integers(-50, 50), st.integers(-50, 50))))
    type_ = Annotated[float, Field(ge=low, le=high)]
    return Typed(type_, st.floats(low, high, allow_nan=False), kinds("number"), True)


def _decimal(draw: DrawFn) -> Typed:
    digits, places = draw(st.sampled_from([(4, 2), (6, 0), (3, 3)]))
    type_ = Annotated[Decimal, Field(max_digits=digits, decimal_places=places)]
    whole = 10**digits - 1
    return Typed(
        type_,
        st.integers(-whole, whole).map(lambda n: Decimal(n).scaleb(-places)),
        kinds("string", "number"),
        True,
    )
