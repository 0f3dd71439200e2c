"""`absent_fields="omit"`: what a document does not state is left out, not written as null."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.errors import ConfigurationError
from structgen.testing import AnyModel, ScriptedModel, ScriptedTransport


class Person(BaseModel):
    name: str
    age: int | None = None
    level: int = 5
    tags: list[str] = []


def test_an_answer_without_the_fields_says_what_null_says() -> None:
    omitting = Client(ScriptedModel('{"name": "Ada"}'), absent_fields="omit")
    with_null = Client(ScriptedModel('{"name": "Ada", "age": null, "level": null, "tags": null}'))
    one, other = (client.extract_result(Person, "Ada.") for client in (omitting, with_null))
    assert one.value == other.value == Person(name="Ada")
    assert one.absent == other.absent == {"/age", "/level", "/tags"}


def test_the_plan_shows_optional_members_and_the_prompt_says_it_once() -> None:
    plan = Client(AnyModel(), absent_fields="omit").plan(Person, "Ada.")
    assert plan.schema["required"] == ["name"]
    assert "null" not in json.dumps(plan.schema)
    system = plan.messages[0]["content"]
    assert "Leave out every field that the document does not state." in system
    assert "null" not in system


def test_a_server_that_wants_every_field_gets_null() -> None:
    port = ScriptedTransport("{}")
    client = Client("openai:gpt-x", api_key="k", transport=port, absent_fields="omit")
    schema = client.plan(Person, "Ada.").schema
    assert schema["required"] == ["name", "age", "level", "tags"]
    best_effort = client.plan(Person, "Ada.", mode="best-effort").schema
    assert best_effort["required"] == ["name"]


def test_null_can_be_asked_for_where_fields_are_left_out_by_default() -> None:
    port = ScriptedTransport("{}")
    client = Client("gemini:gemini-x", api_key="k", transport=port)
    assert client.plan(Person, "Ada.").schema["required"] == ["name"]
    every = client.plan(Person, "Ada.", absent_fields="null").schema
    assert every["required"] == ["name", "age", "level", "tags"]


def test_worked_examples_leave_them_out_too() -> None:
    model = ScriptedModel('{"name": "Ada"}')
    client = Client(model, absent_fields="omit")
    client.extract(Person, "Ada.", examples=[("Bo, 3", Person(name="Bo", age=3))])
    shown = [message["content"] for message in model.asked[0] if message["role"] == "assistant"]
    assert json.loads(shown[0])["age"] == 3


def test_another_word_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="absent_fields"):
        Client(AnyModel(), absent_fields="leave")  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_embedded_model_leaves_them_out(local_client: Client) -> None:
    result = local_client.extract_result(
        Person, "My name is Ada.", absent_fields="omit", temperature=0
    )
    text = result.attempts[-1].text
    assert text is not None
    assert "null" not in text
    assert result.absent == {"/age", "/level", "/tags"} - {f"/{key}" for key in json.loads(text)}
