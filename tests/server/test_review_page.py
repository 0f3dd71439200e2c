"""The review page in a real browser: every value comes back as it was, and no edit is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from starlette.testclient import TestClient

from structgen.pipeline.journal.journal import Journal
from structgen.pipeline.journal.reviews import Review, Reviews
from structgen.schema.target import target_of
from structgen.server.review.app import review_app
from structgen.server.review.inputs import inputs_of
from structgen.server.review.numbers import EXACT, for_page, from_page
from structgen.server.review.records import Records
from tests.forms.services import browser, served
from tests.server.test_review import API, TOKEN, client_of, records_in, saved

MARKUP = "<script>document.title='XSS'</script>"
LARGE = 12345678901234567890123


class Inner(BaseModel):
    note: str
    rows: list[list[int]]


class Tree(BaseModel):
    name: str
    parts: list[Tree] = []
    left: Tree | None = None


class Hostile(BaseModel):
    model_config = ConfigDict(extra="allow")
    markup: str = Field(alias="<img src=x onerror=alert(1)>")
    constructor: str | None = None
    prototype: str | None = Field(None, alias="__proto__")
    path: str = Field(alias="a/b~c")
    large: int
    larger: list[int]
    literal: Literal[1, "1", True, None, "true"]
    other: Literal[1, "1"]
    empty: list[str]
    maybe: Inner | None
    union: int | str | list[int]
    free: dict[str, int]
    tree: Tree
    lines: str


HOSTILE = {
    "<img src=x onerror=alert(1)>": MARKUP,
    "__proto__": "p",
    "a/b~c": "s",
    "large": LARGE,
    "larger": [2**53 + 1, -(2**53) - 1, 1],
    "literal": "1",
    "other": "1",
    "empty": [],
    "maybe": None,
    "union": [2**53 + 1],
    "free": {"constructor": 2**53 + 1, "<b>": 1},
    "tree": {"name": "r", "parts": [{"name": "c", "parts": [], "left": None}], "left": None},
    "lines": "a\r\nb\u202e\n",
    "extra": {"hidden": [1]},
}


@contextmanager
def page_of(
    target: Any, values: Mapping[str, Any], folder: Path
) -> Iterator[tuple[Any, Records, WebDriverWait[Any]]]:
    rows = [{"key": key, "value": value, "error": None} for key, value in values.items()]
    texts = {key: f"{MARKUP} of {key}" for key in values}
    records = Records(rows, texts, target_of(target), Reviews(folder / "reviews"))
    with served(review_app(records, TOKEN)) as address, browser(folder / "profile") as page:
        wait = WebDriverWait(page, 30, poll_frequency=0.02)
        page.get(f"{address}/?token={TOKEN}")
        wait.until(lambda one: one.find_elements(By.CSS_SELECTOR, "[data-path]"))
        yield page, records, wait


def click(page: Any, name: str) -> None:
    page.execute_script("document.getElementById(arguments[0]).click()", name)


def said(page: Any) -> str:
    return str(page.find_element(By.ID, "said").text)


def field(page: Any, path: str) -> Any:
    return page.find_element(By.CSS_SELECTOR, f"[data-path='{path}']")


def typed(page: Any, path: str) -> str | None:
    script = "return [...document.querySelectorAll('[data-path]')].find((one) => one.dataset.path"
    found: str | None = page.execute_script(f"{script} === arguments[0])?.value", path)
    return found


def number(page: Any) -> int:
    return int(page.find_element(By.ID, "at").text.split()[0])


def test_hostile_values_come_back_as_they_were(tmp_path: Path) -> None:
    values = {f"{MARKUP}{n}": HOSTILE for n in range(3)}
    with page_of(Hostile, values, tmp_path) as (page, records, wait):
        assert "hidden: U+202E" in page.find_element(By.ID, "fields").text
        labels = [one.text for one in field(page, "/literal").find_elements(By.TAG_NAME, "option")]
        assert labels == ["", "1", '"1"', "true", "null", '"true"']
        click(page, "accept")
        wait.until(lambda one: number(one) == 2)
        click(page, "correct")
        wait.until(lambda one: number(one) == 3)
        page.execute_script(
            "const f = document.querySelector(\"[data-path='/other']\");"
            "f.selectedIndex = 1; f.oninput(); document.getElementById('correct').click()"
        )
        wait.until(lambda one: "Saved" in said(one))
        assert page.title.endswith("Review") and not page.title.startswith("XSS")
        found = records.reviews.all()
        accepted, same, edited = (found[key] for key in values)
        assert (accepted.status, same.status, edited.status) == (
            "accepted",
            "accepted",
            "corrected",
        )
        written = json.dumps(HOSTILE, sort_keys=True)
        assert json.dumps(accepted.value, sort_keys=True) == written
        assert json.dumps(same.value, sort_keys=True) == written
        assert json.dumps(edited.value, sort_keys=True) == json.dumps(
            {**HOSTILE, "other": 1}, sort_keys=True
        )


class Small(BaseModel):
    name: str
    age: int
    tags: list[str]
    inner: Inner | None = None


SMALL = {"name": "Ann", "age": 31, "tags": ["x"]}


def test_values_that_an_input_cannot_show_are_shown_as_json(tmp_path: Path) -> None:
    broken: dict[str, Any] = {"name": {"x": 1}, "age": "old", "tags": "abc", "inner": 5}
    with page_of(Small, {"a": broken, "b": SMALL}, tmp_path) as (page, records, wait):
        shown = {path: typed(page, path) for path in ("/age", "/tags")}
        assert shown == {"/age": '"old"', "/tags": '"abc"'}
        click(page, "correct")
        wait.until(said)
        assert "/age" in said(page)
        assert field(page, "/tags").get_attribute("aria-invalid") == "true"
        click(page, "next")
        wait.until(lambda one: number(one) == 2)
        page.find_element(By.CSS_SELECTOR, "[aria-label='Add /inner']").click()
        field(page, "/inner/note").send_keys("n")
        field(page, "/age").clear()
        field(page, "/age").send_keys(str(LARGE))
        click(page, "correct")
        wait.until(lambda one: "Saved" in said(one))
        wanted = {**SMALL, "age": LARGE, "inner": {"note": "n", "rows": []}}
        assert records.reviews.all()["b"].value == wanted


def test_what_is_typed_is_never_lost(tmp_path: Path) -> None:
    values = {key: {**SMALL, "name": key} for key in ("a", "b", "c", "d")}
    with page_of(Small, values, tmp_path) as (page, records, wait):
        field(page, "/age").send_keys("5")
        page.refresh()  # in the middle of an edit
        wait.until(lambda one: "did not save" in said(one))
        assert typed(page, "/age") == "315"
        click(page, "accept")
        assert "undo" in said(page)
        click(page, "next")
        wait.until(lambda one: number(one) == 2)
        click(page, "back")
        wait.until(lambda one: "did not save" in said(one))
        # Somebody else saves the record meanwhile; the edit is offered beside their value.
        assert records.save("a", 0, "corrected", {**SMALL, "age": 99})
        field(page, "/age").send_keys(Keys.CONTROL, Keys.ENTER)
        wait.until(lambda one: "Somebody else" in said(one))
        click(page, "reload")
        wait.until(lambda one: typed(one, "/age") == "99")
        ages = []
        for _ in range(3):
            click(page, "other")
            ages.append(typed(page, "/age"))
        assert ages == ["31", "315", "99"]
        assert "last review" in said(page)


def test_one_press_decides_one_record(tmp_path: Path) -> None:
    values = {key: {**SMALL, "name": key} for key in ("a", "b", "c", "d")}
    with page_of(Small, values, tmp_path) as (page, records, wait):
        page.execute_script("for (let n = 0; n < 3; n++) document.getElementById('accept').click()")
        wait.until(lambda one: number(one) == 2)
        event = "new KeyboardEvent('keydown', {key, repeat, bubbles: true})"
        press = f"document.body.dispatchEvent({event})"
        # Held down, and pressed before the next record is shown.
        page.execute_script(f"for (const repeat of [false, true]) {{ const key = 'a'; {press} }}")
        wait.until(lambda one: number(one) == 3)
        page.execute_script(f"for (const key of ['j', 'a']) {{ const repeat = false; {press} }}")
        wait.until(lambda one: number(one) == 4)
        assert set(records.reviews.all()) == {"a", "b"}
        click(page, "open")
        wait.until(lambda one: number(one) == 3)


def test_a_server_that_is_gone_is_told(tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as page:
        with served(review_app(records_in(tmp_path / "reviews", ["a"]), TOKEN)) as address:
            page.get(f"{address}/?token={TOKEN}")
            wait = WebDriverWait(page, 30, poll_frequency=0.02)
            wait.until(lambda one: one.find_elements(By.CSS_SELECTOR, "[data-path]"))
        click(page, "accept")
        wait.until(lambda one: "does not answer" in said(one))
        assert "structgen review" in said(page)


def test_a_long_text_without_lines_is_shown_at_once(tmp_path: Path) -> None:
    long = "Lorem ipsum dolor \N{GRINNING FACE} sit amet. " * 6000
    row = {
        "key": "a",
        "value": SMALL,
        "error": None,
        "evidence": {"/name": {"start": 9, "end": 11}},
    }
    records = Records([row], {"a": long}, target_of(Small), Reviews(tmp_path / "reviews"))
    with served(review_app(records, TOKEN)) as address, browser(tmp_path / "profile") as page:
        page.get(f"{address}/?token={TOKEN}")
        wait = WebDriverWait(page, 30, poll_frequency=0.02)
        wait.until(lambda one: one.find_elements(By.CSS_SELECTOR, "[data-path]"))
        spans = "[...document.querySelectorAll('#text span')]"
        lengths = page.execute_script(f"return {spans}.map((one) => one.textContent.length)")
        assert max(lengths) < 2000
        assert page.execute_script("return document.getElementById('text').textContent") == long


def test_large_numbers_go_to_the_page_and_back() -> None:
    value = {"a": [LARGE, -(2**53), 2**53 - 1, 1.5, True, None], "b": {"c": 2**53}}
    sent = for_page(value)
    assert sent["a"][0] == {EXACT: str(LARGE)} and sent["a"][2] == 2**53 - 1
    assert from_page(sent) == value
    assert from_page({EXACT: "no JSON"}) == "no JSON"


def test_true_is_not_one_and_a_whole_float_stays_a_float(tmp_path: Path) -> None:
    schema: Any = {"type": "object", "properties": {"flag": {}, "share": {"type": "number"}}}
    row = {"key": "a", "value": {"flag": 1, "share": 5.0}, "error": None}
    records = Records([row], {}, target_of(schema), Reviews(tmp_path / "reviews"))
    client = client_of(records)
    assert saved(client, "a", 0, value={"flag": 1, "share": 5}).json()["status"] == "accepted"
    assert '"share": 5.0' in json.dumps(records.reviews.all()["a"].value)
    assert saved(client, "a", 1, value={"flag": True, "share": 5}).json()["status"] == "corrected"
    assert records.reviews.all()["a"].value["flag"] is True


def test_a_schema_that_contains_itself_is_described_once() -> None:
    members = {f"c{n}": {"anyOf": [{"$ref": "#/$defs/N"}, {"type": "null"}]} for n in range(20)}
    schema: Any = {
        "$ref": "#/$defs/N",
        "$defs": {"N": {"type": "object", "properties": members}},
    }
    described = inputs_of(schema)
    assert len(json.dumps(described)) < 5000  # it was 10 MB
    assert described["input"] == {"kind": "shared", "at": "#/$defs/N"}


def test_calls_of_other_sites_are_refused(tmp_path: Path) -> None:
    client: TestClient = client_of(records_in(tmp_path / "reviews", ["a"]))
    for origin, code in (("http://evil.example", 403), ("null", 403), ("http://127.0.0.1:1", 200)):
        answer = client.get("/api/records", headers={**API, "origin": origin})
        assert answer.status_code == code
    assert client.get("/api/record", params={"key": "nobody"}, headers=API).status_code == 404


def test_decisions_are_saved_while_a_job_writes_the_journal(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal")) as journal:
        reviews = Reviews(tmp_path / "journal")
        assert reviews.save(Review("a", 1, "rejected"))
        journal.set_note("n", 1)
        assert reviews.save(Review("a", 2, "rejected"))
        assert journal.reviews()["a"].version == 2


def test_a_file_that_cannot_be_written_is_told_and_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = records_in(tmp_path / "reviews", ["a"])
    client = client_of(records)
    assert saved(client, "a", 0).status_code == 200

    def refuse(path: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("structgen.pipeline.journal.reviews.connect", refuse)
    answer = saved(client, "a", 1)
    assert answer.status_code == 503 and "Permission denied" in answer.json()["message"]
    assert client.get("/api/records", headers=API).json()["records"][0]["status"] == "accepted"
    assert Reviews(tmp_path / "reviews").all()["a"].version == 1
