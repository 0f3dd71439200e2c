"""What `structgen.testing` gives to programs: answers for any schema, recordings, no network."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from pydantic import BaseModel, Field

from structgen import (
    AsyncClient,
    Client,
    ConfigurationError,
    Form,
    InvalidOutputError,
    Verbatim,
    compile_schema,
)
from structgen.testing import (
    AnyModel,
    FaultyServer,
    Recorder,
    Replayer,
    ScriptedModel,
    ScriptedTransport,
    no_network,
)
from tests.laws.json_schemas import json_schemas
from tests.ready_made import EXAMPLES


class Line(BaseModel):
    sku: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{4}$")]
    quantity: Annotated[int, Field(ge=1, le=5)]
    price: Annotated[float, Field(gt=0, lt=10)]


class Order(BaseModel):
    number: Annotated[str, Verbatim()]
    state: Literal["open", "paid"]
    lines: Annotated[list[Line], Field(min_length=1, max_length=3)]
    tags: dict[str, int]
    parent: Order | None = None


# ---- AnyModel --------------------------------------------------------------------------------


def test_any_model_answers_with_a_valid_value_and_copies_what_must_be_copied() -> None:
    document = "Order A-77 was paid in May."
    for seed in range(20):
        with Client(AnyModel(seed), max_reasks=0) as client:
            order = client.extract(Order, document)
        assert order.number in document
        assert order.lines


def test_the_same_question_gets_the_same_answer_and_another_seed_another() -> None:
    questions = ["one", "two", "three"]
    with Client(AnyModel()) as client:
        forward = [client.extract(Order, text) for text in questions]
        backward = [client.extract(Order, text) for text in reversed(questions)]
    assert forward == backward[::-1]
    assert forward[0] != forward[1]
    with Client(AnyModel(seed=1)) as client:
        assert client.extract(Order, "one") != forward[0]


@pytest.mark.parametrize("name", EXAMPLES)
def test_any_model_fills_every_ready_made_target(name: str) -> None:
    module = importlib.import_module(f"structgen.schemas.{name}")
    target = getattr(module, "".join(part.title() for part in name.split("_")))
    with Client(AnyModel()) as client:
        assert isinstance(client.extract(target, "A text of seven words, no more."), target)


@pytest.mark.parametrize(
    "keys",
    [
        {"patternProperties": {"^(a|b)$": {"type": "integer"}}, "additionalProperties": False},
        {"propertyNames": {"enum": ["a", "b"]}, "additionalProperties": {"type": "integer"}},
    ],
    ids=["by a pattern", "by a list"],
)
def test_any_model_gives_a_map_each_key_once(keys: dict[str, Any]) -> None:
    target = {"type": "object", **keys}
    with Client(AnyModel(), max_reasks=0) as client:
        found = [client.extract(target, f"Text {number}.").keys() for number in range(10)]
    assert {"a", "b"} in found


@settings(max_examples=60, deadline=None)
@given(json_schemas())
def test_any_model_answers_json_schemas_of_every_kind(schema: dict[str, Any]) -> None:
    compiled = compile_schema(schema, "llguidance")
    with Client(AnyModel()) as client:
        try:
            value = client.extract(schema, "A text.")
        except InvalidOutputError:
            assert compiled.notes, "only what the decoder cannot hold may be wrong"
        else:
            assert json.loads(json.dumps(value)) == value


def test_any_model_streams_votes_fills_forms_and_maps() -> None:
    model = AnyModel()
    with Client(model) as client:
        *_, last = client.stream(Line, "one")
        assert isinstance(last.value, Line)
        assert all(isinstance(item, Line) for item in client.stream_items(Line, "some"))
        assert client.extract_result(Line, "one", samples=3).guarantee.samples == 3
        assert all(outcome.ok for outcome in client.map(Line, ["a", "b", "c"]))
        form = Form(Line, client=client)
        form.fill("Two of AB-1234.")
        assert form.entries.keys() == {
            "/sku",
            "/quantity",
            "/price",
        }  # bounds are left to `invalid`
    assert len(model.asked) == 9

    async def main() -> Line:
        async with AsyncClient(AnyModel()) as client:
            return await client.extract(Line, "one")

    assert asyncio.run(main())


# ---- no network ------------------------------------------------------------------------------


def test_without_network_every_request_is_an_error_that_says_what_to_do() -> None:
    with (
        FaultyServer("answer") as server,
        Client("m", base_url=server.base_url) as client,
        no_network(),
    ):
        for call in (
            lambda: client.extract(str, "text"),
            lambda: list(client.stream(str, "text")),
            lambda: client.chat.completions.create(messages=[{"role": "user", "content": "x"}]),
        ):
            with pytest.raises(ConfigurationError, match="inside `no_network"):
                call()
    assert not server.requests


def test_a_fallback_does_not_hide_it_and_the_block_has_an_end() -> None:
    with FaultyServer("answer") as server:
        fallback = Client(ScriptedModel('"Rome"'))
        client = Client("m", base_url=server.base_url, fallback=[fallback])

        @no_network()
        def program() -> str:
            return client.extract(str, "text")

        with pytest.raises(ConfigurationError):
            program()
        assert not server.requests
        client.chat.completions.create(messages=[{"role": "user", "content": "x"}])
        assert len(server.requests) == 1
        client.close()


def test_ports_of_a_program_and_allowed_hosts_work_without_network() -> None:
    with no_network(allow=["127.0.0.1"]), FaultyServer("answer") as server:
        with Client("m", base_url=server.base_url) as client:
            client.chat.completions.create(messages=[{"role": "user", "content": "x"}])
        with Client("m", base_url="http://x/v1", transport=ScriptedTransport('"Rome"')) as client:
            assert client.extract(str, "text") == "Rome"
    assert len(server.requests) == 1


def test_an_asynchronous_request_is_refused_as_well() -> None:
    async def main() -> None:
        async with AsyncClient("m", base_url="http://127.0.0.1:9/v1") as client:
            await client.extract(str, "text")

    with no_network(), pytest.raises(ConfigurationError, match=re.escape("127.0.0.1")):
        asyncio.run(main())


# ---- recordings ------------------------------------------------------------------------------


def test_clients_close_recorders_and_replayers(tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"

    class Closed(ScriptedTransport):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    port = Closed('"Rome"')
    with Client("m", base_url="http://x/v1", transport=Recorder(port, tape)) as client:
        assert client.extract(str, "text") == "Rome"
    assert port.closed == 1
    with Client("m", base_url="http://x/v1", transport=Replayer(tape)) as client:
        assert client.extract(str, "text") == "Rome"
        with pytest.raises(ConfigurationError, match="no unused answer"):
            client.extract(str, "text")

    async def main() -> str:
        async with AsyncClient("m", base_url="http://x/v1", transport=Replayer(tape)) as client:
            return await client.extract(str, "text")

    assert asyncio.run(main()) == "Rome"
