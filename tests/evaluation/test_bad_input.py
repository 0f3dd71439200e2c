"""What people and other programs put into files: a typed error that names the place, or a score."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from structgen.cli import main as cli
from structgen.cli.exits import OK, USAGE
from structgen.errors import InputError
from structgen.evaluation.answers import read_answers
from structgen.evaluation.gold import GoldRecord, load_gold
from structgen.evaluation.page import page_of_results, write_page
from structgen.evaluation.result import Evaluation
from structgen.evaluation.run import score
from structgen.evaluation.scoring import Counts
from structgen.schema.target import target_of

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name"],
    "additionalProperties": False,
}
TARGET = target_of(SCHEMA)
VALUE = {"name": "Ann", "tags": ["x"]}
ROW: dict[str, Any] = {"key": "a", "value": VALUE, "error": None}
SPAN = {"start": 0, "end": 3}


def written(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


# ---- gold ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"alternatives": {"/name": "Anna"}}, "alternatives of /name are no list"),
        ({"alternatives": {"/name": 3}}, "alternatives of /name are no list"),
        ({"alternatives": {"name": ["x"]}}, '"name", which is no leaf'),
        ({"alternatives": {"/nome": ["x"]}}, '"/nome", which is no leaf'),
        ({"alternatives": {"/tags": [["x"]]}}, '"/tags", which is no leaf'),
        ({"evidence": {"/name": {}}}, "evidence of /name is no part"),
        ({"evidence": {"/name": "Ann"}}, "evidence of /name is no part"),
        ({"evidence": {"/name": {"start": 0, "end": "3"}}}, "evidence of /name is no part"),
        ({"evidence": {"/name": {"start": 3, "end": 3}}}, "evidence of /name is no part"),
        ({"evidence": {"/name": {"start": 0, "end": 99}}}, "evidence of /name is no part"),
        ({"key": ["a"]}, "no text and no whole number"),
        ({"key": True}, "no text and no whole number"),
    ],
)
def test_what_a_line_of_gold_says_besides_is_checked(
    more: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "g.jsonl", {"text": "Ann, x", "value": VALUE, **more})
    with pytest.raises(InputError, match=rf"g\.jsonl:1: .*{said}"):
        load_gold(path, TARGET)


def test_zero_is_a_key(tmp_path: Path) -> None:
    path = written(tmp_path / "g.jsonl", {"text": "Ann", "value": VALUE, "key": 0})
    assert [record.key for record in load_gold(path, TARGET)] == ["0"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("text,name,name\nx,a,b\n", r'g\.csv:1 has the column "name" twice'),
        ("text,name,name.first\nx,a,b\n", r'g\.csv:1 has the columns "name" and "name\.first"'),
        ("text,name.first,name\nx,a,b\n", r'g\.csv:1 has the columns "name" and "name\.first"'),
        ('text,name\nx,a\n"y,b\n', r"g\.csv:\d cannot be read: unexpected end of data"),
    ],
)
def test_tables_that_say_two_things(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        load_gold(path, TARGET)


def test_a_cell_may_hold_a_long_document(tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text(f"text,name\n{'word ' * 100_000},Ann\n", encoding="utf-8")
    (record,) = load_gold(path, TARGET)
    assert len(record.document) == 500_000


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux alone")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    for end in (b".gold.json", b".txt"):
        with open(folder + b"/\xff" + end, "w", encoding="utf-8") as file:
            json.dump(VALUE, file)
    with pytest.raises(InputError, match="not UTF-8"):
        load_gold(tmp_path, TARGET)


def test_an_alternative_of_a_null_is_right_and_null_is_an_alternative(tmp_path: Path) -> None:
    rows = [
        {"key": "a", "text": "t", "value": {"name": None}, "alternatives": {"/name": ["Ann"]}},
        {"key": "b", "text": "t", "value": {"name": "Ann"}, "alternatives": {"/name": [None]}},
    ]
    gold = load_gold(written(tmp_path / "g.jsonl", *rows), TARGET)
    answers: list[dict[str, Any]] = [
        {"key": "a", "value": {"name": "ANN"}, "error": None},
        {"key": "b", "value": {"name": None}, "error": None},
    ]
    assert score(TARGET, gold, answers).by_field["/name"] == Counts(right=1, null=1)


# ---- answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "member",
    [
        {"key": ["a"]},
        {"key": None},
        {"error": "boom"},
        {"error": {}},
        {"error": {"type": {}, "message": ""}},
        {"absent": "/name"},
        {"absent": [[1]]},
        {"evidence": [1]},
        {"evidence": {"/name": {}}},
        {"evidence": {"/name": {"start": -1, "end": 2}}},
        {"confidence": {"/name": "high"}},
        {"confidence": {"/name": 1.5}},
        {"confidence": {"/name": None}},
        {"tokens": "many"},
        {"cost": True},
        {"seconds": [1]},
    ],
)
def test_a_row_that_is_no_result_is_named(member: dict[str, Any], tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", ROW, {**ROW, **member})
    with pytest.raises(InputError, match=r"r\.jsonl:2 is no result: /"):
        read_answers(path)
    gold = [GoldRecord(key="a", document="Ann", value=VALUE)]
    with pytest.raises(InputError, match="Answer 1 is no result: /"):
        score(TARGET, gold, [{**ROW, **member}])


def test_a_whole_number_is_the_key_that_it_is_as_text(tmp_path: Path) -> None:
    gold = [GoldRecord(key="7", document="Ann", value=VALUE)]
    rows = read_answers(written(tmp_path / "r.jsonl", {**ROW, "key": 7}))
    assert score(TARGET, gold, rows).f1 == 1


@pytest.mark.parametrize("value", [None, "Ann", {"name": 5}, {"name": "Ann", "more": 1}])
def test_a_value_that_does_not_fit_the_target_is_a_failure(value: Any) -> None:
    gold = [GoldRecord(key="a", document="Ann", value=VALUE)]
    scored = score(TARGET, gold, [{**ROW, "value": value}])
    assert (scored.valid, scored.f1, scored.perfect) == (0, 0, 0)
    assert scored.failures == {"InvalidOutputError": 1}
    assert scored.total == Counts(omitted=2)


def test_gold_that_breaks_its_schema_holds_answers_to_nothing() -> None:
    broken = {"name": 5, "tags": ["x"]}
    gold = [GoldRecord(key="a", document="Ann", value=broken, invalid="/name: found 5")]
    assert score(TARGET, gold, [{**ROW, "value": broken}]).perfect == 1


def run_eval(folder: Path, *words: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    written(folder / "gold.jsonl", {"key": "a", "text": "Ann, x", "value": VALUE})
    (folder / "t.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    argv = ["eval", str(folder / "t.json"), str(folder / "gold.jsonl"), *words]
    return cli.run(argv, io.StringIO(), out, err), err.getvalue()


def test_results_of_another_target_are_an_error(tmp_path: Path) -> None:
    other = written(tmp_path / "r.jsonl", {**ROW, "value": {"total": 3}})
    code, said = run_eval(tmp_path, "--results", str(other))
    assert code == USAGE
    assert "holds no value of" in said
    own = written(tmp_path / "r.jsonl", ROW)
    assert run_eval(tmp_path, "--results", str(own)) == (OK, "")


def nested(levels: int) -> Any:
    value: Any = "a leaf"
    for _ in range(levels):
        value = [value]
    return {"v": value}


def test_lists_within_lists_are_compared_or_a_typed_error() -> None:
    target = target_of({"type": "object", "properties": {"v": {}}})
    gold = [GoldRecord(key="a", document="t", value=nested(40))]
    assert score(target, gold, [{**ROW, "value": nested(40)}]).f1 == 1
    gold = [GoldRecord(key="a", document="t", value=nested(190))]
    with pytest.raises(InputError, match="nested too deeply"):
        score(target, gold, [{**ROW, "value": nested(190)}])


def test_latency_is_the_median_and_the_nearest_95th_percentile() -> None:
    gold = [GoldRecord(key=str(n), document="t", value=VALUE) for n in range(20)]
    rows = [{**ROW, "key": str(n), "seconds": float(n)} for n in range(20)]
    figures = score(TARGET, gold, rows).figures
    assert (figures["seconds_median"], figures["seconds_p95"]) == (9.5, 18.0)


# ---- saved runs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"counts": [1]},
        {"counts": {"/name": [1, 0, 0, 0]}},
        {"counts": {"/name": [-1, 0, 0, 0, 0]}},
        {"counts": {"/name": ["1", 0, 0, 0, 0]}},
        {"key": [1]},
        {"judged": [["a", "b"]]},
        {"tokens": "x"},
        {"error": 5},
    ],
)
def test_a_saved_run_that_was_spoilt_is_none(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    score(TARGET, [GoldRecord(key="a", document="Ann", value=VALUE)], [ROW]).save(path)
    data = json.loads(path.read_text(encoding="utf-8"))
    data["records"][0] |= change
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(InputError, match="holds no evaluation"):
        Evaluation.load(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"version": 1, "records": []}'])
def test_a_file_of_something_else_is_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="holds no evaluation"):
        Evaluation.load(path)


def test_a_run_with_other_records_is_not_compared(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    results = str(written(tmp_path / "r.jsonl", ROW))
    assert run_eval(tmp_path, "--results", results, "-o", str(path))[0] == OK
    data = json.loads(path.read_text(encoding="utf-8"))
    data["records"][0]["key"] = "b"
    path.write_text(json.dumps(data), encoding="utf-8")
    code, said = run_eval(tmp_path, "--results", results, "--not-worse-than", str(path))
    assert (code, "of other gold" in said) == (USAGE, True)


def test_a_list_as_target_has_an_empty_list_as_a_field_of_its_own() -> None:
    target = target_of({"type": "array", "items": {"type": "string"}})
    gold = [
        GoldRecord(key=str(n), document="t", value=value)
        for n, value in enumerate([[], ["a"], ["b", "c"]])
    ]
    found = [[], ["x"], ["b", "y"]]
    scored = score(target, gold, [{**ROW, "key": str(n), "value": v} for n, v in enumerate(found)])
    assert scored.intervals["f1"].value == pytest.approx(1 / 3)
    assert (scored.field_intervals[""].low, scored.field_intervals[""].value) == (1, 1)


# ---- pages --------------------------------------------------------------------------------------

NASTY = "</script><img src=x onerror=alert(1)> \u2028 \u202e <!-- /*DATA*/"


def test_a_page_holds_whatever_texts_keys_and_fields_are_called(tmp_path: Path) -> None:
    value = {NASTY: NASTY, "id": 2**63 - 1}
    row = {"key": NASTY, "value": value, "error": None}
    path = tmp_path / "page.html"
    write_page(path, page_of_results([row], {NASTY: f"{NASTY} \ud800"}, title=NASTY))
    page = path.read_text(encoding="utf-8")
    assert page.count("</script>") == 2
    assert "<img" not in page
    begin = page.index('id="data">') + len('id="data">')
    (record,) = json.loads(page[begin : page.index("</script>", begin)])["records"]
    assert record["key"] == NASTY
    assert record["text"] == f"{NASTY} ?"
    assert [leaf[2] for leaf in record["leaves"]] == [NASTY, str(2**63 - 1)]
