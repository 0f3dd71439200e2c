"""What a case is, and the models that several of them share."""

import enum
from typing import Annotated, Any, Literal, NamedTuple, Union

from pydantic import (
    BaseModel,
    Field,
)


class Case(NamedTuple):
    """A type and some of its values."""

    name: str
    type: Any
    values: tuple[Any, ...]


CASES: list[Case] = []


def case(name: str, type: Any, *values: Any) -> None:
    CASES.append(Case(name, type, values))


class Inner(BaseModel):
    x: int = 1
    y: str | None = None


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Flag(str, enum.Enum):
    ON = "on"
    OFF = "off"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    ONE = 1
    TWO = "2"
    HALF = 0.5
    YES = True
    NOTHING = None


class Cat(BaseModel):
    kind: Literal["cat"]
    name: str
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str
    tail: bool | None = None


Pet = Annotated[Union[Cat, Dog], Field(discriminator="kind")]


class Person(BaseModel):
    name: str
    born: int


class Company(BaseModel):
    name: str
    founded: int
    staff: list[Person] = []
