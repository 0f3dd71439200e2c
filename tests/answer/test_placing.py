"""If a document has a value several times, what is beside each mention tells which is meant."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from structgen import Verbatim, find_evidence
from structgen.answer.grounding import ground
from structgen.reading import Cell, DocumentBuilder
from structgen.schema.target import target_of

STATEMENT = (
    "Page 21 of 40\n"
    "Per share\t2024\t2023\n"
    "Basic\t$ 0.21\t$ 0.14\n"
    "Diluted\t$ 0.21\t$ 0.13\n"
    "Net sales\t$ 5,120\t$ 4,900\n"
    "Interest expense\t(108)\t(99)\n"
    "Change of sales\t21 %\t7 %\n"
)


def starts(value: Any, text: str) -> dict[str, int | None]:
    return {path: one.start for path, one in find_evidence(value, text).items()}


@pytest.mark.parametrize(
    ("name", "value", "row"),
    [
        ("basic_eps", 0.21, "Basic"),
        ("dilutedEps", 0.21, "Diluted"),
        ("change_of_sales", 21, "Change of sales"),
        ("interest_expense", 108, "Interest expense"),
    ],
)
@pytest.mark.parametrize("in_list", [False, True])
def test_the_name_of_a_field_is_read_beside_its_value(
    name: str, value: Any, row: str, in_list: bool
) -> None:
    record = {"items": [{"value": value, "unit": None}]} if in_list else {"value": value}
    found = find_evidence({name: record}, STATEMENT)
    path = f"/{name}/items/0/value" if in_list else f"/{name}/value"
    one = found[path]
    assert one.start is not None
    assert STATEMENT[: one.start].splitlines()[-1].startswith(row)
    assert one.status != "ambiguous"


def test_the_head_of_a_column_is_read() -> None:
    builder = DocumentBuilder()
    number = builder.next_table()
    for row, cells in enumerate([["item", "ordered", "returned"], ["rope", "6", "6"]], 1):
        builder.separate("\n")
        for column, text in enumerate(cells, 1):
            builder.separate("\t")
            header = ["item", "ordered", "returned"][column - 1]
            with builder.cell(Cell(number, row, column, header)):
                builder.write(text)
    document = builder.build(media_type="text/plain")
    found = find_evidence({"returned": 6}, document)["/returned"]
    assert (found.start, found.status) == (document.rindex("6"), "verified")


def test_texts_of_the_record_name_its_row() -> None:
    text = "Sales\t2024\nHDD\t929\nFlash\t609\n\nOther\t1\nFrance\t929\nItaly\t300"
    rows = [{"segment": "Italy", "value": 300}, {"segment": "France", "value": 929}]
    found = find_evidence({"rows": rows}, text)
    assert found["/rows/1/value"].start == text.rindex("929")
    assert found["/rows/1/value"].status == "verified"


def test_a_long_value_that_one_field_has_means_the_same_everywhere() -> None:
    text = "Thor Industries, Inc. is large. Thor Industries, Inc. sold goods for 2,018,107 dollars."
    text += " In all, 2,018,107 dollars."
    found = find_evidence({"company": "Thor Industries, Inc.", "revenue": 2018107}, text)
    assert {one.status for one in found.values()} == {"verified", "normalised"}
    assert {one.mentions for one in found.values()} == {2}


def test_lines_that_begin_alike_say_the_same() -> None:
    text = "Gross profit\t1,516\t12\nCosts\t7\t8\n\nMore\nGross profit\t1,516\t35\nNotes\t1,517"
    assert find_evidence({"x": {"y": 1516}}, text)["/x/y"].status == "normalised"
    other = text.replace("Gross profit\t1,516\t35", "Net loss\t1,516\t35")
    assert find_evidence({"x": {"y": 1516}}, other)["/x/y"].status == "ambiguous"


def test_a_kind_that_many_records_share_does_not_place_them() -> None:
    text = "The company is large.\n" + "filler words. " * 300
    text += "\nA company in Rome: 3 halls.\nLyon: 4 halls.\nOslo: 5 halls."
    places = ["Rome", "Lyon", "Oslo"]
    rows = [{"kind": "company", "city": city, "halls": at} for at, city in enumerate(places, 3)]
    found = find_evidence({"rows": rows}, text)
    assert [found[f"/rows/{at}/city"].start for at in range(3)] == [*map(text.index, places)]
    assert {found[f"/rows/{at}/halls"].status for at in range(3)} == {"verified"}
    assert found["/rows/2/kind"].status == "ambiguous"


@pytest.mark.parametrize(
    ("value", "text", "quote", "begins"),
    [
        (2018, "Curator, Museum (2018)", "2018", "(2018"),
        (-2018, "Loss (2,018)", "2,018", "(2,018"),
        (-8, "Revenue declined by 8% in 2024.", "8", "8%"),
        (-1250, "a loss of $1,250 on sales", "1,250", "1,250"),
        (1, "1\t1/8\tOno", "1", "1\t"),
        (8, "5 of 8\nlane 1/8", "8", "8\n"),
        ("Renaissance Studies", "in Renaissance\nStudies, 33", "Renaissance\nStudies", "Ren"),
    ],
)
def test_numbers_and_quotes_as_pages_print_them(
    value: Any, text: str, quote: str, begins: str
) -> None:
    found = find_evidence({"x": value}, text)["/x"]
    assert found.quote == quote
    assert found.start is not None
    assert text[max(found.start - 1, 0) :].startswith(begins) or text[found.start :].startswith(
        begins
    )


def test_two_fields_may_share_one_mention() -> None:
    text = "Co-Curator, Metropolitan Museum (2018)\n" + "Some other lines.\n" * 12
    text += "Editor, Arte (2010-2018)"
    job = {"jobs": [{"title": "Co-Curator", "start": 2018, "end": 2018}]}
    assert set(starts(job, text).values()) == {0, text.index("2018")}


def test_a_currency_is_the_sign_beside_its_amount() -> None:
    text = "Amounts in USD unless noted.\n" + "Words follow. " * 60
    text += "\nSales\t$ 5,120\nCosts\t$ 4,900"
    rows = [{"name": "Sales", "unit": "USD"}, {"name": "Costs", "unit": "USD"}]
    found = find_evidence({"rows": rows}, text)
    assert found["/rows/1/unit"].start == text.rindex("$")
    assert found["/rows/1/unit"].quote == "$"


def test_rows_of_a_long_table_with_few_different_values_are_in_order() -> None:
    rows = [{"item": f"part {at % 2}", "price": at % 3} for at in range(700)]
    text = "\n".join(f"{row['item']}\t$ {row['price']}" for row in rows)
    found = starts({"rows": rows}, text)
    lines = [at for at in range(len(text)) if at == 0 or text[at - 1] == "\n"]
    assert [found[f"/rows/{at}/item"] for at in range(700)] == lines
    assert [found[f"/rows/{at}/price"] for at in range(700)] == [at + 9 for at in lines]


class Row(BaseModel):
    name: Annotated[str, Verbatim()]
    count: Annotated[int, Verbatim()]


class Rows(BaseModel):
    rows: list[Row]


@given(
    st.lists(
        st.tuples(st.sampled_from(["ink", "rope", "tar"]), st.integers(1, 4)),
        min_size=1,
        max_size=6,
    )
)
def test_a_verbatim_value_is_where_evidence_finds_it(rows: list[tuple[str, int]]) -> None:
    text = "\n".join(f"{name} | {count}" for name, count in rows)
    data = {"rows": [{"name": name, "count": count} for name, count in rows]}
    grounded = ground(target_of(Rows), data, text).evidence
    assert {path: one.start for path, one in grounded.items()} == starts(data, text)
