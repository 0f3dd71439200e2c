"""Each leaf has a kind: by its schema, by where it is, and by what the document holds."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel

from structgen.calibration.kinds import kinds_of
from structgen.schema.target import target_of


class Area(Enum):
    NORTH = "north"
    SOUTH = "south"


class Line(BaseModel):
    name: str
    price: float


class Order(BaseModel):
    area: Area
    size: Literal["S", "M"] | None
    paid: bool
    on: date
    name: str | None
    street: str | None
    town: str | None
    count: int | float
    lines: list[Line]
    notes: list[str]


TEXT = "Ada  Lovelace orders 1,250 pens and TEA on the first of May, to the North."


def kinds(**changed: Any) -> dict[str, str]:
    value = {
        "area": "north",
        "size": None,
        "paid": True,
        "on": "2024-05-01",
        "name": "ada lovelace",
        "street": "Rome",
        "town": "Rome",
        "count": 1250,
        "lines": [{"name": "tea", "price": 7}],
        "notes": [],
        **changed,
    }
    return kinds_of(target_of(Order).schema, value, TEXT, absent={"/size"})


def test_kinds_follow_the_schema_and_the_document() -> None:
    assert kinds() == {
        "/area": "closed",
        "/size": "null",
        "/paid": "closed",
        "/on": "date",
        "/name": "text",
        "/street": "text, not in the document",
        "/town": "text, not in the document",
        "/count": "number",
        "/lines/0/name": "item",
        "/lines/0/price": "item, not in the document",
        "/notes": "null",
    }


def test_what_is_said_twice_is_a_kind_of_its_own() -> None:
    found = kinds(street="pens", town="pens")
    assert found["/street"] == found["/town"] == "text, in another field, too"


def test_a_default_that_the_model_left_out_is_a_null() -> None:
    found = kinds_of(target_of(Order).schema, {"name": "Ada"}, TEXT, absent={"/name"})
    assert found == {"/name": "null"}


def test_any_value_has_kinds() -> None:
    assert kinds_of({}, "Ada", "Ada") == {"": "text"}
    assert kinds_of({}, {}, "") == {"": "null"}
    assert kinds_of({"type": "integer"}, 3, "none") == {"": "number, not in the document"}


def test_a_deep_value_has_kinds() -> None:
    value: Any = "Ada"
    for _ in range(5000):
        value = [value]
    assert kinds_of({}, value, "Ada") == {"/0" * 5000: "item"}
