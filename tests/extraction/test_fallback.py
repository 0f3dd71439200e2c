"""A backend that fails is followed by the next; one that keeps failing is left alone."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import BaseModel, Field

import structgen
from structgen.errors import (
    CircuitOpenError,
    EngineError,
    InputError,
    RateLimitError,
    ServerError,
    StructgenError,
    TotalTimeoutError,
)
from structgen.testing import FaultyServer, ScriptedModel, ScriptedTransport


class Person(BaseModel):
    name: str
    age: int = Field(ge=0, le=150)
    town: str = "unknown"


ADA = Person(name="Ada", age=36)
GOOD = '{"name":"Ada","age":36,"town":null}'


def hosted(*script: Any, **options: Any) -> structgen.Client:
    """A client of a hosted model that takes every mode, whose server follows a script."""
    return structgen.Client(
        "openai:gpt",
        api_key="k",
        transport=ScriptedTransport(*script),
        **{"max_retries": 0, **options},
    )


@pytest.mark.parametrize(
    "fault", ["busy", "reset", "unauthorised", "no-json", "truncated", "wait-an-hour", "no-choices"]
)
def test_a_failing_backend_is_followed_by_the_next(fault: str) -> None:
    with FaultyServer(fault) as server:
        spare = structgen.Client(ScriptedModel(GOOD))
        with structgen.Client(
            "any", base_url=server.base_url, max_retries=0, fallback=[spare]
        ) as client:
            result = client.extract_result(Person, "a text")
    assert result.value == ADA
    assert result.guarantee.by == "decoder"
    assert [attempt.backend for attempt in result.attempts][-1] == "scripted"
    assert result.attempts[0].error is not None


def test_a_fault_of_the_call_itself_is_not_taken_to_the_next_backend() -> None:
    spare = ScriptedModel(GOOD)
    with pytest.raises(InputError):
        hosted(GOOD, fallback=[structgen.Client(spare)]).extract(Person, "   ")
    assert not spare.asked


def test_a_backend_that_keeps_failing_is_left_alone() -> None:
    with (
        FaultyServer("busy") as server,
        structgen.Client("any", base_url=server.base_url, max_retries=0) as client,
    ):
        for _ in range(5):
            with pytest.raises(ServerError):
                client.extract(Person, "a text")
        with pytest.raises(CircuitOpenError):
            client.extract(Person, "a text")
        assert len(server.requests) == 5


def test_a_total_timeout_covers_everything() -> None:
    with (
        FaultyServer("silent") as server,
        structgen.Client("any", base_url=server.base_url, total_timeout=1.0) as client,
    ):
        with pytest.raises(StructgenError) as error:
            client.extract(Person, "a text")
    assert error.value.attempts


@pytest.mark.parametrize("streamed", [False, True])
def test_an_engine_that_outlasts_the_total_timeout_is_told_as_that(streamed: bool) -> None:
    class Slow(ScriptedModel):
        def generate(self, messages: Any, schema: Any, options: Any, document: Any = None) -> Any:
            assert options.timeout <= 0.5
            time.sleep(options.timeout + 0.01)
            raise EngineError("The answer took longer than its timeout.")

    other = structgen.Client(ScriptedModel('{"name": "Ada", "age": 36}'))
    client = structgen.Client(Slow("{}"), fallback=[other])
    with pytest.raises(TotalTimeoutError, match="total_timeout is over"):
        if streamed:
            with client.stream(Person, "Ada is 36.", total_timeout=0.5) as stream:
                list(stream)
        else:
            client.extract(Person, "Ada is 36.", total_timeout=0.5)
    with pytest.raises(EngineError, match="longer than its timeout"):
        structgen.Client(Slow("{}"), timeout=0.01).extract(Person, "Ada", total_timeout=60)


def test_a_wait_beyond_the_total_timeout_is_raised_at_once_with_the_wait() -> None:
    with (
        FaultyServer("wait-an-hour") as server,
        structgen.Client(
            "any", base_url=server.base_url, total_timeout=60, max_retries=3
        ) as client,
    ):
        with pytest.raises(TotalTimeoutError) as error:
            client.extract(Person, "a text")
    assert error.value.wait == pytest.approx(3600, abs=1)
    assert isinstance(error.value.__cause__, RateLimitError)


def test_a_wait_of_an_hour_is_not_waited_for_without_a_total_timeout() -> None:
    with (
        FaultyServer("wait-an-hour") as server,
        structgen.Client("any", base_url=server.base_url, max_retries=3) as client,
    ):
        with pytest.raises(RateLimitError) as error:
            client.extract(Person, "a text")
        assert len(server.requests) == 1
    assert error.value.retry_after == pytest.approx(3600, abs=1)
