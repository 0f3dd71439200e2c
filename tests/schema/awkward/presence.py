"""Awkward types: presence, null and defaults."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from tests.schema.awkward.common import Inner, case


class Empty(BaseModel):
    pass


class Flat(BaseModel):
    name: str
    age: int
    height: float
    member: bool


class OptionalNone(BaseModel):
    nick: str | None = None
    age: int | None = None


class OptionalRequired(BaseModel):
    nick: str | None


class ThreeStates(BaseModel):
    """Null is a value here, and so is the default."""

    limit: int | None = 10
    label: str | None = "none"
    tags: list[str] | None = Field(default_factory=lambda: ["a"])


class NestedDefaults(BaseModel):
    inner: Inner = Inner()
    maybe: Inner | None = Field(default=None, description="An inner, if there is one")
    other: Inner | None = Inner(x=5, y="z")


class NonNullDefaults(BaseModel):
    unit: str = "kg"
    count: int = 0
    ratio: float = 0.5
    flag: bool = True
    empty: str = ""
    when: date = date(2020, 1, 1)
    price: Decimal = Decimal("9.90")
    parts: list[int] = [1, 2]
    table: dict[str, int] = {"a": 1}
    made: list[str] = Field(default_factory=list)


class DefaultUnionNull(BaseModel):
    """A default in a union with null and an object that looks like its wrapper."""

    value: int | str | None = "auto"
    nothing: None = None


class ValidatedDefault(BaseModel):
    model_config = ConfigDict(validate_default=True)
    code: Annotated[str, StringConstraints(to_lower=True)] = "abc"


class FactoryFromData(BaseModel):
    a: int
    b: list[int] = Field(default_factory=lambda data: [data["a"]])


case("empty", Empty, Empty(), Empty())
case(
    "flat",
    Flat,
    Flat(name="", age=0, height=0.0, member=False),
    Flat(name='Ada 🐍\n"\\/', age=-(2**53), height=1e-9, member=True),
)
case(
    "optional_none",
    OptionalNone,
    OptionalNone(),
    OptionalNone(nick="", age=0),
    OptionalNone(nick="null"),
)
case("optional_required", OptionalRequired, OptionalRequired(nick=None), OptionalRequired(nick="x"))
case(
    "three_states",
    ThreeStates,
    ThreeStates(),
    ThreeStates(limit=None, label=None, tags=None),
    ThreeStates(limit=0, label="", tags=[]),
    ThreeStates(limit=10, label="none", tags=["a"]),
)
case(
    "nested_defaults",
    NestedDefaults,
    NestedDefaults(),
    NestedDefaults(inner=Inner(x=2, y="y"), maybe=Inner(), other=None),
    NestedDefaults(maybe=Inner(x=0, y=""), other=Inner()),
)
case(
    "non_null_defaults",
    NonNullDefaults,
    NonNullDefaults(),
    NonNullDefaults(
        unit="",
        count=7,
        ratio=0.0,
        flag=False,
        empty="x",
        when=date.max,
        price=Decimal(0),
        parts=[],
        table={},
        made=["m"],
    ),
)
case(
    "default_union_null",
    DefaultUnionNull,
    DefaultUnionNull(),
    *(DefaultUnionNull(value=v) for v in (None, 0, "", "auto", 3)),
)
case("validated_default", ValidatedDefault, ValidatedDefault(), ValidatedDefault(code="xyz"))
case(
    "factory_from_data",
    FactoryFromData,
    FactoryFromData(a=1),
    FactoryFromData(a=1, b=[]),
    FactoryFromData(a=2, b=[1, 2]),
)
