"""Without token probabilities a second reading, the document and repairs give the confidence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

import structgen
from structgen.errors import ServerError
from structgen.extraction.readings import weigh
from structgen.testing import ScriptedModel, ScriptedTransport


class Person(BaseModel):
    name: str
    age: int | None = None
    town: str | None = None


TEXT = "Ada is 36."


def said(name: str, age: int | None, town: str | None = None) -> str:
    return json.dumps({"name": name, "age": age, "town": town})


def odds(confidence: float) -> float:
    return confidence / (1 - confidence)


def test_signals_multiply_the_odds() -> None:
    model = ScriptedModel(said("Ada", 36), said("Ada", 35, "Rome"))
    client = structgen.Client(model, on_ungrounded="keep")
    result = client.extract_result(Person, TEXT, confidence=True)
    assert result.value == Person(name="Ada", age=36)
    assert result.confidence_by == "readings"
    assert odds(result.confidence["/name"]) == pytest.approx(9), "agreed, and in the document"
    assert odds(result.confidence["/age"]) == pytest.approx(1), "in the document, not agreed"
    assert odds(result.confidence["/town"]) == pytest.approx(1 / 3), "a null that is contradicted"
    assert result.record_confidence == pytest.approx(0.9 * 0.5 * 0.25)
    assert len(result.attempts) == 2
    first, second = model.asked
    assert first != second, "the readings are different questions"


def test_an_invention_on_which_both_agree_is_not_certain() -> None:
    model = ScriptedModel(said("Ada", 36, "Rome"))
    client = structgen.Client(model, on_ungrounded="keep")
    result = client.extract_result(Person, TEXT, confidence=True)
    assert result.confidence["/town"] == pytest.approx(0.5)
    assert result.kinds["/town"] == "text, not in the document"


def test_a_mended_answer_counts_against_all_of_it() -> None:
    model = ScriptedModel(said("Ada", 36)[:-1] + ",}", said("Ada", 36))
    result = structgen.Client(model).extract_result(Person, TEXT, confidence=True)
    assert result.guarantee.repairs
    assert odds(result.confidence["/name"]) == pytest.approx(3)


def test_a_second_reading_that_fails_agrees_with_nothing() -> None:
    port = ScriptedTransport(said("Ada", 36), ServerError("away", status_code=500))
    client = structgen.Client("groq:openai/gpt-oss-20b", api_key="k", transport=port, max_retries=0)
    result = client.extract_result(Person, TEXT, confidence=True)
    assert odds(result.confidence["/age"]) == pytest.approx(1)
    assert [attempt.error is None for attempt in result.attempts] == [True, False]
    assert result.model == "groq:openai/gpt-oss-20b"


def test_nothing_is_asked_twice_unless_it_has_to_be() -> None:
    model = ScriptedModel(said("Ada", 36))
    result = structgen.Client(model).extract_result(Person, TEXT)
    assert (len(model.asked), result.confidence, result.confidence_by) == (1, {}, None)
    voted: Any = structgen.Client(ScriptedModel(said("Ada", 36))).extract_result(
        Person, TEXT, confidence=True, samples=3
    )
    assert (voted.confidence_by, voted.record_confidence) == ("agreement", 1.0)


def test_a_form_of_list_items_is_weighed_item_by_item() -> None:
    kinds = {"/0": "item", "/1": "item, not in the document", "/2": "closed"}
    found = weigh({"/0": 1.0, "/1": 0.0, "/2": 1.0}, kinds, is_mended=False)
    assert [round(odds(one), 3) for one in found.values()] == [9, round(1 / 9, 3), 3]


def test_after_a_stream_the_document_is_read_again() -> None:
    port = ScriptedTransport(said("Ada", 36), said("Ada", 35))
    client = structgen.Client("groq:openai/gpt-oss-20b", api_key="k", transport=port)
    *_, last = client.stream(Person, TEXT, confidence=True)
    assert last.result is not None
    assert odds(last.result.confidence["/name"]) == pytest.approx(9)
    assert odds(last.result.confidence["/age"]) == pytest.approx(1)
    assert len(port.requests) == 2
