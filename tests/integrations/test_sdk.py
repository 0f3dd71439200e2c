"""`structgen.wrap`: a client of the OpenAI or Groq SDK becomes a structgen client."""

from __future__ import annotations

import asyncio
import json
from types import ModuleType
from typing import Any

import groq
import httpx
import openai
import pytest
from pydantic import BaseModel

import structgen
from structgen.testing.scripted import completion

httpx_of_openai: ModuleType = pytest.importorskip(
    openai.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0]
)


class Person(BaseModel):
    name: str
    age: int


ADA = completion('{"name": "Ada", "age": 36}')
TEXT = "Ada is 36."


class Server:
    """What a client sent, of either HTTP library, answered by a script."""

    def __init__(self, library: Any) -> None:
        self.requests: list[Any] = []
        self._library = library

    def __call__(self, request: Any) -> Any:
        self.requests.append(request)
        return self._library.Response(200, content=ADA)

    def client(self) -> Any:
        return self._library.Client(transport=self._library.MockTransport(self))

    def async_client(self) -> Any:
        return self._library.AsyncClient(transport=self._library.MockTransport(self))


def test_a_client_of_openai_keeps_its_key_address_headers_query_and_connections() -> None:
    server = Server(httpx_of_openai)
    sdk = openai.OpenAI(
        api_key="key-1",
        base_url="https://gateway.example/v1",
        organization="org-1",
        default_headers={"X-Team": "maths"},
        default_query={"tenant": "7"},
        http_client=server.client(),
    )
    client = structgen.wrap(sdk, "some-model")
    assert isinstance(client, structgen.Client)
    assert client.extract(Person, TEXT) == Person(name="Ada", age=36)
    [request] = server.requests
    assert str(request.url) == "https://gateway.example/v1/chat/completions?tenant=7"
    assert request.headers["authorization"] == "Bearer key-1"
    assert request.headers["x-team"] == "maths"
    assert request.headers["openai-organization"] == "org-1"
    assert not [name for name in request.headers if name.startswith("x-stainless")]
    assert json.loads(request.content)["model"] == "some-model"


def test_a_client_of_groq_is_asked_in_its_strict_mode() -> None:
    server = Server(httpx)
    sdk = groq.Groq(api_key="key-2", http_client=server.client())
    result = structgen.wrap(sdk, "openai/gpt-oss-20b").extract_result(Person, TEXT)
    assert result.value == Person(name="Ada", age=36)
    [request] = server.requests
    assert str(request.url) == "https://api.groq.com/openai/v1/chat/completions"
    assert json.loads(request.content)["response_format"]["json_schema"]["strict"] is True


@pytest.mark.parametrize("library", ["openai", "groq"])
def test_async_clients_make_async_clients(library: str) -> None:
    server = Server(httpx_of_openai if library == "openai" else httpx)
    kind: Any = openai.AsyncOpenAI if library == "openai" else groq.AsyncGroq

    async def ask() -> Person:
        async with kind(api_key="key", http_client=server.async_client()) as sdk:
            client: Any = structgen.wrap(sdk, "openai/gpt-oss-20b")
            assert isinstance(client, structgen.AsyncClient)
            found: Person = await client.extract(Person, TEXT)
            return found

    assert asyncio.run(ask()) == Person(name="Ada", age=36)
    assert server.requests[0].headers["authorization"] == "Bearer key"


def test_a_key_that_changes_or_that_a_function_gives_is_asked_for_with_each_request() -> None:
    keys = iter(["first", "second"])
    server = Server(httpx_of_openai)
    sdk = openai.OpenAI(api_key=lambda: next(keys), http_client=server.client())
    client = structgen.wrap(sdk, "gpt-6.1-terra")
    client.extract(Person, TEXT)
    client.extract(Person, TEXT)
    sdk = openai.OpenAI(api_key="third", http_client=server.client())
    client = structgen.wrap(sdk, "gpt-6.1-terra")
    sdk.api_key = "fourth"
    client.extract(Person, TEXT)
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer first", "Bearer second", "Bearer fourth"]


def test_azure_sends_its_own_header_and_version() -> None:
    server = Server(httpx_of_openai)
    sdk = openai.AzureOpenAI(
        api_key="key-3",
        azure_endpoint="https://one.openai.azure.com",
        azure_deployment="mine",
        api_version="2025-01-01",
        http_client=server.client(),
    )
    structgen.wrap(sdk, "gpt-6.1-terra").extract(Person, TEXT)
    [request] = server.requests
    assert request.url.path == "/openai/deployments/mine/chat/completions"
    assert request.url.params["api-version"] == "2025-01-01"
    assert request.headers["api-key"] == "key-3"


def test_timeout_and_retries_are_the_sdks_and_options_come_first() -> None:
    sdk = openai.OpenAI(api_key="k", timeout=7, max_retries=5)
    own = structgen.wrap(sdk, "gpt-6.1-terra").caller.options
    assert (own.timeout, own.max_retries) == (7, 5)
    given = structgen.wrap(sdk, "gpt-6.1-terra", max_retries=0, temperature=0).caller.options
    assert (given.timeout, given.max_retries, given.temperature) == (7, 0, 0)
    with_steps = groq.Groq(api_key="k", timeout=httpx.Timeout(3, read=9))
    assert structgen.wrap(with_steps, "openai/gpt-oss-20b").caller.options.timeout == 9


def test_the_provider_is_that_of_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    sdk = openai.OpenAI(api_key="k", base_url="https://api.mistral.ai/v1")
    assert "mistral:small" in repr(structgen.wrap(sdk, "small"))
    sdk = openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1")
    assert "generic:small" in repr(structgen.wrap(sdk, "small"))
    assert "vllm:small" in repr(structgen.wrap(sdk, "small", provider="vllm"))
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert "openai:small" in repr(structgen.wrap(sdk, "small"))


@pytest.mark.parametrize("other", [None, "openai", object()])
def test_what_is_no_client_of_an_sdk_is_refused(other: Any) -> None:
    with pytest.raises(structgen.ConfigurationError, match="openai or groq"):
        structgen.wrap(other, "m")


def test_a_client_that_signs_in_with_a_token_is_refused() -> None:
    sdk = openai.AzureOpenAI(
        azure_ad_token="token", azure_endpoint="https://one.openai.azure.com", api_version="v1"
    )
    with pytest.raises(structgen.ConfigurationError, match="signs in another way"):
        structgen.wrap(sdk, "m")
