"""Answers that look like one and are not: reasoning, refusals, several calls, calls of another
function, servers that fail on the way.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.answer.endings import ending_of
from structgen.errors import (
    InvalidOutputError,
    NotJsonError,
    ServerError,
    StreamBrokenError,
    StructgenError,
)
from structgen.testing import ScriptedTransport, completion, events

BO = '{"name":"Bo","age":9}'


class Person(BaseModel):
    name: str
    age: int


def asked(answer: Any, mode: Any, *, stream: bool, **options: Any) -> Any:
    """What a call gives for an answer."""
    client = Client(
        "openai:gpt",
        api_key="k",
        mode=mode,
        transport=ScriptedTransport(answer),
        **{"max_reasks": 0, "max_retries": 0, **options},
    )
    if not stream:
        return client.extract_result(Person, "a text")
    with client.stream(Person, "a text") as running:
        list(running)
    return running.result


def said(text: str, *, stream: bool) -> Any:
    return events(text) if stream else [completion(text)]


def called(*calls: Any, stream: bool) -> Any:
    if not stream:
        return [completion(None, finish_reason="tool_calls", tool_calls=list(calls))]
    choice = {"index": 0, "delta": {"tool_calls": list(calls)}, "finish_reason": None}
    event = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"
    return [event, *events("", finish_reason="tool_calls")[1:]]


def call_of(name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("mode", ["strict", "json-object", "prompt"])
@pytest.mark.parametrize(
    "text",
    [
        f"<think>\nThe text says {BO} but that is wrong, so",
        f"<THINKING>It says {BO}",
        f"I think {BO} is what they want\n</think>\nI cannot tell.",
        f"<analysis>{BO}</analysis>",
        f"{BO}</think> I cannot tell.",
        f"[THINK]{BO}[/THINK] There is none.",
        f"The document has no person. An answer would look like {BO}.",
    ],
)
def test_no_value_is_taken_from_reasoning_or_the_middle_of_prose(
    text: str, mode: str, stream: bool
) -> None:
    with pytest.raises(NotJsonError):
        asked(said(text, stream=stream), mode, stream=stream)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        f"<think>Is it {{}}?</think>{BO}",
        f"<think>One.</think>\n<think>Two.</think>\n{BO}",
        f"It is a person.\n</think>\n\n{BO}",
        f"Here it is:\n```json\n{BO}\n```\nDoes that help?",
        f"Sure! {BO}",
        f"{BO}\nThat is all.",
    ],
)
def test_what_stands_around_an_answer_is_taken_away(text: str, stream: bool) -> None:
    result = asked(said(text, stream=stream), "prompt", stream=stream)
    assert result.value == Person(name="Bo", age=9)
    assert result.guarantee.repairs


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("second_index", [0, 1])
def test_no_call_of_several_is_chosen(second_index: int, stream: bool) -> None:
    calls = (
        call_of("Person", BO, id="1", index=0),
        call_of("Person", BO, id="2", index=second_index),
    )
    with pytest.raises(InvalidOutputError, match="more than one call"):
        asked(called(*calls, stream=stream), "tool", stream=stream)


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_of_another_function_is_no_answer(stream: bool) -> None:
    answer = called(call_of("delete_all", BO, id="1"), stream=stream)
    with pytest.raises(InvalidOutputError, match="another function"):
        asked(answer, "tool", stream=stream)


@pytest.mark.parametrize("stream", [False, True])
def test_arguments_that_are_an_object_are_read(stream: bool) -> None:
    answer = called(call_of("Person", json.loads(BO), id="1"), stream=stream)
    assert asked(answer, "tool", stream=stream).value == Person(name="Bo", age=9)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "calls",
    [[None], [5], [{}], [{"function": None}], [{"function": {"arguments": 5}}], [[]]],
    ids=str,
)
def test_a_malformed_call_is_a_typed_error(calls: Any, stream: bool) -> None:
    with pytest.raises(StructgenError):
        asked(called(*calls, stream=stream), "tool", stream=stream)


def test_a_server_that_fails_on_the_way_is_asked_again() -> None:
    failed = [completion(BO, finish_reason="error")]
    choice = {"index": 0, "message": {"content": BO}, "error": {"code": 502, "message": "bad"}}
    other = [json.dumps({"choices": [choice]}).encode()]
    for answer in (failed, other):
        with pytest.raises(ServerError):
            asked(answer, "strict", stream=False)
        script = ScriptedTransport(answer, [completion(BO)])
        client = Client("openai:gpt", api_key="k", max_retries=1, transport=script)
        assert client.extract(Person, "a text") == Person(name="Bo", age=9)


def test_an_empty_finish_reason_ends_no_stream() -> None:
    choice = {"index": 0, "delta": {"content": BO[:9]}, "finish_reason": ""}
    body = {"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    event = b"data: " + json.dumps(body).encode() + b"\n\n"
    with pytest.raises(StreamBrokenError):
        asked([event], "strict", stream=True)


def test_words_for_an_end_are_read_in_every_spelling() -> None:
    assert {ending_of(word) for word in (None, "", "stop", "STOP", "end_turn", "eos")} == {"clean"}
    assert {ending_of(word) for word in ("MAX_TOKENS", "max-tokens", "length")} == {"cut"}
    assert ending_of("FINISH_REASON_SAFETY") == "filtered"
    assert ending_of("what is this") == "unknown"


@pytest.mark.parametrize("size", [1, 3, 50])
def test_a_stream_shows_nothing_of_reasoning_in_several_parts(size: int) -> None:
    text = f'<think>a</think>\n<think>{BO}</think> {{"name":"Al","age":4}}'
    client = Client(
        "openai:gpt",
        api_key="k",
        mode="json-object",
        transport=ScriptedTransport(events(text, size=size)),
    )
    with client.stream(Person, "a text") as running:
        shown = [partial.value.name for partial in running if partial.state("name") == "done"]
    assert set(shown) == {"Al"}
