"""A record with too many fields is asked about in parts, and checked as a whole."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, create_model, field_validator, model_validator

from structgen import AsyncClient, Client, Verbatim
from structgen.client.base import BaseClient
from structgen.errors import (
    BudgetExceededError,
    ConfigurationError,
    InvalidOutputError,
    NotJsonError,
    SchemaLimitError,
)
from structgen.extraction.cascade import extract_and_judge
from structgen.pipeline.replay import replay_flow
from structgen.testing.scripted import ScriptedTransport
from structgen.values import Evidence, Reply, Request

from .oracle import Oracle

DOCUMENT = "The filing of Ada Ltd. for 2025."
BACKENDS: dict[str, tuple[str, int | str]] = {
    "groq-strict": ("groq:openai/gpt-oss-120b", 60),
    "openai-strict": ("openai:gpt-6.1-terra", 60),
    "cerebras": ("cerebras:gpt-oss-120b", "auto"),
    "llguidance": ("", 60),
}


def client_of(oracle: Oracle, subset: str, kind: type[BaseClient] = Client, **options: Any) -> Any:
    model, split = BACKENDS[subset]
    options = {"split": split, "max_retries": 0, **options}
    if model:
        client = kind(model, api_key="k", transport=oracle.server(), **options)
    else:
        client = kind(oracle.engine(), **options)
    oracle.learn(client, subset)
    return client


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)


class Address(BaseModel):
    city: Annotated[str, Verbatim()]
    street: str | None = None


class Filing(BaseModel):
    person: Person
    address: Address | None = None
    total: int
    parts: list[int]

    @model_validator(mode="after")
    def adds_up(self) -> Filing:
        if sum(self.parts) != self.total:
            raise ValueError("the parts do not add up to the total")
        return self


FILING = {
    "person": {"name": "Bo", "age": 3},
    "address": {"city": "Ada", "street": None},
    "total": 5,
    "parts": [2, 3],
}


def declared(schema: Any, value: Any) -> Any:
    """The record as its schema asks for it.

    This gold has undeclared members, numbers for units, and "NA" for what is not stated.
    """
    if isinstance(value, list):
        return [mended(item) for item in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    fields = schema["properties"]
    return {name: declared(fields[name], one) for name, one in value.items() if name in fields}


def mended(item: dict[str, Any]) -> dict[str, Any]:
    unit = item["unit"] if isinstance(item["unit"], str) else "shares"
    stated = {name: one for name, one in item.items() if (name, one) != ("segment_name", "NA")}
    return {**stated, "unit": unit}


@pytest.mark.parametrize("subset", BACKENDS)
@pytest.mark.parametrize("gold", ["wdc_10q_fy2025q2", "tho_10q_fy2025q2"])
def test_a_schema_of_369_fields_is_filled_in_completely(
    subset: str, gold: str, shared_data: Path
) -> None:
    folder = shared_data / "extractbench" / "10kq"
    schema = json.loads((folder / "schema.json").read_text())
    record = declared(schema, json.loads((folder / f"{gold}.gold.json").read_text()))
    end = record["meta"]["report_period_end_date"]
    record["meta"]["report_period_end_date"] = end.replace("-01-2025", "-01-31")  # no date
    oracle = Oracle(schema, record)
    with client_of(oracle, subset) as client:
        plan = client.plan(schema, DOCUMENT)
        assert sum(part.size for part in plan.parts) == 369
        assert [part.schema for part in plan.parts] == list(map(json.loads, oracle.answers))
        result = client.extract_result(schema, DOCUMENT)
    assert result.value == record
    assert len(oracle.asked) == len(plan.parts) > 3
    assert len(result.attempts) == len(plan.parts)


def test_a_record_over_the_limit_of_properties_is_split_by_itself() -> None:
    names = [f"field_{number}" for number in range(2600)]
    fields: Any = dict.fromkeys(names, (int, ...))
    half, other = create_model("Half", **fields), create_model("Other", **fields)
    wide = create_model("Wide", one=(half, ...), two=(other, ...))
    data = dict.fromkeys(names, 1)
    oracle = Oracle(wide, {"one": data, "two": data})
    with client_of(oracle, "groq-strict", split="auto") as client:
        plan = client.plan(wide, DOCUMENT)
        assert [part.fields for part in plan.parts] == [("/one",), ("/two",)]
        assert client.extract(wide, DOCUMENT) == wide(one=half(**data), two=other(**data))


def test_a_narrow_record_is_asked_about_once() -> None:
    client = Client("groq:openai/gpt-oss-120b", api_key="k", transport=ScriptedTransport("{}"))
    assert client.plan(Filing, DOCUMENT).parts == ()


@pytest.mark.parametrize("subset", BACKENDS)
def test_what_is_known_of_the_parts_is_known_of_the_whole(subset: str) -> None:
    oracle = Oracle(Filing, FILING)
    with client_of(oracle, subset, split=2, temperature=0) as client:
        result = client.extract_result(Filing, DOCUMENT)
        plan = client.plan(Filing, DOCUMENT)
    assert result.value == Filing.model_validate(FILING)
    assert [part.fields for part in plan.parts] == [
        ("/person",),
        ("/address",),
        ("/total", "/parts"),
    ]
    assert result.evidence == {"/address/city": Evidence("Ada", 14, 17)}
    assert result.absent == {"/address/street"}
    assert result.notes[0].detail == "asked about in 3 questions, whose answers are merged"
    assert plan.notes == result.notes
    if subset != "llguidance":
        assert result.usage.total_tokens == 3 * 12


def test_questions_about_parts_begin_alike() -> None:
    oracle = Oracle(Filing, FILING)
    with client_of(oracle, "groq-strict", split=2) as client:
        client.extract(Filing, DOCUMENT)
    systems = {messages[0]["content"] for messages in oracle.messages}
    assert len(systems) == 1
    shown = [messages[-1]["content"] for messages in oracle.messages]
    document = shown[0].partition("</document>")[0]
    assert DOCUMENT in document
    assert all(text.startswith(document) for text in shown)
    assert "person" in shown[0]
    assert "person" not in shown[1]


def test_a_violation_of_the_whole_asks_again_about_the_part_it_is_about() -> None:
    class Named(BaseModel):
        name: str
        age: int

        @field_validator("name")
        @classmethod
        def is_no_shout(cls, name: str) -> str:
            if name.isupper():
                raise ValueError("the name is in capitals")
            return name

    class Titled(BaseModel):
        title: str
        person: Named

    oracle = Oracle(Titled, {"title": "King", "person": {"name": "Bo", "age": 3}})
    oracle.change = lambda part, turn, text: text.replace("Bo", "BO") if turn == 1 else text
    with client_of(oracle, "groq-strict", split=2, max_reasks=1) as client:
        assert client.extract(Titled, DOCUMENT).person.name == "Bo"
    asked = [set(schema["properties"]) for schema in oracle.asked]
    assert asked == [{"title"}, {"person"}, {"person"}]
    assert "the name is in capitals" in oracle.messages[-1][-1]["content"]


def test_a_violation_that_only_the_type_finds_asks_again_with_what_is_wrong() -> None:
    oracle = Oracle(Filing, FILING)
    oracle.change = lambda part, turn, text: text.replace("5", "6") if turn == 1 else text
    with client_of(oracle, "groq-strict", split=2, max_reasks=1) as client:
        result = client.extract_result(Filing, DOCUMENT)
    assert result.value.total == 5
    assert len(result.attempts) == 6  # a violation of the root is one of every part
    said = oracle.messages[-1][-1]["content"]
    assert "the parts do not add up to the total" in said


def test_without_reasks_a_record_that_is_wrong_as_a_whole_is_a_typed_error() -> None:
    oracle = Oracle(Filing, FILING)
    oracle.change = lambda part, turn, text: text.replace("5", "6") if turn == 1 else text
    with client_of(oracle, "groq-strict", split=2, max_reasks=0) as client:
        with pytest.raises(InvalidOutputError, match="not a valid Filing") as caught:
            client.extract(Filing, DOCUMENT)
    assert len(caught.value.attempts) == 3


def test_the_error_of_a_part_names_the_part_and_has_every_attempt() -> None:
    oracle = Oracle(Filing, FILING)
    oracle.change = lambda part, turn, text: "no" if part == 2 else text
    with client_of(oracle, "groq-strict", split=2, max_reasks=0) as client:
        with pytest.raises(NotJsonError, match=r"Part 2 of 3 \(/address\)") as caught:
            client.extract(Filing, DOCUMENT)
    assert len(caught.value.attempts) == 3


def test_the_parts_share_the_budget_of_the_call() -> None:
    oracle = Oracle(Filing, FILING)
    with client_of(oracle, "groq-strict", split=2, token_budget=12) as client:
        with pytest.raises(BudgetExceededError, match="Part 2 of 3"):
            client.extract(Filing, DOCUMENT)
    assert len(oracle.asked) == 1


def test_a_fallback_is_asked_about_the_same_parts() -> None:
    oracle = Oracle(Filing, FILING)
    failing = ScriptedTransport(Reply(500, {}, b"{}"))
    with client_of(oracle, "openai-strict", split=2) as fallback:
        client = Client(
            "groq:openai/gpt-oss-120b",
            api_key="k",
            transport=failing,
            fallback=[fallback],
            max_retries=0,
            split=2,
        )
        result = client.extract_result(Filing, DOCUMENT)
    assert result.value.total == 5
    assert result.model == "openai:gpt-6.1-terra"
    assert len(result.attempts) == 6


def test_the_requests_of_a_batch_are_answered_part_by_part() -> None:
    oracle = Oracle(Filing, FILING)
    with client_of(oracle, "openai-strict", split=2) as client:
        question = client.caller.question(Filing, DOCUMENT, {})
        replies: list[Reply] = []
        while True:
            flow = extract_and_judge(client.caller.backends, question)
            found = replay_flow(flow, replies)
            if not isinstance(found, Request):
                break
            replies.append(oracle.server().send(found, None))
    assert found.value == Filing.model_validate(FILING)
    assert len(replies) == 3


def test_worked_examples_are_split_along() -> None:
    oracle = Oracle(Filing, FILING)
    with client_of(oracle, "groq-strict", split=2) as client:
        client.extract(Filing, DOCUMENT, examples=[("Of Bo.", Filing.model_validate(FILING))])
    answers = [json.loads(messages[2]["content"]) for messages in oracle.messages]
    assert answers == [
        {"person": FILING["person"]},
        {"address": FILING["address"]},
        {"total": 5, "parts": [2, 3]},
    ]


def test_sync_and_async_ask_and_give_the_same() -> None:
    mine, theirs = Oracle(Filing, FILING), Oracle(Filing, FILING)
    with client_of(mine, "cerebras", split=1) as client:
        result = client.extract_result(Filing, DOCUMENT)

    async def ask() -> Any:
        async with client_of(theirs, "cerebras", AsyncClient, split=1) as client:
            return await client.extract_result(Filing, DOCUMENT)

    other = asyncio.run(ask())
    assert other.value == result.value
    assert mine.messages == theirs.messages
    assert (other.notes, other.evidence) == (result.notes, result.evidence)


def test_confidence_is_that_of_the_whole_record() -> None:
    oracle = Oracle(Filing, FILING)
    with client_of(oracle, "cerebras", split=2, confidence=True) as client:
        result = client.extract_result(Filing, DOCUMENT)
    leaves = {"/person/name", "/person/age", "/address/city", "/total", "/parts/0", "/parts/1"}
    assert leaves <= result.confidence.keys()
    assert result.record_confidence is not None


def test_an_answer_that_is_split_on_demand_cannot_be_streamed() -> None:
    client = Client("vllm:m", api_key="k", transport=ScriptedTransport("{}"), split=2)
    with (
        pytest.raises(ConfigurationError, match="cannot be streamed"),
        client.stream(Filing, DOCUMENT) as stream,
    ):
        list(stream)


def test_what_cannot_be_split_says_why() -> None:
    fields: Any = {f"field_{number}": (int, ...) for number in range(5001)}
    row = create_model("Row", **fields)
    columns: Any = {"title": (str, ...), "rows": (GenericAlias(list, row), ...)}
    table = create_model("Table", **columns)
    client = Client(
        "groq:openai/gpt-oss-120b",
        api_key="k",
        transport=ScriptedTransport("{}"),
        mode="strict",
    )
    with pytest.raises(SchemaLimitError, match="/rows of Table is too large") as caught:
        client.extract(table, DOCUMENT)
    assert caught.value.path == "/rows"
    with pytest.raises(SchemaLimitError, match="5001 properties"):
        client.extract(row, DOCUMENT, split="off")
