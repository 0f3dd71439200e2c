"""Typed questions are answered by probabilities, in OpenAI's form and in System One's."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from structgen.server.decisions import Decided
from tests.server.conftest import Running, asking
from tests.server.test_server import wait_until

TICKET = "I was charged twice for one subscription. Please give me my money back."
PREDICATE = {"type": "predicate", "name": "refund", "instructions": "The customer wants money."}
CHOICE = {
    "type": "choice",
    "instructions": "What is it about?",
    "choices": [{"value": "billing"}, {"value": "technical", "description": "Errors"}],
}
SCORE = {
    "type": "score",
    "name": "urgency",
    "instructions": "How urgent is it?",
    "levels": [{"label": "low"}, {"label": "medium"}, {"label": "high"}],
}


def decide(served: Running, **body: Any) -> httpx.Response:
    asked = {"model": "local", "input": TICKET, "questions": [PREDICATE], **body}
    return served.http.post("/v1/decisions", json=asked)


def test_each_type_of_question_has_its_answer(served: Running) -> None:
    with openai.OpenAI(base_url=f"{served.address}/v1", api_key="k") as client:
        asked = {"model": "local", "input": TICKET, "questions": [PREDICATE, CHOICE, SCORE]}
        body: Any = client.post("/decisions", cast_to=object, body=asked)
    predicate, choice, score = body["answers"]
    assert body["model"] == "local"
    assert (predicate["type"], predicate["name"]) == ("predicate", "refund")
    assert 0 < predicate["probability"] < 1
    assert (choice["type"], choice["name"]) == ("choice", None)
    shares = {one["value"]: one["probability"] for one in choice["probabilities"]}
    assert list(shares) == ["billing", "technical"]
    assert sum(shares.values()) == pytest.approx(1)
    assert choice["choice"] == max(shares, key=lambda value: shares[value])
    assert choice["confidence"] == pytest.approx(2 * max(shares.values()) - 1)
    assert [one["label"] for one in score["probabilities"]] == ["low", "medium", "high"]
    expected = sum(one["value"] * one["probability"] for one in score["probabilities"])
    assert score["score"] == pytest.approx(expected)
    usage = body["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["input_tokens_details"]["cached_tokens"] > 0  # the text is read once


def test_answers_do_not_depend_on_other_questions_or_on_chance(served: Running) -> None:
    alone = decide(served, questions=[CHOICE]).json()["answers"][0]["probabilities"]
    among = decide(served, questions=[SCORE, CHOICE]).json()["answers"][1]["probabilities"]
    for one, other in zip(alone, among, strict=True):
        assert one["value"] == other["value"]
        assert one["probability"] == pytest.approx(other["probability"], abs=0.02)


def test_every_option_of_many_is_told_and_booleans_are_no_texts(served: Running) -> None:
    odd = ["", 'a "quoted" one', "a", "北京", "😀", "line\nline", "kind"]
    values: list[Any] = [f"kind {number}" for number in range(30)] + [True, "true", False, *odd]
    question = {**CHOICE, "choices": [{"value": value} for value in values]}
    answer = decide(served, questions=[question]).json()["answers"][0]
    told = [one["value"] for one in answer["probabilities"]]
    assert [(type(value), value) for value in told] == [(type(one), one) for one in values]
    assert sum(one["probability"] for one in answer["probabilities"]) == pytest.approx(1)


def test_system_one_has_its_own_form(served: Running) -> None:
    asked = {
        "model": "local",
        "state": {"message": TICKET},
        "questions": {
            "refund": {"type": "noul", "instructions": "Does the customer want money?"},
            "kind": {"type": "choice", "criteria": {"billing": None, "technical": "Errors"}},
            "only": {"type": "choice", "criteria": {"one": None}},
            "urgency": {"type": "score", "criteria": ["Can wait", "This week", "Today"]},
        },
    }
    body = served.http.post("/v1/systemone", json=asked).json()
    answers = body["answers"]
    assert list(answers) == ["refund", "kind", "only", "urgency"]
    assert 0 < answers["refund"]["noul"] < 1
    assert set(answers["kind"]["probabilities"]) == {"billing", "technical"}
    assert answers["only"]["probabilities"] == {"one": 1.0}
    assert answers["urgency"]["legend"] == {"0": "Can wait", "1": "This week", "2": "Today"}
    assert 0 <= answers["urgency"]["score"] <= 2
    assert body["usage"]["input_tokens"] > 0


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"model": "gpt-0"}, 404, "does not exist"),
    ({"questions": []}, 400, "'questions'"),
    ({"questions": [{"type": "box", "instructions": "x"}]}, 400, "'questions.0'"),
    ({"questions": [{**CHOICE, "choices": [{"value": "a"}]}]}, 400, "at least 2"),
    ({"questions": [{**CHOICE, "choices": [{"value": "a"}] * 2}]}, 400, "must be different"),
    ({"questions": [{**CHOICE, "choices": [{"value": 1}, {"value": 2}]}]}, 400, "valid string"),
    ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, 400, "'input"),
    ({"input": "long " * 3000}, 400, "reduce the length"),
    ({"colour": "red"}, 400, "'colour'"),
]


@pytest.mark.parametrize(("body", "status", "said"), REFUSED)
def test_what_cannot_be_decided_is_refused(
    body: dict[str, Any], status: int, said: str, served: Running
) -> None:
    reply = decide(served, **body)
    error = reply.json()["error"]
    assert (reply.status_code, error["type"]) == (status, "invalid_request_error")
    assert said in error["message"]


def test_decisions_end_with_their_client(served: Running) -> None:
    asked = {"model": "local", "input": TICKET * 20, "questions": [SCORE] * 200}
    with asking(served.address, "/v1/decisions", asked):
        wait_until(lambda: served.server.places.running == 1)
    wait_until(lambda: served.server.places.running == 0)
    assert decide(served).status_code == 200


def test_confidence_is_none_for_chance_and_whole_for_certainty() -> None:
    even = Decided(probabilities=(0.25, 0.25, 0.25, 0.25))
    sure = Decided(probabilities=(0.0, 1.0, 0.0, 0.0))
    assert (even.confidence, sure.confidence) == (0.0, 1.0)
    assert (even.level_confidence, sure.level_confidence) == (0.0, 1.0)
    assert (even.score, sure.score) == (1.5, 1.0)
    assert Decided(probabilities=(1.0,)).confidence == 1.0
