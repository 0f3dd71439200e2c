"""Decisions go out as gold and as tasks for Label Studio and Argilla, and come back.

The files in `tasks` were exported by Label Studio 1.23.2, and written by Argilla's SDK 2.8.0, from
tasks that structgen had written.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from structgen.errors import InputError
from structgen.evaluation.gold import load_gold
from structgen.pipeline.journal.reviews import Review, Reviews
from structgen.server.review.gold import export_gold
from structgen.server.review.records import Records
from structgen.server.review.tasks import export_tasks, import_tasks
from tests.server.test_review import TARGET, VALUE, records_in, row

EXPORTED = Path(__file__).parent / "tasks"
TEXTS = {
    "a.txt": "Ann is 31, new.\nTags: x<b>y</b>",
    "b.txt": "Böb 😀 is 40, old since 2020-01-02.",
    "c.txt": "Line\u2028separator Cy 5",
    "d.txt": "Nobody",
}


def records_of_texts(path: Path, **changed: str) -> Records:
    rows = [row(key) for key in ("a.txt", "b.txt", "c.txt")]
    failed = {"key": "d.txt", "value": None, "error": {"type": "Truncated", "message": "cut"}}
    texts = {key: changed.get(key[0], text) for key, text in TEXTS.items()}
    return Records([*rows, failed], texts, TARGET, Reviews(path / "reviews"))


def task_of(records: Records, folder: Path, key: str) -> Any:
    export_tasks(records, folder / "tasks.json")
    tasks = json.loads((folder / "tasks.json").read_text())
    (folder / "tasks.json").unlink()
    return next(one for one in tasks if one["data"]["key"] == key)


def answered(task: Any, value: Any, **more: Any) -> Any:
    result = {"from_name": "value", "value": {"text": [json.dumps(value)]}}
    return {**task, "annotations": [{"result": [result], **more}]}


def imported(records: Records, folder: Path, tasks: Any) -> int:
    path = folder / "answered.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return import_tasks(records, path)


def test_what_label_studio_exports_is_taken_once(tmp_path: Path) -> None:
    records = records_of_texts(tmp_path)
    exported = EXPORTED / "label_studio_1_23_2.json"
    assert import_tasks(records, exported) == 2  # one is skipped, and one has no answer
    found = records.reviews.all()
    # Two people have answered about b.txt: the newest answer counts.
    assert {key: one.value["age"] for key, one in found.items()} == {"a.txt": 7, "b.txt": 9}
    assert import_tasks(records, exported) == 0
    assert records.shown("a.txt")["status"] == "corrected"


def test_what_label_studio_exports_is_about_the_text_that_it_showed(tmp_path: Path) -> None:
    records = records_of_texts(tmp_path, a="Ann is 32 by now.")
    import_tasks(records, EXPORTED / "label_studio_1_23_2.json")
    assert records.shown("a.txt")["status"] is None
    assert records.shown("b.txt")["status"] == "corrected"


def test_what_argilla_writes_is_taken_unless_it_is_pending(tmp_path: Path) -> None:
    records = records_of_texts(tmp_path)
    assert import_tasks(records, EXPORTED / "argilla_2_8_0.json") == 1
    assert records.reviews.all()["a.txt"].value["age"] == 7  # others: a draft, a discarded one


def test_tasks_have_the_form_that_label_studio_imports(tmp_path: Path) -> None:
    task = task_of(records_of_texts(tmp_path), tmp_path, "a.txt")
    assert task["data"]["text"] == TEXTS["a.txt"]
    (result,) = task["predictions"][0]["result"]
    assert (result["from_name"], result["to_name"], result["type"]) == ("value", "text", "textarea")
    assert json.loads(result["value"]["text"][0]) == VALUE
    assert task_of(records_of_texts(tmp_path), tmp_path, "d.txt")["predictions"] == []
    with pytest.raises(InputError, match=r"ends in \.json"):  # it refuses others
        export_tasks(records_of_texts(tmp_path), tmp_path / "tasks.jsonl")


def test_tasks_have_the_form_that_argilla_imports(tmp_path: Path) -> None:
    export_tasks(records_of_texts(tmp_path), tmp_path / "tasks.json", "argilla")
    first = json.loads((tmp_path / "tasks.json").read_text())[1]
    assert (first["id"], first["fields"]) == ("a.txt", {"text": TEXTS["a.txt"]})
    assert json.loads(first["suggestions"]["value"]["value"]) == VALUE
    assert first["metadata"]["version"] == 0


def test_half_a_surrogate_pair_does_not_stop_an_export(tmp_path: Path) -> None:
    rows = [{**row("a"), "value": {**VALUE, "name": "\ud83d"}}]
    records = Records(rows, {"a": "half \ud83d"}, TARGET, Reviews(tmp_path / "reviews"))
    task = task_of(records, tmp_path, "a")
    json.dumps(task, ensure_ascii=False).encode()
    assert json.loads(task["data"]["value"])["name"] == "\ud83d"


def test_one_bad_task_stops_no_other(tmp_path: Path) -> None:
    records = records_in(tmp_path / "reviews", ["a", "b", "c"])
    tasks = [
        answered(task_of(records, tmp_path, "a"), {**VALUE, "age": "old"}),
        answered(task_of(records, tmp_path, "b"), {**VALUE, "age": 7}),
        {"data": {"key": "nobody"}, "annotations": []},
        answered({"data": {"key": "nobody"}}, VALUE),
        5,
    ]
    with pytest.raises(InputError) as raised:
        imported(records, tmp_path, tasks)
    said = raised.value.message
    assert "Cannot take 3 of the 5 tasks" in said and "1 new decision." in said
    assert "task 1: the value of 'a' does not fit: /age" in said
    assert "task 4: no record has the key 'nobody'" in said and "task 5: it is no" in said
    tasks[0] = answered(tasks[0], {**VALUE, "age": 3})
    assert imported(records, tmp_path, tasks[:3]) == 1  # b is not taken twice
    assert {key: one.value["age"] for key, one in records.reviews.all().items()} == {"a": 3, "b": 7}


def test_a_task_whose_record_was_reviewed_meanwhile_overwrites_nothing(tmp_path: Path) -> None:
    records = records_in(tmp_path / "reviews", ["a"])
    task = answered(task_of(records, tmp_path, "a"), {**VALUE, "age": 7})
    assert records.save("a", 0, "rejected", None)
    with pytest.raises(InputError, match="'a' was reviewed after the task was exported"):
        imported(records, tmp_path, [task])
    assert records.reviews.all()["a"].status == "rejected"


def test_lines_may_hold_other_separators(tmp_path: Path) -> None:
    records = records_in(tmp_path / "reviews", ["a"])
    task = answered(task_of(records, tmp_path, "a"), {**VALUE, "name": "x"})
    task["data"]["text"] = "one\u2028two\x85three"
    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps(task, ensure_ascii=False) + "\n\n", encoding="utf-8")
    assert import_tasks(records, path) == 1


@pytest.mark.parametrize("content", ["key,value\n1,2\n", '{"a": 1}\nno JSON\n'])
def test_another_file_is_refused_by_its_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "tasks").write_text(content)
    with pytest.raises(InputError, match=r"tasks:\d is not JSON"):
        import_tasks(records_in(tmp_path / "reviews", ["a"]), tmp_path / "tasks")


def test_gold_has_texts_and_conversations(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "I am Ann"}, {"role": "assistant", "content": "Hi"}]
    rows = [row("a"), row("b"), row("c")]
    documents: Any = {"a": "Ann", "b": messages, "c": "Cy"}
    records = Records(rows, documents, TARGET, Reviews(tmp_path / "reviews"))
    assert records.save("a", 0, "corrected", {**VALUE, "age": 7})
    assert records.save("b", 0, "accepted", VALUE)
    assert records.save("c", 0, "rejected", None)
    assert export_gold(records, tmp_path / "gold.jsonl") == 2
    first, second = sorted(load_gold(tmp_path / "gold.jsonl", TARGET), key=lambda one: one.key)
    assert (first.document, first.value["age"]) == ("Ann", 7)
    assert second.document == messages


def test_gold_leaves_out_decisions_about_another_text_and_says_so(tmp_path: Path) -> None:
    records = records_in(tmp_path / "reviews", ["a", "b"])
    Reviews(tmp_path / "reviews").save(Review("a", 1, "corrected", VALUE, "another text"))
    assert records.save("b", 0, "accepted", VALUE)
    told: list[str] = []
    assert export_gold(records, tmp_path / "gold.jsonl", told.append) == 1
    assert "'a'" in told[0]
