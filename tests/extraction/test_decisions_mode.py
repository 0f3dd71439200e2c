"""Records of closed values are asked for as typed questions, where the server answers those."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from enum import IntEnum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from structgen import AsyncClient, Client
from structgen.errors import AuthenticationError, ConfigurationError, ServerError
from structgen.pipeline.batch import backend_for_batches
from structgen.providers import capabilities
from structgen.schema.closed_fields import closed_fields
from structgen.schema.compiler import compile_schema
from structgen.testing.scripted import ScriptedTransport, completion
from structgen.values import Reply, Request

TEXT = "Alimentum is a cheap Italian place, and children are welcome."
FORMS = {"vllm": "decisions", "llamacpp": "systemone"}


class Stars(IntEnum):
    one = 1
    two = 2


class Access(BaseModel):
    ramp: bool
    lift: bool = False


class Place(BaseModel):
    food: Literal["Italian", "Indian"] | None
    family_friendly: bool = Field(description="Children are welcome.")
    price: int = Field(ge=1, le=3)
    stars: Stars | None = None
    access: Access


class Open(BaseModel):
    name: str
    family_friendly: bool


SHARES: dict[str, dict[str, float]] = {
    "/food": {"Italian": 0.7, "Indian": 0.1, "not stated": 0.2},
    "/family_friendly": {"true": 0.9, "false": 0.1},
    "/price": {"1": 0.2, "2": 0.2, "3": 0.6},
    "/stars": {"1": 0.1, "2": 0.2, "not stated": 0.7},
    "/access/ramp": {"true": 0.3, "false": 0.7},
    "/access/lift": {"true": 0.2, "false": 0.2, "not stated": 0.6},
}
VALUE = Place(food="Italian", family_friendly=True, price=3, access=Access(ramp=False))


def told(request: Request) -> Reply:
    """What a server answers to the questions of a request, in their form."""
    asked = json.loads(request.body)["questions"]
    if request.path == "decisions":
        answers: Any = [_in_list(one, SHARES[one["name"]]) for one in asked]
        usage = {"input_tokens": 50, "input_tokens_details": {"cached_tokens": 40}}
    else:
        answers = {name: _named(one, SHARES[name]) for name, one in asked.items()}
        usage = {"input_tokens": 50, "output_tokens": 6}
    body = {"model": "m", "answers": answers, "usage": usage}
    return Reply(200, {}, json.dumps(body).encode())


def _in_list(asked: Any, shares: dict[str, float]) -> Any:
    if asked["type"] == "predicate":
        return {"type": "predicate", "name": asked["name"], "probability": shares["true"]}
    assert [choice["value"] for choice in asked["choices"]] == list(shares)
    told = [{"value": label, "probability": share} for label, share in shares.items()]
    best = max(shares, key=lambda label: shares[label])
    start = {"type": "choice", "name": asked["name"], "choice": best, "confidence": 0.5}
    return {**start, "probabilities": told}


def _named(asked: Any, shares: dict[str, float]) -> Any:
    if asked["type"] == "noul":
        return {"type": "noul", "noul": shares["true"]}
    assert list(asked["criteria"]) == list(shares)
    best = max(shares, key=lambda label: shares[label])
    return {"type": "choice", "choice": best, "confidence": 0.5, "probabilities": shares}


def client(*lines: Any, provider: str = "vllm", **options: Any) -> Client:
    return Client(
        f"{provider}:m", api_key="k", transport=ScriptedTransport(*lines), max_retries=0, **options
    )


@pytest.mark.parametrize("provider", FORMS)
def test_a_closed_record_is_asked_for_by_questions(provider: str) -> None:
    asked = client(told, provider=provider)
    result = asked.extract_result(Place, TEXT, instructions="Be strict.")
    assert result.value == VALUE
    assert result.attempts[0].mode == "decisions"
    assert result.guarantee.by == "server"
    assert result.absent == {"/stars", "/access/lift"}
    assert result.alternatives["/food"] == (("Italian", 0.7), (None, 0.2), ("Indian", 0.1))
    assert result.alternatives["/access/ramp"] == ((False, 0.7), (True, 0.3))
    assert set(result.alternatives) == set(SHARES)
    assert result.usage.prompt_tokens == 50
    plan = asked.plan(Place, TEXT)
    assert plan.mode == "decisions"
    assert plan.body is not None
    assert TEXT in (plan.body.get("input"), plan.body.get("state"))


@pytest.mark.parametrize("provider", FORMS)
def test_confidence_comes_from_the_same_probabilities(provider: str) -> None:
    result = client(told, provider=provider).extract_result(Place, TEXT, confidence=True)
    assert len(result.attempts) == 1
    assert result.confidence_by == "decisions"
    assert result.confidence["/price"] == 0.6
    assert result.record_confidence is not None


async def _extracted(asked: AsyncClient) -> Any:
    async with asked:
        return await asked.extract(Place, TEXT)


def test_sync_and_async_send_the_same_questions() -> None:
    import asyncio

    one, other = ScriptedTransport(told), ScriptedTransport(told)
    assert Client("vllm:m", transport=one).extract(Place, TEXT) == VALUE
    assert asyncio.run(_extracted(AsyncClient("vllm:m", transport=other))) == VALUE
    assert [r.body for r in one.requests] == [r.body for r in other.requests]


# ---- when it is used -----------------------------------------------------------------------------

RECORD = VALUE.model_dump_json()


@pytest.mark.parametrize(
    "call",
    [
        {"temperature": 0.7},
        {"samples": 2},
        {"prompt": "plain"},
        {"examples": [(TEXT, VALUE)]},
        {"reasoning": "first"},
        {"mode": "strict"},
        {"extra_body": {"top_k": 1}},
        {"logprobs": True},
    ],
    ids=lambda call: next(iter(call)),
)
def test_what_questions_have_no_place_for_is_asked_as_before(call: dict[str, Any]) -> None:
    asked = client(RECORD)
    assert asked.extract_result(Place, TEXT, **call).attempts[0].mode == "strict"


def test_records_with_an_open_value_conversations_and_streams_are_asked_as_before() -> None:
    answer = '{"name": "Alimentum", "family_friendly": true}'
    assert client(answer).extract_result(Open, TEXT).attempts[0].mode == "strict"
    said = [{"role": "user", "content": TEXT}]
    assert client(RECORD).extract_result(Place, said).attempts[0].mode == "strict"
    with client(RECORD).stream(Place, TEXT) as stream:
        assert list(stream)[-1].value == VALUE
    assert client(RECORD, provider="together").extract_result(Place, TEXT).value == VALUE


def test_a_call_that_names_the_mode_gets_it_or_an_error() -> None:
    assert client(told).extract(Place, TEXT, mode="decisions") == VALUE
    for target, call in ((Open, {}), (Place, {"samples": 2}), (Place, {"reasoning": "first"})):
        with pytest.raises(ConfigurationError, match="cannot be asked in the mode 'decisions'"):
            client(told).extract(target, TEXT, mode="decisions", **call)
    with pytest.raises(ConfigurationError, match="no mode 'decisions'"):
        client(told, provider="together").extract(Place, TEXT, mode="decisions")
    row = replace(capabilities("together", "m"), decisions="systemone")
    own = client(told, provider="together", capabilities=(row,))
    assert own.extract(Place, TEXT, mode="decisions") == VALUE


def without_endpoint(status: int, body: bytes) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        if request.path in FORMS.values():
            return Reply(status, {}, body)
        return Reply(200, {}, completion(RECORD))

    return answer


@pytest.mark.parametrize("provider", FORMS)
@pytest.mark.parametrize(
    ("status", "body", "times"),
    [
        (404, b'{"detail": "Not Found"}', 1),
        (405, b"{}", 1),
        (501, b'{"error": {"message": "not implemented"}}', 1),
        (200, b"<html></html>", 1),
        (200, b'{"answers": []}', 1),
        (400, b'{"error": {"message": "too many choices"}}', 2),
        (422, b'{"error": {"message": "bad question"}}', 2),
    ],
)
def test_a_server_without_questions_is_asked_in_the_next_mode(
    provider: str, status: int, body: bytes, times: int
) -> None:
    """Whether it has none is remembered; that it refused some questions is not."""
    transport = ScriptedTransport(without_endpoint(status, body))
    asked = Client(f"{provider}:m", transport=transport, max_retries=0)
    for _ in range(2):
        result = asked.extract_result(Place, TEXT)
        assert result.value == VALUE
        assert result.attempts[-1].mode == "strict"
    paths = [request.path for request in transport.requests]
    assert sum(path in FORMS.values() for path in paths) == times


def test_what_was_learned_of_a_server_does_not_change_what_is_planned() -> None:
    """The fingerprint of a job is made of its plan, and a later run must find its journal."""
    asked = client(without_endpoint(404, b"{}"))
    before = asked.plan(Place, TEXT)
    asked.extract(Place, TEXT)
    assert asked.plan(Place, TEXT) == before


def test_batches_are_not_asked_by_questions() -> None:
    (backend,) = client(told).caller.backends
    question = client(told).caller.question(Place, TEXT, {})
    assert question.modes(backend)[0][0] == "decisions"
    assert question.modes(backend_for_batches(backend))[0][0] == "strict"


def test_other_errors_are_no_reason_to_step_down() -> None:
    for status, kind in ((401, AuthenticationError), (503, ServerError)):
        with pytest.raises(kind):
            client(Reply(status, {}, b"{}")).extract(Place, TEXT)


def test_an_answer_that_leaves_an_option_out_is_no_answer() -> None:
    def cut(request: Request) -> Reply:
        body = json.loads(told(request).body)
        del body["answers"][0]["probabilities"][1]
        return Reply(200, {}, json.dumps(body).encode())

    with pytest.raises(ServerError, match="no probability of 'Indian'"):
        client(cut).extract(Place, TEXT, mode="decisions")


# ---- which values are closed ---------------------------------------------------------------------


class Tied(BaseModel):
    value: Literal["2", 2, "not stated"] | None


class Node(BaseModel):
    ok: bool
    next: Node | None = None


def test_labels_are_different_for_different_values() -> None:
    (field,) = closed_fields(compile_schema(Tied, "llguidance"))
    assert len(set(field.labels)) == len(field.options) == 4


@pytest.mark.parametrize(
    "target",
    [str, list[bool], Open, Node, dict[str, bool], Literal["a"], BaseModel, int, bool | str],
)
def test_nothing_else_is_closed(target: Any) -> None:
    assert closed_fields(compile_schema(target, "llguidance")) == ()


def test_a_record_of_one_value_is_one_question() -> None:
    def yes(request: Request) -> Reply:
        assert [one["name"] for one in json.loads(request.body)["questions"]] == ["value"]
        answer = {"type": "predicate", "name": "value", "probability": 0.8}
        return Reply(200, {}, json.dumps({"answers": [answer]}).encode())

    assert client(yes).extract(bool, TEXT) is True
