"""Rows that a model passes over are asked about again, and come in their places."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import structgen
from structgen import Client, Identity, Job
from structgen.documents.boundaries import located
from structgen.documents.chunk import Chunk
from structgen.documents.gaps import Gap, find_gaps
from structgen.errors import ConfigurationError, RequestTimeoutError
from structgen.options import Options
from structgen.testing.scripted import ScriptedModel
from structgen.values import Answer, JsonSchema, Message

Row = tuple[str, int]
names = st.sampled_from(["Coffee", "Black coffee", "Tea", "水", "Ünal & Co", "12"])
tables = st.lists(st.tuples(names, st.integers(1, 30)), min_size=1, max_size=30)


class Item(BaseModel):
    name: str
    pieces: int


class Stock(BaseModel):
    title: str | None
    rows: list[Item]


def table(rows: Sequence[Row]) -> str:
    """A table of Markdown."""
    lines = [f"| {name} | {pieces} |\n" for name, pieces in rows]
    return "| name | pieces |\n|---|---|\n" + "".join(lines)


def rows_in(text: str) -> list[Row]:
    """The rows of a table whose cells are in a part of it."""
    found = re.finditer(r"^[| ]*([^|\n]*[^|\s]) *\| *(\d+) *\|", text, re.MULTILINE)
    return [(row[1], int(row[2])) for row in found]


class Forgetful(ScriptedModel):
    """Reads all rows of the text that it is asked about, and passes over some of them."""

    def __init__(self, forgets: Callable[[int, list[Row]], list[Row]]) -> None:
        super().__init__()
        self._forgets = forgets
        self.texts: list[str] = []

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        content = str(messages[-1]["content"])
        text = content.split("<document>\n")[-1].split("\n</document>")[0]
        kept = self._forgets(len(self.texts), rows_in(text))
        self.texts.append(text)
        self.asked.append(messages)
        title = "Stock" if "name" in text else None
        items = [{"name": name, "pieces": pieces} for name, pieces in kept]
        answer = {"title": title, "rows": items}
        return Answer(text=json.dumps(answer), finish_reason="stop", model=self.name)


def without(*dropped: int) -> Callable[[int, list[Row]], list[Row]]:
    """Pass over some rows of the first text."""

    def forgets(turn: int, rows: list[Row]) -> list[Row]:
        return rows if turn else [row for at, row in enumerate(rows) if at not in dropped]

    return forgets


STOCK: list[Row] = [(f"Tea {number}", number * 7) for number in range(1, 13)]


def found_in(result: Any) -> list[Row]:
    return [(item.name, item.pieces) for item in result.value.rows]


@pytest.mark.parametrize("dropped", [(0,), (3,), (11,), (0, 1, 2), (4, 6, 8, 9), (0, 5, 10, 11)])
def test_missing_rows_are_asked_about_alone_and_come_in_order(dropped: tuple[int, ...]) -> None:
    model = Forgetful(without(*dropped))
    result = Client(model).extract_document(Stock, table(STOCK))
    assert found_in(result) == STOCK
    assert result.gaps == () and not result.failures
    assert result.value.title == "Stock"
    about = [row for text in model.texts[1:] for row in rows_in(text)]
    assert about == [STOCK[at] for at in dropped]
    assert "whose columns are: name | pieces" in str(model.asked[-1])
    assert all(one.gap is not None for one in result.chunks[1:])


def test_nothing_is_asked_again_if_every_row_has_an_item() -> None:
    model = Forgetful(without())
    assert found_in(Client(model).extract_document(Stock, table(STOCK))) == STOCK
    assert len(model.texts) == 1


def test_a_table_that_the_list_is_not_made_from_is_not_asked_about() -> None:
    model = Forgetful(lambda turn, rows: rows[:4])
    result = Client(model).extract_document(Stock, table(STOCK))
    assert len(model.texts) == 1 and found_in(result) == STOCK[:4]
    assert result.gaps == ()


def test_what_is_passed_over_again_is_told() -> None:
    document = table(STOCK)
    model = Forgetful(lambda turn, rows: [row for row in rows if row[0] != "Tea 5"])
    result = Client(model).extract_document(Stock, document)
    assert len(model.texts) == 2
    assert found_in(result) == [row for row in STOCK if row[0] != "Tea 5"]
    assert [document[gap.start : gap.end] for gap in result.gaps] == ["| Tea 5 | 35 |"]
    assert result.to_dict("gaps")["gaps"] == [
        {"path": "/rows", "before": 4, "start": result.gaps[0].start, "end": result.gaps[0].end}
    ]


def test_a_gap_that_fails_is_told_and_costs_nothing_else() -> None:
    def forgets(turn: int, rows: list[Row]) -> list[Row]:
        if turn:
            raise RequestTimeoutError("The model is away.")
        return [row for row in rows if row[0] not in ("Tea 5", "Tea 6")]

    document = table(STOCK)
    result = Client(Forgetful(forgets)).extract_document(Stock, document)
    assert len(result.value.rows) == 10
    assert [document[gap.start : gap.end] for gap in result.gaps] == [
        "| Tea 5 | 35 |\n| Tea 6 | 42 |"
    ]
    assert len(result.failures) == 1


def test_rows_of_a_gap_may_be_passed_over_once_more() -> None:
    def forgets(turn: int, rows: list[Row]) -> list[Row]:
        if not turn:
            return [row for at, row in enumerate(rows) if not 3 <= at <= 6]
        return rows if len(rows) == 1 else [row for row in rows if row[0] != "Tea 6"]

    model = Forgetful(forgets)
    result = Client(model).extract_document(Stock, table(STOCK))
    assert found_in(result) == STOCK and result.gaps == ()
    assert [len(rows_in(text)) for text in model.texts] == [12, 4, 1]


def test_at_most_eight_gaps_of_an_answer_are_asked_about() -> None:
    rows: list[Row] = [(f"Tea {number}", number * 7) for number in range(1, 31)]
    model = Forgetful(without(*range(0, 20, 2), 19))
    result = Client(model).extract_document(Stock, table(rows))
    assert len(model.texts) == 9
    assert len(found_in(result)) == 28 and len(result.gaps) == 2


def test_rows_are_not_counted_if_that_is_off() -> None:
    model = Forgetful(without(3))
    result = Client(model).extract_document(Stock, table(STOCK), count_rows="off")
    assert len(model.texts) == 1 and len(found_in(result)) == 11
    with pytest.raises(ConfigurationError, match="count_rows"):
        Client(model).extract_document(Stock, table(STOCK), count_rows="yes")  # type: ignore[call-overload]


def test_items_that_are_joined_by_keys_need_no_row_each() -> None:
    class Named(BaseModel):
        name: Annotated[str, Identity()]
        pieces: int

    class Names(BaseModel):
        title: str | None
        rows: list[Named]

    model = Forgetful(without(3))
    Client(model).extract_document(Names, table(STOCK))
    assert len(model.texts) == 1


def test_lines_count_as_rows_if_asked_for() -> None:
    def forgets(turn: int, rows: list[Row]) -> list[Row]:
        return [row for row in rows if turn or row[0] != "Tea 7"]

    document = "\n".join(f"|{name}|{pieces}|" for name, pieces in STOCK)
    missed = Client(Forgetful(forgets)).extract_document(Stock, document)
    assert len(found_in(missed)) == 11 and missed.gaps == ()
    whole = Client(Forgetful(forgets)).extract_document(Stock, document, count_rows="lines")
    assert found_in(whole) == STOCK


@given(tables, st.sets(st.integers(0, 29)), st.integers(20, 80), st.sampled_from([0, 7, 10]))
def test_whatever_rows_are_passed_over_once_the_list_is_the_whole_one(
    rows: list[Row], dropped: set[int], tokens: int, overlap: int
) -> None:
    """Passes over at most a few neighbouring rows of each chunk."""

    def forgets(turn: int, of_text: list[Row]) -> list[Row]:
        if len(of_text) < 4:
            return of_text
        first = turn % (len(of_text) - 1)
        return of_text[:first] + of_text[first + 1 + (turn in dropped) :]

    result = Client(Forgetful(forgets)).extract_document(
        Stock, table(rows), chunk_tokens=tokens, overlap=overlap, concurrency=1
    )
    assert found_in(result) == rows
    assert result.gaps == ()


@pytest.mark.parametrize("passed_over", [0, 4, 13])
def test_a_long_table_with_a_row_in_twenty_passed_over_is_whole(
    tmp_path: Any, passed_over: int
) -> None:
    rows: list[Row] = [(f"Tea {number % 37}", number % 11) for number in range(500)]

    def forgets(turn: int, of_text: list[Row]) -> list[Row]:
        first = rows.index(of_text[0]) + passed_over
        return [row for at, row in enumerate(of_text, first) if len(of_text) < 5 or at % 20]

    model = Forgetful(forgets)
    result = Client(model).extract_document(Stock, table(rows), chunk_tokens=300, overlap=30)
    assert found_in(result) == rows and result.gaps == ()

    job = Job(
        Stock,
        [table(rows)],
        client=Client(Forgetful(forgets)),
        output=tmp_path / "out.jsonl",
        chunked=True,
        chunk_tokens=300,
        overlap=30,
    )
    assert job.run().ok == 1
    written = json.loads((tmp_path / "out.jsonl").read_text("utf-8"))
    assert [(one["name"], one["pieces"]) for one in written["value"]["rows"]] == rows
    assert written["gaps"] == []


def gaps_of(document: str, value: Any) -> list[Gap]:
    whole = located(document)
    return find_gaps(whole, Chunk(document, 0, len(document)), value)


def test_numbers_are_known_in_other_forms_and_heads_and_totals_are_told_apart() -> None:
    document = (
        "| item | price |\n|---|---|\n| Tea | 1,234.50 EUR |\n| Milk | 2.00 |\n| Rum | 17 |\n"
    )
    value = {"lines": [{"item": "tea", "price": 1234.5}, {"item": "Rum", "price": 17.0}]}
    (gap,) = gaps_of(document, value)
    assert (gap.path, gap.before) == ("/lines", 1)
    assert document[gap.start : gap.end] == "| Milk | 2.00 |"


def test_the_head_of_a_table_in_a_page_is_no_row() -> None:
    page = "<table><tr><th>name</th><th>pieces</th></tr>{}</table>"
    rows = "".join(f"<tr><td>{name}<br>fine</td><td>{n}</td></tr>" for name, n in STOCK)
    document = structgen.read(page.format(rows).encode(), media_type="text/html")
    value = {"rows": [{"name": f"{name} fine", "pieces": n} for name, n in STOCK[:4] + STOCK[5:]]}
    (gap,) = find_gaps(document, Chunk(document.text, 0, len(document)), value)
    assert (gap.before, document.text[gap.start : gap.end]) == (4, "Tea 5 / fine | 35")


def test_the_list_with_the_most_items_from_a_table_is_made_from_it() -> None:
    document = table(STOCK[:4])
    value = {
        "notes": ["Tea 1", "Tea 2"],
        "stock": {"rows": [{"name": name, "pieces": n} for name, n in STOCK[:3]]},
    }
    assert [gap.path for gap in gaps_of(document, value)] == ["/stock/rows"]


def test_a_gap_that_failed_in_a_job_is_asked_about_again_and_nothing_else(tmp_path: Any) -> None:
    output = tmp_path / "out.jsonl"

    def run(model: Forgetful) -> Any:
        job = Job(
            Stock,
            [table(STOCK)],
            client=Client(model),
            output=output,
            chunked=True,
            max_reasks=0,
            on_invalid_items="raise",
            if_exists="replace",
        )
        job.run()
        return json.loads(output.read_text("utf-8"))

    def wrong(turn: int, rows: list[Row]) -> Any:
        return [("Tea 6", "many")] if turn else rows[:5] + rows[6:]

    first = run(Forgetful(wrong))
    assert len(first["value"]["rows"]) == 11
    assert [one["before"] for one in first["gaps"]] == [5] and len(first["failed_chunks"]) == 1
    again = Forgetful(without())
    second = run(again)
    assert [rows_in(text) for text in again.texts] == [[STOCK[5]]]
    assert [(one["name"], one["pieces"]) for one in second["value"]["rows"]] == STOCK
    assert second["gaps"] == second["failed_chunks"] == []
