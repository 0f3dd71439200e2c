"""A chat call that cannot be right is a usage error before anything is sent, once and for all."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import httpx2
import pytest
from pydantic import BaseModel

from structgen import AsyncClient, Client
from structgen.errors import ConfigurationError, InputError
from structgen.testing import FaultyServer, ScriptedTransport, completion
from structgen.values import Reply
from tests.sent import sent

MESSAGES = [{"role": "user", "content": "hi"}]
WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"timeout": "5"}, ConfigurationError, "`timeout` is '5'"),
    ({"timeout": -1}, ConfigurationError, "`timeout` is -1"),
    ({"timeout": 0}, ConfigurationError, "`timeout` is 0"),
    ({"total_timeout": "a"}, ConfigurationError, "`total_timeout` is 'a'"),
    ({"max_retries": "a"}, ConfigurationError, "`max_retries` is 'a'"),
    ({"max_retries": -1}, ConfigurationError, "`max_retries` is -1"),
    ({"messages": None}, InputError, "not a list of messages"),
    ({"messages": "hi"}, InputError, "not a list of messages"),
    ({"messages": []}, InputError, "`messages` is empty"),
    ({"messages": [MESSAGES[0], 5]}, InputError, "Message 2 of `messages` has no role"),
    ({"messages": [{"content": "x"}]}, InputError, "Message 1 of `messages` has no role"),
    ({"model": 5}, ConfigurationError, "`model` is a number"),
    ({"extra_headers": {"x": None}}, ConfigurationError, "The header 'x'"),
    ({"extra_headers": {"x": 5}}, ConfigurationError, "The header 'x'"),
    ({"extra_headers": {"x": "a\r\nb: c"}}, ConfigurationError, "The header 'x'"),
    ({"extra_headers": {"é": "x"}}, ConfigurationError, "cannot be the name of a header"),
    ({"extra_headers": {"": "x"}}, ConfigurationError, "cannot be the name of a header"),
    ({"extra_headers": ["x"]}, ConfigurationError, "`extra_headers` is a list"),
    ({"extra_query": 5}, ConfigurationError, "`extra_query` is a number"),
    ({"extra_body": 5}, ConfigurationError, "`extra_body` is a number"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("wrong", "kind", "told"), WRONG, ids=[str(row[0]) for row in WRONG])
def test_a_mistake_is_told_before_anything_is_sent(
    wrong: dict[str, Any], kind: type[Exception], told: str, stream: bool
) -> None:
    script = ScriptedTransport("x")
    call: Any = {"messages": MESSAGES, "stream": stream, **wrong}
    client = Client("groq:m", api_key="k", transport=script)
    with pytest.raises(kind, match=told):
        client.chat.completions.create(**call)
    async_client = AsyncClient("groq:m", api_key="k", transport=script)

    async def main() -> None:
        await async_client.chat.completions.create(**call)

    with pytest.raises(kind, match=told):
        asyncio.run(main())
    assert not sent(client)


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_timeouts_of_the_sdks_are_taken(library: Any) -> None:
    client = Client("groq:m", api_key="k", transport=ScriptedTransport("x"))
    call: Any = {"messages": MESSAGES, "timeout": library.Timeout(5.0)}
    assert client.chat.completions.create(**call).choices[0].message.content == "x"


def _broken_hook(request: Any) -> None:
    raise ValueError("a mistake of the user's own")


async def _abroken_hook(request: Any) -> None:
    _broken_hook(request)


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_hook_of_the_users_that_raises_is_no_failure_of_the_network(library: Any) -> None:
    async def main(base_url: str) -> None:
        async with library.AsyncClient(event_hooks={"request": [_abroken_hook]}) as own:
            client = AsyncClient("vllm:m", base_url=base_url, http_client=own)
            await client.chat.completions.create(messages=MESSAGES)

    with (
        FaultyServer("answer") as server,
        library.Client(event_hooks={"request": [_broken_hook]}) as own,
    ):
        client = Client("vllm:m", base_url=server.base_url, http_client=own)
        with pytest.raises(ConfigurationError, match="ValueError: a mistake") as caught:
            client.chat.completions.create(messages=MESSAGES)
        assert isinstance(caught.value.__cause__, ValueError)
        with pytest.raises(ConfigurationError, match="ValueError: a mistake"):
            asyncio.run(main(server.base_url))
        assert not server.requests


# ---- answers -------------------------------------------------------------------------------------


class Person(BaseModel):
    name: str


def test_the_choice_of_index_0_is_read_wherever_it_is() -> None:
    body = json.loads(completion('{"name":"zero"}'))
    message = {"role": "assistant", "content": '{"name":"one"}'}
    body["choices"].insert(0, {"index": 1, "message": message, "finish_reason": "stop"})
    reply = Reply(200, {}, json.dumps(body).encode())
    client = Client("vllm:m", transport=ScriptedTransport(reply))
    assert client.extract(Person, "x") == Person(name="zero")


def test_an_answer_is_read_as_a_mapping_too() -> None:
    client = Client("vllm:m", transport=ScriptedTransport("x"))
    message = client.chat.completions.create(messages=MESSAGES).choices[0].message
    assert dict(message) == {"role": "assistant", "content": "x"}
    assert message["content"] == "x"
