"""Streaming from models that are there: llama.cpp behind HTTP, and the engine in this process."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import AsyncClient, Client
from structgen.answer.partial import GrowingText
from structgen.errors import Truncated
from structgen.local.engine import Engine
from structgen.testing import ScriptedTransport
from tests.servers import Server

TEXT = (
    "Ada Lovelace, born in London in 1815, wrote the first program. Alan Turing was born in 1912."
)


class Person(BaseModel):
    name: str
    birthplace: str
    born: int


@pytest.fixture(params=["server", "engine"])
def asked(request: pytest.FixtureRequest, llama_server: Server, engine: Engine) -> dict[str, Any]:
    """What makes a client of each."""
    if request.param == "engine":
        return {"model": engine}
    return {
        "model": f"llamacpp:{llama_server.model}",
        "base_url": llama_server.base_url,
        "api_key": llama_server.api_key,
    }


def test_a_record_grows_token_by_token_to_what_extract_returns(asked: dict[str, Any]) -> None:
    """The stream and `extract` read the same text, given again by a script.

    A second question to the model may have another answer, even at temperature 0: a server that
    has part of the prompt in its cache computes the rest in another batch, and so other logits.
    """
    client = Client(**asked, temperature=0.0)
    assert client.plan(Person, TEXT, stream=True).stream
    partials = list(client.stream(Person, TEXT))
    names = [partial.value.name for partial in partials]
    grown = [name for name in names if isinstance(name, GrowingText)]
    assert len(grown) > 1
    assert all(later.startswith(before) for before, later in pairwise(grown))
    last = partials[-1]
    assert last.done
    assert last.result is not None
    text = last.result.attempts[-1].text
    assert text is not None
    assert last.value == Person.model_validate_json(text)
    whole = Client("any", base_url="http://any.invalid/v1", transport=ScriptedTransport(text))
    assert last.value == whole.extract(Person, TEXT)
    assert last.result.usage.completion_tokens > 0


def test_a_record_grows_on_an_event_loop_that_goes_on_meanwhile(asked: dict[str, Any]) -> None:
    async def run() -> tuple[int, int]:
        turns = partials = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        async for partial in AsyncClient(**asked, temperature=0.0).stream(Person, TEXT):
            partials += 1
            last = partial
        counting.cancel()
        assert last.done
        return turns, partials

    turns, partials = asyncio.run(run())
    assert partials > 5
    assert turns > partials


def test_items_come_one_by_one_and_are_the_list_at_the_end(engine: Engine) -> None:
    """The engine's grammar lets a list close within its budget."""
    stream = Client(engine, temperature=0.0, on_shortened="keep").stream_items(Person, TEXT)
    items: list[Person] = []
    for item in stream:
        assert stream.result is None or items
        items.append(item)
    assert stream.result is not None
    assert items == stream.result.value
    assert all(isinstance(item, Person) for item in items)


def test_a_list_that_is_cut_gives_its_whole_items_and_then_an_error(llama_server: Server) -> None:
    client = Client(
        f"llamacpp:{llama_server.model}",
        base_url=llama_server.base_url,
        api_key=llama_server.api_key,
        temperature=0.0,
    )
    items: list[Person] = []
    with pytest.raises(Truncated) as cut:
        items.extend(client.stream_items(Person, TEXT * 3, max_tokens=60))
    assert all(isinstance(item, Person) for item in items)
    assert f"after {len(items)} whole item" in str(cut.value)


def test_leaving_early_frees_the_model_for_the_next_question(asked: dict[str, Any]) -> None:
    client = Client(**asked, temperature=0.0)
    for _ in range(3):
        with client.stream(Person, TEXT) as partials:
            next(partials)
    assert client.extract(Person, TEXT).name


@pytest.mark.parametrize("max_tokens", [24, 40, 60, 90])
def test_an_engine_hands_out_only_the_items_that_it_did_not_cut(
    engine: Engine, max_tokens: int
) -> None:
    items = []
    try:
        for item in Client(engine, temperature=0.0).stream_items(
            Person, TEXT, max_tokens=max_tokens
        ):
            items.append(item)
    except Truncated as error:
        touched = [path.split("/")[1] for path in error.shortened if path]
        cut = min((int(step) for step in touched), default=None)
        assert items == (error.salvaged or [])[:cut]
        assert "" in error.shortened or cut is not None
