"""Long tables and long contracts, through a model that reads its chunk perfectly."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, create_model

from structgen import Client, Merge
from structgen.errors import RequestTimeoutError, StructgenError
from structgen.options import Options
from structgen.testing.scripted import ScriptedModel
from structgen.values import Answer, JsonSchema, Message
from tests.documents.rows import cells, row_of, text_of

ROWS = 2000
PAGES = 100


class Row(BaseModel):
    name: str
    pieces: int


class Stock(BaseModel):
    rows: list[Row]


class Oracle(ScriptedModel):
    """States what is in the chunk that it is asked about; fails once about each of some chunks."""

    def __init__(self, state: Callable[[str], Any], failing_each: int = 0) -> None:
        super().__init__()
        self._state, self._failing_each = state, failing_each
        self.failed: set[str] = set()

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        asked = next(str(one["content"]) for one in messages if "<document>" in one["content"])
        text = asked.split("<document>\n")[-1].split("\n</document>")[0]
        self.asked.append(messages)
        is_due = self._failing_each and len(self.asked) % self._failing_each == 0
        if is_due and text not in self.failed:
            self.failed.add(text)
            return Answer(text='{"rows": [{"name": "', finish_reason="stop", model=self.name)
        return Answer(text=json.dumps(self._state(text)), finish_reason="stop", model=self.name)


def table(names: Sequence[str]) -> tuple[str, list[dict[str, Any]]]:
    """A table over many pages, in which equal rows come again and again."""
    rows = [(names[number * number % len(names)], number % 9) for number in range(ROWS)]
    a_page = ROWS // PAGES
    pages = [text_of(rows[start : start + a_page]) for start in range(0, ROWS, a_page)]
    return "\n\f\n".join(pages), [row_of(name, number) for name, number in rows]


@pytest.mark.parametrize("overlap", [0, 20, 150])
def test_every_row_of_a_long_table_comes_once_and_in_order(overlap: int) -> None:
    document, rows = table(
        ["Coffee", "Black coffee", "Tea", "水", "Ünal & Co", "Milk", "Rye bread"]
    )
    oracle = Oracle(lambda text: {"rows": cells(text, 0, len(text))}, failing_each=10)
    result = Client(oracle).extract_document(
        Stock, document, chunk_tokens=400, overlap=overlap, max_reasks=1
    )
    assert len(result.chunks) > 20 and oracle.failed
    assert not result.failures
    assert [row.model_dump() for row in result.value.rows] == rows


def test_every_row_of_a_table_of_real_ingredients(shared_data: Path) -> None:
    lines = (shared_data / "dev" / "ingredients.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    names = [name for text in texts for name in text.splitlines() if ": " not in name]
    document, rows = table(names)
    oracle = Oracle(lambda text: {"rows": cells(text, 0, len(text))})
    result = Client(oracle).extract_document(Stock, document, chunk_tokens=500, overlap=60)
    assert [row.model_dump() for row in result.value.rows] == rows


def test_one_bad_item_does_not_cost_its_chunk() -> None:
    document = text_of([("Coffee", 1), ("Tea", 2), ("Milk", 3)])

    def state(text: str) -> Any:
        return {"rows": [*cells(text, 0, len(text)), {"name": "Rum", "pieces": "many"}]}

    result = Client(Oracle(state)).extract_document(Stock, document, max_reasks=0)
    assert [row.name for row in result.value.rows] == ["Coffee", "Tea", "Milk"]
    assert [item.path for item in result.rejected] == ["/rows/3"]


def test_flags_of_real_contracts_are_true_if_any_part_says_so(shared_data: Path) -> None:
    found = expected = 0
    for line in (shared_data / "dev" / "contracts.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        flags, evidence = record["gold"]["clauses"], record["meta"]["evidence"]
        text = record["text"]
        fields: dict[str, Any] = {name: (Annotated[bool, Merge("any")], ...) for name in flags}
        quotes = {
            name: [text[start:end][:40] for start, end in evidence.get(name, ())] for name in flags
        }

        def state(part: str, quotes: dict[str, list[str]] = quotes) -> Any:
            return {name: any(quote in part for quote in of) for name, of in quotes.items()}

        client = Client(Oracle(state))
        result = client.extract_document(
            create_model("Clauses", **fields), text, chunk_tokens=2000, overlap=50
        )
        value = result.value.model_dump()
        assert not any(value[name] for name in flags if not quotes[name])
        found += sum(value[name] for name in flags if flags[name])
        expected += sum(flags.values())
    assert found == expected > 0


def test_a_chunk_that_fails_for_good_leaves_the_others_in_order() -> None:
    document, rows = table(["Coffee", "Tea"])

    asked: list[str] = []

    def state(text: str) -> Any:
        asked.append(text)
        if len(asked) % 5 == 3:
            raise RequestTimeoutError("The model is away.")
        return {"rows": cells(text, 0, len(text))}

    result = Client(Oracle(state)).extract_document(
        Stock, document, chunk_tokens=300, concurrency=1
    )
    assert result.failures and all(
        isinstance(outcome.error, StructgenError) for outcome in result.failures
    )
    kept = [
        row
        for outcome in result.stated
        for row in cells(document, outcome.chunk.start, outcome.chunk.end)
    ]
    assert [row.model_dump() for row in result.value.rows] == kept
    assert len(kept) < len(rows)
