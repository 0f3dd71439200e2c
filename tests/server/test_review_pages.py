"""The review page shows the pages of a PDF, and leads from boxes to fields and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from starlette.testclient import TestClient

import structgen
from structgen.pipeline.journal.reviews import Reviews
from structgen.schema.target import target_of
from structgen.server.review.app import review_app
from structgen.server.review.records import Records
from tests.forms.services import browser, served
from tests.reading.pdfs import Text, pdf_of

TOKEN = "the-token"
API = {"x-structgen-review": "1"}
PDF = pdf_of([[Text(60, 100, "Invoice of Acme")], [Text(120, 400, "Total 42 EUR")]])


class Invoice(BaseModel):
    seller: str
    total: int


def records_of(path: Path, pages: Any) -> Records:
    document = structgen.read(PDF, pages=pages)

    def place(quote: str) -> dict[str, Any]:
        start = document.index(quote)
        return {"start": start, "end": start + len(quote)}

    row = {
        "key": "a/b & c.pdf",
        "value": {"seller": "Acme", "total": 42},
        "error": None,
        "evidence": {"/seller": place("Acme")},
        "leaf_evidence": {"/total": place("42")},
        "confidence": {"/total": 0.25},
    }
    documents = {"a/b & c.pdf": document}
    return Records([row], documents, target_of(Invoice), Reviews(path / "reviews"))


@pytest.mark.slow
@pytest.mark.parametrize("pages", ["text", "both"])
def test_a_box_leads_to_its_field_and_a_field_to_its_box(tmp_path: Path, pages: Any) -> None:
    app = review_app(records_of(tmp_path, pages), TOKEN)
    with served(app) as address, browser(tmp_path / "profile") as driver:
        driver.get(f"{address}/?token={TOKEN}")
        waiting = WebDriverWait(driver, 20)
        waiting.until(lambda _: driver.find_elements(By.CSS_SELECTOR, ".box"))
        assert len(driver.find_elements(By.CSS_SELECTOR, ".page")) == 2
        if pages == "both":
            image = driver.find_element(By.CSS_SELECTOR, ".page img")
            waiting.until(lambda _: image.get_property("naturalWidth") > 0)
        else:
            assert "Acme" in driver.find_element(By.CSS_SELECTOR, ".page").text
        driver.find_element(By.CSS_SELECTOR, ".box[data-leaves='/total']").click()
        focused = driver.switch_to.active_element
        assert focused.get_attribute("data-path") == "/total"
        assert "0.25" in driver.find_element(By.ID, "fields").text
        driver.find_element(By.CSS_SELECTOR, "[data-path='/seller']").click()
        (picked,) = driver.find_elements(By.CSS_SELECTOR, ".box.picked")
        assert picked.get_attribute("data-leaves") == "/seller"


def test_pages_are_for_the_reviewer_alone_and_only_those_that_are_there(tmp_path: Path) -> None:
    app = review_app(records_of(tmp_path, "both"), TOKEN)
    stranger = TestClient(app, base_url="http://127.0.0.1:1")
    of_first = {"key": "a/b & c.pdf", "page": "1"}
    assert stranger.get("/image", params=of_first).status_code == 403
    client = TestClient(app, base_url="http://127.0.0.1:1")
    client.get("/", params={"token": TOKEN})
    image = client.get("/image", params=of_first)
    assert image.status_code == 200 and image.headers["content-type"].startswith("image/")
    for wrong in ({"key": "other", "page": "1"}, {**of_first, "page": "9"}, {"page": "1" * 5000}):
        assert client.get("/image", params=wrong).status_code == 404
    assert client.get("/api/pages", params={"key": "other"}, headers=API).status_code == 404
    assert client.get("/api/pages", params=of_first).status_code == 403
