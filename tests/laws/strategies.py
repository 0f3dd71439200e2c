"""Strategies over Python types, each with a strategy for valid values of the type."""

# Types are made from values here, which a type checker cannot follow.
# mypy: disable-error-code="name-defined,valid-type,misc,arg-type,call-overload,assignment"

from __future__ import annotations

import dataclasses
import enum
import string
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Annotated, Any, Generic, Literal, NamedTuple, Optional, TypeVar, Union

import pydantic
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, JsonValue, RootModel
from typing_extensions import NotRequired, TypeAliasType, TypedDict

T = TypeVar("T")

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
DECIMALS = st.decimals(Decimal(-(10**9)), Decimal(10**9), places=3) | st.integers(-9, 9).map(
    Decimal
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


# ---- containers ----------------------------------------------------------------------

KEYS: list[tuple[Any, SearchStrategy[Any]]] = [
    (str, TEXT),
    (str, st.text(string.ascii_letters + " _", max_size=4)),
    (int, INTS),
    (bool, st.booleans()),
    (date, DATES),
    (uuid.UUID, UUIDS),
    (Tone, st.sampled_from(Tone)),
    (Rank, st.sampled_from(Rank)),
    (Literal["k", "key"], st.sampled_from(["k", "key"])),
    (
        Annotated[str, Field(pattern="^[a-z]+$")],
        st.text(string.ascii_lowercase, min_size=1, max_size=3),
    ),
    (
        Annotated[str, Field(min_length=1, max_length=3)],
        st.text(CHARACTERS, min_size=1, max_size=3),
    ),
]


def limits(draw: DrawFn) -> tuple[int, int | None]:
    low = draw(st.sampled_from([0, 0, 0, 1, 2]))
    return low, draw(st.sampled_from([None, None, low, low + 2]))


def sized(type_: Any, low: int, high: int | None) -> Any:
    return (
        type_
        if low == 0 and high is None
        else Annotated[type_, Field(min_length=low, max_length=high)]
    )


def _list(draw: DrawFn, depth: int) -> Typed:
    item = draw(types(depth))
    low, high = limits(draw)
    return Typed(
        sized(list[item.type], low, high),
        st.lists(item.values, min_size=low, max_size=low + 2 if high is None else high),
        kinds("array"),
    )


def _set(draw: DrawFn, depth: int) -> Typed:
    item = draw(hashables(depth))
    maker: Any = draw(st.sampled_from([set, frozenset]))
    return Typed(maker[item.type], st.lists(item.values, max_size=3).map(maker), kinds("array"))


def _tuple(draw: DrawFn, depth: int) -> Typed:
    if draw(st.booleans()):
        item = draw(types(depth))
        return Typed(
            tuple[item.type, ...], st.lists(item.values, max_size=3).map(tuple), kinds("array")
        )
    items = draw(st.lists(types(depth), min_size=0, max_size=3))
    type_ = tuple[tuple(item.type for item in items)] if items else tuple[()]
    return Typed(type_, st.tuples(*(item.values for item in items)), kinds("array"))


def _dict(draw: DrawFn, depth: int) -> Typed:
    key, keys = draw(st.sampled_from(KEYS))
    item = draw(types(depth))
    return Typed(
        dict[key, item.type], st.dictionaries(keys, item.values, max_size=3), kinds("object")
    )


def _optional(draw: DrawFn, depth: int) -> Typed:
    item = draw(types(depth))
    return Typed(nullable(item.type), st.none() | item.values, item.kinds | {"null"}, item.hashable)


def _union(draw: DrawFn, depth: int) -> Typed:
    """Alternatives that JSON tells apart; no reader could tell others."""
    chosen: list[Typed] = []
    for item in draw(st.lists(types(depth), min_size=2, max_size=4)):
        if all(item.kinds.isdisjoint(other.kinds) for other in chosen):
            chosen.append(item)
    if len(chosen) < 2:
        return chosen[0]
    return Typed(
        Union[tuple(item.type for item in chosen)],
        st.one_of([item.values for item in chosen]),
        frozenset().union(*(item.kinds for item in chosen)),
        all(item.hashable for item in chosen),
    )


@st.composite
def hashables(draw: DrawFn, depth: int) -> Typed:
    """What may stand in a set."""
    if depth > 0 and draw(st.integers(0, 3)) == 0:
        items = draw(st.lists(hashables(depth - 1), min_size=1, max_size=2))
        return Typed(
            tuple[tuple(i.type for i in items)],
            st.tuples(*(i.values for i in items)),
            kinds("array"),
            True,
        )
    # Floats and numbers that are booleans would merge in a set of mixed kinds; one kind a set.
    return draw(
        st.sampled_from([leaf for leaf in LEAVES if leaf.hashable and len(leaf.kinds) == 1])
        | constrained()
    )


# ---- objects -------------------------------------------------------------------------

NAMES = [
    "a",
    "b",
    "c",
    "x",
    "name",
    "kind",
    "key",
    "value",
    "entries",
    "extra",
    "items",
    "type",
    "title",
    "count",
    "enum",
    "first_name",
]
ALIASES = [
    "class",
    "$ref",
    "type",
    "a/b",
    "a~b",
    "a.b c",
    "key",
    "value",
    "items",
    "",
    "ключ",
    'say "x"',
    "anyOf",
    "$defs",
    "0",
    "name",
]
TITLES = ["Thing", "Item", "A_B", "Ünïcode", "Model", "Model"]
DESCRIPTIONS = [None, None, "What it is", 'With "quotes"\nand lines.', "Ends with a colon:"]


@dataclass(frozen=True)
class Member:
    """A field."""

    name: str
    """Its name in Python."""
    key: str
    """Its key in JSON."""
    item: Typed
    annotation: Any
    default: Any = ...

    @property
    def optional(self) -> bool:
        return self.default is not ...


def _default(draw: DrawFn, item: Typed) -> tuple[Typed, dict[str, Any]]:
    """The type a field ends up with, and the keywords of `Field` that make it required or not."""
    form = draw(
        st.sampled_from(["required", "required", "null", "nullable", "default", "three", "factory"])
    )
    or_null = Typed(nullable(item.type), st.none() | item.values, item.kinds | {"null"})
    if form == "null":
        return or_null, {"default": None}
    if form == "nullable":
        return or_null, {}
    if form == "default":
        return item, {"default": draw(item.values)}
    if form == "three":
        return or_null, {"default": draw(item.values)}
    if form == "factory":
        value = draw(item.values)
        return item, {"default_factory": lambda: value}
    return item, {}


@st.composite
def members(
    draw: DrawFn, depth: int, *, min_size: int = 0, max_size: int = 4, aliases: bool = True
) -> list[Member]:
    names = draw(
        st.lists(st.sampled_from(NAMES), min_size=min_size, max_size=max_size, unique=True)
    )
    keys = list(names)
    if aliases and names and draw(st.integers(0, 2)) == 0:
        others = draw(
            st.lists(
                st.sampled_from(ALIASES), min_size=len(names), max_size=len(names), unique=True
            )
        )
        # One alias for all or none: a mixture may give two fields one key.
        keys = others
    made = []
    for name, key in zip(names, keys, strict=True):
        item, options = _default(draw, draw(types(depth)))
        if key != name:
            options |= (
                {"alias": key}
                if draw(st.booleans())
                else {"validation_alias": key, "serialization_alias": f"out {key}"}
            )
        annotation = Annotated[
            item.type, Field(description=draw(st.sampled_from(DESCRIPTIONS)), **options)
        ]
        made.append(
            Member(
                name,
                key,
                item,
                annotation,
                ... if not options.keys() & {"default", "default_factory"} else None,
            )
        )
    return made


def objects(
    fields: list[Member], extras: SearchStrategy[dict[str, Any]] | None = None
) -> SearchStrategy[dict[str, Any]]:
    """Values by their keys in JSON, any of the optional members left out."""
    required = {m.key: m.item.values for m in fields if not m.optional}
    optional = {m.key: m.item.values for m in fields if m.optional}

    def ordered(data: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
        taken = {m.key for m in fields} | {m.name for m in fields}
        return {m.key: data[m.key] for m in fields if m.key in data} | {
            k: v for k, v in more.items() if k not in taken
        }

    return st.builds(
        ordered,
        st.fixed_dictionaries(required, optional=optional),
        st.just({}) if extras is None else extras,
    )


def _model(draw: DrawFn, depth: int) -> Typed:
    fields = draw(members(depth))
    extra: Any = draw(st.sampled_from(["ignore", "forbid", "allow"]))
    model = pydantic.create_model(
        draw(st.sampled_from(TITLES)),
        __config__=ConfigDict(
            extra=extra,
            title=draw(st.sampled_from([None, None, "A: title!"])),
            protected_namespaces=(),
        ),
        __doc__=draw(st.sampled_from([None, "A thing."])),
        **{m.name: m.annotation for m in fields},
    )
    extras = st.dictionaries(TEXT, JSON, max_size=2) if extra == "allow" else None
    return Typed(model, objects(fields, extras).map(model.model_validate), kinds("object"))


def _dataclass(draw: DrawFn, depth: int) -> Typed:
    fields = sorted(draw(members(depth, aliases=False)), key=lambda m: m.optional)
    made = dataclasses.make_dataclass(
        draw(st.sampled_from(TITLES)),
        [
            (m.name, m.item.type)
            if not m.optional
            else (m.name, m.item.type, _plain_default(draw, m))
            for m in fields
        ],
        kw_only=draw(st.booleans()),
    )
    decorate: Callable[[Any], Any] = draw(
        st.sampled_from([pydantic.dataclasses.dataclass, lambda cls: cls])
    )
    made = decorate(made)
    return Typed(made, objects(fields).map(lambda data: made(**data)), kinds("object"))


def _plain_default(draw: DrawFn, member: Member) -> Any:
    value = draw(member.item.values)
    return dataclasses.field(default_factory=lambda: value)


def _typed_dict(draw: DrawFn, depth: int) -> Typed:
    fields = draw(members(depth, aliases=False))
    made = TypedDict(
        draw(st.sampled_from(TITLES)),
        {m.name: NotRequired[m.item.type] if m.optional else m.item.type for m in fields},
    )
    return Typed(made, objects(fields), kinds("object"))


def _named_tuple(draw: DrawFn, depth: int) -> Typed:
    fields = draw(members(depth, min_size=1, max_size=3, aliases=False))
    made: Any = NamedTuple(draw(st.sampled_from(TITLES)), [(m.name, m.item.type) for m in fields])
    return Typed(
        made,
        st.tuples(*(m.item.values for m in fields)).map(lambda items: made(*items)),
        kinds("array"),
    )


class Box(BaseModel, Generic[T]):
    content: T
    others: list[T] = []


def _generic(draw: DrawFn, depth: int) -> Typed:
    item = draw(types(depth))
    box = Box[item.type]
    values = st.builds(
        lambda c, o: box(content=c, others=o) if o else box(content=c),
        item.values,
        st.lists(item.values, max_size=2),
    )
    return Typed(box, values, kinds("object"))


def _root_model(draw: DrawFn, depth: int) -> Typed:
    item = draw(types(depth))
    model = RootModel[item.type]
    return Typed(model, item.values.map(model), item.kinds)


# ---- unions of objects ---------------------------------------------------------------


def _tagged(draw: DrawFn, depth: int) -> Typed:
    """A discriminated union; its tag is a string, a number or an enum member, maybe aliased."""
    tags: list[Any] = draw(
        st.sampled_from([["cat", "dog", "a/b"], [1, 2, 3], [Mood.GOOD, Mood.BAD]])
    )
    alias = draw(st.sampled_from([None, "@type"]))
    variants, values = [], []
    for i, tag in enumerate(tags[: draw(st.integers(2, 3))]):
        fields = [
            m for m in draw(members(depth, max_size=2)) if m.name != "kind" and m.key != "kind"
        ]
        annotation = Annotated[Literal[tag], Field(alias=alias)] if alias else Literal[tag]
        model = pydantic.create_model(
            f"Variant{i}", kind=(annotation, ...), **{m.name: m.annotation for m in fields}
        )
        variants.append(model)
        values.append(
            objects(fields).map(
                lambda data, m=model, t=tag: m.model_validate({alias or "kind": t, **data})
            )
        )
    return Typed(
        Annotated[Union[tuple(variants)], Field(discriminator="kind")],
        st.one_of(values),
        kinds("object"),
    )


def _untagged(draw: DrawFn, depth: int) -> Typed:
    """A union of models that share keys and differ by one that each requires for itself."""
    shared = draw(types(0))
    variants, values = [], []
    for own in ["own_a", "own_b", "own_c"][: draw(st.integers(2, 3))]:
        item = draw(types(depth))
        model = pydantic.create_model(
            f"With_{own}", name=(shared.type, ...), **{own: (item.type, ...)}
        )
        variants.append(model)
        both = st.fixed_dictionaries({"name": shared.values, own: item.values})
        values.append(both.map(lambda data, m=model: m.model_validate(data)))
    return Typed(Union[tuple(variants)], st.one_of(values), kinds("object"))


# ---- recursion -----------------------------------------------------------------------

SELF = "Self"
LINKS: dict[str, tuple[Any, Any, Callable[[SearchStrategy[Any]], SearchStrategy[Any]]]] = {
    "list": (list[SELF], [], lambda below: st.lists(below, max_size=2)),
    "optional": (nullable(SELF), None, lambda below: st.none() | below),
    "map": (dict[str, SELF], {}, lambda below: st.dictionaries(TEXT, below, max_size=2)),
    "pair": (
        tuple[int, nullable(SELF)],
        (1, None),
        lambda below: st.tuples(INTS, st.none() | below),
    ),
    "mixed": (list[Union[SELF, str]], [], lambda below: st.lists(below | TEXT, max_size=2)),
}
"""Ways to refer to oneself: the type, a value of it that leads nowhere, and values that lead on."""


def _recursive(draw: DrawFn, depth: int) -> Typed:
    """A model that refers to itself, with a value of any type beside the link."""
    item = draw(types(depth))
    link, end, values = LINKS[draw(st.sampled_from(sorted(LINKS)))]
    options = {"default": None} if end is None and draw(st.booleans()) else {}
    annotation = Annotated[link, Field(description=draw(st.sampled_from(DESCRIPTIONS)), **options)]
    model = pydantic.create_model(SELF, item=(item.type, ...), below=annotation)
    model.model_rebuild(_types_namespace={SELF: model})

    def build(data: Any, below: Any) -> Any:
        return model.model_validate({"item": data, "below": below})

    level: SearchStrategy[Any] = st.builds(build, item.values, st.just(end))
    for _ in range(2):
        level = st.builds(build, item.values, values(level))
    return Typed(model, level, kinds("object"))


def _mutual(draw: DrawFn, depth: int) -> Typed:
    """Two models that refer to one another."""
    item = draw(types(depth))
    seconds = list["Second"]  # noqa: F821 - defined below
    first = pydantic.create_model("First", item=(item.type, ...), seconds=(seconds, []))
    second = pydantic.create_model("Second", first=(nullable(first), None), name=(str, ""))
    first.model_rebuild(_types_namespace={"Second": second})
    second.model_rebuild()
    leaf = item.values.map(lambda data: first(item=data))
    seconds = st.builds(lambda f, n: second(first=f, name=n), st.none() | leaf, TEXT)
    values = st.builds(
        lambda data, below: first(item=data, seconds=below),
        item.values,
        st.lists(seconds, max_size=2),
    )
    return Typed(first, leaf | values, kinds("object"))


Tree = TypeAliasType("Tree", "Union[bool, list[Tree], dict[str, Tree]]")


def _alias(draw: DrawFn, depth: int) -> Typed:
    """A recursive type alias."""
    trees = st.recursive(
        st.booleans(),
        lambda t: st.lists(t, max_size=2) | st.dictionaries(TEXT, t, max_size=2),
        max_leaves=4,
    )
    return Typed(Tree, trees, kinds("boolean", "array", "object"))


# ---- all of them ---------------------------------------------------------------------

CONTAINERS = [
    _list,
    _set,
    _tuple,
    _dict,
    _optional,
    _optional,
    _union,
    _union,
    _root_model,
    _generic,
    _named_tuple,
]
OBJECTS = [
    _model,
    _model,
    _model,
    _dataclass,
    _typed_dict,
    _tagged,
    _untagged,
    _recursive,
    _mutual,
    _alias,
]


@st.composite
def types(draw: DrawFn, depth: int = 3) -> Typed:
    """A type nested up to so many levels."""
    form = draw(st.integers(0, 9))
    if depth <= 0 or form < 3:
        return draw(st.sampled_from(LEAVES))
    if form == 3:
        return draw(constrained())
    return draw(st.sampled_from(CONTAINERS if form < 6 else OBJECTS))(draw, depth - 1)
