"""A portion asks about some fields of a value, and its answer changes these fields alone."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from structgen.schema.check import validate
from structgen.schema.compiler import compile_schema
from structgen.schema.json import leaves_of, pointer
from structgen.schema.portion import Portion, portion
from structgen.schema.target import target_of
from structgen.values import Json
from tests.extraction.perfect import asked_fields, part_of
from tests.schema.awkward import CASES, Case


def leaves(data: Json) -> dict[str, Json]:
    return {pointer(path): value for path, value in leaves_of(data)}


def subsets(places: list[str]) -> list[list[str]]:
    """Each place alone, every other one, and all."""
    return [*([place] for place in places[:8]), places[::2], places[1::2], places]


def holds(part: Portion, place: str) -> bool:
    return any(f"{place}/".startswith(f"{field}/") for field in part.fields)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_right_answer_about_any_places_gives_the_value_again(case: Case) -> None:
    target = target_of(case.type)
    for value in case.values:
        data = target.dump(value)
        for places in subsets(list(leaves(data))):
            part = portion(target, data, places)
            if part is None:
                continue
            assert all(holds(part, place) for place in places)
            answer = part_of(part.target.schema, data)
            assert part.merged(data, answer) == data
            assert validate(part.target, answer) == answer
            assert compile_schema(part.target, "llguidance").schema


class Line(BaseModel):
    name: str
    price: float | None = None
    tags: list[str] = []


class Card(BaseModel):
    kind: Literal["card"]
    number: str


class Cash(BaseModel):
    kind: Literal["cash"]
    paid: float


class Person(BaseModel):
    name: str
    friend: Person | None = None


class Address(BaseModel):
    city: str
    street: str | None = None


class Order(BaseModel):
    number: str
    buyer: Person
    address: Address | None = None
    lines: list[Line] = []
    payment: Annotated[Card | Cash, Field(discriminator="kind")] | None = None
    totals: dict[str, float] = {}


ORDER: dict[str, Json] = {
    "number": "A-17",
    "buyer": {"name": "Ada", "friend": {"name": "Bo", "friend": None}},
    "address": {"city": "Ulm", "street": None},
    "lines": [
        {"name": "tea", "price": 3.5, "tags": ["green"]},
        {"name": "coffee", "price": 4.25, "tags": ["dark", "whole"]},
    ],
    "payment": {"kind": "cash", "paid": 7.75},
    "totals": {"net": 7.0, "tax": 0.75},
}


@pytest.mark.parametrize(
    ("places", "fields"),
    [
        (["/number"], ["/number"]),
        (["/address/city", "/address/street"], ["/address/city", "/address/street"]),
        (["/buyer/name"], ["/buyer/name"]),
        (["/lines/1/price"], ["/lines/1/price"]),
        (["/lines/1/price", "/lines/0/name"], ["/lines/1/price", "/lines/0/name"]),
        # A list of scalars is one field; its item is still told by its name.
        (["/lines/1/tags/0"], ["/lines/1/tags"]),
        # An item that nothing tells from the others is asked about with its list.
        (["/lines/1/name", "/lines/1/price", "/lines/1/tags"], ["/lines"]),
        (["/lines/1"], ["/lines"]),
        (["/lines/7/price"], ["/lines"]),
        # What cannot be split is asked about whole, with what is in it.
        (["/payment/paid"], ["/payment"]),
        (["/totals/tax"], ["/totals"]),
        (["/buyer/friend/name"], ["/buyer/friend"]),
        (["/lines", "/lines/0/price"], ["/lines"]),
    ],
)
def test_a_place_is_widened_to_the_nearest_field_that_can_be_asked_about(
    places: list[str], fields: list[str]
) -> None:
    part = portion(target_of(Order), ORDER, places)
    assert part is not None
    assert sorted(part.fields) == sorted(fields)
    assert asked_fields(part.target.schema) >= set(fields)


@pytest.mark.parametrize("places", [[""], ["/undeclared"], list(leaves(ORDER))])
def test_some_places_need_the_whole_record(places: list[str]) -> None:
    assert portion(target_of(Order), ORDER, places) is None


def test_a_list_at_the_root_is_asked_about_by_items() -> None:
    data = ORDER["lines"]
    part = portion(target_of(list[Line]), data, ["/1/price"])
    assert part is not None
    assert part.fields == ("/1/price",)
    assert list(part.target.schema["properties"]) == ["item_2"]
    assert part.place("/item_2/price") == "/1/price"
    assert portion(target_of(list[Line]), data, ["/1"]) is None
    assert portion(target_of(list[str]), ["a", "b"], ["/0"]) is None


def test_the_settled_part_is_shown_under_the_names_of_the_question() -> None:
    part = portion(target_of(Order), ORDER, ["/number", "/lines/1/price"])
    assert part is not None
    settled: Any = part.settled(ORDER, target_of(Order).schema)
    assert "number" not in settled
    assert settled["lines"]["item_1"] == {"name": "tea", "price": 3.5, "tags": ["green"]}
    assert settled["lines"]["item_2"] == {"name": "coffee", "tags": ["dark", "whole"]}


def test_places_in_the_schema_are_those_of_the_whole() -> None:
    part = portion(target_of(Order), ORDER, ["/lines/1/price", "/address/city"])
    assert part is not None
    inside = "/properties/lines/properties/item_2/properties/price"
    assert part.place_in_schema(f"{inside}/minimum") == (
        "/properties/lines/items/properties/price/minimum"
    )
    city = "/properties/address/properties/city"
    assert part.place_in_schema(city) == city
    assert part.place_in_schema("/$defs/Line/pattern") == "/$defs/Line/pattern"


def test_a_field_that_the_answer_leaves_out_is_left_out() -> None:
    part = portion(target_of(Order), ORDER, ["/address/street", "/lines/0/price"])
    assert part is not None
    merged: Any = part.merged(ORDER, {"address": {}, "lines": {"item_1": {"price": 1}}})
    assert merged["address"] == {"city": "Ulm"}
    assert merged["lines"][0]["price"] == 1
    assert merged["lines"][1] == ORDER["lines"][1]


@given(st.lists(st.sampled_from(sorted(leaves(ORDER))), min_size=1, unique=True), st.integers())
def test_no_answer_changes_what_was_not_asked_about(places: list[str], noise: int) -> None:
    part = portion(target_of(Order), ORDER, places)
    if part is None:
        return

    def noisy(schema: Any) -> Json:
        if "properties" not in schema or "$ref" in schema:
            return noise
        return {name: noisy(inner) for name, inner in schema["properties"].items()}

    merged = leaves(part.merged(ORDER, noisy(part.target.schema)))
    for place, value in leaves(ORDER).items():
        if not part.holds(place):
            assert merged[place] == value


@given(st.lists(st.sampled_from(sorted(leaves(ORDER))), min_size=2, unique=True))
def test_without_some_places_the_others_are_left(places: list[str]) -> None:
    part = portion(target_of(Order), ORDER, places)
    if part is None:
        return
    left = part.without(places[:1])
    if left is not None:
        assert set(left.fields) < set(part.fields)
        assert not left.holds(places[0])
        answer = part_of(part.target.schema, ORDER)
        assert left.merged(ORDER, answer) == ORDER
