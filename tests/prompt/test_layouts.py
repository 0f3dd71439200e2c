"""The option `prompt`: layouts by name and by model, templates, functions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel, Field

from structgen import AsyncClient, Client
from structgen.errors import ConfigurationError
from structgen.prompt.layouts import LAYOUTS, ROWS, layout_for, size_of, template_of
from structgen.prompt.template import PLACEHOLDERS, check_template, fill
from structgen.testing import ScriptedModel
from structgen.types import PromptParts


class Person(BaseModel):
    """Somebody."""

    name: str = Field(description="Given and family.")
    town: str | None = None


def shown(prompt: Any, **given: Any) -> str:
    plan = Client(ScriptedModel("{}")).plan(Person, "Ada.", prompt=prompt, **given)
    return str(plan.messages[0]["content"])


@pytest.mark.parametrize(
    ("layout", "has", "lacks"),
    [
        ("fields", ["- name (string): Given and family.", "Somebody."], []),
        ("names", ["- name: Given and family.", "Somebody."], ["string"]),
        ("description", ["Somebody."], ["- name", "Fields"]),
        ("plain", ["Use null for"], ["Somebody.", "- name", "Fields"]),
    ],
)
def test_layouts_with_the_sentence_on_null(layout: str, has: list[str], lacks: list[str]) -> None:
    text = shown(layout, instructions="People only.")
    assert all(part in text for part in [*has, "People only.", "Copy values as they stand."])
    assert not any(part in text for part in lacks)


def test_the_one_line_says_what_null_means_too() -> None:
    text = shown("line", instructions="People only.")
    said = "Extract from the text: Somebody. Use null for what the text does not state."
    assert text == f"{said}\n\nPeople only."


def test_the_one_line_names_the_fields_of_a_target_without_a_description() -> None:
    class Part(BaseModel):
        label: str = Field(description="As printed: in capitals.")
        price: float

    for target in (Part, list[Part]):
        plan = Client(ScriptedModel("{}")).plan(target, "x", prompt="line")
        assert plan.messages[0]["content"].startswith("Extract from the text: label, price. Use")
    plan = Client(ScriptedModel("{}")).plan(list[int], "x", prompt="line")
    assert plan.messages[0]["content"].startswith("Extract from the text: The record. Use")


def test_every_layout_can_be_filled_and_every_row_names_one() -> None:
    for template in LAYOUTS.values():
        check_template(template)
    for row in ROWS:
        assert row.layout in LAYOUTS
        assert row.measured


@pytest.mark.parametrize(
    ("model", "layout"),
    [
        ("", "fields"),
        ("gpt-oss-20b", "fields"),
        ("openai/gpt-oss-120b", "fields"),
        ("a-model-nobody-has-measured", "fields"),
        ("local:smollm2-135m", "description"),
        ("local:gemma-3-270m-q4_k_m", "description"),
        ("qwen2.5-0.5b-instruct", "fields"),
    ],
)
def test_the_layout_of_a_model(model: str, layout: str) -> None:
    assert layout_for(model) == layout


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("local:smollm2-135m", 0.135),
        ("qwen2.5-0.5b-instruct", 0.5),
        ("llama3.1:8b", 8),
        ("models_270m", 0.27),
        ("openai/gpt-oss-120b", 120),
        ("gpt-4.1", float("inf")),
        ("mixtral-8x7b", float("inf")),
    ],
)
def test_the_size_that_a_name_tells(name: str, billions: float) -> None:
    assert size_of(name) == billions


def test_a_template_of_ones_own() -> None:
    text = shown("Read, and {instructions}\n\n{description}", instructions="obey {fields}.")
    assert text == "Read, and obey {fields}.\n\nSomebody."


def test_a_paragraph_whose_placeholders_are_empty_is_left_out() -> None:
    texts = {"a": "", "b": "B"}
    assert fill("x {a}\n\n{a} y {b}\n\nz", texts.__getitem__) == "y B\n\nz"


def test_braces_around_anything_but_a_word_are_text() -> None:
    assert shown('Answer as {"name": "..."}.').startswith('Answer as {"name": "..."}.')


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("feilds", "no prompt layout called 'feilds'"),
        ("List the {feilds} now.", "unknown placeholder, {feilds}"),
        ("Read {document}.", "unknown placeholder, {document}"),
        (" ", "prompt is empty"),
        (7, "must be the name of a layout, a template"),
    ],
)
def test_a_prompt_that_there_is_not_is_told_before_anything_is_asked(
    prompt: Any, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        shown(prompt)
    with pytest.raises(ConfigurationError, match=said):
        Client(ScriptedModel("{}")).extract(Person, "Ada.", prompt=prompt)


def test_an_error_names_what_was_meant() -> None:
    with pytest.raises(ConfigurationError) as error:
        template_of("feilds", "")
    assert "Did you mean 'fields'?" in (error.value.hint or "")


def test_a_function_writes_the_messages_from_the_parts() -> None:
    def write(parts: PromptParts) -> Sequence[Any]:
        assert parts.placeholders.keys() == PLACEHOLDERS.keys()
        shown = "".join(f"{text} -> {json.dumps(answer)}\n" for text, answer in parts.examples)
        asked = f"{shown}{parts.document} {parts.instructions} {parts.context}"
        return [{"role": "user", "content": asked}]

    plan = Client(ScriptedModel("{}")).plan(
        Person,
        "Ada.",
        prompt=write,
        instructions="Now.",
        context="1843",
        examples=[("Bob.", Person(name="Bob"))],
    )
    (message,) = plan.messages
    assert message["content"] == 'Bob. -> {"name": "Bob", "town": null}\nAda. Now. 1843'
    assert json.dumps(plan.to_dict())


@pytest.mark.parametrize("written", [None, "text", [], ["text"], [{}]])
def test_a_function_that_writes_no_messages_is_told(written: Any) -> None:
    with pytest.raises(ConfigurationError, match="returned no list of messages"):
        shown(lambda _: written)


def test_a_client_has_a_prompt_and_a_call_another() -> None:
    client = Client(ScriptedModel("{}"), prompt="plain")
    assert "Fields" not in client.plan(Person, "Ada.").messages[0]["content"]
    assert "Fields" in client.plan(Person, "Ada.", prompt="fields").messages[0]["content"]


def test_async_clients_take_it_too() -> None:
    async def ask() -> Any:
        async with AsyncClient(ScriptedModel('{"name": "Ada", "town": null}')) as client:
            return await client.extract(Person, "Ada.", prompt="plain")

    assert asyncio.run(ask()) == Person(name="Ada")
