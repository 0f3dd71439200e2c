"""Names on the wire: what a model is asked for under another name."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from structgen.calibration.learnt import schema_fingerprint
from structgen.errors import ConfigurationError, InvalidOutputError, SchemaError
from structgen.evaluation.run import values_fingerprint
from structgen.schema.code.typescript import to_typescript
from structgen.schema.code.zod import to_zod
from structgen.schema.compiler import compile_schema
from structgen.schema.renamed import renamed
from structgen.schema.subset import SUBSETS
from structgen.schema.target import target_of
from structgen.schema.wire_names import off_wire, on_wire, path_on_wire


def wire(name: Any) -> dict[str, Any]:
    return {"x-wire-name": name}


class Line(BaseModel):
    price: float = Field(json_schema_extra=wire("unit_price_in_eur"))
    taxed: bool | None = Field(None, json_schema_extra=wire("vat_included"))


class Invoice(BaseModel):
    total: float = Field(
        title="Invoice total in EUR", json_schema_extra=wire("invoice_total_in_eur")
    )
    lines: list[Line] = Field([], json_schema_extra=wire("positions"))
    first: Line | None = Field(None, json_schema_extra=wire("first_position"))
    note: str = "none"


ANSWER: dict[str, Any] = {
    "invoice_total_in_eur": 3.0,
    "positions": [{"unit_price_in_eur": 1.0, "vat_included": True}],
    "first_position": {"unit_price_in_eur": 2.0, "vat_included": None},
    "note": None,
}
INVOICE = Invoice(total=3, lines=[Line(price=1, taxed=True)], first=Line(price=2, taxed=None))


@pytest.mark.parametrize("subset", SUBSETS)
def test_every_language_asks_for_the_names_on_the_wire(subset: str) -> None:
    it = compile_schema(Invoice, subset)
    assert list(it.schema["properties"])[:3] == list(ANSWER)[:3]
    encoded: Any = it.encode(INVOICE)
    assert encoded["positions"][0] == ANSWER["positions"][0]
    assert it.read(encoded)[0] == INVOICE
    del encoded["first_position"]
    value, absent = it.read(encoded)
    assert value == INVOICE.model_copy(update={"first": None})
    assert "/first" in absent


def test_a_title_that_says_the_same_is_left_out() -> None:
    total = compile_schema(Invoice, "openai-strict").schema["properties"]["invoice_total_in_eur"]
    assert total == {"type": "number"}


def test_violations_name_the_field_itself() -> None:
    answer = {**ANSWER, "positions": [{"unit_price_in_eur": "much", "vat_included": None}]}
    with pytest.raises(InvalidOutputError) as caught:
        compile_schema(Invoice, "openai-strict").decode(answer)
    assert [one.path for one in caught.value.violations] == ["/lines/0/price"]
    schema = target_of(Invoice).schema
    assert path_on_wire(schema, "/lines/0/price") == "/positions/0/unit_price_in_eur"
    assert path_on_wire(schema, "/note") == "/note"


def test_where_nothing_holds_the_own_name_is_taken_too() -> None:
    it = compile_schema(Invoice, "best-effort")
    assert it.decode({"total": 3, "positions": [{"price": 1, "vat_included": True}]}).lines == [
        Line(price=1, taxed=True)
    ]


def test_a_field_under_both_names_has_one_value() -> None:
    it = compile_schema(Invoice, "best-effort")
    assert it.decode({"total": 3, "invoice_total_in_eur": 3}).total == 3
    with pytest.raises(InvalidOutputError) as caught:
        it.decode({"total": 3, "invoice_total_in_eur": 4})
    assert caught.value.violations[0].path == "/total"


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"a": wire("same"), "b": wire("same")}, "'b' is 'same', and so is that of 'a'"),
        ({"a": wire("b"), "b": {}}, "'b', which is the own name of another field"),
        ({"a": wire("b"), "b": wire("c")}, "own name of another field"),
        ({"a": wire("")}, "not empty"),
        ({"a": wire(5)}, "is 5"),
        ({"a": wire(None)}, "not empty"),
        ({"a": wire("late")}, "own name of another field"),
    ],
)
def test_a_clash_is_an_error(properties: dict[str, Any], said: str) -> None:
    schema = {"type": "object", "properties": properties, "required": ["late"]}
    with pytest.raises(SchemaError, match=said) as caught:
        compile_schema(schema, "openai-strict")
    assert caught.value.keyword == "x-wire-name"
    assert str(caught.value.path).startswith("/properties/")


def test_a_name_on_the_wire_may_be_the_own_one() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer", **wire("a")}}}
    it = compile_schema(schema, "vllm")
    assert it.decode({"a": 1}) == {"a": 1}
    assert not it.renames


def test_further_members_cannot_have_a_name_that_a_field_has_on_the_wire() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        a: int = Field(json_schema_extra=wire("alpha"))

    it = compile_schema(Open, "vllm")
    assert it.decode({"alpha": 1, "more": 2}) == Open.model_validate({"a": 1, "more": 2})
    with pytest.raises(SchemaError, match="has that name on the wire"):
        it.encode(Open.model_validate({"a": 1, "alpha": 2}))
    entries = compile_schema(Open, "openai-strict")  # these stand apart
    value = Open.model_validate({"a": 1, "alpha": 2})
    assert entries.decode(entries.encode(value)) == value


def test_words_about_members_name_them_as_they_are_asked_for() -> None:
    schema = {
        "type": "object",
        "properties": {"a": wire("alpha"), "b": wire("beta")},
        "dependentRequired": {"a": ["b"]},
    }
    assert "With alpha, also beta" in compile_schema(schema, "openai-strict").schema["description"]


# ---- names that a call gives ------------------------------------------------------------------


def test_names_of_a_call_go_before_those_of_the_schema() -> None:
    target = target_of(Invoice)
    other = renamed(target, {"/total": "sum", "/lines/*/price": "each"})
    it = compile_schema(other, "openai-strict")
    assert list(it.schema["properties"])[:2] == ["sum", "positions"]
    assert it.decode(it.encode(INVOICE)) == INVOICE
    assert renamed(target, {"/total": "sum", "/lines/*/price": "each"}) is other
    assert renamed(other, {}) is target
    own = compile_schema(renamed(target, {"/total": "total"}), "openai-strict")
    assert "total" in own.schema["properties"]


def test_a_definition_has_its_names_wherever_it_is_used() -> None:
    it = compile_schema(renamed(target_of(Invoice), {"/first/price": "each"}), "openai-strict")
    assert "each" in it.schema["$defs"]["Line"]["properties"]
    with pytest.raises(ConfigurationError, match="another name"):
        renamed(target_of(Invoice), {"/first/price": "each", "/lines/*/price": "one"})


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        ({"/totl": "x"}, "Did you mean '/total'?"),
        ({"/lines/*/prise": "x"}, "Did you mean '/lines/*/price'?"),
        ({"total": "x"}, "Did you mean '/total'?"),
        ({"": "x"}, "Give a JSON Pointer"),
        ({"/lines/*": "x"}, "Give a JSON Pointer"),
    ],
)
def test_a_name_for_no_field_is_an_error(names: dict[str, str], hint: str) -> None:
    with pytest.raises(ConfigurationError, match="has no place") as caught:
        renamed(target_of(Invoice), names)
    assert hint in str(caught.value.hint)


def test_names_of_a_call_that_clash_are_an_error() -> None:
    with pytest.raises(SchemaError, match="own name of another field"):
        renamed(target_of(Invoice), {"/total": "note"})


# ---- where own names stay ---------------------------------------------------------------------


def test_names_on_the_wire_are_no_part_of_a_fingerprint_or_of_code() -> None:
    class Plain(BaseModel):
        total: float
        x: int = 0

    class Named(BaseModel):
        total: float = Field(json_schema_extra=wire("x-wire-name"))
        x: int = Field(0, json_schema_extra=wire("ex"))

    plain, named = target_of(Plain), target_of(Named)
    named.schema["title"] = plain.schema["title"]
    assert schema_fingerprint(plain.schema) == schema_fingerprint(named.schema)
    assert values_fingerprint(plain) == values_fingerprint(named)
    for written in (to_typescript(named), to_zod(named)):
        assert "total" in written
        assert "wire" not in written


def test_data_is_renamed_there_and_back() -> None:
    schema = target_of(Invoice).schema
    data = {"total": 3, "lines": [{"price": 1}], "more": {"total": 1}}
    there = on_wire(schema, data)
    assert there == {
        "invoice_total_in_eur": 3,
        "positions": [{"unit_price_in_eur": 1}],
        "more": {"total": 1},
    }
    assert off_wire(schema, there) == data
