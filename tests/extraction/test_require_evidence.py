"""Each leaf is looked up in the document, and `require_evidence` holds values that have none."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel

import structgen
from structgen import Client, Inferred, InvalidOutputError
from structgen.reading.layout import Box, Layout, Page, Words
from structgen.testing import ScriptedModel

TEXT = "Ada Lovelace was born on 10 December 1815 in London."


class Person(BaseModel):
    name: str
    born: str | None = None
    place: str | None = None
    mood: Literal["glad", "sad"] = "glad"
    sentiment: str | None = None
    guess: Annotated[str | None, Inferred()] = None


def answer(**members: Any) -> str:
    whole = {"name": "Ada Lovelace", "born": "1815-12-10", "place": "London", "mood": "sad"}
    return json.dumps({**whole, "sentiment": "warm", "guess": "rich", **members})


def ask(*answers: str, **options: Any) -> Any:
    client = Client(ScriptedModel(*answers))
    return client.extract_result(Person, TEXT, **options)


def test_by_default_nothing_is_looked_up() -> None:
    assert ask(answer()).leaf_evidence == {}


def test_every_leaf_has_its_status_and_is_plain_data() -> None:
    result = ask(answer(place=None), evidence="all")
    statuses = {path: one.status for path, one in result.leaf_evidence.items()}
    assert statuses["/name"] == "verified"
    assert statuses["/born"] == "normalised"
    assert statuses["/place"] == "absent"
    assert statuses["/guess"] == "not-found"
    plain = result.to_dict("leaf_evidence")["leaf_evidence"]
    assert plain["/born"]["quote"] == "10 December 1815"
    json.dumps(plain)


def test_a_flagged_value_stays_and_is_to_review() -> None:
    result = ask(answer(place="Paris"), require_evidence="flag")
    assert result.value.place == "Paris"
    assert result.to_review == {"/place"}


def test_a_nulled_value_is_removed() -> None:
    result = ask(answer(place="Paris"), require_evidence="null")
    assert result.value.place is None
    assert [(one.path, one.value) for one in result.removed] == [("/place", "Paris")]
    assert result.leaf_evidence["/place"].status == "absent"


def test_a_value_that_cannot_be_null_is_asked_for_again() -> None:
    result = ask(answer(name="Grace Hopper"), answer(), require_evidence="null", max_reasks=1)
    assert result.value.name == "Ada Lovelace"
    assert len(result.attempts) == 2


def test_reask_tells_the_model_and_gives_up_with_a_violation() -> None:
    bad = answer(place="Paris")
    assert ask(bad, answer(), require_evidence="reask", max_reasks=1).value.place == "London"
    with pytest.raises(InvalidOutputError, match="does not state 1 value") as caught:
        ask(bad, bad, require_evidence="reask", max_reasks=1)
    assert [(one.path, one.keyword) for one in caught.value.violations] == [
        ("/place", "require_evidence")
    ]


def test_long_documents_are_looked_up_as_a_whole() -> None:
    class People(BaseModel):
        names: list[str]

    text = "Ada came.\n\n" + "Nothing was said. " * 30 + "\n\nBob left."
    model = ScriptedModel('{"names": ["Ada"]}', '{"names": ["Bob"]}', *['{"names": []}'] * 20)
    result = Client(model).extract_document(
        People, text, chunk_tokens=60, overlap=0, evidence="all"
    )
    assert result.leaf_evidence["/names/0"].start == 0
    found = result.leaf_evidence["/names/1"]
    assert found.start == text.index("Bob")
    assert found.quote == "Bob"
    assert "leaf_evidence" in result.to_dict()


def test_a_document_with_pages_gives_its_boxes() -> None:
    words = Words()
    words.add(0, 3, 0, Box(1, 10.0, 10.0, 40.0, 20.0))
    layout = Layout(pages=(Page(1, 100.0, 100.0, 0, 3),), words=words)
    document = structgen.Document("Ada", layout=layout)
    found = structgen.find_evidence({"name": "Ada"}, document)["/name"]
    assert found.pages == (1,)
    assert found.boxes == ((1, 10.0, 10.0, 40.0, 20.0),)


def test_values_of_a_long_document_without_evidence_are_to_be_reviewed() -> None:
    class People(BaseModel):
        names: list[str]

    others = ['{"names": []}'] * 20
    model = ScriptedModel('{"names": ["Ada"]}', '{"names": ["Nobody"]}', *others)
    text = "Ada came in the morning.\n\n" + "Then it rained for the rest of the day. " * 6
    with Client(model) as client:
        result = client.extract_document(
            People, text, chunk_tokens=40, overlap=0, require_evidence="flag"
        )
    assert result.value.names[:2] == ["Ada", "Nobody"]
    assert result.to_review == {"/names/1"}
    assert result.to_dict("to_review") == {"to_review": ["/names/1"]}
