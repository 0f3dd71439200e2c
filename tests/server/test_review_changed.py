"""A decision is about the text that the reviewer saw; it is never given out for another one."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from structgen import Client
from structgen.pipeline import Job
from structgen.pipeline.journal.reviews import Review, Reviews, reviewed
from structgen.pipeline.journal.tables import connect
from structgen.pipeline.journal.view import JournalView
from structgen.pipeline.record import Item, Outcome
from structgen.server.review.records import Records
from structgen.testing import AnyModel, ScriptedModel
from tests.cli.test_cli import run as command
from tests.server.test_review import API, TARGET, VALUE, Visit, client_of, saved

BEFORE = {"a": "Ann is 31", "b": "Bob is 40", "c": "Cy is 50"}
AFTER = {**BEFORE, "a": "Ann is 32 by now", "c": "Cy is gone"}
MINE = {**VALUE, "age": 31}


def run_job(folder: Path, texts: dict[str, str], told: list[str] | None = None, **more: Any) -> Any:
    items = [Item(key, text) for key, text in texts.items()]
    with Client(AnyModel()) as client:
        more |= {"output": folder / "out.jsonl", "if_exists": "replace", "layout": "value"}
        more["log"] = print if told is None else told.append
        Job(Visit, items, client=client, **more).run()
    lines = (folder / "out.jsonl").read_text().splitlines()
    return {row["key"]: row for row in map(json.loads, lines)}


def records_in(folder: Path, texts: dict[str, str]) -> Records:
    journal = folder / "out.jsonl.journal"
    with JournalView(journal) as view:
        outcomes = list(view.outcomes())
    hashes = {one.key: one.document_hash for one in outcomes}
    return Records([one.row() for one in outcomes], texts, TARGET, Reviews(journal), hashes)


def review_all(folder: Path, texts: dict[str, str]) -> None:
    client = client_of(records_in(folder, texts))
    assert saved(client, "a", 0, value=MINE).status_code == 200
    assert saved(client, "b", 0, value=MINE).status_code == 200
    assert saved(client, "c", 0, status="rejected").status_code == 200


@pytest.mark.parametrize("shown", [BEFORE, {}], ids=["with inputs", "without"])
def test_a_changed_text_returns_to_the_queue_and_the_result_says_so(
    tmp_path: Path, shown: dict[str, str]
) -> None:
    models = run_job(tmp_path, BEFORE)
    assert models["a"]["reviewed"] is None
    review_all(tmp_path, shown)
    kept = run_job(tmp_path, BEFORE, instructions="another prompt")
    assert [kept[key]["reviewed"] for key in "abc"] == ["corrected", "corrected", "rejected"]
    told: list[str] = []
    rows = run_job(tmp_path, AFTER, told)
    assert [rows[key]["reviewed"] for key in "abc"] == ["text changed", "corrected", "text changed"]
    assert rows["a"]["to_review"] == rows["c"]["to_review"] == [""]
    assert rows["a"]["confidence_by"] != "human" and rows["a"]["value"] != MINE
    assert rows["c"]["error"] is None
    assert rows["b"]["value"] == MINE and rows["b"]["to_review"] == []
    (line,) = (line for line in told if "have changed since" in line)
    assert "'a', 'c'" in line and "structgen review" in line
    # The text as it was finds the decision again: nothing of the work is lost.
    assert run_job(tmp_path, BEFORE)["a"]["value"] == MINE


def test_the_page_offers_the_earlier_correction_of_a_changed_text(tmp_path: Path) -> None:
    run_job(tmp_path, BEFORE)
    review_all(tmp_path, BEFORE)
    run_job(tmp_path, AFTER)
    client = client_of(records_in(tmp_path, AFTER))
    listed = client.get("/api/records", headers=API).json()["records"]
    assert {one["key"] for one in listed[:2]} == {"a", "c"}  # first what is to be done again
    assert {one["key"]: one["status"] for one in listed} == {"a": None, "b": "corrected", "c": None}
    shown = client.get("/api/record", params={"key": "a"}, headers=API).json()
    assert "text has changed" in shown["error"]
    assert [one["by"] for one in shown["values"]] == [
        "the model's value",
        "the value of the last review",
    ]
    assert shown["values"][1]["value"] == MINE
    assert saved(client, "a", shown["version"], value=MINE).json()["status"] == "corrected"
    again = run_job(tmp_path, AFTER)["a"]
    assert (again["value"], again["reviewed"]) == (MINE, "corrected")


def test_a_text_that_no_job_has_read_yet_is_told(tmp_path: Path) -> None:
    run_job(tmp_path, BEFORE)
    records = records_in(tmp_path, AFTER)
    shown = records.shown("a")
    assert "run the job again" in str(shown["error"]) and shown["evidence"] == {}
    assert records.shown("b")["error"] is None
    assert records.save("a", 0, "corrected", MINE)  # the reviewer has seen the new text
    assert run_job(tmp_path, AFTER)["a"]["reviewed"] == "corrected"


def test_the_export_of_a_journal_says_it_too(tmp_path: Path) -> None:
    run_job(tmp_path, BEFORE)
    review_all(tmp_path, BEFORE)
    run_job(tmp_path, AFTER)
    code, out, _ = command("journal", "export", str(tmp_path / "out.jsonl.journal"))
    rows = {row["key"]: row for row in map(json.loads, out.splitlines())}
    assert code == 0
    assert [rows[key]["reviewed"] for key in "abc"] == ["text changed", "corrected", "text changed"]


def test_decisions_of_earlier_versions_go_for_any_text(tmp_path: Path) -> None:
    run_job(tmp_path, BEFORE)
    Reviews(tmp_path / "out.jsonl.journal").save(Review("a", 1, "corrected", MINE))
    assert run_job(tmp_path, AFTER)["a"]["value"] == MINE


def test_a_journal_of_an_earlier_version_keeps_its_decisions(tmp_path: Path) -> None:
    run_job(tmp_path, BEFORE)
    review_all(tmp_path, BEFORE)
    with closing(connect(tmp_path / "out.jsonl.journal")) as db, db:
        for table in ("inputs", "earlier_inputs"):
            db.execute(f"ALTER TABLE {table} DROP COLUMN document")
        db.execute("PRAGMA user_version=1")
    assert {one["reviewed"] for one in run_job(tmp_path, BEFORE).values()} == {
        "corrected",
        "rejected",
    }


def test_a_journal_of_any_name_is_known_as_one(tmp_path: Path) -> None:
    journal = tmp_path / "decisions.db"
    run_job(tmp_path, BEFORE, journal=journal)
    assert Reviews(journal).save(Review("a", 1, "accepted", VALUE))
    inputs = tmp_path / "in.csv"
    inputs.write_text("id,text\n" + "".join(f"{key},{text}\n" for key, text in BEFORE.items()))
    gold = tmp_path / "gold.jsonl"
    code, _, _ = command("review", str(journal), str(inputs), "--key", "id", "--export", str(gold))
    assert (code, json.loads(gold.read_text())["text"]) == (0, BEFORE["a"])


@pytest.mark.parametrize("status", ["corrected", "rejected"])
def test_a_failure_that_a_person_decided_about_is_not_asked_again(
    tmp_path: Path, status: Any
) -> None:
    def run(texts: dict[str, str]) -> tuple[int, Any]:
        model = ScriptedModel("no JSON")
        items = [Item(key, text) for key, text in texts.items()]
        with Client(model, max_reasks=0) as client:
            output = tmp_path / "out.jsonl"
            Job(Visit, items, client=client, output=output, if_exists="replace").run()
        return len(model.asked), json.loads(output.read_text().splitlines()[0])

    assert run({"a": "Ann"})[1]["error"] is not None
    assert run({"a": "Ann"})[0] > 0
    value = MINE if status == "corrected" else None
    assert records_in(tmp_path, {"a": "Ann"}).save("a", 0, status, value)
    asked, row = run({"a": "Ann"})
    assert (asked, row["reviewed"], row["value"]) == (0, status, value)
    asked, row = run({"a": "Ann is 32"})
    assert asked > 0 and row["reviewed"] == "text changed"


def map_over(journal: Path, texts: dict[str, str], **more: Any) -> dict[str, dict[str, Any]]:
    items = [Item(key, text) for key, text in texts.items()]
    with Client(AnyModel()) as client:
        outcomes = list(client.map(Visit, items, journal=journal, **more))
    return {one.key: one.row() for one in outcomes}


def test_map_gives_out_decisions_by_the_keys_of_its_inputs(tmp_path: Path) -> None:
    journal = tmp_path / "out.jsonl.journal"
    map_over(journal, BEFORE)
    review_all(tmp_path, BEFORE)
    kept = map_over(journal, BEFORE, instructions="another prompt")
    assert [kept[key]["reviewed"] for key in "abc"] == ["corrected", "corrected", "rejected"]
    assert kept["a"]["value"] == MINE
    rows = map_over(journal, AFTER)
    assert [rows[key]["reviewed"] for key in "abc"] == ["text changed", "corrected", "text changed"]
    with Client(AnyModel()) as client:
        found = list(client.map(Visit, [Item("b", BEFORE["b"])], journal=journal))
    assert (found[0].reviewed, found[0].value.age) == ("corrected", 31)


def test_a_promise_of_acceptance_holds_for_what_a_person_decided() -> None:
    stored = {"value": VALUE, "error": None, "accepted": False, "to_review": ["/age"]}
    outcome: Outcome[Any] = Outcome(key="a", target=TARGET, stored=stored)
    row = reviewed(outcome, {"a": Review("a", 1, "corrected", MINE)}).row()
    assert (row["accepted"], row["to_review"], row["record_confidence"]) == (True, [], 1.0)


def test_results_without_a_journal_know_the_text_by_the_inputs(tmp_path: Path) -> None:
    rows = [{"key": "a", "value": VALUE, "error": None}]
    reviews = Reviews(tmp_path / "out.jsonl.reviews")
    assert Records(rows, BEFORE, TARGET, reviews).save("a", 0, "corrected", MINE)
    assert Records(rows, BEFORE, TARGET, reviews).shown("a")["status"] == "corrected"
    assert Records(rows, AFTER, TARGET, reviews).shown("a")["status"] is None
    assert Records(rows, {}, TARGET, reviews).shown("a")["status"] == "corrected"


def test_of_rows_with_one_key_the_first_is_reviewed(tmp_path: Path) -> None:
    rows = [{"key": "a", "value": {**VALUE, "age": n}, "error": None} for n in (1, 2)]
    records = Records(rows, {}, TARGET, Reviews(tmp_path / "reviews"))
    assert records.left_out == 1
    client: TestClient = client_of(records)
    (listed,) = client.get("/api/records", headers=API).json()["records"]
    assert listed["key"] == "a"
    assert records.shown("a")["values"] == [
        {"by": "the model's value", "value": {**VALUE, "age": 1}}
    ]


def test_the_command_says_what_it_leaves_out_and_what_has_no_text(tmp_path: Path) -> None:
    rows = [{"key": key, "value": VALUE, "error": None} for key in ("a.txt", "a.txt", "b.txt")]
    results, inputs = tmp_path / "out.jsonl", tmp_path / "in"
    results.write_text("".join(json.dumps(row) + "\n" for row in rows))
    inputs.mkdir()
    (inputs / "a.txt").write_text("Ann")
    tasks = tmp_path / "tasks.json"
    code, _, told = command("review", str(results), str(inputs), "--export-tasks", str(tasks))
    assert code == 0
    assert "1 record is left out" in told and "--key" in told
    assert "1 of 2 records has no text" in told and "'b.txt'" in told
    assert {one["data"]["text"] for one in json.loads(tasks.read_text())} == {"Ann", ""}
