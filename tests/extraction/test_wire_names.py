"""Names on the wire through calls of every kind: the model sees them, and nobody else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from structgen import Client, Form
from structgen.calibration.learnt import schema_fingerprint
from structgen.errors import ConfigurationError
from structgen.extraction.tuned import Tuned, save_tuned
from structgen.schema.target import target_of
from structgen.testing.scripted import ScriptedModel, ScriptedTransport, completion
from structgen.values import Answer
from tests.sent import sent

from .perfect import Perfect
from .test_extraction import hosted


def wire(name: str) -> Any:
    return {"x-wire-name": name}


class Line(BaseModel):
    name: str
    price: float | None = Field(None, json_schema_extra=wire("unit_price_in_eur"))


class Order(BaseModel):
    number: str = Field(json_schema_extra=wire("order_number"))
    paid: bool = Field(json_schema_extra=wire("is_paid"))
    buyer: str | None = None
    lines: list[Line] = Field([], json_schema_extra=wire("positions"))


DOCUMENT = "Order A-17 for Ada Ltd: tea 3.5, coffee 4.25. Paid."
WIRE: dict[str, Any] = {
    "order_number": "A-17",
    "is_paid": True,
    "buyer": "Ada Ltd",
    "positions": [
        {"name": "tea", "unit_price_in_eur": 3.5},
        {"name": "coffee", "unit_price_in_eur": 4.25},
    ],
}
ORDER = Order(
    number="A-17",
    paid=True,
    buyer="Ada Ltd",
    lines=[Line(name="tea", price=3.5), Line(name="coffee", price=4.25)],
)
MODES = ["strict", "best-effort", "tool", "json-object", "prompt"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_asks_for_them_and_gives_the_fields(mode: Any) -> None:
    text = json.dumps(WIRE)
    call = {"id": "1", "type": "function", "function": {"name": "Order", "arguments": text}}
    reply = completion(None, finish_reason="tool_calls", tool_calls=[call])
    client = hosted([reply if mode == "tool" else completion(text)], mode=mode)
    result = client.extract_result(Order, DOCUMENT, examples=[("Order A-17.", ORDER)])
    assert result.value == ORDER
    said = sent(client)[0].body.decode()
    for name in ("order_number", "is_paid", "unit_price_in_eur"):
        assert said.count(name) >= 3  # in the schema, the prompt and the example
    assert not any(f'"{name}' in said for name in ("paid", "lines", "price"))


def test_facts_about_values_have_the_paths_of_the_fields() -> None:
    text = json.dumps(WIRE)
    tokens = tuple((character, -0.1) for character in text)
    model = ScriptedModel(Answer(text=text, finish_reason="stop", logprobs=tokens))
    result = Client(model).extract_result(Order, DOCUMENT, evidence="all", logprobs=True)
    leaves = {"/number", "/paid", "/buyer", "/lines/0/name", "/lines/0/price"}
    assert leaves <= result.confidence.keys()
    assert leaves - {"/paid"} <= result.leaf_evidence.keys()
    assert not any("position" in path for path in (*result.confidence, *result.leaf_evidence))


def test_what_is_wrong_is_told_in_the_names_that_the_model_knows() -> None:
    bad = {**WIRE, "positions": [{"name": "tea", "unit_price_in_eur": "dear"}]}
    model = ScriptedModel(json.dumps(bad), json.dumps(WIRE))
    assert Client(model).extract(Order, DOCUMENT) == ORDER
    assert "/positions/0/unit_price_in_eur: " in model.asked[1][-1]["content"]


def test_a_partial_has_the_fields() -> None:
    port = ScriptedTransport(json.dumps(WIRE))
    client = Client("vllm:m", base_url="http://s/v1", transport=port)
    states = []
    with client.stream(Order, DOCUMENT) as partials:
        for partial in partials:
            states.append((partial.state("number"), partial.state("/lines/0/price")))
    assert partial.value == ORDER
    assert ("done", "absent") in states
    assert ("done", "done") in states


def test_a_wide_record_is_split_under_its_names() -> None:
    model = Perfect(WIRE)
    assert Client(model, split=1).extract(Order, DOCUMENT) == ORDER
    asked = [list(schema["properties"]) for schema in model.schemas]
    assert asked == [["order_number"], ["is_paid"], ["buyer"], ["positions"]]


def test_a_cascade_asks_for_what_is_in_doubt_under_its_names() -> None:
    wrong = {**WIRE, "order_number": "Z-9", "positions": [dict(one) for one in WIRE["positions"]]}
    wrong["positions"][1]["unit_price_in_eur"] = 77.5
    second = Perfect(WIRE, name="second")
    client = Client(cascade=[ScriptedModel(json.dumps(wrong)), second], cascade_below=0)
    result = client.extract_result(Order, DOCUMENT)
    assert result.value == ORDER
    assert result.answered_by["/lines/1/price"] == "second"
    asked = second.schemas[0]["properties"]
    assert list(asked) == ["order_number", "positions"]
    assert list(asked["positions"]["properties"]["item_2"]["properties"]) == ["unit_price_in_eur"]
    said = json.dumps([one["content"] for one in second.asked[0]])
    assert '\\"is_paid\\":true' in said
    assert '\\"paid\\"' not in said


def test_chunks_of_a_long_document_are_asked_under_the_names() -> None:
    model = Perfect(WIRE)
    text = "\n\n".join([DOCUMENT, *["Nothing is said here." for _ in range(200)]])
    found = Client(model).extract_document(Order, text, chunk_tokens=200)
    assert found.value.number == "A-17"
    assert {tuple(schema["properties"]) for schema in model.schemas} == {tuple(WIRE)}


# ---- forms -----------------------------------------------------------------------------------


def test_a_form_is_filled_in_under_the_names() -> None:
    first = {"order_number": "A-17", "positions": [{"name": "tea", "unit_price_in_eur": None}]}
    second = {
        "order_number": "B-2",
        "positions": {"add": [{"name": "milk", "unit_price_in_eur": 1.0}], "remove": []},
        "cleared": ["/buyer"],
    }
    model = ScriptedModel(*map(json.dumps, (first, second)))
    form = Form(Order, client=Client(model))
    form.fill("A-17, with tea.")
    form.set("/buyer", "Ada")
    form.unlock("/buyer")
    assert form.entries["/number"].value == "A-17"
    form.fill("Number B-2, add milk for 1, forget the buyer.")
    assert form.entries["/number"].value == "B-2"
    assert "/buyer" not in form.entries
    held = form.entries["/lines"].value
    assert isinstance(held, list)
    assert [one["name"] for one in held if isinstance(one, dict)] == ["tea", "milk"]
    said = json.dumps(model.asked[1])
    assert "/order_number" in said
    assert '\\"/number' not in said


def test_a_form_takes_names_from_its_options_and_is_saved_without() -> None:
    class Plain(BaseModel):
        number: str | None = None

    model = ScriptedModel('{"order_number": "A-17"}')
    form = Form(Plain, client=Client(model), wire_names={"/number": "order_number"})
    form.fill("It is A-17.")
    assert form.entries["/number"].value == "A-17"
    again = Form.loads(Plain, form.dumps(), client=Client(model))
    assert again.entries["/number"].value == "A-17"


# ---- the option ------------------------------------------------------------------------------


class Plain(BaseModel):
    total: float


def test_a_call_gives_names_without_a_change_to_the_type() -> None:
    model = ScriptedModel('{"total_in_eur": 3}')
    client = Client(model)
    assert client.extract(Plain, "3 EUR", wire_names={"/total": "total_in_eur"}) == Plain(total=3)
    assert "total_in_eur" in json.dumps(model.asked[0])
    with pytest.raises(ConfigurationError, match="no place '/totl'"):
        client.extract(Plain, "3 EUR", wire_names={"/totl": "x"})
    with pytest.raises(ConfigurationError, match="wire_names"):
        client.extract(Plain, "3 EUR", wire_names={"/total": ""})


def test_a_plan_is_the_same_whoever_gives_the_names() -> None:
    class Named(BaseModel):
        total: float = Field(json_schema_extra=wire("total_in_eur"))

    client = Client(ScriptedModel("{}"))
    named = client.plan(Named, "3 EUR")
    given = client.plan(Plain, "3 EUR", wire_names={"/total": "total_in_eur"})
    assert named.schema["properties"] == given.schema["properties"]
    assert named.messages == given.messages


def tuned_names(folder: Path) -> Path:
    """A tuned file that asks for the total under another name."""
    path = folder / "plain.tuned.json"
    tuned = Tuned(
        target="Plain",
        schema=schema_fingerprint(target_of(Plain).schema),
        model="scripted",
        changes={"wire_names": {"/total": "total_in_eur"}},
    )
    save_tuned(path, tuned)
    return path


def test_a_tuned_file_gives_names(tmp_path: Path) -> None:
    path = tuned_names(tmp_path)
    client = Client(ScriptedModel('{"total_in_eur": 3}'), tuned=path)
    result = client.extract_result(Plain, "3 EUR")
    assert result.value == Plain(total=3)
    assert "total_in_eur" in (result.tuned or "")
    form = Form(Plain, client=client)
    form.fill("3 EUR")
    assert form.entries["/total"].value == 3


def test_names_tuned_for_the_first_model_of_a_cascade_are_its_own(tmp_path: Path) -> None:
    path = tuned_names(tmp_path)
    second = Perfect({"total": 3.0}, name="second")
    client = Client(cascade=[ScriptedModel('{"total_in_eur": 9}'), second], tuned=path)
    assert client.extract(Plain, "3 EUR") == Plain(total=3)
    assert list(second.schemas[0]["properties"]) == ["total"]


@pytest.mark.slow
def test_the_grammar_of_the_embedded_model_has_them(local_client: Client) -> None:
    class Answered(BaseModel):
        paid: bool = Field(json_schema_extra=wire("is_paid"))
        color: Literal["red", "blue"] = Field(json_schema_extra=wire("color_of_car"))

    result = local_client.extract_result(Answered, "The red car is paid.", temperature=0)
    assert list(json.loads(result.attempts[-1].text or "")) == ["is_paid", "color_of_car"]
    assert result.alternatives.keys() <= {"/paid", "/color"}
    assert result.pressure.keys() <= {"/paid", "/color"}
