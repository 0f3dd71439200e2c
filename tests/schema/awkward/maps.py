"""Awkward types: maps."""

import uuid
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    StringConstraints,
)

from tests.schema.awkward.common import Cat, Colour, Dog, Inner, Level, Pet, case


class Maps(BaseModel):
    counts: dict[str, int]
    models: dict[str, Inner]
    lists: dict[str, list[int | str]] = {}
    pets: dict[str, Pet] | None = None
    nested: dict[str, dict[str, dict[str, int]]] = {}


class KeyedMaps(BaseModel):
    by_int: dict[int, str] = {}
    by_colour: dict[Colour, int] = {}
    by_level: dict[Level, int] = {}
    by_date: dict[date, Inner] = {}
    by_bool: dict[bool, str] = {}
    by_uuid: dict[uuid.UUID, None] = {}
    by_literal: dict[Literal["a", "b"], int] = {}
    by_pattern: dict[Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")], int] = {}


class BoundedMap(BaseModel):
    few: Annotated[
        dict[Annotated[str, Field(min_length=1)], PositiveInt], Field(min_length=1, max_length=2)
    ]


case(
    "maps",
    Maps,
    Maps(counts={}, models={}),
    Maps(
        counts={"": 0, "a b": -1, "key": 1, "$ref": 2, "é": 3},
        models={"value": Inner(), "i": Inner(x=2, y="y")},
        lists={"l": [1, "1"], "e": []},
        pets={"tom": Cat(kind="cat", name="Tom"), "rex": Dog(kind="dog", name="Rex", tail=True)},
        nested={"a": {"b": {"c": 1}, "d": {}}, "e": {}},
    ),
)
case("map_order", dict[str, int], {}, {"z": 1, "a": 2, "m": 3})
case(
    "keyed_maps",
    KeyedMaps,
    KeyedMaps(),
    KeyedMaps(
        by_int={-1: "a", 0: "b", 10**15: "c"},
        by_colour={Colour.RED: 1, Colour.GREEN: 2},
        by_level={Level.LOW: 1},
        by_date={date(2020, 2, 29): Inner(x=4)},
        by_bool={True: "t", False: "f"},
        by_uuid={uuid.UUID(int=7): None},
        by_literal={"a": 1, "b": 2},
        by_pattern={"ab": 1},
    ),
)
case("bounded_map", BoundedMap, BoundedMap(few={"a": 1}), BoundedMap(few={"a": 1, "b": 2}))
case(
    "map_of_any",
    dict[str, Any],
    {},
    {"a": None, "b": [1, 2.5, "x", {"c": True}], "c": {"d": {"e": []}}},
)
case("optional_map", dict[str, int | None] | None, None, {}, {"a": None, "b": 1})
case(
    "map_of_maps_of_unions",
    dict[str, dict[str, list[Pet | int]]],
    {},
    {"a": {"b": [1, Cat(kind="cat", name="")]}},
)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int


class TypedExtras(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int | Inner]
    id: int = 0


class Forbid(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: int


case(
    "open",
    Open,
    Open(id=1),
    Open.model_validate({"id": 1, "more": "x", "list": [1, None], "o": {"id": {}}}),
)
case(
    "typed_extras",
    TypedExtras,
    TypedExtras(),  # type: ignore[call-arg]
    TypedExtras.model_validate({"id": 1, "n": 2, "m": {"x": 3, "y": None}}),
)
case("forbid", Forbid, Forbid(id=0), Forbid(id=1))
