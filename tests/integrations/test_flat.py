"""Every target has a flat form that elicitation allows, and every value comes back from it."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp_types._v2025_11_25 import PrimitiveSchemaDefinition
from pydantic import BaseModel, TypeAdapter

from structgen.errors import InvalidOutputError
from structgen.integrations.flat import FlatForm
from tests.laws.leaves import Typed
from tests.laws.same import same
from tests.laws.strategies import types

ALLOWED: TypeAdapter[Any] = TypeAdapter(PrimitiveSchemaDefinition)
"""The official models of what a field of an elicitation may be."""


class Address(BaseModel):
    city: str
    zip_code: str | None = None


class Geo(BaseModel):
    lat: float | None
    lon: float | None = None


class Item(BaseModel):
    name: str


class Customer(BaseModel):
    name: str
    kind: Literal["private", "business"]
    address: Address
    billing: Address | None = None
    geo: Geo
    items: list[Item] = []


@settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_every_value_of_every_target_comes_back_from_its_flat_form(data: st.DataObject) -> None:
    typed: Typed = data.draw(types())
    form: FlatForm[Any] = FlatForm(typed.type)
    assert form.schema["type"] == "object"
    for schema in form.schema["properties"].values():
        ALLOWED.validate_python(schema)
    value = data.draw(typed.values)
    content = form.content(value)
    assert content.keys() <= form.schema["properties"].keys()
    assert content.keys() >= set(form.schema["required"])
    assert all(isinstance(one, str | int | float | bool) for one in content.values())
    assert same(form.value(content), value)


def test_what_is_nested_is_lifted_under_its_path() -> None:
    form = FlatForm[Customer](Customer)
    assert list(form.schema["properties"]) == [
        "name",
        "kind",
        "address.city",
        "address.zip_code",
        "billing.city",
        "billing.zip_code",
        "geo.lat",
        "geo.lon",
        "items",
    ]
    assert form.schema["required"] == ["name", "kind", "address.city"]
    assert form.schema["properties"]["kind"]["enum"] == ["private", "business"]


def test_an_optional_record_is_there_if_one_of_its_fields_is() -> None:
    form = FlatForm[Customer](Customer)
    least = {"name": "Ada", "kind": "private", "address.city": "London"}
    assert form.value(least) == Customer(
        name="Ada", kind="private", address=Address(city="London"), geo=Geo(lat=None)
    )
    billed = form.value({**least, "billing.city": "Paris", "items": '[{"name": "pen"}]'})
    assert billed.billing == Address(city="Paris")
    assert billed.items == [Item(name="pen")]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ({"name": "Ada", "kind": "other", "address.city": "x"}, "/kind"),
        ({"name": "Ada", "kind": "private"}, "/address/city"),
        ({"name": "A", "kind": "private", "address.city": "x", "items": "["}, "/items"),
    ],
)
def test_a_wrong_field_is_named(content: dict[str, Any], wrong: str) -> None:
    with pytest.raises(InvalidOutputError) as caught:
        FlatForm[Customer](Customer).value(content)
    assert wrong in [one.path for one in caught.value.violations]
