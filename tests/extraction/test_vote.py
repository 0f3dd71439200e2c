"""Several answers are voted on field by field; the result is valid and tells the agreement."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, model_validator

import structgen
from structgen.errors import (
    BudgetExceededError,
    ConfigurationError,
    InvalidOutputError,
    Refused,
    ServerError,
)
from structgen.extraction.vote import agreement, vote
from structgen.schema.json import same_json
from structgen.testing import ScriptedModel, ScriptedTransport, completion
from structgen.values import Answer, Json, Reply, Request
from tests.sent import sent

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)


class Person(BaseModel):
    name: str
    age: int
    town: str = "unknown"


def person(name: str, age: int, town: str | None = None) -> str:
    return json.dumps({"name": name, "age": age, "town": town})


def client(*script: Any, **options: Any) -> structgen.Client:
    port = ScriptedTransport(*script)
    return structgen.Client(
        "openai:gpt", api_key="k", transport=port, **{"max_retries": 0, "max_reasks": 0, **options}
    )


# ---- the vote -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ballots", "voted"),
    [
        ([1, 2, 2], 2),
        ([1, 2], 1),
        ([1, 1.0, 2], 1),
        ([True, 1, 1], 1),
        ([None, "a", None], None),
        ([{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 3, "b": 2}], {"a": 1, "b": 2}),
        ([{"a": 1}, {"a": 1, "b": 2}, {"a": 1}], {"a": 1}),
        ([[1, 2, 3], [1, 3], [1, 3]], [1, 3]),
        ([[1, 3], [1, 2, 3], [1, 2, 3]], [1, 2, 3]),
        ([["b", "c"], ["a", "b", "c"], ["a", "b", "c"]], ["a", "b", "c"]),
        (
            [
                [{"n": "x", "v": 1}, {"n": "y", "v": 2}],
                [{"n": "y", "v": 2}],
                [{"n": "x", "v": 9}, {"n": "y", "v": 3}],
            ],
            [{"n": "x", "v": 1}, {"n": "y", "v": 2}],
        ),
        ([[1, 2, 3], [3, 9, 1], [9, 1]], [1, 3, 9]),
        ([[], [1], {"a": 1}], []),
    ],
    ids=str,
)
def test_what_most_say_wins_part_by_part(ballots: list[Json], voted: Json) -> None:
    assert same_json(vote(ballots), voted)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(JSON, st.integers(1, 5))
def test_a_unanimous_vote_is_the_value_with_full_agreement(value: Json, count: int) -> None:
    assert same_json(vote([value] * count), value)
    assert set(agreement(value, [value] * count, count).values()) == {1.0}


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(JSON, st.lists(JSON, max_size=2))
def test_a_strict_majority_always_wins(value: Json, others: list[Json]) -> None:
    ballots = [*others, *[value] * (len(others) + 1)]
    assert same_json(vote(ballots), value)
    assert min(agreement(value, ballots, len(ballots)).values()) > 0.5


def test_agreement_follows_an_item_to_where_another_answer_has_it() -> None:
    found = agreement(
        [{"n": "y", "v": 2}], [[{"n": "y", "v": 2}], [{"n": "x", "v": 1}, {"n": "y", "v": 3}]], 2
    )
    assert found == {"/0/n": 1.0, "/0/v": 0.5}


# ---- the call -----------------------------------------------------------------------------------


def test_the_fields_that_most_samples_give_are_taken_with_their_agreement() -> None:
    asked = client(person("Ada", 36), person("Ada", 35, "London"), person("Eda", 36), mode="strict")
    result = asked.extract_result(Person, "a text", samples=3)
    assert result.value == Person(name="Ada", age=36)
    assert result.confidence == pytest.approx({"/name": 2 / 3, "/age": 2 / 3, "/town": 2 / 3})
    assert result.absent == {"/town"}
    assert len(result.attempts) == 3
    assert result.usage.total_tokens == 36
    assert result.guarantee.by == "server"
    assert "by consensus of 3 answers" in str(result.guarantee)


def test_sync_and_async_ask_the_same_and_give_the_same() -> None:
    script = [person("Ada", 36), person("Ada", 36), person("Eda", 36)]
    sync_port, async_port = ScriptedTransport(*script), ScriptedTransport(*script)

    async def run() -> Any:
        async with structgen.AsyncClient("openai:gpt", api_key="k", transport=async_port) as asked:
            return await asked.extract_result(Person, "a text", samples=3, seed=5)

    one = structgen.Client("openai:gpt", api_key="k", transport=sync_port).extract_result(
        Person, "a text", samples=3, seed=5
    )
    two = asyncio.run(run())
    assert (one.value, one.confidence, one.guarantee) == (two.value, two.confidence, two.guarantee)
    bodies = [sorted(request.body for request in port.requests) for port in (sync_port, async_port)]
    assert bodies[0] == bodies[1]
    assert sorted(json.loads(body)["seed"] for body in bodies[0]) == [5, 6, 7]
    assert {json.loads(body)["temperature"] for body in bodies[0]} == {0.7}


def test_a_temperature_of_the_caller_is_kept() -> None:
    asked = client(person("Ada", 36))
    asked.extract(Person, "a text", samples=2, temperature=0.2)
    assert {json.loads(request.body)["temperature"] for request in sent(asked)} == {0.2}


def test_a_sample_that_fails_is_recorded_and_agrees_with_nobody() -> None:
    asked = client(
        person("Ada", 36),
        Reply(500, {}, b"{}"),
        [completion('{"name":"A', finish_reason="length")],
        person("Ada", 36),
    )
    result = asked.extract_result(Person, "a text", samples=4, mode="strict")
    assert result.value.name == "Ada"
    assert result.confidence["/name"] == 0.5
    assert sorted(type(attempt.error).__name__ for attempt in result.attempts if attempt.error) == [
        "ServerError",
        "Truncated",
    ]
    assert result.guarantee.samples == 2


def test_where_all_samples_fail_an_error_says_so_with_all_attempts() -> None:
    with pytest.raises(ServerError) as error:
        client(Reply(500, {}, b"{}"), mode="strict").extract(Person, "a text", samples=3)
    assert len(error.value.attempts) == 3
    with pytest.raises(Refused):
        client([completion(None, refusal="No.")], mode="strict").extract(
            Person, "a text", samples=2
        )


class Span(BaseModel):
    first: int
    last: int

    @model_validator(mode="after")
    def ordered(self) -> Span:
        if self.first > self.last:
            raise ValueError("ends before it begins")
        return self


def test_votes_that_make_no_valid_value_together_give_way_to_the_answer_that_agrees_best() -> None:
    answers = ['{"first":1,"last":2}', '{"first":5,"last":9}', '{"first":5,"last":2}']
    with pytest.raises(InvalidOutputError):
        client(answers[2]).extract(Span, "a text")
    engine = ScriptedModel(
        *[
            '{"first":5,"last":9}',
            '{"first":5,"last":6}',
            '{"first":1,"last":2}',
            '{"first":2,"last":2}',
        ]
    )
    result = structgen.Client(engine).extract_result(Span, "a text", samples=4)
    assert result.value == Span(first=5, last=9), (
        "first 5 and last 2 have two votes each, and are no span"
    )
    assert result.confidence == {"/first": 0.5, "/last": 0.25}


def test_a_budget_covers_all_samples() -> None:
    def slow(request: Request) -> str:
        return '{"name":"Ada"}'

    with pytest.raises(BudgetExceededError) as error:
        client(slow, max_reasks=9).extract(Person, "a text", samples=3, token_budget=60)
    used = sum(attempt.usage.total_tokens for attempt in error.value.attempts)
    assert 60 <= used <= 84, (
        "one question for each sample may be under way when the budget is used up"
    )


@pytest.mark.parametrize("samples", [0, -1])
def test_less_than_one_sample_is_refused(samples: int) -> None:
    with pytest.raises(ConfigurationError, match="samples"):
        client(person("Ada", 36)).extract(Person, "a text", samples=samples)


def test_a_streamed_answer_cannot_be_voted_on() -> None:
    with pytest.raises(ConfigurationError, match="streamed"):
        list(client(person("Ada", 36)).stream(Person, "a text", samples=2))


def test_the_model_in_this_process_can_be_asked_several_times(
    local_client: structgen.Client,
) -> None:
    result = local_client.extract_result(
        Person, "Ada Lovelace is 36 years old.", samples=2, seed=1, max_tokens=60
    )
    assert result.guarantee.samples == 2
    assert result.confidence.keys() == {"/name", "/age", "/town"}
    assert result.cost == 0.0


def test_an_answer_without_samples_is_asked_once() -> None:
    engine = ScriptedModel(Answer(text=person("Ada", 36), finish_reason="stop"))
    structgen.Client(engine).extract(Person, "a text", samples=1)
    assert len(engine.asked) == 1


def test_a_job_votes_as_a_call_does() -> None:
    engine = ScriptedModel(person("Ada", 36), person("Eda", 36), person("Ada", 36))
    (outcome,) = structgen.Client(engine).map(Person, ["a text"], samples=3, concurrency=1)
    assert outcome.result is not None
    assert outcome.result.value.name == "Ada"
    assert len(engine.asked) == 3
