"""Calls of tools, probabilities and prompts, as the vendors' SDKs and the model see them."""

from __future__ import annotations

import json
from typing import Any

import groq
import openai
import pytest

from structgen.server.instructions import describe_schema, with_instructions
from tests.server.conftest import Running, running


def tool(name: str, *values: str) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": {"it": {"enum": [*values]}},
        "required": ["it"],
        "additionalProperties": False,
    }
    described = {"name": name, "description": f"Give the {name}.", "parameters": parameters}
    return {"type": "function", "function": described}


COLOUR, SIZE = tool("colour", "red", "blue"), tool("size", "small", "large")
ASKED: dict[str, Any] = {
    "model": "local",
    "messages": [{"role": "user", "content": "A small red lamp."}],
    "tools": [COLOUR, SIZE],
    "tool_choice": "required",
    "temperature": 0,
}


@pytest.mark.parametrize("sdk", ["openai", "groq"])
def test_arguments_are_streamed(sdk: str, served: Running) -> None:
    asked = {**ASKED, "tools": [COLOUR], "stream": True}
    if sdk == "openai":
        with openai.OpenAI(base_url=f"{served.address}/v1", api_key="k") as client:
            chunks: list[Any] = list(client.chat.completions.create(**asked))
    else:
        with groq.Groq(base_url=served.address, api_key="k") as groqs:
            chunks = list(groqs.chat.completions.create(**asked))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert (deltas[0].role, deltas[0].content) == ("assistant", None)
    calls = [call for delta in deltas for call in delta.tool_calls or ()]
    assert (calls[0].function.name, calls[0].function.arguments) == ("colour", "")
    assert calls[0].id.startswith("call_")
    assert len(calls) > 2
    assert all(call.id is None and call.index == 0 for call in calls[1:])
    arguments = "".join(call.function.arguments for call in calls)
    assert json.loads(arguments)["it"] in ("red", "blue")
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_several_calls_are_made_if_they_are_asked_for(served: Running) -> None:
    with (
        running(served.server.engine) as it,
        openai.OpenAI(base_url=f"{it.address}/v1", api_key="k") as client,
    ):
        one = client.chat.completions.create(**ASKED)
        assert len(one.choices[0].message.tool_calls or ()) == 1
        asked = {**ASKED, "parallel_tool_calls": True}
        several = client.chat.completions.create(**asked).choices[0]
        assert several.finish_reason == "tool_calls"
        calls: list[Any] = list(several.message.tool_calls or ())
        assert 1 < len(calls) <= 8
        assert len({call.id for call in calls}) == len(calls)
        for call in calls:
            values = {"colour": ("red", "blue"), "size": ("small", "large")}[call.function.name]
            assert json.loads(call.function.arguments)["it"] in values
        with client.chat.completions.stream(**asked) as stream:
            streamed: Any = stream.get_final_completion().choices[0]
        told = [(call.function.name, call.function.arguments) for call in calls]
        assert told == [
            (call.function.name, call.function.arguments) for call in streamed.message.tool_calls
        ]


def test_a_named_function_is_called_once(served: Running) -> None:
    choice = {"type": "function", "function": {"name": "size"}}
    asked = {**ASKED, "tool_choice": choice, "parallel_tool_calls": True, "max_tokens": 24}
    reply = served.chat(**asked).json()
    calls = reply["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["size"]


def test_probabilities_of_tokens_are_told(served: Running) -> None:
    asked: dict[str, Any] = {
        "model": "local",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 5,
        "temperature": 0,
        "logprobs": True,
    }
    with openai.OpenAI(
        base_url=f"{served.address}/v1", api_key="k", _strict_response_validation=True
    ) as client:
        client.chat.completions.create(**asked)  # so that all others read it from memory
        whole = client.chat.completions.create(**asked).choices[0]
        assert whole.logprobs
        assert whole.logprobs.content
        tokens = whole.logprobs.content
        assert "".join(token.token for token in tokens) == whole.message.content
        assert all(token.logprob <= 0 for token in tokens)
        assert client.chat.completions.create(**{**asked, "logprobs": False}).choices[0]
        chunks = list(client.chat.completions.create(**asked, stream=True))
    streamed = [chunk.choices[0].logprobs for chunk in chunks]
    content = [token for found in streamed if found for token in found.content or ()]
    assert [token.token for token in content] == [token.token for token in tokens]


SCHEMA = (
    b'{"type":"object","description":"A lamp.","properties":{"colour":{"enum":["red","blue"]}}}'
)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("some-7b", 'Fields:\n- colour (one of: "red", "blue")\n\nA lamp.'),
        ("gemma-3-270m", "A lamp."),
        ("smollm2-135m", "A lamp."),
    ],
)
def test_each_model_is_told_of_a_schema_in_its_own_layout(model: str, said: str) -> None:
    assert describe_schema(SCHEMA, model) == said


def test_what_a_client_says_itself_is_not_said_twice() -> None:
    told = describe_schema(SCHEMA, "some-7b")
    user = {"role": "user", "content": "Hello"}
    fresh = with_instructions([user], told)
    assert fresh == [{"role": "system", "content": told}, user]
    assert with_instructions(fresh, told) == fresh
    partly = [{"role": "system", "content": "A lamp."}, user]
    fields = 'Fields:\n- colour (one of: "red", "blue")'
    assert with_instructions(partly, told)[0]["content"] == f"A lamp.\n\n{fields}"
