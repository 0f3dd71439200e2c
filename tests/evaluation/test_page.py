"""The page in a real browser: opening, filters, keys, marks, print; and what notebooks show."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from structgen import Client
from structgen.cli import main as cli
from structgen.cli.exits import USAGE
from structgen.errors import InputError
from structgen.evaluation.gold import GoldRecord
from structgen.evaluation.page import page_of_evaluation, page_of_results, write_page
from structgen.evaluation.result import Evaluation
from structgen.evaluation.run import score
from structgen.schema.target import target_of
from structgen.testing import ScriptedModel
from tests.forms.services import browser

pytestmark = pytest.mark.slow


class Person(BaseModel):
    name: str
    age: int | None = None


PERSON = target_of(Person)
EVIL = "</script><script>document.title = 'taken over'</script>"


def evaluated(count: int) -> Evaluation:
    """Record 3 is wrong, 5 has failed, and 7, 17, ... have an age that was invented."""
    gold, answers = [], []
    for n in range(count):
        text = f"\N{GRINNING FACE} Person {n} is called P{n}. {EVIL} {'It rained. ' * 80}"
        value: dict[str, Any] = {"name": f"P{n}", "age": None if n % 10 == 7 else n}
        gold.append(GoldRecord(key=f"k{n}", document=text, value=value))
        start = text.index(f"P{n}.")
        found = {"name": "Nobody" if n == 3 else f"P{n}", "age": n}
        answers.append(
            {
                "key": f"k{n}",
                "value": None if n == 5 else found,
                "error": {"type": "Truncated", "message": "It was cut."} if n == 5 else None,
                "evidence": {"/name": {"start": start, "end": start + len(f"P{n}")}},
                "confidence": {"/name": 0.2 if n == 3 else 0.9, "/age": 0.5},
            }
        )
    return score(PERSON, gold, answers, model="m")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_page(path, page_of_evaluation(evaluated(2000)))
    return path.as_uri()


@pytest.fixture
def opened(driver: Any, page: str) -> Any:
    driver.get("about:blank")
    driver.get(page)
    return driver


def count(driver: Any) -> str:
    return str(driver.find_element(By.ID, "count").text)


def names(driver: Any) -> list[str]:
    """The keys that are listed, read in one step: scrolling draws the rows anew."""
    found: list[str] = driver.execute_script(
        "return [...document.querySelectorAll('.row .name')].map((one) => one.textContent)"
    )
    return found


def test_two_thousand_records_open_worst_first_and_few_of_them_are_drawn(
    driver: Any, page: str
) -> None:
    driver.get("about:blank")
    driver.get(page)
    assert count(driver) == "2000 of 2000 records"
    assert names(driver)[:2] == ["k5", "k3"]
    assert len(driver.find_elements(By.CSS_SELECTOR, ".row")) < 60


def test_nothing_is_loaded_and_no_text_of_a_record_runs(opened: Any) -> None:
    assert opened.title == "Person by m"
    loaded = opened.execute_script("return performance.getEntriesByType('resource').length")
    assert loaded == 0


def test_filters_by_kind_field_confidence_and_words(opened: Any) -> None:
    took = opened.execute_script(
        "const began = performance.now(); toggleKind('invented'); return performance.now() - began"
    )
    assert took < 500
    assert count(opened) == "200 of 2000 records"
    assert [one.text for one in opened.find_elements(By.CSS_SELECTOR, "tbody code")] == ["/age"]
    opened.execute_script("clear(); $('confidence').value = '0.3'; apply(true)")
    assert count(opened) == "1 of 2000 records"
    opened.execute_script("clear(); $('field').value = '/name'; toggleKind('wrong')")
    assert names(opened) == ["k3"]
    opened.execute_script("clear(); toggleKind('failed')")
    assert names(opened) == ["k5"]
    assert "Truncated: It was cut." in opened.find_element(By.ID, "record").text
    opened.execute_script("clear(); $('search').value = 'P1999'; apply(true)")
    assert names(opened) == ["k1999"]


def test_keys(opened: Any) -> None:
    body = opened.find_element(By.TAG_NAME, "body")
    body.send_keys("j")
    assert opened.find_element(By.CSS_SELECTOR, "#record h2").text == "k3"
    body.send_keys("G")
    assert names(opened)[-1] == "k1999"
    body.send_keys("g", "1")
    assert count(opened) == "1 of 2000 records"
    body.send_keys("/", "nothing like it")
    assert "No record fits" in opened.find_element(By.ID, "record").text
    opened.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert count(opened) == "2000 of 2000 records"
    theme = "return document.documentElement.dataset.theme"
    before = opened.execute_script(theme)
    opened.execute_script("document.activeElement.blur()")
    body.send_keys("d")
    assert {before, opened.execute_script(theme)} == {"light", "dark"}


def test_evidence_is_marked_where_it_is_and_other_values_are_looked_up(opened: Any) -> None:
    opened.execute_script("$('search').value = 'called P12.'; apply(true)")
    marks = opened.find_elements(By.CSS_SELECTOR, "#record mark")
    found = {(one.text, one.get_attribute("class")) for one in marks}
    assert found == {("P12", "right"), ("12", "right looked-up")}


def test_print_has_the_records_that_are_listed(opened: Any) -> None:
    opened.execute_script("toggleKind('wrong'); window.dispatchEvent(new Event('beforeprint'))")
    printed = opened.find_elements(By.CSS_SELECTOR, "#print section h2")
    assert [one.get_attribute("textContent") for one in printed] == ["k3"]


def test_view_shows_results_with_and_without_their_texts(driver: Any, tmp_path: Path) -> None:
    results, inputs = tmp_path / "out.jsonl", tmp_path / "in.jsonl"
    row = {"key": "in.jsonl:1", "value": {"name": "Ada"}, "error": None}
    results.write_text(json.dumps(row))
    inputs.write_text(json.dumps({"text": "Ada wrote."}))
    for given, said in (([], "The text is not in this page"), ([str(inputs)], "Ada wrote.")):
        out = io.StringIO()
        assert cli.run(["view", str(results), *given], io.StringIO(), out, io.StringIO()) == 0
        driver.get(Path(out.getvalue().strip()).as_uri())
        assert said in driver.find_element(By.ID, "record").text
        assert "gold" not in driver.find_element(By.CSS_SELECTOR, "thead").text


def test_pages_that_cannot_be_made(tmp_path: Path) -> None:
    evaluation = evaluated(3)
    evaluation.save(tmp_path / "run.json")
    with pytest.raises(InputError, match="has no texts to show"):
        page_of_evaluation(Evaluation.load(tmp_path / "run.json"))
    with pytest.raises(InputError, match="Cannot write"):
        write_page(tmp_path / "none" / "page.html", page_of_results([]))
    (tmp_path / "empty.jsonl").write_text("")
    err = io.StringIO()
    given = ["view", str(tmp_path / "empty.jsonl")]
    assert cli.run(given, io.StringIO(), io.StringIO(), err) == USAGE
    assert "holds no results" in err.getvalue()


def test_a_notebook_shows_a_result_as_a_table() -> None:
    with Client(ScriptedModel('{"name": "<Ada>", "age": 36}')) as client:
        result = client.extract_result(Person, "Ada is 36.")
    shown = result._repr_html_()
    assert "<td>/name</td><td>&quot;&lt;Ada&gt;&quot;</td>" in shown
    assert "<td>/age</td><td>36</td>" in shown


def test_a_page_replaces_a_page_and_nothing_else(tmp_path: Path) -> None:
    page = page_of_results([{"key": "a", "value": {"n": 1}, "error": None}], {}, title="t")
    for _ in range(2):
        write_page(tmp_path / "page.html", page)
    (tmp_path / "mine.html").write_text("<p>mine</p>")
    with pytest.raises(InputError, match="no page"):
        write_page(tmp_path / "mine.html", page)
    assert (tmp_path / "mine.html").read_text() == "<p>mine</p>"
