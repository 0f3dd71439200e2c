"""An object with none of the target's members says nothing of the document: it is no record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.errors import InvalidOutputError
from structgen.testing import ScriptedTransport


class Person(BaseModel):
    name: str | None = None
    age: int | None = None


def asked(answer: Any, model: str = "ollama:m") -> Client:
    return Client(model, transport=ScriptedTransport(json.dumps(answer)), api_key="k", max_reasks=0)


@pytest.mark.parametrize("model", ["ollama:m", "groq:openai/gpt-oss-20b", "vllm:m"])
@pytest.mark.parametrize("answer", [Person.model_json_schema(), {"error": "no name"}])
def test_an_object_of_something_else_is_a_violation(model: str, answer: Any) -> None:
    with pytest.raises(InvalidOutputError, match="none of the target's members"):
        asked(answer, model).extract(Person, "Ada")


@pytest.mark.parametrize("answer", [{}, {"name": None}, {"age": None, "note": "?"}])
def test_a_record_without_values_is_a_record(answer: Any) -> None:
    assert asked(answer).extract(Person, "Ada") == Person()


def test_a_stream_ends_alike() -> None:
    with pytest.raises(InvalidOutputError, match="none of the target's members"):
        for _ in asked({"x": 1}).stream(Person, "Ada"):
            pass
