"""A real llama.cpp server over the chat surface, and its real errors.

Answers are whole, streamed, stopped, JSON, and held to a schema.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from structgen import AsyncClient, Client, errors
from tests.servers import EVERY_PROMPT_ANEW

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "person", "strict": True, "schema": SCHEMA},
}
ADA = [{"role": "user", "content": "Ada is 36 years old. Who is it, as JSON with name and age?"}]
COUNT = [{"role": "user", "content": "Count: 1, 2, 3, 4, 5, 6, 7, 8, 9. Again, please:"}]


@pytest.fixture(scope="module")
def client(llama_server: Any) -> Iterator[Client]:
    with Client(
        f"llamacpp:{llama_server.model}",
        base_url=llama_server.base_url,
        api_key=llama_server.api_key,
        temperature=0.0,
    ) as made:
        yield made


def create(client: Client, **params: Any) -> Any:
    return client.chat.completions.create(
        **{"messages": ADA, "max_completion_tokens": 40, **params}
    )


def test_it_answers(client: Client) -> None:
    answer = create(client, max_completion_tokens=8)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert 0 < answer.usage.completion_tokens <= 8


def test_it_streams_the_same_text(client: Client) -> None:
    whole = create(client, seed=1, extra_body=EVERY_PROMPT_ANEW).choices[0].message.content
    chunks = list(create(client, seed=1, stream=True, extra_body=EVERY_PROMPT_ANEW))
    assert (
        "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == whole
    )
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] in (
        "stop",
        "length",
    )


def test_a_stream_counts_its_tokens_when_asked(client: Client) -> None:
    chunks = list(create(client, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens > 0


def test_it_stops_before_a_stop_sequence(client: Client) -> None:
    answer = create(client, messages=COUNT, response_format={"type": "text"}, stop=["5", "six"])
    assert "5" not in answer.choices[0].message.content


def test_json_mode_gives_json(client: Client) -> None:
    answer = create(client, response_format={"type": "json_object"}, max_completion_tokens=100)
    if answer.choices[0].finish_reason == "stop":
        json.loads(answer.choices[0].message.content)
    assert answer.choices[0].message.content.lstrip().startswith("{")


@pytest.mark.parametrize("stream", [False, True])
def test_a_schema_holds(client: Client, stream: bool) -> None:
    answer = create(client, response_format=FORMAT, max_completion_tokens=100, stream=stream)
    if stream:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)
    else:
        text = answer.choices[0].message.content
    person = json.loads(text)
    assert set(person) == {"name", "age"}
    assert 0 <= person["age"] <= 150


def test_an_event_loop_gets_the_same(client: Client, llama_server: Any) -> None:
    async def main() -> Any:
        async with AsyncClient(
            f"llamacpp:{llama_server.model}",
            base_url=llama_server.base_url,
            api_key=llama_server.api_key,
            temperature=0.0,
        ) as on_loop:
            calls = [
                on_loop.chat.completions.create(
                    messages=ADA, response_format=FORMAT, max_completion_tokens=100
                )
                for _ in range(4)
            ]
            return [
                json.loads(answer.choices[0].message.content or "")
                for answer in await asyncio.gather(*calls)
            ]

    assert all(set(person) == {"name", "age"} for person in asyncio.run(main()))


def test_a_wrong_key_is_told(llama_server: Any) -> None:
    with (
        Client("llamacpp:m", base_url=llama_server.base_url, api_key="wrong") as stranger,
        pytest.raises(errors.AuthenticationError),
    ):
        create(stranger)


def test_a_schema_it_cannot_read_is_told(client: Client) -> None:
    with pytest.raises(errors.BadRequestError):
        create(
            client,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"type": "objekt"}},
            },
        )


def test_a_prompt_that_is_too_long_is_told_with_its_size(client: Client, llama_server: Any) -> None:
    with pytest.raises(errors.APIPromptTooLongError) as caught:
        create(
            client, messages=[{"role": "user", "content": "word " * (llama_server.context + 100)}]
        )
    assert caught.value.tokens is not None
    assert caught.value.limit is not None
    assert caught.value.tokens > caught.value.limit


def test_a_stream_that_is_left_ends_the_answer(client: Client) -> None:
    """The server has two places: more streams would block it, if leaving did not end them."""
    for _ in range(4):
        with create(client, messages=COUNT, max_completion_tokens=2000, stream=True) as stream:
            next(stream)
    assert create(client, max_completion_tokens=4).choices
