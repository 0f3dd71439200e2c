"""Awkward types: generics, roots, other containers."""

from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeVar, Union

import pydantic
from pydantic import (
    BaseModel,
    Field,
    RootModel,
)
from typing_extensions import NotRequired, TypedDict

from tests.schema.awkward.common import Company, Inner, Person, case

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Box(BaseModel, Generic[T]):
    content: T
    label: str | None = None


class Both(BaseModel, Generic[K, V]):
    pairs: dict[K, Box[V]]


class Ints(RootModel[list[int]]):
    pass


class Wrapped(RootModel[dict[str, Ints]]):
    pass


class Either(RootModel[Union[Person, list[Company], int]]):
    pass


@dataclass
class Plain:
    x: int
    y: list[str] = field(default_factory=list)
    z: "Plain | None" = None


@pydantic.dataclasses.dataclass(kw_only=True, frozen=True)
class Frozen:
    name: Annotated[str, Field(min_length=1)]
    tags: tuple[str, ...] = ()
    inner: Inner | None = None


class Movie(TypedDict):
    title: str
    year: NotRequired[int | None]
    cast: NotRequired[dict[str, str]]


class Partial(TypedDict, total=False):
    a: int
    b: str | None


class HoldsMovie(BaseModel):
    movie: Movie
    partial: Partial = {}
    plain: Plain | None = None


case("generic", Box[int], Box[int](content=1), Box[int](content=0, label="l"))
case(
    "generic_nested",
    Box[dict[str, list[Box[str | None]]]],
    *(
        Box[dict[str, list[Box[str | None]]]](content=c)
        for c in (
            {},
            {"a": [Box[str | None](content=None, label="x"), Box[str | None](content="")]},
        )
    ),
)
case(
    "generic_two",
    Both[int, Person],
    Both[int, Person](pairs={}),
    Both[int, Person](pairs={3: Box[Person](content=Person(name="", born=0))}),
)
case("root_model", Ints, Ints([]), Ints([1, 2]))
case("root_model_nested", Wrapped, Wrapped({}), Wrapped({"a": Ints([]), "b": Ints([1])}))
case(
    "root_model_union",
    Either,
    Either(1),
    Either([Company(name="c", founded=1)]),
    Either(Person(name="p", born=2)),
)
case("dataclass", Plain, Plain(1), Plain(0, ["a"], Plain(2, z=Plain(3))))
case(
    "pydantic_dataclass", Frozen, Frozen(name="n"), Frozen(name="n", tags=("a", "b"), inner=Inner())
)
case(
    "typed_dict",
    Movie,
    {"title": ""},
    {"title": "t", "year": None},
    {"title": "t", "year": 1, "cast": {"a": "b"}},
)
case("typed_dict_partial", Partial, {}, {"a": 1}, {"b": None}, {"a": 0, "b": "b"})
case(
    "typed_dict_inside",
    HoldsMovie,
    HoldsMovie(movie={"title": "t"}),
    HoldsMovie(movie={"title": "", "year": None}, partial={"b": "x"}, plain=Plain(1, ["y"])),
)
