"""What the SDKs' clients have besides calls: copies, raw answers, the list of models."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import AsyncClient, Client, errors
from structgen.testing import FaultyServer, ScriptedModel, ScriptedTransport, Served, completion
from structgen.values import Reply, Request
from tests.sent import sent

BO = '{"name":"Bo","age":9}'
MESSAGES: Any = [{"role": "user", "content": "Bo is 9."}]


class Person(BaseModel):
    name: str
    age: int


def test_a_copy_differs_in_its_options_and_shares_everything_else() -> None:
    first = Client("groq:m", api_key="k", transport=ScriptedTransport(BO), temperature=0.5, seed=1)
    second = first.with_options(temperature=0, max_tokens=9)
    assert isinstance(second, Client)
    second.extract(Person, "Bo is 9.")
    second.chat.completions.create(messages=MESSAGES)
    first.extract(Person, "Bo is 9.")
    bodies = [json.loads(request.body) for request in sent(first)]
    assert [body["temperature"] for body in bodies] == [0, 0, 0.5]
    assert [body.get("max_completion_tokens") for body in bodies] == [9, 9, None]
    assert {body["seed"] for body in bodies} == {1}
    assert second.caller.backends == first.caller.backends


def test_a_copy_checks_its_options() -> None:
    client = Client("groq:m", api_key="k")
    with pytest.raises(errors.ConfigurationError, match="Unknown option"):
        client.with_options(no_such=1)  # type: ignore[call-arg]
    with pytest.raises(errors.ConfigurationError, match="max_tokens"):
        client.with_options(max_tokens=0)


def test_a_copy_of_an_async_client_shares_its_connections() -> None:
    async def main(base_url: str) -> list[Person]:
        async with AsyncClient("vllm:m", base_url=base_url) as client:
            copy = client.with_options(timeout=5)
            return [await one.extract(Person, "Bo is 9.") for one in (client, copy)]

    with FaultyServer(Served(body=completion(BO))) as server:
        assert asyncio.run(main(server.base_url)) == [Person(name="Bo", age=9)] * 2


HEADERS = {"x-request-id": "req_7", "x-ratelimit-remaining-requests": "13"}


def _answer(request: Request) -> Reply:
    return Reply(200, HEADERS, completion(BO))


def test_the_http_answer_is_given_beside_the_result() -> None:
    client = Client("groq:m", api_key="k", transport=ScriptedTransport(_answer))
    whole = client.with_raw_response.extract(Person, "Bo is 9.")
    result = client.with_raw_response.extract_result(Person, "Bo is 9.")
    chat = client.chat.completions.with_raw_response.create(messages=MESSAGES)
    for raw in (whole, result, chat):
        assert (raw.status_code, raw.request_id) == (200, "req_7")
        assert raw.headers["x-ratelimit-remaining-requests"] == "13"
        assert "Bo" not in repr(raw)
    assert whole.parse() == whole.result == result.result.value == Person(name="Bo", age=9)
    assert chat.parse().choices[0].message.content == BO


def test_the_http_answer_on_an_event_loop_and_of_a_stream() -> None:
    async def main(base_url: str) -> tuple[Any, ...]:
        async with AsyncClient("vllm:m", base_url=base_url, max_retries=0) as client:
            whole = await client.with_raw_response.extract(Person, "Bo is 9.")
            raw = await client.chat.completions.with_raw_response.create(
                messages=MESSAGES, stream=True
            )
            text = [chunk.choices[0].delta.content async for chunk in raw.parse() if chunk.choices]
            return whole.request_id, whole.result, raw.status_code, "".join(filter(None, text))

    answered = Served(headers={"request-id": "req_8"}, body=completion(BO))
    with FaultyServer(answered, "stream") as server:
        found = asyncio.run(main(server.base_url))
    assert found == ("req_8", Person(name="Bo", age=9), 200, "Paris")


def test_the_http_answer_is_that_of_the_backend_that_answered() -> None:
    other = Client("vllm:m", transport=ScriptedTransport(_answer))
    failing = ScriptedTransport(Reply(401, {"x-request-id": "req_1"}, b"{}"))
    client = Client("groq:m", api_key="k", transport=failing, fallback=[other])
    assert client.with_raw_response.extract(Person, "Bo is 9.").request_id == "req_7"


def test_a_model_in_this_process_has_no_http_answer() -> None:
    client = Client(ScriptedModel(BO))
    with pytest.raises(errors.ConfigurationError, match="did not come over HTTP"):
        client.with_raw_response.extract(Person, "Bo is 9.")
    with pytest.raises(errors.ConfigurationError, match="has no server"):
        client.models.list()


# ---- models --------------------------------------------------------------------------------------

GROQ = {"id": "a", "object": "model", "owned_by": "Meta", "active": True, "context_window": 131072}
LISTS: dict[str, list[Any]] = {
    "openai": [{"object": "list", "data": [GROQ, {"id": "b", "object": "model"}]}],
    "anthropic": [
        {"data": [{"id": "a", "type": "model"}], "has_more": True, "last_id": "a"},
        {"data": [{"id": "b", "type": "model"}], "has_more": False, "last_id": "b"},
    ],
    "gemini": [
        {"models": [{"name": "models/a"}], "nextPageToken": "t"},
        {"models": [{"name": "models/b"}]},
    ],
    "ollama": [{"models": [{"name": "a", "model": "a"}, {"model": "b"}]}],
}


def _page(page: object) -> Reply:
    return Reply(200, {}, json.dumps(page).encode())


@pytest.mark.parametrize("vendor", LISTS)
def test_models_are_listed_whichever_form_a_server_has(vendor: str) -> None:
    client = Client("vllm:m", transport=ScriptedTransport(*map(_page, LISTS[vendor])))
    listed = client.models.list()
    assert [model.id for model in listed] == [model.id for model in listed.data] == ["a", "b"]
    paths = [request.path.partition("?") for request in sent(client)]
    assert {path for path, *_ in paths} == {"models"}
    assert [query for *_, query in paths][1:] == {
        "anthropic": ["after_id=a"],
        "gemini": ["pageToken=t"],
    }.get(vendor, [])


def test_a_server_that_lists_without_end_is_left() -> None:
    page = {"data": [{"id": "a"}], "has_more": True, "last_id": "a"}
    client = Client("vllm:m", transport=ScriptedTransport(_page(page)))
    assert len(client.models.list()) == 20


def test_a_model_is_retrieved_by_name() -> None:
    client = Client("groq:m", api_key="k", transport=ScriptedTransport(_page(GROQ)))
    model = client.models.retrieve("openai/gpt oss")
    assert (model.context_window, model.owned_by, model.created) == (131072, "Meta", None)
    assert (sent(client)[0].method, sent(client)[0].path) == ("GET", "models/openai/gpt%20oss")


@pytest.mark.parametrize("name", ["", "..", "../files", "a/./b"])
def test_a_name_that_leads_to_another_path_is_none_of_a_model(name: str) -> None:
    port = ScriptedTransport(Reply(200, {}, b"{}"))
    client = Client("groq:m", api_key="k", transport=port)
    with pytest.raises(errors.ConfigurationError, match="no name of a model"):
        client.models.retrieve(name)
    assert not port.requests


def test_ollama_has_a_model_if_it_lists_it() -> None:
    listed = Reply(200, {}, b'{"models":[{"name":"qwen3:8b"},{"name":"llama3:latest"}]}')
    port = ScriptedTransport(listed)
    client = Client("ollama-native:m", transport=port)
    assert client.models.retrieve("qwen3:8b").id == "qwen3:8b"
    assert client.models.retrieve("llama3").id == "llama3:latest"
    assert {request.path for request in port.requests} == {"tags"}
    with pytest.raises(errors.NotFoundError, match="'other'"):
        client.models.retrieve("other")


def test_a_list_of_models_is_tried_again_and_its_errors_are_typed() -> None:
    async def main(base_url: str) -> list[str]:
        async with AsyncClient("vllm:m", base_url=base_url, max_retries=2) as client:
            return [model.id for model in await client.models.list()]

    models = Served(body=json.dumps({"data": [{"id": "a"}]}).encode())
    with FaultyServer("busy", models) as server:
        assert asyncio.run(main(server.base_url)) == ["a"]
    for reply, kind in (
        (Reply(404, {}, b'{"error":{"message":"no such model"}}'), errors.NotFoundError),
        (Reply(200, {}, b"<html>"), errors.ServerError),
        (Reply(200, {}, b'{"data": 5}'), errors.ServerError),
    ):
        client = Client("vllm:m", transport=ScriptedTransport(reply), max_retries=0)
        with pytest.raises(kind):
            client.models.list()


@pytest.mark.parametrize(
    ("member", "spec"),
    [
        ("context_window", "openai:m"),
        ("context_length", "openrouter:m"),
        ("max_model_len", "vllm:m"),
        ("inputTokenLimit", "gemini-native:m"),
    ],
)
def test_a_listed_context_is_used_where_the_row_has_none(member: str, spec: str) -> None:
    body = {"data": [{"id": "m", member: 9000}, {"id": "n", member: None}, {"id": "o"}]}
    script = ScriptedTransport(Reply(200, {}, json.dumps(body).encode()))
    client = Client(spec, api_key="k", transport=script)
    (backend,) = client.caller.backends
    assert backend.context is None
    client.models.list()
    assert backend.context == 9000


def test_the_context_of_a_row_goes_before_a_listed_one() -> None:
    body = {"data": [{"id": "openai/gpt-oss-20b", "context_window": 9000}]}
    script = ScriptedTransport(Reply(200, {}, json.dumps(body).encode()))
    client = Client("groq:openai/gpt-oss-20b", api_key="k", transport=script)
    client.models.retrieve("openai/gpt-oss-20b")
    assert client.caller.backends[0].context == 131_072


def test_ollama_lists_its_models_under_a_path_of_its_own() -> None:
    script = ScriptedTransport(Reply(200, {}, b'{"models":[{"name":"qwen3:8b"}]}'))
    client = Client("ollama-native:qwen3:8b", transport=script)
    assert [model.id for model in client.models.list()] == ["qwen3:8b"]
    assert script.requests[0].path == "tags"
