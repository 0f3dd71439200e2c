"""People review records in a real browser; what they decide is never lost or overwritten."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from starlette.testclient import TestClient

from structgen import Client
from structgen.pipeline import Job
from structgen.pipeline.journal.reviews import Review, Reviews
from structgen.pipeline.journal.view import JournalView
from structgen.pipeline.record import Item
from structgen.schema.target import target_of
from structgen.server.review.app import review_app
from structgen.server.review.gold import export_gold
from structgen.server.review.inputs import inputs_of
from structgen.server.review.records import Records, doubt
from structgen.testing import AnyModel
from tests.forms.services import browser, served

TOKEN = "the-token"
API = {"x-structgen-review": "1"}


class Visit(BaseModel):
    name: str
    age: int
    kind: Literal["new", "old"]
    day: date | None
    tags: list[str]


TARGET = target_of(Visit)
VALUE = {"name": "Ann", "age": 1, "kind": "new", "day": "2024-01-02", "tags": ["x"]}


def row(key: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "value": VALUE, "error": None, **more}


def records_in(path: Path, keys: list[str]) -> Records:
    texts = {key: f"<b>Ann</b> of {key}" for key in keys}
    evidence = {"/name": {"start": 3, "end": 6}}
    rows = [row(key, evidence=evidence, confidence={"/name": 0.5}) for key in keys]
    return Records(rows, texts, TARGET, Reviews(path))


def client_of(records: Records) -> TestClient:
    client = TestClient(review_app(records, TOKEN), base_url="http://127.0.0.1:1")
    client.get("/", params={"token": TOKEN})
    return client


def shows(said: str, page: Any) -> bool:
    return said in page.find_element(By.ID, "at").text


def saved(client: TestClient, key: str, version: int, **more: Any) -> Any:
    body = {"key": key, "version": version, "status": "corrected", "value": VALUE, **more}
    return client.post("/api/save", json=body, headers=API)


def run_job(folder: Path, prompt: str, keys: list[str]) -> list[dict[str, Any]]:
    items = [Item(key, f"text of {key}") for key in keys]
    output = folder / "out.jsonl"
    with Client(AnyModel()) as client:
        job = Job(
            Visit,
            items,
            client=client,
            output=output,
            layout="value",
            if_exists="replace",
            instructions=prompt,
        )
        job.run()
    return [json.loads(line) for line in output.read_text().splitlines()]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"key": ["a"], "version": 0, "status": "accepted", "value": {}}',
        b'{"key": "a", "version": 0, "status": "accepted", "value": {"name": "\\ud83d"}}',
        b'{"key": "a", "version": 0, "status": "accepted", "value": NaN}',
    ],
    ids=["empty", "list", "deep", "key", "surrogate", "nan"],
)
def test_bodies_that_are_no_reviews_are_bad_requests(tmp_path: Path, body: bytes) -> None:
    client = client_of(records_in(tmp_path / "out.reviews", ["a"]))
    for path in ("/api/save", "/api/check"):
        answer = client.post(path, content=body, headers=API)
        assert answer.status_code in ((200, 400) if path == "/api/check" else (400,))


def test_half_a_surrogate_pair_in_a_text_costs_no_page(tmp_path: Path) -> None:
    reviews = Reviews(tmp_path / "out.reviews")
    rows = [row("a", meta={}), {**row("b"), "value": {**VALUE, "name": "\ud83d"}}]
    records = Records(rows, {"a": "text", "b": "half \ud83d"}, TARGET, reviews)
    listed = client_of(records).get("/api/records", headers=API).json()["records"]
    assert {one["key"] for one in listed} == {"a", "b"}


class LongVisit(Visit):
    minutes: int


def test_a_correction_that_does_not_fit_a_changed_schema_is_told(tmp_path: Path) -> None:
    journal, output = tmp_path / "out.journal", tmp_path / "out.jsonl"
    told: list[str] = []

    def rows_of(target: Any) -> list[dict[str, Any]]:
        items = [Item(key, f"text of {key}") for key in ("a", "b", "c")]
        options: dict[str, Any] = {"output": output, "journal": journal, "log": told.append}
        with Client(AnyModel()) as client:
            Job(target, items, client=client, if_exists="replace", **options).run()
        return [json.loads(line) for line in output.read_text().splitlines()]

    rows_of(Visit)
    Reviews(journal).save(Review("a", 1, "corrected", VALUE))
    Reviews(journal).save(Review("b", 1, "rejected"))
    assert rows_of(Visit)[0]["to_review"] == []
    told.clear()
    corrected, rejected, other = rows_of(LongVisit)
    assert corrected["to_review"] == [""]
    assert corrected["confidence_by"] != "human"
    assert "minutes" in corrected["value"]
    assert rejected["confidence_by"] == "human"
    assert other["to_review"] == []
    assert [one["reviewed"] for one in (corrected, rejected, other)] == [
        "target changed",
        "rejected",
        None,
    ]
    (line,) = (line for line in told if "reviewed value" in line)
    assert "'a'" in line
    assert "structgen review" in line

    texts = {key: f"text of {key}" for key in "abc"}
    records = Records([corrected, rejected, other], texts, target_of(LongVisit), Reviews(journal))
    shown = records.shown("a")
    earlier: Any = shown["values"]
    assert (earlier[0]["value"], shown["status"]) == (VALUE, None)  # the person's work is not lost
    assert "does not fit" in str(shown["error"])
    assert records.shown("b")["status"] == "rejected"
    assert export_gold(records, tmp_path / "gold.jsonl", told.append) == 0
    assert "'a'" in told[-1]
    assert records.save("a", 1, "corrected", {**VALUE, "minutes": 5})
    assert rows_of(LongVisit)[0]["value"] == {**VALUE, "minutes": 5}


def test_two_hundred_corrections_in_a_browser_survive_a_changed_prompt(tmp_path: Path) -> None:
    keys = [f"k{n:03}" for n in range(200)]
    run_job(tmp_path, "one", keys)
    journal = tmp_path / "out.jsonl.journal"
    with JournalView(journal) as view:
        rows = [one.row() for one in view.outcomes()]
    records = Records(rows, {}, TARGET, Reviews(journal))
    with (
        served(review_app(records, TOKEN)) as address,
        browser(tmp_path / "profile") as page,
    ):
        page.get(f"{address}/?token={TOKEN}")
        page.set_script_timeout(120)
        wait = WebDriverWait(page, 30, poll_frequency=0.02)
        wait.until(lambda one: one.find_elements(By.CSS_SELECTOR, "[data-path='/age']"))
        for n in range(200):
            page.execute_script(
                "const f = document.querySelector(\"[data-path='/age']\");"
                "f.value = arguments[0]; document.getElementById('correct').click();",
                str(1000 + n),
            )
            said = f"{n + 2} of" if n < 199 else "corrected"
            wait.until(partial(shows, said))
    again = run_job(tmp_path, "another prompt", keys)
    assert sorted(one["value"]["age"] for one in again) == list(range(1000, 1200))
    assert {one["confidence_by"] for one in again} == {"human"}


def test_of_two_tabs_on_one_record_the_second_is_told(tmp_path: Path) -> None:
    records = records_in(tmp_path / "reviews", ["a"])
    with (
        served(review_app(records, TOKEN)) as address,
        browser(tmp_path / "profile") as page,
    ):
        wait = WebDriverWait(page, 30, poll_frequency=0.02)
        page.get(f"{address}/?token={TOKEN}")
        page.switch_to.new_window("tab")
        page.get(f"{address}/")
        for status in ("accept", "reject"):
            wait.until(lambda one: one.find_elements(By.CSS_SELECTOR, "mark"))
            assert page.find_element(By.TAG_NAME, "mark").text == "Ann"
            page.find_element(By.ID, status).click()
            wait.until(lambda one: one.find_element(By.ID, "said").text)
            if status == "accept":
                page.switch_to.window(page.window_handles[0])
        assert "Somebody else has saved this record" in page.find_element(By.ID, "said").text
    assert records.reviews.all()["a"].status == "accepted"


def test_a_killed_server_loses_no_decision(tmp_path: Path) -> None:
    results = tmp_path / "out.jsonl"
    results.write_text("".join(json.dumps(row(f"k{n}")) + "\n" for n in range(20)))
    before = results.read_bytes()
    command = [sys.executable, "-m", "structgen", "review", str(results)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        assert process.stderr is not None
        found = re.search(r"(http://\S+)/\?token=(\S+)", process.stderr.readline())
        assert found
        import httpx

        with httpx.Client(base_url=found[1], trust_env=False) as client:
            client.get("/", params={"token": found[2]}, follow_redirects=True)
            for n in range(20):
                body = {"key": f"k{n}", "version": 0, "status": "accepted", "value": VALUE}
                assert client.post("/api/save", json=body, headers=API).status_code == 200
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert len(Reviews(f"{results}.reviews").all()) == 20
    assert results.read_bytes() == before


def test_the_target_checks_values_and_versions_are_kept_apart(tmp_path: Path) -> None:
    client = client_of(records_in(tmp_path / "reviews", ["a"]))
    wrong = client.post("/api/check", json={**VALUE, "day": "no day"}, headers=API).json()
    assert "/day" in wrong["message"]
    assert saved(client, "a", 0, value={**VALUE, "age": "x"}).status_code == 422
    assert saved(client, "a", 0).status_code == 200
    assert saved(client, "a", 0).status_code == 409
    assert saved(client, "a", 1, status="rejected").json()["version"] == 2


def test_strangers_and_other_sites_are_refused(tmp_path: Path) -> None:
    records = records_in(tmp_path / "reviews", ["a"])
    app = review_app(records, TOKEN)
    stranger = TestClient(app, base_url="http://127.0.0.1:1")
    assert stranger.get("/").status_code == 403
    assert stranger.get("/", params={"token": "é"}).status_code == 403
    assert stranger.get("/api/records", headers=API).status_code == 403
    client = client_of(records)
    assert client.get("/api/records").status_code == 403
    assert client.get("/api/records", headers={**API, "host": "evil.example:1"}).status_code == 403
    assert "default-src 'none'" in client.get("/").headers["content-security-policy"]


def test_one_version_is_saved_once(tmp_path: Path) -> None:
    reviews = Reviews(tmp_path / "reviews")
    assert reviews.save(Review("a", 1, "accepted", VALUE))
    assert not reviews.save(Review("a", 1, "rejected"))
    assert reviews.all()["a"].status == "accepted"


def test_the_newest_review_of_a_key_is_found_alone(tmp_path: Path) -> None:
    reviews = Reviews(tmp_path / "reviews")
    assert reviews.of("a") is None
    keys = ["a", "A", "a%", "x a", "", "review 00000001 a", "a\n", "\u00e4", "a\0b"]
    for key in keys:
        for version in range(1, 12):
            assert reviews.save(Review(key, version, "rejected"))
    assert {key: getattr(reviews.of(key), "version", 0) for key in keys} == dict.fromkeys(keys, 11)
    assert reviews.of("b") is None


def test_doubtful_rows_come_first() -> None:
    rows = [
        row("sure", confidence={"/name": 0.9}, evidence={"/name": {}}),
        row("pressed", pressure={"/name": 0.8}),
        row("asked", to_review=["/name"]),
        row("ungrounded", confidence={"/name": 1.0}, evidence={}),
        {"key": "failed", "value": None, "error": {"type": "Truncated", "message": "cut"}},
    ]
    ordered = [one["key"] for one in sorted(rows, key=doubt, reverse=True)]
    assert ordered == ["failed", "asked", "ungrounded", "pressed", "sure"]


@pytest.mark.parametrize(
    ("member", "kind"),
    [("age", "number"), ("kind", "choice"), ("day", "date"), ("tags", "list"), ("name", "text")],
)
def test_each_type_has_its_input(member: str, kind: str) -> None:
    described: Any = inputs_of(TARGET.schema)["input"]
    assert described["members"][member]["kind"] == kind
