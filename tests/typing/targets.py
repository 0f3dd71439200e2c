"""What type checkers infer for targets; tests/schema/test_typing.py runs them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel
from typing_extensions import TypedDict, assert_type

from structgen import validate
from structgen.schema import Target, target_of, validate_json


class Person(BaseModel):
    name: str


@dataclass
class Point:
    x: int


class Movie(TypedDict):
    title: str


class Colour(Enum):
    RED = "red"


assert_type(target_of(Person), Target[Person])
assert_type(target_of(Point), Target[Point])
assert_type(target_of(Movie), Target[Movie])
assert_type(target_of(Colour), Target[Colour])
assert_type(target_of(int), Target[int])
assert_type(target_of(list[Person]), Target[list[Person]])
assert_type(target_of(dict[str, int]), Target[dict[str, int]])
assert_type(target_of(tuple[int, str]), Target[tuple[int, str]])
assert_type(target_of(Person | Point), Target[Person | Point])
assert_type(target_of(int | None), Target[int | None])
assert_type(target_of(Literal["a", "b"]), Target[Literal["a", "b"]])
assert_type(target_of({"type": "string"}), Target[Any])
assert_type(target_of(target_of(Person)), Target[Person])
assert_type(validate(target_of(Person), {"name": "Ada"}), Person)
assert_type(validate_json(target_of(list[int]), "[1]"), list[int])
target_of(Person).dump(3)  # type: ignore[arg-type]
