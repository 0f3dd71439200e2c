"""What a rule took out of an answer is told in the result, on every backend."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

import structgen
from structgen.testing.scripted import ScriptedModel, ScriptedTransport, completion, events
from structgen.values import Answer, Removed


class Lab(BaseModel):
    name: str


class Paper(BaseModel):
    labs: list[Lab]
    cities: list[str] = []


TEXT = '{"labs": [{"name": "Yale"}, {"name": "MIT"}], "cities": ["Rome"]}'
REPEATED = ("/labs/0", "/cities/0")
EXPECTED = (
    Removed("/cities/1", "Rome", "repeated"),
    Removed("/labs/2", {"name": "Yale"}, "repeated"),
)


def test_an_item_that_came_again_is_named_where_it_would_have_been() -> None:
    model = ScriptedModel(Answer(text=TEXT, finish_reason="stop", repeated=REPEATED))
    with structgen.Client(model) as client:
        result = client.extract_result(Paper, "Yale, MIT, Rome")
    assert result.removed == EXPECTED
    assert not result.shortened
    assert result.to_dict("removed")["removed"][0] == {
        "path": "/cities/1",
        "value": "Rome",
        "reason": "repeated",
    }


def test_what_an_engine_took_back_is_told_and_has_no_confidence() -> None:
    class Visit(BaseModel):
        guest: str
        town: str | None

    taken = Removed("/town", "Paris", "ungrounded")
    answer = Answer(
        text='{"guest": "Ada", "town": null}',
        finish_reason="stop",
        logprobs=(('{"guest": "Ada", ', -0.1), ('"town": null', -0.2), ("}", 0.0)),
        removed=(taken,),
    )
    with structgen.Client(ScriptedModel(answer), confidence=True) as client:
        result = client.extract_result(Visit, "Ada slept well.")
    assert result.value == Visit(guest="Ada", town=None)
    assert result.removed == (taken,)
    assert set(result.confidence) == {"/guest"}


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_of_structgen_tells_it_too(stream: bool) -> None:
    own = {"x_structgen": {"repeated": list(REPEATED)}}
    line: list[bytes] = [with_own(completion(TEXT), own)]
    if stream:
        *pieces, last, done = events(TEXT)
        line = [*pieces, with_own(last, own), done]
    client = structgen.Client("openai:gpt", api_key="k", transport=ScriptedTransport(line))
    if stream:
        *_, last_partial = client.stream(Paper, "Yale, MIT, Rome")
        result = last_partial.result
        assert result is not None
    else:
        result = client.extract_result(Paper, "Yale, MIT, Rome")
    assert result.removed == EXPECTED


def with_own(body: bytes, own: dict[str, Any]) -> bytes:
    """An answer or an event with further members."""
    start, found, data = body.rpartition(b"data: ")
    return start + found + json.dumps({**json.loads(data), **own}).encode() + b"\n\n"
