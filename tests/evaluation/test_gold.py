"""Gold from files of several forms; what is wrong with it is an error that names the line."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices, BaseModel, Field

from structgen.errors import InputError
from structgen.evaluation.gold import GoldRecord, fingerprint, load_gold
from structgen.schema.target import target_of


class Place(BaseModel):
    city: str
    zip: str | None = None


class Order(BaseModel):
    number: int = Field(alias="no")
    total: float | None = None
    paid: bool = False
    day: date | None = None
    tags: list[str] = []
    place: Place | None = None


ORDER = target_of(Order)


def jsonl(path: Path, *rows: Any) -> Path:
    path.write_text(
        "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows),
        encoding="utf-8",
    )
    return path


def test_lines_of_text_of_files_and_of_messages(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Order 2", encoding="utf-8")
    messages = [{"role": "user", "content": "Order 3"}]
    path = jsonl(
        tmp_path / "gold.jsonl",
        {"text": "Order 1", "value": {"no": 1}, "key": "first"},
        "",
        {"file": "letter.txt", "value": {"no": 2, "total": None}},
        {"messages": messages, "value": {"no": 3}, "alternatives": {"/no": [33]}},
    )
    records = load_gold(path, ORDER)
    assert [record.key for record in records] == ["first", "gold.jsonl:3", "gold.jsonl:4"]
    assert [record.document for record in records] == ["Order 1", "Order 2", messages]
    assert records[2].alternatives == {"/no": [33]}


def test_a_value_is_as_the_target_writes_it_without_what_the_gold_does_not_state(
    tmp_path: Path,
) -> None:
    path = jsonl(tmp_path / "gold.jsonl", {"text": "x", "value": {"no": 1, "total": 5}})
    assert load_gold(path, ORDER)[0].value == {"no": 1, "total": 5.0}


def test_columns_of_a_table_are_fields(tmp_path: Path) -> None:
    path = tmp_path / "gold.csv"
    path.write_text(
        "key,text,no,total,paid,day,tags,place.city,place.zip\n"
        'a,Order 1,1,"1,200.50",yes,2024-01-31,"[""x"", ""y""]",Bonn,01234\n'
        "b,Order 2,2,,,,,,\n",
        encoding="utf-8",
    )
    one, other = load_gold(path, ORDER)
    assert one.value == {
        "no": 1,
        "total": 1200.5,
        "paid": True,
        "day": "2024-01-31",
        "tags": ["x", "y"],
        "place": {"city": "Bonn", "zip": "01234"},
    }
    assert other.value == {"no": 2, "total": None, "day": None}


def test_a_folder_of_documents_with_gold_beside_them(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "one.txt").write_text("Order 1", encoding="utf-8")
    (tmp_path / "sub" / "one.gold.json").write_text('{"no": 1}', encoding="utf-8")
    (record,) = load_gold(tmp_path, ORDER)
    assert (record.key, record.document, record.value) == ("sub/one", "Order 1", {"no": 1})
    (tmp_path / "two.gold.json").write_text('{"no": 2}', encoding="utf-8")
    with pytest.raises(InputError, match=r"two\.gold\.json: there is no document two beside it"):
        load_gold(tmp_path, ORDER)


class Part(BaseModel):
    colour: str | None = None


class Named(BaseModel):
    name: str = Field(validation_alias=AliasChoices("name", "title"))
    parts: list[Part] = []


def test_a_member_that_the_target_does_not_have_is_told(tmp_path: Path) -> None:
    misspelt = {"name": "Ada", "parts": [{"colour": "red"}, {"color": "blue"}], "ages/old": None}
    gold = jsonl(tmp_path / "gold.jsonl", {"text": "x", "value": misspelt})
    target = target_of(Named)
    said = (
        r"gold\.jsonl:1: the value does not fit Named: no such member: /parts/1/color, /ages~1old"
    )
    with pytest.raises(InputError, match=said):
        load_gold(gold, target)
    (kept,) = load_gold(gold, target, on_invalid="keep")
    assert kept.value == {"name": "Ada", "parts": [{"colour": "red"}, {}]}
    assert kept.invalid == "no such member: /parts/1/color, /ages~1old"


def test_another_name_that_a_field_is_read_by_is_no_misspelling(tmp_path: Path) -> None:
    gold = jsonl(tmp_path / "gold.jsonl", {"text": "x", "value": {"title": "Ada"}})
    (record,) = load_gold(gold, target_of(Named))
    assert record.invalid is None
    assert record.value == {"name": "Ada", "parts": []}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"text": "x", "value": {"no": "one"}}], r"gold\.jsonl:1: the value does not fit Order"),
        ([{"text": "x", "value": {}}], r"gold\.jsonl:1: .*wanted an integer"),
        (
            [{"text": "x", "value": {"no": 1}}, "{"],
            r"gold\.jsonl:2 is not JSON: EOF while parsing an object\. Correct",
        ),
        ([{"text": "x"}], r"gold\.jsonl:1 is no gold: it has no `value`"),
        (["[1]"], r"gold\.jsonl:1 is no gold"),
        ([{"value": {"no": 1}}], r"gold\.jsonl:1 is no gold: it has no document"),
        ([{"text": "x", "file": "y", "value": {"no": 1}}], "it has text and file"),
        ([{"text": " ", "value": {"no": 1}}], r"gold\.jsonl:1: `text` is empty or no text"),
        ([{"text": 5, "value": {"no": 1}}], r"gold\.jsonl:1: `text` is empty or no text"),
        ([{"messages": [], "value": {"no": 1}}], "`messages` is no list of messages"),
        ([{"file": "none.txt", "value": {"no": 1}}], r"gold\.jsonl:1: .*none\.txt"),
        ([{"file": "none.xyz", "value": {"no": 1}}], "unsupported file type"),
        (
            [{"text": t, "value": {"no": 1}, "key": "k"} for t in "xy"],
            r'gold\.jsonl:2: the key "k" is that of gold\.jsonl:1 already',
        ),
        ([{"text": "x", "value": {"no": 1}, "evidence": []}], "`evidence` is no object"),
        ([], "holds no gold"),
    ],
)
def test_bad_gold_is_an_error_that_names_the_line(
    rows: list[Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        load_gold(jsonl(tmp_path / "gold.jsonl", *rows), ORDER)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("text,no\nx,one\n", r'gold\.csv:2, column .no.: "one" is no number'),
        ("text,no\nx\n", r"gold\.csv:2 has another number of fields"),
        ("no\n1\n", r"gold\.csv:2 is no gold: it has no document"),
        ("text,no\n,1\n", r"gold\.csv:2: `text` is empty"),
    ],
)
def test_bad_tables_too(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "gold.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        load_gold(path, ORDER)


def test_files_that_are_no_gold_at_all(tmp_path: Path) -> None:
    (tmp_path / "gold.xls").touch()
    for name, said in (
        ("gold.xls", "unsupported"),
        ("none.jsonl", "Cannot read"),
        ("none", "no file or folder"),
    ):
        with pytest.raises(InputError, match=said):
            load_gold(tmp_path / name, ORDER)
    (tmp_path / "latin.jsonl").write_bytes(b'{"text": "\xe9"}')
    with pytest.raises(InputError, match="Cannot read"):
        load_gold(tmp_path / "latin.jsonl", ORDER)


def test_gold_that_does_not_fit_may_be_kept(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "gold.jsonl", {"text": "x", "value": {"no": "one"}})
    (record,) = load_gold(path, ORDER, on_invalid="keep")
    assert record.value == {"no": "one"}
    assert record.invalid is not None
    assert "/no" in record.invalid


def test_gold_without_a_readable_document_may_be_kept_to_judge_answers(tmp_path: Path) -> None:
    (tmp_path / "scan.txt").write_text(" ", encoding="utf-8")
    (tmp_path / "scan.gold.json").write_text('{"no": 1}', encoding="utf-8")
    with pytest.raises(InputError, match=r"scan\.gold\.json: scan\.txt"):
        load_gold(tmp_path, ORDER)
    (record,) = load_gold(tmp_path, ORDER, on_invalid="keep")
    assert (record.document, record.value) == ("", {"no": 1})
    assert record.invalid is not None
    assert "scan.txt" in record.invalid


def test_the_fingerprint_knows_keys_documents_and_values() -> None:
    base = GoldRecord(key="a", document="x", value={"no": 1})
    others = [
        GoldRecord(key="b", document="x", value={"no": 1}),
        GoldRecord(key="a", document="y", value={"no": 1}),
        GoldRecord(key="a", document="x", value={"no": 2}),
    ]
    assert len({fingerprint([one]) for one in (base, *others)}) == 4
    assert fingerprint([base]) == fingerprint([GoldRecord(key="a", document="x", value={"no": 1})])
