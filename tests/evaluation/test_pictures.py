"""Pages of PDFs are shown in a real browser, with a box for each value beside its field."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By

import structgen
from structgen.cli import main as cli
from structgen.evaluation.page import page_of_results, write_page
from structgen.reading.document import Document
from structgen.reading.images.pages import boxes_of, pictures_of
from tests.forms.services import browser
from tests.reading.pdfs import HEIGHT, WIDTH, Text, pdf_of

EVIL = "<img/src=x/onerror=document.title=1>"
PDF = pdf_of(
    [
        [Text(60, 100, "Invoice of Acme"), Text(60, 160, EVIL)],
        [Text(60, 300, "Nothing is on this page.")],
        [Text(120, 400, "Total 42 EUR")],
    ]
)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def row_about(document: Document) -> dict[str, Any]:
    """A result whose seller has a quote, and whose total has typed evidence."""

    def place(quote: str) -> dict[str, Any]:
        start = document.index(quote)
        return {"start": start, "end": start + len(quote), "quote": quote}

    return {
        "key": "invoice.pdf",
        "value": {"seller": "Acme", "total": 42, "note": None, "evil": EVIL},
        "error": None,
        "evidence": {"/seller": place("Acme"), "/evil": place(EVIL)},
        "leaf_evidence": {"/total": place("42"), "/note": {"status": "absent", "start": None}},
    }


def opened(driver: Any, path: Path, document: Document) -> Any:
    page = page_of_results([row_about(document)], {"invoice.pdf": document})
    write_page(path, page)
    driver.get(path.as_uri())
    return driver


@pytest.mark.slow
@pytest.mark.parametrize("pages", ["text", "both"])
def test_boxes_are_on_the_page_and_lead_to_their_fields(
    driver: Any, tmp_path: Path, pages: Any
) -> None:
    document = structgen.read(PDF, pages=pages)
    opened(driver, tmp_path / "page.html", document)
    sheets = driver.find_elements(By.CSS_SELECTOR, ".page")
    assert [one.get_attribute("data-page") for one in sheets] == ["1", "3"]
    images = driver.find_elements(By.CSS_SELECTOR, ".page img")
    assert len(images) == (2 if pages == "both" else 0)
    assert all(one.get_property("naturalWidth") > 0 for one in images)
    words = [one.text for one in driver.find_elements(By.CSS_SELECTOR, ".page span")]
    assert ("Acme" in words) == (pages == "text")
    assert driver.title == "Results"

    (box,) = sheets[1].find_elements(By.CSS_SELECTOR, ".box")
    assert box.get_attribute("title") == "/total: 42"
    around, inside = sheets[1].rect, box.rect
    left = (inside["x"] - around["x"]) / around["width"] * WIDTH
    top = (inside["y"] - around["y"]) / around["height"] * HEIGHT
    assert left == pytest.approx(120 + 6 * 6, abs=3)  # after "Total ", at 6 points a character
    assert 385 < top < 402

    box.click()
    (picked,) = driver.find_elements(By.CSS_SELECTOR, "tr.picked")
    assert picked.find_element(By.TAG_NAME, "code").text == "/total"
    rows = driver.find_elements(By.CSS_SELECTOR, "tbody tr")
    next(one for one in rows if one.text.startswith("/seller")).click()
    (lit,) = driver.find_elements(By.CSS_SELECTOR, ".box.picked")
    assert lit.get_attribute("title") == "/seller: Acme"
    shown = driver.execute_script(
        "const box = arguments[0].getBoundingClientRect(), all = arguments[1]"
        ".getBoundingClientRect(); return box.top >= all.top && box.bottom <= all.bottom",
        lit,
        driver.find_element(By.CSS_SELECTOR, ".pages"),
    )
    assert shown


@pytest.mark.slow
def test_view_shows_the_pages_of_the_inputs(driver: Any, tmp_path: Path) -> None:
    (tmp_path / "invoice.pdf").write_bytes(PDF)
    results = tmp_path / "out.jsonl"
    results.write_text(json.dumps(row_about(structgen.read(PDF))) + "\n")
    given = [str(results), str(tmp_path / "invoice.pdf"), "--pages", "both"]
    assert cli.run(["view", *given], io.StringIO(), io.StringIO(), io.StringIO()) == 0
    driver.get(Path(f"{results}.html").as_uri())
    assert len(driver.find_elements(By.CSS_SELECTOR, ".page img")) == 2


def test_only_pages_with_boxes_are_given_and_images_only_if_wanted() -> None:
    document = structgen.read(PDF, pages="both")
    boxes = boxes_of(document, {"start": document.index("42"), "end": document.index("42") + 2})
    assert [box[0] for box in boxes] == [3]
    (page,) = pictures_of(document, boxes)
    assert page["number"] == 3 and page["image"].startswith("data:image/")
    (bare,) = pictures_of(document, boxes, with_images=False)
    assert bare["image"] is True and bare["words"] == []


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ("a text", {"start": 0, "end": 1}),
        (Document("a text"), {"start": 0, "end": 1}),
        (structgen.read(PDF), {"start": 0, "end": 10**6}),
        (structgen.read(PDF), None),
        (None, {"start": 0, "end": 1}),
    ],
)
def test_what_has_no_place_on_a_page_has_no_box(document: Any, place: Any) -> None:
    assert boxes_of(document, place) == []
    assert pictures_of(document, []) == []


def test_pages_beyond_the_room_for_them_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    document = structgen.read(PDF)
    rows = [{**row_about(document), "key": key} for key in "ab"]
    monkeypatch.setattr("structgen.evaluation.page._ROOM_FOR_PAGES", 300)
    html = page_of_results(rows, dict.fromkeys("ab", document)).html()
    data = json.loads(html.split('id="data">')[1].split("</script>")[0])
    assert [len(one["pages"]) for one in data["records"]] == [2, 0]
