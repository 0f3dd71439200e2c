"""Targets: every value that a type holds is written, and read back as itself."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import ipaddress
import itertools
import json
import pathlib
import re
import subprocess
import sys
import uuid
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import pydantic as p
import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field
from typing_extensions import Required, TypedDict

from structgen.errors import SchemaError
from structgen.schema.check import validate, validate_json
from structgen.schema.target import target_of

T = TypeVar("T")
UTC = dt.timezone.utc


class Colour(enum.Enum):
    RED = "red"
    ONE = 1
    DAY = dt.date(2020, 1, 1)
    PAIR = (1, 2)


class Rights(enum.IntFlag):
    READ = 1
    WRITE = 2


class Serialized(BaseModel):
    """Its own serializers show it otherwise than it is read."""

    day: dt.date
    price: Decimal
    tags: set[str] = Field(default_factory=set)
    hidden: int = Field(exclude=True)
    name: str = Field(default="q", serialization_alias="NAME")
    text: Annotated[int, p.PlainSerializer(str)] = 1

    @p.field_serializer("day")
    def show_day(self, value: dt.date) -> str:
        return value.strftime("%d.%m.%Y")

    @p.field_serializer("price", mode="wrap")
    def show_price(self, value: Decimal, handler: Any) -> str:
        return f"about {handler(value)}"

    @p.computed_field  # type: ignore[prop-decorator]
    @property
    def twice(self) -> int:
        return 2 * self.hidden

    @p.model_serializer(mode="wrap")
    def show(self, handler: Any) -> dict[str, Any]:
        return {"all": handler(self)}


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    a: int = Field(alias="A")
    b: int = Field(validation_alias=AliasChoices("bb", "B"))
    deep: int = Field(validation_alias=AliasPath("c", "deep"))
    beside: int = Field(default=4, validation_alias=AliasPath("c", "beside"))
    second: int = Field(validation_alias=AliasPath("row", 1))


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


class Generated(BaseModel):
    model_config = ConfigDict(
        alias_generator=p.AliasGenerator(validation_alias=camel, serialization_alias=str.upper),
        extra="allow",
    )
    first_name: str
    inner: Generated | None = None


class ByName(BaseModel):
    model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)
    a: int = Field(alias="A")


class Base64(BaseModel):
    model_config = ConfigDict(val_json_bytes="base64", ser_json_bytes="utf8")
    data: bytes


class Seconds(BaseModel):
    model_config = ConfigDict(ser_json_timedelta="float", ser_json_inf_nan="strings")
    span: dt.timedelta
    at: dt.datetime = dt.datetime(2020, 1, 1, 3)


class Pair(NamedTuple):
    a: int
    b: str = "x"


@dataclasses.dataclass
class Tree:
    n: int
    day: dt.date
    kids: list[Tree] = dataclasses.field(default_factory=list)
    fixed: int = dataclasses.field(default=1, init=False)


class Movie(TypedDict, total=False):
    year: int
    day: Required[dt.date]


class Rows(p.RootModel[dict[str, list[int]]]):
    pass


class Box(BaseModel, Generic[T]):
    held: T
    more: list[T] = []


class BadDefaults(BaseModel):
    x: int = None  # type: ignore[assignment]
    y: list[int] = Field(default=[], min_length=1)


class Comma(BaseModel):
    """Read by its own validators: one takes both forms, one takes its own form alone."""

    both: Annotated[
        list[int],
        p.BeforeValidator(lambda v: v.split(",") if isinstance(v, str) else v),
        p.PlainSerializer(lambda v: ",".join(map(str, v))),
    ]
    own: Annotated[
        list[int],
        p.BeforeValidator(lambda v: v.split(",")),
        p.PlainSerializer(lambda v: ",".join(map(str, v))),
    ] = []


class Opaque:
    """A type of its own, without `==`."""

    def __init__(self, held: int) -> None:
        self.held = held

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema as cs

        return cs.no_info_plain_validator_function(
            cls, serialization=cs.plain_serializer_function_ser_schema(lambda s: s.held)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> Any:
        return {"type": "integer"}


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    n: int = 0


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    n: int = 0


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    a: int


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    day: dt.date
    row: tuple[int, ...]
    colour: Colour
    seen: set[int]
    id: uuid.UUID
    size: float


class Node(BaseModel):
    n: int
    kids: list[Node] = []
    by: dict[str, Node] = {}


class Extras(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, dt.date]


KEYS: list[tuple[Any, Any]] = [
    *(
        (int, 5),
        (float, 1.5),
        (bool, True),
        (dt.date, dt.date(2020, 1, 1)),
        (uuid.UUID, uuid.UUID(int=1)),
    ),
    *(
        (Decimal, Decimal("1.50")),
        (Literal[1, 2], 2),
        (Literal["a"], "a"),
        (Annotated[str, Field(pattern="^a")], "ab"),
    ),
    *(
        (dt.timedelta, dt.timedelta(800)),
        (bytes, b"a"),
        (ipaddress.IPv4Address, ipaddress.IPv4Address("1.2.3.4")),
    ),
    *(
        (dt.datetime, dt.datetime(2020, 1, 1)),
        (p.HttpUrl, p.HttpUrl("http://a.b/")),
        (str | None, "x"),
        (Rights, Rights.READ),
    ),
]

CASES: list[tuple[Any, list[Any]]] = [
    (
        Serialized,
        [Serialized(day=dt.date(2020, 1, 2), price=Decimal("1.10"), hidden=3, tags={"b", "a"})],
    ),
    (
        Aliased,
        [Aliased.model_validate({"A": 1, "bb": 2, "c": {"deep": 3, "beside": 5}, "row": [0, 6]})],
    ),
    (
        Generated,
        [Generated.model_validate({"firstName": "a", "other": [1], "inner": {"firstName": "b"}})],
    ),
    (ByName, [ByName.model_validate({"a": 1})]),
    (Base64, [Base64(data=b"_w==")]),
    (
        Seconds,
        [
            Seconds(span=s)
            for s in (dt.timedelta(0), dt.timedelta(-1, 0, 1), dt.timedelta.max, dt.timedelta.min)
        ],
    ),
    (
        dt.datetime,
        [
            dt.datetime(2020, 1, 1, 2, 3, 4, 5),
            dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(minutes=-330))),
        ],
    ),
    (p.AwareDatetime, [dt.datetime(2020, 1, 1, tzinfo=UTC)]),
    (p.NaiveDatetime, [dt.datetime(2020, 1, 1)]),
    (dt.time, [dt.time(1, 2), dt.time(1, 2, 3, 4, tzinfo=UTC)]),
    (dt.date, [dt.date(1, 1, 1)]),
    (
        Decimal,
        [
            Decimal(d)
            for d in ("1E+5", "1E+5000", "-0.10", "0E-10", "12345678901234567890.123456789012345")
        ],
    ),
    (
        Annotated[Decimal, Field(max_digits=5, decimal_places=2)],
        [Decimal("123.45"), Decimal("-0.5"), Decimal(0)],
    ),
    (Annotated[Decimal, Field(allow_inf_nan=True)], [Decimal("Infinity"), Decimal("-Infinity")]),
    (bytes, [b"abc", "é".encode()]),
    (re.Pattern, [re.compile("a+")]),
    (p.SecretStr, [p.SecretStr("x")]),
    (p.Secret[dt.date], [p.Secret(dt.date(2020, 1, 1))]),
    (p.Json[list[int]], [[1]]),
    (p.Json, [{"a": 1}]),
    (set[int], [{3, 1, 2}]),
    (frozenset[tuple[int, Frozen]], [frozenset({(1, Frozen(a=2)), (1, Frozen(a=1))})]),
    (tuple[int, str], [(1, "a")]),
    (tuple[int, ...], [(1, 2)]),
    (tuple[()], [()]),
    (collections.deque[int], [collections.deque([1, 2])]),
    (collections.Counter[str], [collections.Counter("aab")]),
    (list[Pair], [[Pair(1, "y")]]),
    (Tree, [Tree(1, dt.date(2020, 1, 1), [Tree(2, dt.date(2020, 1, 1))])]),
    (Movie, [{"day": dt.date(2020, 1, 1)}, {"year": 1, "day": dt.date(2020, 1, 1)}]),
    *((dict[key, int], [{value: 1}]) for key, value in KEYS),  # type: ignore[valid-type]
    (Colour, list(Colour)),
    (Rights, [Rights.READ | Rights.WRITE]),
    (Literal[1, "a", None, Colour.RED, True], [1, "a", None, Colour.RED, True]),
    (Rows, [Rows({"a": [1]})]),
    (Box[Box[dt.date]], [Box[Box[dt.date]](held=Box[dt.date](held=dt.date(2020, 1, 1)))]),
    (BadDefaults, [BadDefaults(), BadDefaults(x=1), BadDefaults(x=1, y=[1])]),
    (Annotated[Cat | Dog, Field(discriminator="kind")], [Cat(), Dog(n=3)]),
    (list[Cat | int | None], [[Cat(), 3, None]]),
    (
        Strict,
        [
            Strict(
                day=dt.date(2020, 1, 1),
                row=(1,),
                colour=Colour.RED,
                seen={1},
                id=uuid.UUID(int=1),
                size=1.0,
            )
        ],
    ),
    (Node, [Node(n=1, kids=[Node(n=2, by={"x": Node(n=3)})])]),
    (Extras, [Extras.model_validate({"z": "2020-01-01"})]),
    (Any, [None, 1, "a", [1, {"a": 2}], 1.5]),
    (int | str, [1, "1"]),
    (bool | int, [True, 1]),
    (dt.date | str, [dt.date(2020, 1, 1), "x"]),
    (float, [1.0, 1e300, -0.0, 5e-324]),
    (int, [10**40, -5]),
    (Annotated[float, Field(multiple_of=0.1)], [0.3]),
    (pathlib.Path, [pathlib.Path("/a/b")]),
    (complex, [1 + 2j]),
    (Fraction, [Fraction(1, 3)]),
    (p.ByteSize, [p.ByteSize(1000)]),
    (p.HttpUrl, [p.HttpUrl("http://a.b/c?d")]),
    (ipaddress.IPv6Network, [ipaddress.IPv6Network("::/8")]),
]


@pytest.mark.parametrize(("source", "values"), CASES, ids=[str(source)[:60] for source, _ in CASES])
def test_a_value_is_written_as_valid_data_and_read_back_as_itself(
    source: Any, values: list[Any]
) -> None:
    target = target_of(source)
    for value in values:
        data = target.dump(value)
        assert list(target.validator.iter_errors(data)) == []
        text = json.dumps(data)
        for again in (
            validate(target, data),
            validate_json(target, text),
            validate_json(target, text.encode()),
        ):
            assert again == value
            assert type(again) is type(value)


def test_a_users_serializer_writes_where_its_own_validator_reads_nothing_else() -> None:
    target = target_of(Comma)
    value = Comma.model_validate({"both": "1,2", "own": "3,4"})
    assert validate(target, target.dump(value)) == value


def test_a_class_without_equality_is_written_all_the_same() -> None:
    target = target_of(Opaque)
    assert validate(target, target.dump(Opaque(5))).held == 5


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (float, float("nan")),
        (bytes, b"\xff"),
        (dict[int | str, int], {3: 1}),
        (int, "x"),
        ({"type": "number"}, float("inf")),
        ({}, {1}),
    ],
)
def test_what_would_not_be_read_back_is_refused_and_never_written(source: Any, value: Any) -> None:
    with pytest.raises(SchemaError):
        target_of(source).dump(value)


def test_private_attributes_that_are_new_each_time_do_not_count() -> None:
    class Stamped(BaseModel):
        name: str
        _number: int = p.PrivateAttr(default_factory=itertools.count().__next__)

    assert target_of(Stamped).dump(Stamped(name="Ada")) == {"name": "Ada"}


def test_fields_that_nobody_set_are_left_out_if_they_come_back_as_they_were() -> None:
    class Numbered(BaseModel):
        name: str = "Ada"
        number: int = Field(default_factory=itertools.count().__next__)

    class Plain(BaseModel):
        name: str = "Ada"
        age: int | None = None

    assert target_of(Plain).dump(Plain(age=3), set_only=True) == {"age": 3}
    assert target_of(Numbered).dump(Numbered(), set_only=True) == {"name": "Ada", "number": 0}


def test_sets_are_written_in_one_order_in_every_run() -> None:
    script = (
        "from structgen.schema.target import target_of\n"
        "print(target_of(set[str]).dump(set('abcdefgh')))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
