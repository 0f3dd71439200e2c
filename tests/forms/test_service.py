"""The example service: over HTTP on both databases, and its page in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from examples.form_service.booking import Booking
from examples.form_service.service import create_app
from examples.form_service.store import Store
from structgen import Client
from structgen.errors import StaleFormError
from structgen.options import Options
from structgen.testing import ScriptedModel
from structgen.values import Answer, JsonSchema, Message
from tests.forms.services import browser, postgresql, served
from tests.forms.speaking import SpeakingModel

pytestmark = pytest.mark.slow

HEARD = {
    "/guest": (r"name is (\w+)", str),
    "/people": (r"(\d+) people", int),
    "/day": (r"\b(Tuesday|Friday)\b", str),
    "/hour": (r"\bat (\d+)", int),
    "/outdoors": (r"(garden)", bool),
}


class Waiter(SpeakingModel):
    """Hears what it listens for."""

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        text = str(messages[-1]["content"]).rpartition("<document>")[2]
        found = {path: (re.search(pattern, text), kind) for path, (pattern, kind) in HEARD.items()}
        self.said = {path: kind(match[1]) for path, (match, kind) in found.items() if match}
        return super().generate(messages, schema, options, document)


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = (
        f"sqlite:///{tmp_path}/forms.db"
        if request.param == "sqlite"
        else request.getfixturevalue("postgresql_url")
    )
    opened = Store(url, Booking, Client(Waiter()))
    yield opened
    opened.close()


def test_a_form_is_filled_in_over_http_and_every_request_finds_it(store: Store) -> None:
    with served(create_app(store)) as address, httpx.Client(base_url=address) as http:
        made = http.post("/forms").json()
        form = f"/forms/{made['id']}"
        assert http.post(f"{form}/complete").status_code == 422
        said = http.post(
            f"{form}/say", json={"text": "My name is Ada, 4 people", "asked": made["question"]}
        ).json()
        assert {f["path"]: f["value"] for f in said["fields"] if f["value"] is not None} == {
            "/guest": "Ada",
            "/people": 4,
        }
        assert said["fields"][0]["quote"] == "Ada"
        http.put(f"{form}/field", json={"path": "/people", "value": 8})
        problem = http.post(
            f"{form}/say", json={"text": "Friday at 19, in the garden, 2 people"}
        ).json()
        assert problem["fields"][1]["value"] == 8
        assert "garden" in problem["problems"][0]
        assert http.post(f"{form}/complete").status_code == 422
        http.put(f"{form}/field", json={"path": "/people", "value": 5})
        booked = http.post(f"{form}/complete").json()
        assert booked == {
            "guest": "Ada",
            "people": 5,
            "day": "Friday",
            "hour": 19,
            "outdoors": True,
        }
        assert http.put(f"{form}/field", json={"path": "/nonsense", "value": 5}).status_code == 422
        assert http.get("/forms/nobody").status_code == 404


def test_guests_read_no_messages_for_developers(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/forms.db"
    store = Store(database, Booking, Client(Waiter()))
    silent = Store(database, Booking, Client(ScriptedModel("No."), max_reasks=0))
    with served(create_app(store)) as address, httpx.Client(base_url=address) as http:
        form = f"/forms/{http.post('/forms').json()['id']}"
        refused = http.post(f"{form}/complete").json()
        assert refused["detail"] == "Please fill in: guest, people, day, hour."
        said = http.post(f"{form}/say", json={"text": "My name is Ada, 20 people"}).json()
        assert said["problems"] == ["People: at most 12."]
        assert [field["input"] for field in said["fields"]] == [
            "text",
            "number",
            "select",
            "number",
            "checkbox",
        ]
    with served(create_app(silent)) as address, httpx.Client(base_url=address) as http:
        form = f"/forms/{http.post('/forms').json()['id']}"
        unread = http.post(f"{form}/say", json={"text": "Hello"})
        assert unread.status_code == 502
        assert unread.json()["detail"].startswith("Sorry")
    store.close()
    silent.close()


def test_of_two_who_change_the_same_revision_one_is_told(store: Store) -> None:
    name, form = store.create()
    other = store.load(name)
    assert other is not None
    form.set("/people", 2)
    other.set("/people", 3)
    store.save(name, form, loaded=0)
    with pytest.raises(StaleFormError):
        store.save(name, other, loaded=0)
    kept = store.load(name)
    assert kept is not None
    assert kept.data["people"] == 2
    with served(create_app(store)) as address, ThreadPoolExecutor(4) as threads:
        change = {"path": "/hour", "value": 20, "revision": kept.revision}
        replies = [
            threads.submit(httpx.put, f"{address}/forms/{name}/field", json=change)
            for _ in range(4)
        ]
        assert sorted(reply.result().status_code for reply in replies) == [200, 409, 409, 409]


def test_the_api_describes_itself(tmp_path: Path) -> None:
    store = Store("sqlite://", Booking, Client(Waiter()))
    paths = create_app(store).openapi()["paths"]
    store.close()
    assert {
        "/forms",
        "/forms/{name}",
        "/forms/{name}/say",
        "/forms/{name}/field",
        "/forms/{name}/complete",
    } <= paths.keys()
    booked = paths["/forms/{name}/complete"]["post"]["responses"]["200"]["content"][
        "application/json"
    ]["schema"]
    assert booked == {"$ref": "#/components/schemas/Booking"}


def test_the_page_fills_itself_in_while_one_types(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/forms.db", Booking, Client(Waiter()))
    with served(create_app(store)) as address, browser(tmp_path / "profile") as page:

        def shown(path: str, value: str, state: str) -> None:
            def is_shown(_: Any) -> bool:
                find = "const e = document.getElementById(arguments[0]);"
                found = page.execute_script(f"{find} return e && [e.value, e.dataset.state]", path)
                return bool(found == [value, state])

            WebDriverWait(page, 20).until(is_shown, f"{path} is not {value!r}, {state}")

        def says(place: str, words: str) -> None:
            WebDriverWait(page, 20).until(
                lambda _: words in page.find_element(By.ID, place).text, f"{place} has no {words!r}"
            )

        page.get(address)
        says("question", "the name to book under")
        say = page.find_element(By.ID, "say")
        say.send_keys("My name is Ada")
        shown("/guest", "Ada", "draft")
        name = page.current_url.rpartition("#")[2]
        assert httpx.get(f"{address}/forms/{name}").json()["revision"] == 0
        say.send_keys(", 4 people")
        shown("/people", "4", "draft")
        say.send_keys(Keys.ENTER)
        shown("/people", "4", "said")
        says("question", "day")
        people = page.find_element(By.ID, "/people")
        people.send_keys(Keys.CONTROL, "a")
        people.send_keys("8", Keys.TAB)
        shown("/people", "8", "set")
        page.find_element(By.ID, "/outdoors").click()
        shown("/outdoors", "on", "set")
        assert page.find_element(By.ID, "/outdoors").get_attribute("type") == "checkbox"
        page.find_element(By.ID, "undo").click()
        shown("/outdoors", "on", "open")
        say.send_keys("No, 2 people. Friday at 19 in the garden", Keys.ENTER)
        shown("/day", "Friday", "said")
        shown("/people", "8", "set")
        says("problems", "At most 6 people in the garden")
        page.find_element(By.ID, "undo").click()
        shown("/day", "", "missing")
        page.refresh()
        shown("/guest", "Ada", "said")
        say = page.find_element(By.ID, "say")
        say.send_keys("Friday at 19", Keys.ENTER)
        shown("/hour", "19", "said")
        page.find_element(By.ID, "complete").click()
        says("result", '"hour":19')
        assert not [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    store.close()
