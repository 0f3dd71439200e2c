"""A real server with a real model: texts of many kinds, a server that dies, and a slow one."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import pytest
from pydantic import BaseModel, Field

from structgen import Client
from structgen.errors import (
    ConnectionFailedError,
    OutputError,
    RequestTimeoutError,
    ServerError,
    StreamBrokenError,
    TotalTimeoutError,
)
from structgen.testing import FaultyServer, Served, completion, events
from tests.data import EXAMPLES
from tests.servers import EVERY_PROMPT_ANEW, Server, llama_cpp


class Restaurant(BaseModel):
    name: str
    food: str | None = None
    area: Literal["riverside", "city centre"] | None = None
    family_friendly: bool | None = None


class Command(BaseModel):
    intent: Literal[
        "PlayMusic",
        "AddToPlaylist",
        "RateBook",
        "SearchCreativeWork",
        "GetWeather",
        "BookRestaurant",
    ]
    object_name: str


class Address(BaseModel):
    number: Annotated[str, Field(max_length=10)]
    street: str
    city: str | None = None
    zip_code: Annotated[str, Field(pattern=r"^\d{5}$")] | None = None


class Time(BaseModel):
    expression: str
    kind: Literal["date", "time", "datetime", "range", "duration"]


class Ingredients(BaseModel):
    names: Annotated[list[str], Field(max_length=5)]


TASKS: dict[str, type[BaseModel]] = {
    "restaurants": Restaurant,
    "voice_commands": Command,
    "addresses": Address,
    "datetimes": Time,
    "ingredients": Ingredients,
}


class Words(BaseModel):
    """An answer that takes a while."""

    words: Annotated[
        list[Annotated[str, Field(min_length=3, max_length=12)]],
        Field(min_length=20, max_length=20),
    ]


WORDS = "Write twenty words about the sea: wave, salt, wind, and so on."


def client_of(server: Server, **options: Any) -> Client:
    return Client(
        f"llamacpp:{server.model}",
        base_url=server.base_url,
        api_key=server.api_key,
        temperature=0.0,
        **options,
    )


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_texts_give_valid_records_or_typed_errors(task: str, llama_server: Server) -> None:
    """Whole and streamed: the same record, or the same error."""
    text = EXAMPLES[task].text[:120]
    found: list[Any] = []
    with client_of(
        llama_server, max_tokens=60, max_reasks=0, extra_body=EVERY_PROMPT_ANEW
    ) as client:
        calls: tuple[Any, ...] = (
            client.extract_result,
            lambda *asked: list(client.stream(*asked))[-1].result,
        )
        for call in calls:
            try:
                result = call(TASKS[task], text)
            except OutputError as error:
                assert error.attempts[-1].text
                found.append(type(error))
                continue
            assert isinstance(result.value, TASKS[task])
            assert result.guarantee.by == "server"
            found.append(result.value)
    assert found[0] == found[1]


@pytest.mark.slow
def test_a_server_killed_in_the_middle_of_answers_loses_nothing_silently(
    embedded_model: Path,
) -> None:
    """A stream ends in a typed error with what had come.

    Whole answers are asked for again, and come when the server is back.
    """
    with ThreadPoolExecutor(2) as pool:
        with llama_cpp(embedded_model) as server, client_of(server, max_tokens=250) as client:
            stream = client.stream(Words, WORDS)
            next(stream)
            calls = [
                pool.submit(client.extract_result, Words, WORDS, max_retries=12, timeout=None)
                for _ in range(2)
            ]
            os.kill(server.process, signal.SIGKILL)
            with pytest.raises(StreamBrokenError) as broken:
                list(stream)
            assert (broken.value.attempts[-1].text or "").startswith("{")
            with pytest.raises(ConnectionFailedError):
                client.extract(Words, WORDS, max_retries=0)
            port = urlsplit(server.base_url).port or 0
            with llama_cpp(embedded_model, port=port, api_key=server.api_key) as again:
                assert again.base_url == server.base_url
                results = [call.result(timeout=600) for call in calls]
    for result in results:
        assert isinstance(result.value, Words)
        failed = {type(attempt.error) for attempt in result.attempts[:-1]}
        assert ConnectionFailedError in failed
        assert failed <= {
            ConnectionFailedError,
            ServerError,
        }  # while it loads its model, it answers 503


SLOW = '{"words": ["' + '", "'.join(["wave"] * 20) + '"]}'


def test_a_slow_answer_ends_in_time_with_what_had_come() -> None:
    """A server that trickles: `timeout` bounds a try, and `total_timeout` the call.

    Both errors are typed, and the attempt keeps the beginning of the answer.
    """
    pieces = events(SLOW)
    body = completion(SLOW)
    whole = Served(pieces=[body[at : at + 8] for at in range(0, len(body), 8)], pause=0.05)
    streamed = Served(pieces=pieces, pause=0.05)
    with (
        FaultyServer(whole) as server,
        Client("vllm:m", base_url=server.base_url, max_retries=0) as client,
    ):
        with pytest.raises(RequestTimeoutError):
            client.extract(Words, WORDS, timeout=1.0)
        with pytest.raises((RequestTimeoutError, TotalTimeoutError)):
            client.extract(Words, WORDS, total_timeout=1.0, max_retries=5)
    with (
        FaultyServer(streamed) as server,
        Client("vllm:m", base_url=server.base_url, max_retries=0) as client,
    ):
        partials: list[Any] = []
        with pytest.raises(TotalTimeoutError) as late:
            partials.extend(client.stream(Words, WORDS, total_timeout=1.5))
        text = late.value.attempts[-1].text
        assert text
        assert SLOW.startswith(text)
        assert not partials[-1].done
        assert len(server.requests) == 1


def test_a_slow_answer_that_keeps_coming_is_waited_for() -> None:
    """The wait for each piece is bounded, not the whole of a stream."""
    with FaultyServer(Served(pieces=events(SLOW, size=8), pause=0.1)) as server:
        with Client("vllm:m", base_url=server.base_url, timeout=1.5) as client:
            assert len(list(client.stream(Words, WORDS))[-1].value.words) == 20
