"""Types that do not read back what they hold: their answers are judged as all others are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from structgen import Client
from structgen.testing.scripted import ScriptedModel

from .perfect import Perfect
from .test_cascade import unsure


class Invoice(BaseModel):
    number: str
    city: str

    @field_validator("number")
    @classmethod
    def with_prefix(cls, number: str) -> str:
        return f"INV-{number}"


DOCUMENT = "Invoice 17 of Ulm"
GOLD = {"number": "17", "city": "Ulm"}


@pytest.mark.parametrize(
    "options",
    [{}, {"evidence": "all"}, {"require_evidence": "flag"}, {"confidence": True}],
    ids=["plain", "evidence", "flag", "confidence"],
)
@pytest.mark.parametrize("has_chances", [True, False])
def test_an_answer_that_is_not_read_back_is_judged(
    options: dict[str, Any], has_chances: bool
) -> None:
    model = unsure(GOLD) if has_chances else ScriptedModel(json.dumps(GOLD))
    with Client(model) as client:
        result = client.extract_result(Invoice, DOCUMENT, **options)
    assert result.value.number == "INV-17"
    if has_chances or "confidence" in options:
        assert result.confidence.keys() == {"/number", "/city"}


def test_a_record_that_is_not_read_back_is_escalated_as_a_whole() -> None:
    second = Perfect(GOLD)
    with Client(cascade=[ScriptedModel('{"number": "17", "city": "Bonn"}'), second]) as client:
        result = client.extract_result(Invoice, DOCUMENT)
    assert (result.value.number, result.value.city) == ("INV-17", "Ulm")
    assert result.escalations[0].fields.keys() == {""}


def test_a_record_that_is_not_read_back_stays_if_the_next_model_fails() -> None:
    first = ScriptedModel('{"number": "17", "city": "Bonn"}')
    with Client(cascade=[first, ScriptedModel("no")], max_reasks=0) as client:
        result = client.extract_result(Invoice, DOCUMENT)
    assert (result.value.number, result.value.city) == ("INV-17", "Bonn")
    assert result.escalations[0].error is not None
