"""`validation_context` reaches the validators of the target wherever a value is read."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_validator,
)

import structgen
from structgen import AsyncClient, Client, Form, InvalidOutputError, Job, Nearest, Target
from structgen.errors import ConfigurationError
from structgen.evaluation import evaluate
from structgen.pipeline.journal.view import JournalView
from structgen.schema.target import target_of
from structgen.testing import ScriptedModel


class Order(BaseModel):
    customer: str
    number: int = 0

    @field_validator("customer")
    @classmethod
    def is_known(cls, name: str, info: ValidationInfo) -> str:
        context: Any = info.context
        if name not in context["customers"]:  # a TypeError without a context
            raise ValueError("no customer of ours")
        return name

    @model_validator(mode="after")
    def is_numbered(self, info: ValidationInfo) -> Order:
        assert info.context is not None
        self.number = info.context["number"]
        return self


ADA = '{"customer": "Ada"}'
CONTEXT = {"customers": ["Ada", "Bob"], "number": 7}
OTHERS = {"customers": ["Eve"], "number": 9}


@pytest.fixture
def client() -> Client:
    return Client(ScriptedModel(ADA), max_reasks=0)


def test_validators_see_it(client: Client) -> None:
    result = client.extract_result(Order, "I am Ada.", validation_context=CONTEXT)
    assert result.value.number == 7
    assert result.to_dict("value") == {"value": {"customer": "Ada", "number": 7}}
    with pytest.raises(InvalidOutputError, match="no customer of ours"):
        client.extract(Order, "I am Ada.", validation_context=OTHERS)


def test_calls_do_not_share_it(client: Client) -> None:
    first = client.extract(Order, "I am Ada.", validation_context=CONTEXT)
    second = client.extract(Order, "I am Ada.", validation_context={**CONTEXT, "number": 8})
    assert (first.number, second.number) == (7, 8)
    with pytest.raises(InvalidOutputError):
        client.extract(Order, "I am Ada.")


def test_it_is_not_sent() -> None:
    model = ScriptedModel(ADA)
    Client(model).extract(Order, "I am Ada.", validation_context=CONTEXT)
    with_it = Client(model).plan(Order, "I am Ada.", validation_context=CONTEXT)
    assert with_it == Client(model).plan(Order, "I am Ada.")
    assert "Bob" not in json.dumps([dict(message) for message in model.asked[0]])


def test_async_streams_items_and_chunks(client: Client) -> None:
    async def ask() -> Order:
        async with AsyncClient(ScriptedModel(ADA)) as own:
            return await own.extract(Order, "I am Ada.", validation_context=CONTEXT)

    assert asyncio.run(ask()).number == 7
    *_, last = client.stream(Order, "I am Ada.", validation_context=CONTEXT)
    assert last.done
    assert last.value.number == 7
    many = Client(ScriptedModel(f"[{ADA}, {ADA}]"))
    items = list(many.stream_items(Order, "Ada and Ada.", validation_context=CONTEXT))
    assert [item.number for item in items] == [7, 7]
    bound = target_of(Order).with_context(CONTEXT)
    assert next(iter(many.stream_items(bound, "Ada and Ada."))).number == 7
    whole = client.extract_document(Order, "I am Ada.", validation_context=CONTEXT)
    assert whole.value.number == 7
    assert whole.to_dict("value")["value"]["number"] == 7


def test_samples_and_second_readings(client: Client) -> None:
    voted = client.extract_result(Order, "I am Ada.", samples=3, validation_context=CONTEXT)
    assert voted.value.number == 7
    sure = client.extract_result(Order, "I am Ada.", confidence=True, validation_context=CONTEXT)
    assert sure.confidence["/customer"] > 0.5


def test_worked_examples_are_checked_with_it(client: Client) -> None:
    examples = [("Bob here", {"customer": "Bob"})]
    for given in (examples, Nearest(examples)):
        shown = client.plan(Order, "I am Ada.", examples=given, validation_context=CONTEXT)
        assert "Bob here" in str(shown.messages)
        with pytest.raises(structgen.InputError, match="no customer of ours"):
            client.plan(Order, "I am Ada.", examples=given, validation_context=OTHERS)


def test_maps_and_jobs_find_their_results_under_another_context(
    client: Client, tmp_path: Path
) -> None:
    outcomes = client.map(Order, ["I am Ada."], validation_context=CONTEXT)
    assert [one.value.number for one in outcomes] == [7]

    def run(context: Any, output: str, **more: Any) -> Any:
        job = Job(
            Order,
            ["I am Ada."],
            client=client,
            output=tmp_path / output,
            journal=tmp_path / "journal",
            validation_context=context,
            **more,
        )
        return job.run()

    assert run(CONTEXT, "one.jsonl").ok == 1
    again = run({**CONTEXT, "more": 1}, "two.jsonl")
    assert (again.ok, again.cached) == (1, 1)  # it is not in the key
    assert run(OTHERS, "three.jsonl").failed == 1  # checked again, refused, and asked anew
    row = json.loads((tmp_path / "one.jsonl").read_text())
    assert row["value"] == {"customer": "Ada", "number": 7}
    with JournalView(tmp_path / "journal") as view:
        assert view.stats()["inputs"] == 1


def test_the_cache_asks_anew_with_another_one(tmp_path: Path) -> None:
    cached = Client(ScriptedModel(ADA), cache=tmp_path / "cache", max_reasks=0)
    cached.extract(Order, "I am Ada.", validation_context=CONTEXT)
    assert cached.extract_result(Order, "I am Ada.", validation_context=dict(CONTEXT)).cached
    other = {**CONTEXT, "number": 8}
    found = cached.extract_result(Order, "I am Ada.", validation_context=other)
    assert not found.cached
    assert found.value.number == 8
    with pytest.raises(InvalidOutputError):
        cached.extract(Order, "I am Ada.", validation_context=OTHERS)


def test_forms_check_with_it(client: Client) -> None:
    form = Form(Order, client=client, validation_context=CONTEXT)
    form.fill("I am Ada.")
    assert form.complete().number == 7
    form.set("/customer", "Eve")
    assert [fault.path for fault in form.invalid] == ["/customer"]
    saved = Form.loads(Order, form.dumps(), client=client, validation_context=OTHERS)
    assert saved.complete().number == 9


def test_gold_is_checked_with_it(client: Client, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps({"text": "I am Ada.", "value": {"customer": "Ada"}}))
    found = evaluate(Order, gold, client=client, validation_context=CONTEXT)
    assert found.valid == 1
    assert not found.failures


def test_a_value_inside_others_is_checked_with_it() -> None:
    def known(name: str, info: ValidationInfo) -> str:
        names: Any = info.context
        if name not in names:
            raise ValueError("unknown")
        return name

    source: Any = dict[str, list[Annotated[str, AfterValidator(known)]]]
    client = Client(ScriptedModel('{"a": ["x"]}'))
    assert client.extract(source, "x", validation_context={"x"}) == {"a": ["x"]}


def test_a_json_schema_has_no_validators(client: Client) -> None:
    schema = TypeAdapter(dict[str, str]).json_schema()
    with pytest.raises(ConfigurationError, match="this target is a JSON Schema") as raised:
        client.extract(schema, "I am Ada.", validation_context=CONTEXT)
    assert "Pydantic model" in str(raised.value)
    with pytest.raises(ConfigurationError):
        Form(
            {"type": "object", "properties": {"a": {"type": "string"}}},
            client=client,
            validation_context=CONTEXT,
        )
    assert client.extract(schema, "I am Ada.", validation_context=None) == {"customer": "Ada"}


def test_the_target_itself_stays_without_context() -> None:
    target: Target[Order] = target_of(Order)
    bound = target.with_context(CONTEXT)
    assert target.context is None
    assert target_of(Order) is target
    assert target_of(bound) is bound
    assert bound.with_context({}).unbound is target
    assert target.with_context(None) is target
