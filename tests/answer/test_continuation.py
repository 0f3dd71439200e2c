"""Answers that were cut are continued until they are whole, or end in Truncated."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import structgen
from structgen.errors import InvalidOutputError, NotJsonError, Truncated
from structgen.testing import ScriptedModel, ScriptedTransport, completion
from structgen.values import Answer
from tests.sent import sent


class Person(BaseModel):
    name: str
    age: int


PEOPLE = [
    {"name": name, "age": age}
    for age, name in enumerate(("Ada", "Alan", "Grace", "Kurt", "Emmy"), 30)
]


def cut(text: str) -> list[bytes]:
    return [completion(text, finish_reason="length")]


def people(*which: int) -> str:
    return json.dumps({"value": [PEOPLE[at] for at in which]})


def client(*script: Any, **options: Any) -> structgen.Client:
    return structgen.Client(
        "openai:gpt",
        api_key="k",
        transport=ScriptedTransport(*script),
        **{"max_continuations": 3, **options},
    )


def bodies(asked: structgen.Client) -> list[Any]:
    return [json.loads(request.body) for request in sent(asked)]


@pytest.mark.parametrize("mode", ["strict", "json-object", "prompt"])
def test_a_list_goes_on_behind_its_last_whole_item(mode: str) -> None:
    asked = client(
        cut(people(0, 1)[:-2] + ', {"name":"Gra'),
        cut(people(2)[:-2] + ","),
        people(3, 4),
        mode=mode,
    )
    result = asked.extract_result(list[Person], "a text")
    assert [person.name for person in result.value] == ["Ada", "Alan", "Grace", "Kurt", "Emmy"]
    assert [type(attempt.error) for attempt in result.attempts] == [
        Truncated,
        Truncated,
        type(None),
    ]
    assert result.guarantee.repairs == ("put together from several answers",)
    assert result.guarantee.by == "check", "no server held the parts to be one list"
    *_, shown, ask = bodies(asked)[1]["messages"]
    assert json.loads(shown["content"]) == {"value": PEOPLE[:2]}
    assert "after 2 whole items" in ask["content"]


def test_items_that_are_repeated_at_the_seam_stand_once_and_that_is_said() -> None:
    asked = client(cut(people(0, 1)[:-1] + ","), people(0, 1, 2), mode="strict")
    result = asked.extract_result(list[Person], "a text")
    assert [person.name for person in result.value] == ["Ada", "Alan", "Grace"]
    assert any("both sides of a cut" in repair for repair in result.guarantee.repairs)


def test_an_item_that_looks_whole_but_was_open_is_asked_for_again() -> None:
    whole_number = {"type": "integer"}
    item = {
        "type": "object",
        "properties": {"a": whole_number, "b": whole_number},
        "additionalProperties": False,
    }
    schema = {"type": "array", "items": item}
    first = Answer(text='[{"a":1,"b":2},{"a":3', finish_reason="length")
    engine = ScriptedModel(first, '[{"a":3,"b":4}]')
    assert structgen.Client(engine, max_continuations=1).extract(schema, "a text") == [
        {"a": 1, "b": 2},
        {"a": 3, "b": 4},
    ]


def test_a_list_that_does_not_end_is_truncated_with_all_whole_items() -> None:
    asked = client(
        cut(people(0)[:-2]), cut(people(1)[:-2]), cut(people(2)[:-2]), max_continuations=2
    )
    with pytest.raises(Truncated) as error:
        asked.extract(list[Person], "a text")
    assert error.value.partial == {"value": PEOPLE[:3]}
    assert len(error.value.attempts) == 3


def test_an_answer_without_any_text_is_told_as_cut_off_before_it_began() -> None:
    with pytest.raises(Truncated, match="cut off before it began") as error:
        client(cut(""), max_continuations=0).extract(Person, "a text")
    assert error.value.partial is None
    assert "partial" not in str(error.value)


def test_a_continuation_that_brings_nothing_new_is_not_repeated() -> None:
    asked = client(cut(people(0)[:-1] + ","), cut(people(0)[:-1] + ","), max_continuations=9)
    with pytest.raises(Truncated):
        asked.extract(list[Person], "a text")
    assert len(bodies(asked)) == 2


def test_an_invalid_continuation_is_an_error_with_the_good_items_and_is_not_asked_for_again() -> (
    None
):
    asked = client(cut(people(0)[:-1] + ","), '{"value":[{"name":"Alan","age":"x"}]}')
    with pytest.raises(InvalidOutputError) as error:
        asked.extract(list[Person], "a text")
    assert error.value.violations[0].path == "/1/age"
    assert error.value.salvaged == [Person(name="Ada", age=30)]
    assert len(bodies(asked)) == 2


@pytest.mark.parametrize(
    "around", ["```json\n{}\n```", "Here is the rest: {}", "<think>Who else?</think>{}"]
)
def test_what_stands_around_a_continuation_does_not_make_it_the_whole(around: str) -> None:
    rest = around.replace("{}", people(1))
    result = client(cut(people(0)[:-1] + ","), rest, mode="prompt").extract_result(
        list[Person], "a text"
    )
    assert [person.name for person in result.value] == ["Ada", "Alan"]
    assert result.attempts[-1].text == rest, "an attempt keeps the text as it was answered"


def test_a_part_that_looks_whole_but_was_cut_is_gone_on_with() -> None:
    result = client(cut(people(0)), cut(people(1)), people(2)).extract_result(
        list[Person], "a text"
    )
    assert [person.name for person in result.value] == ["Ada", "Alan", "Grace"]


@pytest.mark.parametrize(
    "strange", ["no JSON", "3", "{}", '{"value":3}', '{"name":"Alan","age":31}']
)
def test_a_continuation_that_is_no_list_is_an_error(strange: str) -> None:
    with pytest.raises((NotJsonError, InvalidOutputError)):
        client(cut(people(0)[:-1] + ","), strange).extract(list[Person], "a text")


def test_a_record_is_asked_for_with_twice_the_tokens() -> None:
    asked = client(
        cut('{"name":"Ada'), cut('{"name":"Ada'), '{"name":"Ada","age":36}', max_tokens=10
    )
    assert asked.extract(Person, "a text") == Person(name="Ada", age=36)
    assert [body["max_completion_tokens"] for body in bodies(asked)] == [10, 20, 40]
    assert bodies(asked)[0]["messages"] == bodies(asked)[2]["messages"]


def test_without_a_limit_twice_what_was_used_is_asked_for() -> None:
    asked = client(cut('{"name":"Ada'), '{"name":"Ada","age":36}')
    asked.extract(Person, "a text")
    assert bodies(asked)[1]["max_completion_tokens"] == 10


def test_nothing_is_gone_on_with_unless_it_is_asked_for() -> None:
    for target, text in ((list[Person], people(0)[:-1]), (Person, '{"name":"Ada')):
        asked = client(cut(text), max_continuations=0)
        with pytest.raises(Truncated):
            asked.extract(target, "a text")
        assert len(bodies(asked)) == 1


def test_items_that_were_handed_out_cannot_be_gone_on_with() -> None:
    events = [*completion_events(people(0)[:-1] + ",")]
    asked = client(events, people(1))
    got: list[Any] = []
    with pytest.raises(Truncated), asked.stream_items(Person, "a text") as items:
        got.extend(items)
    assert got == [Person(name="Ada", age=30)]
    assert len(bodies(asked)) == 1


def completion_events(text: str) -> list[bytes]:
    from structgen.testing.scripted import events

    return events(text, finish_reason="length")


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(st.lists(st.integers(0, 10**6), unique=True, min_size=1, max_size=12), st.data())
def test_a_list_of_different_items_comes_whole_wherever_it_is_cut(
    items: list[int], data: st.DataObject
) -> None:
    def answers(left: list[int]) -> list[Answer]:
        text = json.dumps(left)
        at = data.draw(st.integers(0, len(text)))
        if at == len(text):
            return [Answer(text=text, finish_reason="stop")]
        whole = text[:at].count(",")
        return (
            [Answer(text=text[:at], finish_reason="length"), *answers(left[whole:])]
            if whole
            else [Answer(text=text, finish_reason="stop")]
        )

    engine = ScriptedModel(*answers(items))
    assert structgen.Client(engine, max_continuations=99).extract(list[int], "a text") == items


def test_sync_equals_async() -> None:
    script: list[Any] = [cut(people(0, 1)[:-1] + ","), people(2)]

    async def run() -> Any:
        async with structgen.AsyncClient(
            "openai:gpt", api_key="k", transport=ScriptedTransport(*script)
        ) as asked:
            return await asked.extract_result(list[Person], "a text", max_continuations=1)

    one, two = client(*script).extract_result(list[Person], "a text"), asyncio.run(run())
    assert (one.value, one.guarantee) == (two.value, two.guarantee)


def test_a_real_server_finishes_a_list_that_its_token_limit_cuts(llama_server: Any) -> None:
    text = "Guests: Ada Lovelace, Alan Turing, Grace Hopper, Kurt Goedel."
    with structgen.Client(
        "llamacpp:smollm2", base_url=llama_server.base_url, api_key=llama_server.api_key
    ) as asked:
        try:
            result = asked.extract_result(
                list[Person], text, max_tokens=24, temperature=0, max_continuations=1
            )
        except Truncated as error:  # a small model need not come to an end
            attempts, whole = error.attempts, error.partial
            assert isinstance(whole, list | dict)
        else:
            attempts, whole = result.attempts, result.value
        assert len(attempts) > 1
        assert whole
