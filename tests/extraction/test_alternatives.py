"""The options of decided values, and the pressure of the grammar, on the way to the result."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

import structgen
from structgen.testing import ScriptedModel
from structgen.values import Answer

FOODS = (("Thai", 0.75), ("Greek", 0.25))


class Meal(BaseModel):
    food: Literal["Thai", "Greek"]
    note: str | None = None


def asked(target: Any, text: str, **known: Any) -> structgen.Extraction[Any]:
    model = ScriptedModel(Answer(text=text, finish_reason="stop", **known))
    return structgen.Client(model).extract_result(target, "a text")


def test_places_in_the_answer_become_places_in_the_value() -> None:
    result = asked(
        list[Meal],
        '[{"food": "Thai", "note": null}]',
        alternatives={"/0/food": FOODS},
        pressure={"/0/food": 0.5, "/0/note": 0.25, "/1/food": 0.5},
    )
    assert result.alternatives == {"/0/food": FOODS}
    assert result.pressure == {"/0/food": 0.5, "/0/note": 0.25}


def test_they_are_plain_data_in_rows() -> None:
    result = asked(Meal, '{"food": "Thai", "note": null}', alternatives={"/food": FOODS})
    assert result.to_dict("alternatives", "pressure") == {
        "alternatives": {"/food": [["Thai", 0.75], ["Greek", 0.25]]},
        "pressure": {},
    }


def test_a_vote_gives_no_alternatives_of_a_single_sample() -> None:
    answer = Answer(
        text='{"food": "Thai", "note": null}',
        finish_reason="stop",
        alternatives={"/food": FOODS},
    )
    client = structgen.Client(ScriptedModel(answer, answer), samples=2)
    assert client.extract_result(Meal, "a text").alternatives == {}


def test_a_long_document_keeps_those_of_the_chunk_whose_value_was_taken() -> None:
    stated = Answer(
        text='{"food": "Thai", "note": "hot"}',
        finish_reason="stop",
        alternatives={"/food": FOODS},
        pressure={"/food": 0.5},
    )
    client = structgen.Client(ScriptedModel(stated, stated))
    text = "First paragraph.\n\nSecond paragraph."
    result = client.extract_document(Meal, text, chunk_tokens=5, overlap=0, concurrency=1)
    assert result.alternatives == {"/food": FOODS}
    assert result.pressure == {"/food": 0.5}
