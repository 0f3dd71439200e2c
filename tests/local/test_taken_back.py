"""Texts that the document does not hold are taken back by the embedded model, streamed or not."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import BaseModel, Field

import structgen
from structgen.answer.held import HeldTexts
from structgen.answer.partial import GrowingText
from structgen.errors import EngineError
from structgen.local.engine import Engine, open_engine
from structgen.options import Options

TEXT = "Ada was born in London in 1815. She liked machines."


class Person(BaseModel):
    """A person that the text names."""

    name: str
    town: str | None
    employer: str | None
    friend: str | None
    spouse: str | None
    nicknames: list[str]
    mood: str | None = Field(description="A label for the mood.")


NULLABLE = ("town", "employer", "friend", "spouse")


def assert_held(person: Person, text: str) -> None:
    held = HeldTexts(text)
    found = [getattr(person, name) for name in NULLABLE]
    assert all(value is None or held.holds(value) for value in found)
    assert all(map(held.holds, person.nicknames))


@pytest.fixture(scope="module")
def client(engine: Engine) -> Any:
    return structgen.Client(engine, temperature=0.0)  # the engine is closed by its own fixture


def test_a_stream_shows_no_text_that_is_taken_back_and_ends_in_the_same_value(client: Any) -> None:
    result = client.extract_result(Person, TEXT)
    *partials, last = client.stream(Person, TEXT)
    assert last.result.value == result.value
    assert last.result.removed == result.removed
    assert_held(result.value, TEXT)
    for partial in partials:
        for name in NULLABLE:
            shown = getattr(partial.value, name)
            final = getattr(result.value, name) or ""
            assert not isinstance(shown, GrowingText) or final.startswith(shown)


def test_without_the_rule_nothing_is_taken_back(client: Any) -> None:
    kept = client.extract_result(Person, TEXT, on_ungrounded="keep")
    assert not {one.reason for one in kept.removed} & {"ungrounded"}


def test_answers_at_the_same_time_are_those_of_one_after_the_other() -> None:
    engine = open_engine(parallel=2, context=1024)
    texts = [TEXT, "Bob of Rome knows nobody.", "Zoe sells tea to Ann."]
    options: Any = {"temperature": 0.0, "max_tokens": 120, "on_shortened": "keep"}
    with structgen.Client(engine, **options) as client:
        alone = [client.extract_result(Person, text) for text in texts]
        with ThreadPoolExecutor(3) as threads:
            together = list(threads.map(lambda text: client.extract_result(Person, text), texts))
    for text, *results in zip(texts, alone, together, strict=True):
        for result in results:
            assert result.usage.completion_tokens <= 120
            assert_held(result.value, text)


def test_a_cancelled_answer_ends(engine: Engine) -> None:
    cancelled = threading.Event()
    cancelled.set()
    asked = [{"role": "user", "content": TEXT}]
    with pytest.raises(EngineError, match="cancelled"):
        engine._loaded.answer(asked, {"type": "object"}, Options(), None, cancelled)
