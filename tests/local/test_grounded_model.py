"""Law 9 with the embedded model: every grounded value at its span, none that is not in the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.grounding import TASKS, copied, grounded
from structgen import Client
from tests.data import EXAMPLES


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client("local", temperature=1.0, seed=7, max_tokens=80) as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "name"),
    [("citations", "citations"), ("ner_litbank", "stories"), ("contracts", "contracts")],
)
def test_every_grounded_value_stands_at_its_span(client: Client, task: str, name: str) -> None:
    schema, _ = TASKS[task]
    text = EXAMPLES[name].text
    result = client.extract_result(grounded(schema), text, on_shortened="keep")
    assert result.guarantee.by == "decoder"
    assert [note for note in result.guarantee.checked if note.keyword == "x-verbatim"] == []
    strings = [string for string in copied(result.value, schema) if string]
    assert sorted(strings) == sorted(found.quote for found in result.evidence.values())
    assert strings
    for at, found in result.evidence.items():
        assert text[found.start : found.end] == found.quote == _at(result.value, at)


def _at(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value
