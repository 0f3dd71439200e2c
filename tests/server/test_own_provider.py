"""`structgen:`, the client of our own server: what the server knows of an answer reaches it."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel

from structgen import AsyncClient, Client, Verbatim, errors
from structgen.local.engine import Engine
from structgen.testing import ScriptedTransport
from tests.sent import sent
from tests.server.conftest import Running, running

TEXT = "The heron Ada stood in the reeds at Selborne."


class Sighting(BaseModel):
    bird: Literal["heron", "crane", "stork"]
    place: Annotated[str, Verbatim()]


class Bird(BaseModel):
    bird: Literal["heron", "crane", "stork"]


@pytest.fixture
def own(served: Running) -> Any:
    with Client("structgen", base_url=served.address, temperature=0) as client:
        yield client


def test_the_guarantee_and_what_was_decided_come_over_the_wire(own: Client) -> None:
    result = own.extract_result(Bird, TEXT)
    assert result.guarantee.by == "decoder"
    assert "structgen:local" in result.guarantee.engine
    (options,) = [found for path, found in result.alternatives.items() if path == "/bird"]
    assert {value for value, _ in options} <= {"heron", "crane", "stork"}
    assert options[0][0] == result.value.bird


def test_a_streamed_answer_has_the_same(own: Client) -> None:
    with own.stream(Bird, TEXT) as stream:
        list(stream)
    whole = own.extract_result(Bird, TEXT)
    assert stream.result is not None
    assert stream.result.guarantee == whole.guarantee
    assert stream.result.alternatives.keys() == whole.alternatives.keys()


def test_values_to_copy_are_held_to_the_document_on_the_server(own: Client) -> None:
    result = own.extract_result(Sighting, TEXT)
    found = result.evidence["/place"]
    assert result.value.place == found.quote == TEXT[found.start : found.end]
    assert len(result.attempts) == 1


def test_other_clients_may_mark_values_to_copy_too(served: Running) -> None:
    schema = {
        "type": "object",
        "properties": {"place": {"type": "string", "x-verbatim": "words"}},
        "required": ["place"],
        "additionalProperties": False,
    }
    answer = served.chat(
        messages=[{"role": "user", "content": TEXT}],
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema}},
        temperature=0,
        max_tokens=24,
    ).json()
    assert "x_structgen" not in answer or "engine" not in answer["x_structgen"]
    place = json.loads(answer["choices"][0]["message"]["content"])["place"]
    assert place in TEXT


def test_it_works_on_an_event_loop(served: Running) -> None:
    async def main() -> str:
        async with AsyncClient("structgen", base_url=served.address, temperature=0) as client:
            return (await client.extract_result(Bird, TEXT)).guarantee.by

    assert asyncio.run(main()) == "decoder"


def test_models_are_listed(own: Client) -> None:
    assert "local" in [model.id for model in own.models.list()]
    assert own.models.retrieve("local").context_window == 2048


def test_the_key_comes_from_its_variable(
    small_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(small_engine, keys=("k1",), max_tokens=24) as server:
        monkeypatch.setenv("STRUCTGEN_BASE_URL", server.address)
        with Client("structgen") as keyless, pytest.raises(errors.AuthenticationError):
            keyless.models.list()
        monkeypatch.setenv("STRUCTGEN_API_KEY", "k1")
        with Client("structgen:local") as client:
            assert client.models.list()


def test_a_server_that_is_another_one_is_not_believed() -> None:
    client = Client("structgen", transport=ScriptedTransport('{"bird": "crane"}'))
    assert client.extract_result(Bird, TEXT).guarantee.by == "check"
    body = json.loads(sent(client)[0].body)
    assert body["x_structgen"] == {"details": True}
    assert body["response_format"]["json_schema"]["strict"] is False


@pytest.mark.parametrize(
    ("spec", "variable"),
    [
        ("http://127.0.0.1:9/v1#m.gguf", "GENERIC_API_KEY"),
        ("tgi:m", "TGI_API_KEY"),
        ("lmstudio:m", "LMSTUDIO_API_KEY"),
        ("vllm:m", "VLLM_API_KEY"),
        ("sglang:m", "SGLANG_API_KEY"),
        ("llama-cpp-python:m", "LLAMA_CPP_PYTHON_API_KEY"),
    ],
)
def test_every_server_has_a_variable_for_its_key(
    monkeypatch: pytest.MonkeyPatch, spec: str, variable: str
) -> None:
    from structgen.extraction.backends import http_backend

    monkeypatch.setenv(variable, "the-key")
    backend = http_backend(spec)
    port: Any = backend.port
    assert port._headers["authorization"] == "Bearer the-key"
    assert backend.model in ("m", "m.gguf")
    assert port.base_url.startswith("http://127.0.0.1:")
