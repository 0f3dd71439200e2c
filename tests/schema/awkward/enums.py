"""Awkward types: literals and enums."""

import enum
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
)

from tests.schema.awkward.common import Colour, Flag, Level, Mixed, case


class Literals(BaseModel):
    one: Literal["only"]
    number: Literal[1, 2, 3] = 1
    mixed: Literal["a", 1, None, False] = "a"
    colour: Colour = Colour.RED
    level: Level = Level.LOW
    strange: Mixed = Mixed.ONE
    member: Literal[Flag.ON] = Flag.ON
    fixed: Literal["v1"] = "v1"


class RawEnums(BaseModel):
    model_config = ConfigDict(use_enum_values=True, validate_default=True)
    colour: Colour
    level: Level = Level.LOW


Big = enum.Enum("Big", {f"V{i}": f"value {i}" for i in range(1100)})  # type: ignore[misc]


class BigEnum(BaseModel):
    pick: Big


case(
    "literals",
    Literals,
    Literals(one="only"),
    Literals(
        one="only", number=3, mixed=None, colour=Colour.GREEN, level=Level.HIGH, strange=Mixed.HALF
    ),
)
case("mixed_literals", list[Literal["a", 1, None, False]], ["a", 1, None, False], [])
case("mixed_enum", list[Mixed], list(Mixed), [])
case(
    "raw_enums",
    RawEnums,
    RawEnums(colour=Colour.RED),
    RawEnums(colour=Colour.GREEN, level=Level.HIGH),
)
case("enum_1100", BigEnum, BigEnum(pick=Big["V0"]), BigEnum(pick=Big["V1099"]))
case("root_enum", Colour, Colour.RED, Colour.GREEN)
case("root_literal", Literal["yes", "no"], "yes", "no")
