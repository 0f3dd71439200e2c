"""Awkward types: behaviour."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pydantic
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    computed_field,
    field_serializer,
    field_validator,
    model_validator,
)

from tests.schema.awkward.common import Cat, Colour, Inner, case


class Checked(BaseModel):
    low: int
    high: int
    code: str = "a"

    @field_validator("code")
    @classmethod
    def lower(cls, value: str) -> str:
        return value.lower()

    @model_validator(mode="after")
    def ordered(self) -> "Checked":
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Computed(BaseModel):
    width: float
    height: float

    @computed_field  # type: ignore[prop-decorator]
    @property
    def area(self) -> float:
        return self.width * self.height


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    day: date
    pair: tuple[int, float] = (1, 1.0)
    colours: set[Colour] = set()
    id: uuid.UUID = uuid.UUID(int=1)
    price: Decimal = Decimal("1.0")


class Private(BaseModel):
    shown: int
    hidden: int = Field(default=3, exclude=True)
    _cache: dict[str, int] = PrivateAttr(default_factory=dict)


class OwnSerializer(BaseModel):
    day: date

    @field_serializer("day")
    def german(self, value: date) -> str:
        return value.strftime("%d.%m.%Y")


class Documented(BaseModel):
    """A model
    with a docstring of several lines."""

    model_config = ConfigDict(
        title="A Title: with, punctuation!",
        json_schema_extra={"examples": [{"a": 1}], "x-own": True},
    )
    a: int = Field(
        default=1,
        title="A",
        description='What "a" is',
        examples=[1, 2],
        json_schema_extra={"x-unit": "kg"},
    )
    b: Inner = Field(default=Inner(), description="described reference", deprecated=True)
    c: Cat | None = Field(default=None, title="The cat", examples=[{"kind": "cat", "name": "x"}])


class Base(BaseModel):
    id: int
    name: str = "base"


class Derived(Base):
    name: Literal["derived"] = "derived"
    extra: Base | None = None


def deep(levels: int) -> Any:
    """A model of so many levels, each a model of its own."""
    model: Any = Inner
    for level in range(levels - 1, 0, -1):
        model = pydantic.create_model(f"Level{level}", down=(model, ...), note=(str | None, None))
    return model


def deep_value(levels: int) -> dict[str, Any]:
    return {"down": deep_value(levels - 1), "note": f"{levels}"} if levels > 1 else {"x": 7}


Deep = deep(12)
FIELDS: dict[str, Any] = {f"field_{i}": (int | None, None) for i in range(60)}
Wide = pydantic.create_model("Wide", **FIELDS)

case("validators", Checked, Checked(low=0, high=0), Checked(low=1, high=2, code="xyz"))
case("computed", Computed, Computed(width=0, height=0), Computed(width=1.5, height=2))
case(
    "strict_config",
    Strict,
    Strict(day=date(2020, 1, 1)),
    Strict(
        day=date.max, pair=(2, 0.5), colours={Colour.RED}, id=uuid.UUID(int=2), price=Decimal("-3")
    ),
)
case("private", Private, Private(shown=1), Private(shown=2, hidden=3))
case(
    "own_serializer",
    OwnSerializer,
    OwnSerializer(day=date(2020, 1, 2)),
    OwnSerializer(day=date.min),
)
case(
    "documented",
    Documented,
    Documented(),
    Documented(a=2, b=Inner(x=3), c=Cat(kind="cat", name="c")),
)
case("inherited", Derived, Derived(id=1), Derived(id=2, extra=Base(id=3, name="b")))
case("deep_12", Deep, Deep.model_validate(deep_value(12)), Deep.model_validate(deep_value(12)))
case("wide_60", Wide, Wide(), Wide(**{f"field_{i}": i for i in range(0, 60, 2)}))
