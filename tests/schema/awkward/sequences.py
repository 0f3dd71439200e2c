"""Awkward types: lists, tuples, sets."""

from datetime import date
from typing import Annotated, NamedTuple

from pydantic import (
    BaseModel,
    Field,
)

from tests.schema.awkward.common import Cat, Colour, Inner, case


class Point(NamedTuple):
    x: int
    y: int = 0
    label: str | None = None


class Tuples(BaseModel):
    pair: tuple[int, str]
    rest: tuple[float, ...] = ()
    models: tuple[Inner, Cat] | None = None
    nested: tuple[tuple[int, int], tuple[()]] = ((0, 0), ())
    single: tuple[bool] = (True,)
    point: Point = Point(1)


class Sets(BaseModel):
    names: set[str]
    colours: set[Colour] = set()
    frozen: frozenset[int] = frozenset()
    pairs: set[tuple[int, str]] = set()
    dates: frozenset[date] | None = None


class Lists(BaseModel):
    bare: list = []  # type: ignore[type-arg]
    grid: list[list[int]] = []
    bounded: Annotated[list[str], Field(min_length=1, max_length=3)] = ["a"]
    maybe: list[int | None] = []
    optional: list[int] | None = None


case(
    "tuples",
    Tuples,
    Tuples(pair=(0, "")),
    Tuples(
        pair=(1, "a"),
        rest=(1.5, 2.0),
        models=(Inner(x=2), Cat(kind="cat", name="T", lives=1)),
        nested=((1, 2), ()),
        single=(False,),
        point=Point(3, 4, "p"),
    ),
)
case("root_tuple", tuple[int, str, Inner], (1, "a", Inner()), (0, "", Inner(x=2, y="y")))
case("named_tuple", Point, Point(1), Point(1, 2, "x"))
case(
    "sets",
    Sets,
    Sets(names=set()),
    Sets(
        names={"a", "b", ""},
        colours={Colour.RED},
        frozen=frozenset({1, 2}),
        pairs={(1, "a"), (1, "b")},
        dates=frozenset({date.min}),
    ),
)
case(
    "lists",
    Lists,
    Lists(),
    Lists(
        bare=[1, "a", None, [2], {"k": 0.5}],
        grid=[[], [1, 2]],
        bounded=["x", "y", "z"],
        maybe=[None, 1],
        optional=[],
    ),
)
case("root_list", list[Inner], [], [Inner(), Inner(x=3, y="q")])
case("root_set_of_enums", set[Colour], set(), {Colour.RED, Colour.GREEN})
case("bounded_set", Annotated[set[int], Field(min_length=1, max_length=3)], {1}, {1, 2, 3})
case("tuple_of_lists", tuple[list[int], dict[str, tuple[int, int]]], ([], {}), ([1], {"a": (1, 2)}))
