"""The server's answers are what the types of OpenAI's and Groq's SDKs say, checked strictly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import groq
import openai
import pytest
from pydantic import BaseModel

from tests.server.conftest import Running

HELLO: dict[str, Any] = {
    "model": "local",
    "messages": [{"role": "user", "content": "Say hello in JSON."}],
    "max_completion_tokens": 12,
    "temperature": 0,
}
SCHEMA = {
    "type": "object",
    "properties": {"word": {"enum": ["hello", "bye"]}},
    "required": ["word"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "greet", "parameters": SCHEMA}}
ASKED: dict[str, dict[str, Any]] = {
    "text": {},
    "stop": {"stop": ["l"]},
    "json object": {"response_format": {"type": "json_object"}},
    "schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "word", "strict": True, "schema": SCHEMA},
        }
    },
    "a tool": {"tools": [TOOL], "tool_choice": "required"},
    "several calls": {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": True},
    "logprobs": {"logprobs": True},
    "details": {"extra_body": {"x_structgen": {"details": True}}},
}


@pytest.fixture(params=["openai", "groq"])
def sdk(request: pytest.FixtureRequest, served: Running) -> Iterator[Any]:
    made: Any
    if request.param == "openai":
        made = openai.OpenAI(
            base_url=f"{served.address}/v1",
            api_key="any",
            max_retries=0,
            _strict_response_validation=True,
        )
    else:
        made = groq.Groq(
            base_url=served.address, api_key="any", max_retries=0, _strict_response_validation=True
        )
    with made:
        yield made


def checked(answer: Any) -> Any:
    """An answer, checked against its own type once more, with everything that is in it."""
    return type(answer).model_validate(answer.model_dump(by_alias=True))


@pytest.mark.parametrize("case", ASKED)
def test_whole_answers_are_of_their_type(sdk: Any, case: str) -> None:
    answer = checked(sdk.chat.completions.create(**HELLO, **ASKED[case]))
    choice = answer.choices[0]
    assert choice.finish_reason in ("stop", "length", "tool_calls")
    assert answer.usage.total_tokens > 0
    if case in ("a tool", "several calls"):
        assert {call.function.name for call in choice.message.tool_calls} == {"greet"}
    if case == "logprobs" and isinstance(sdk, openai.OpenAI):
        assert all(token.logprob <= 0 for token in choice.logprobs.content)


@pytest.mark.parametrize("case", ASKED)
def test_events_are_of_their_type_and_add_up(sdk: Any, case: str) -> None:
    more = {} if isinstance(sdk, groq.Groq) else {"stream_options": {"include_usage": True}}
    chunks = [
        checked(chunk)
        for chunk in sdk.chat.completions.create(**HELLO, **ASKED[case], **more, stream=True)
    ]
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    calls = [call for delta in deltas for call in delta.tool_calls or ()]
    told = "".join(call.function.arguments or "" for call in calls if call.index == 0)
    text = "".join(delta.content or "" for delta in deltas)
    ended = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1]
    if "schema" in case or calls:
        assert ended != "stop" or json.loads(told or text)["word"] in ("hello", "bye")
    else:
        assert text or ended == "stop"
    if more:
        assert chunks[-1].usage.total_tokens > 0


def test_models_are_of_their_type(sdk: Any) -> None:
    listed = sdk.models.list()
    assert "local" in [checked(model).id for model in listed.data]
    assert checked(sdk.models.retrieve("local")).id == "local"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ({"model": "no such model"}, "NotFoundError"),
        ({"temperature": 5}, "BadRequestError"),
        ({"messages": []}, "BadRequestError"),
    ],
)
def test_errors_are_those_of_the_sdk(sdk: Any, call: dict[str, Any], name: str) -> None:
    module = openai if isinstance(sdk, openai.OpenAI) else groq
    with pytest.raises(getattr(module, name)) as caught:
        sdk.chat.completions.create(**{**HELLO, **call})
    assert caught.value.response.headers["x-request-id"].startswith("req_")


class Word(BaseModel):
    word: Literal["hello", "bye"]


def test_the_sdks_own_parsing_and_stream_helper(served: Running) -> None:
    with openai.OpenAI(
        base_url=f"{served.address}/v1", api_key="any", _strict_response_validation=True
    ) as client:
        asked = {name: value for name, value in HELLO.items() if name != "temperature"}
        parsed = client.chat.completions.parse(**asked, response_format=Word)
        assert parsed.choices[0].message.parsed is not None
        with client.chat.completions.stream(**asked, response_format=Word) as stream:
            kinds = {event.type for event in stream}
            final = stream.get_final_completion()
        assert "content.delta" in kinds
        assert isinstance(final.choices[0].message.parsed, Word)
