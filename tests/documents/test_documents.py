"""Long documents end to end: with a scripted model that reads its chunk, and the embedded one."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, model_validator

from structgen import AsyncClient, Client, Verbatim
from structgen.documents.chunk import chunks
from structgen.documents.relax import Identity
from structgen.documents.result import DocumentExtraction, weakest
from structgen.errors import ConnectionFailedError, InputError, InvalidDocumentError, Truncated
from structgen.results import MEMBERS, Guarantee
from structgen.testing.scripted import ScriptedModel
from structgen.values import Answer
from tests.data import EXAMPLES


class Person(BaseModel):
    name: Annotated[str, Verbatim(), Identity()]
    age: int
    town: str | None


class Register(BaseModel):
    title: Annotated[str, Verbatim()]
    year: int | None
    people: list[Person]


class Reader(ScriptedModel):
    """Answers with what stands in the chunk it is shown; one that is too long is cut."""

    def __init__(self, room: int = 10_000) -> None:
        super().__init__()
        self._room = room

    def generate(
        self, messages: Any, schema: Any, options: Any, document: str | None = None
    ) -> Answer:
        self.asked.append(messages)
        text = re.search(r"<document>\n(.*)\n</document>", messages[-1]["content"], re.DOTALL)[1]  # type: ignore[index]
        if "unreachable" in text:
            raise ConnectionFailedError("The server is away.")
        title, year = re.search(r"Register of \w+", text), re.search(r"in (\d{4})", text)
        people: dict[str, dict[str, Any]] = {}
        for name, age, town in re.findall(r"(\w+) is (?:(\d+)|from (\w+))", text):
            person = people.setdefault(name, {"name": name, "age": None, "town": None})
            person.update({"age": int(age)} if age else {"town": town})
        answer = {
            "title": title and title[0],
            "year": year and int(year[1]),
            "people": list(people.values()),
        }
        return Answer(
            text=json.dumps(answer)[: self._room],
            finish_reason="length" if len(json.dumps(answer)) > self._room else "stop",
        )


TEXT = """Register of Trumpington

Ada is 36. Bob is 5. Nothing else is known of them here, for the pages are lost.

Much later, in 1852, a clerk wrote that Ada is from London. Cleo is 40, or so it is said by all.

Bob is from Ely. Ada is 37, wrote another one. Cleo is from Rome."""


def proved(result: DocumentExtraction[Any], text: str) -> None:
    """What holds of every result: chunks and evidence stand in the text where they say."""
    assert all(
        text[outcome.chunk.start : outcome.chunk.end] == outcome.chunk.text
        for outcome in result.chunks
    )
    assert all(text[found.start : found.end] == found.quote for found in result.evidence.values())
    assert len(result.stated) + len(result.failures) == len(result.chunks)


def test_parts_that_no_chunk_states_whole_make_a_whole_record() -> None:
    result = Client(Reader()).extract_document(Register, TEXT, chunk_tokens=25)
    assert len(result.chunks) > 2
    assert result.value == Register(
        title="Register of Trumpington",
        year=1852,
        people=[
            Person(name="Ada", age=36, town="London"),
            Person(name="Bob", age=5, town="Ely"),
            Person(name="Cleo", age=40, town="Rome"),
        ],
    )
    assert [
        (conflict.path, [value for value, _ in conflict.values]) for conflict in result.conflicts
    ] == [("/people/0/age", [36, 37])]
    assert result.evidence["/title"].start == 0
    assert TEXT[result.evidence["/people/2/name"].start :].startswith("Cleo is 40")
    proved(result, TEXT)


def test_sync_and_async_ask_and_answer_the_same() -> None:
    one, other = Reader(), Reader()
    found = Client(one).extract_document(Register, TEXT, chunk_tokens=25, overlap=5, concurrency=1)
    awaited = asyncio.run(
        AsyncClient(other).extract_document(
            Register, TEXT, chunk_tokens=25, overlap=5, concurrency=1
        )
    )
    assert (found.value, found.conflicts, found.evidence) == (
        awaited.value,
        awaited.conflicts,
        awaited.evidence,
    )
    assert [outcome.chunk for outcome in found.chunks] == [
        outcome.chunk for outcome in awaited.chunks
    ]
    assert one.asked == other.asked


def test_a_chunk_whose_answer_is_cut_is_asked_about_in_halves() -> None:
    whole = Client(Reader()).extract_document(Register, TEXT)
    result = Client(Reader(room=150)).extract_document(Register, TEXT)
    assert len(whole.chunks) == 1 < len(result.chunks)
    assert (
        result.value.people == [person for person in whole.value.people if person]
        or result.conflicts
    )
    assert not result.failures
    proved(result, TEXT)


def test_a_chunk_that_fails_is_seen_and_stops_no_other() -> None:
    text = TEXT + "\n\nThis page is unreachable, and so it stays for ever."
    result = Client(Reader()).extract_document(Register, text, chunk_tokens=25)
    assert [type(outcome.error) for outcome in result.failures] == [ConnectionFailedError]
    assert "unreachable" in result.failures[0].chunk.text
    assert result.value.title == "Register of Trumpington"


def test_where_every_chunk_fails_the_first_error_is_raised() -> None:
    with pytest.raises(ConnectionFailedError):
        Client(Reader()).extract_document(Register, "unreachable")
    with pytest.raises(Truncated):
        Client(Reader(room=1)).extract_document(Register, "a")


def test_parts_that_make_no_whole_value_are_a_typed_error_with_the_parts() -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        Client(Reader()).extract_document(Register, "Ada is 36. No title is known.")
    assert [violation.path for violation in caught.value.violations] == ["/title"]
    assert caught.value.document.value == {
        "year": None,
        "people": [{"name": "Ada", "age": 36, "town": None}],
    }
    assert caught.value.attempts


def test_what_only_the_type_can_check_is_checked_of_the_whole() -> None:
    class Strict(Register):
        @model_validator(mode="after")
        def many(self) -> Strict:
            if len(self.people) < 3:
                raise ValueError("at least three people")
            return self

    assert len(Client(Reader()).extract_document(Strict, TEXT, chunk_tokens=25).value.people) == 3
    with pytest.raises(InvalidDocumentError):
        Client(Reader()).extract_document(Strict, TEXT[:60], chunk_tokens=25)


def test_the_text_before_a_chunk_is_shown_and_not_extracted_from() -> None:
    model = Reader()
    result = Client(model).extract_document(
        Register, TEXT, chunk_tokens=25, context_tokens=10, concurrency=1
    )
    assert "<context>" not in model.asked[0][-1]["content"]
    assert all("<context>" in messages[-1]["content"] for messages in model.asked[1:])
    proved(result, TEXT)


def test_several_passes_ask_about_each_chunk_several_times() -> None:
    result = Client(Reader()).extract_document(Register, TEXT, chunk_tokens=25, passes=2)
    assert [outcome.turn for outcome in result.chunks] == [0, 1] * len(chunks(TEXT, 25))


SPARSE = """Register of Trumpington

Ada is 36. Bob is 5, and nothing else is known of him.

Bob is from Ely."""


def test_what_no_chunk_states_is_absent_and_what_one_of_them_states_is_not() -> None:
    result = Client(Reader()).extract_document(Register, SPARSE, chunk_tokens=15)
    assert [person.town for person in result.value.people] == [None, "Ely"]
    assert result.absent == {"/year", "/people/0/town"}
    asked = [outcome.result.absent for outcome in result.stated if outcome.result]
    assert {"/title", "/people/0/age"} <= asked[-1]  # stated by other chunks, so not absent


def test_confidence_follows_the_values_that_were_taken() -> None:
    result = Client(Reader()).extract_document(Register, SPARSE, chunk_tokens=15, samples=2)
    people = {f"/people/{n}/{name}" for n in (0, 1) for name in ("name", "age")}
    assert result.confidence == dict.fromkeys({"/title", "/people/1/town", *people}, 1.0)
    assert result.guarantee.samples == 2


def test_the_guarantee_is_what_held_least_and_notes_are_those_of_all_chunks() -> None:
    result = Client(Reader()).extract_document(Register, TEXT, chunk_tokens=25)
    assert result.guarantee.by == "decoder"
    assert "/properties/title" in {note.path for note in result.notes}
    assert len(set(result.notes)) == len(result.notes)
    note = result.notes[0]
    held = Guarantee(by="decoder", engine="local", samples=3, repairs=("a comma",))
    unheld = Guarantee(by="check", engine="m", samples=2, checked=(note,), repairs=("a comma",))
    assert weakest([held, unheld, held]) == Guarantee(
        by="check", engine="m", samples=2, checked=(note,), repairs=("a comma",)
    )


def test_a_result_becomes_plain_data_as_an_extraction_does() -> None:
    result = Client(Reader()).extract_document(Register, TEXT, chunk_tokens=25)
    data = result.to_dict()
    assert json.loads(json.dumps(data)) == data
    assert set(MEMBERS) <= data.keys()
    assert data["value"] == result.value.model_dump(mode="json")
    assert data["conflicts"] == [
        {
            "path": "/people/0/age",
            "values": [
                {"value": 36, "stated": [1], "chunks": [[25, 107]]},
                {"value": 37, "stated": [3], "chunks": [[205, 270]]},
            ],
        }
    ]
    assert [(one["start"], one["end"]) for one in data["chunks"]] == [
        (outcome.chunk.start, outcome.chunk.end) for outcome in result.chunks
    ]
    assert result.to_dict("cost", "held_by") == {"cost": 0.0, "held_by": "decoder"}
    with pytest.raises(KeyError):
        result.to_dict("nonsense")


def test_thoughts_about_the_chunks_are_in_their_order() -> None:
    answers = [
        Answer(
            text='{"title": "Ada", "year": null, "people": []}',
            finish_reason="stop",
            reasoning=said,
        )
        for said in ("One.", None, "Three.")
    ]
    text = "\n\n".join(f"Ada is {n}. " * 9 for n in (36, 37, 38))
    result = Client(ScriptedModel(*answers)).extract_document(Register, text, chunk_tokens=40)
    assert len(result.chunks) == 3
    assert result.reasoning == "One.\n\nThree."


def test_a_document_that_makes_no_value_is_plain_data_too() -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        Client(Reader()).extract_document(Register, "Ada is 36. No title is known.")
    data = caught.value.document.to_dict("value", "absent")
    assert data["value"]["people"] == [{"name": "Ada", "age": 36, "town": None}]
    assert "/title" in data["absent"]


@pytest.mark.parametrize(
    ("target", "answers", "value"),
    [
        (list[str], ['["a", "b"]', '["b", "c"]'], ["a", "b", "b", "c"]),
        (set[str], ['["a", "b"]', '["b", "c"]'], {"a", "b", "c"}),
        (
            dict[str, int],
            ['[{"key": "a", "value": 1}]', '[{"key": "a", "value": 1}, {"key": "b", "value": 2}]'],
            {"a": 1, "b": 2},
        ),
        (int, ["3", "null"], 3),
        (list[str], ["[]"], []),
    ],
)
def test_what_is_no_record_can_be_asked_of_a_document(
    target: Any, answers: list[str], value: Any
) -> None:
    text = "Only a or b.\n\nThen b and c."
    assert (
        Client(ScriptedModel(*answers))
        .extract_document(target, text, chunk_tokens=4, concurrency=1)
        .value
        == value
    )


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_document_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Client(Reader()).extract_document(Register, text)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["contracts", "plays", "advisories"])
def test_texts_with_the_embedded_model(local_client: Client, name: str) -> None:
    """Whatever a small model finds in the beginning of a text, everything is accounted for."""

    class Found(BaseModel):
        names: list[Annotated[str, Verbatim()]]
        date: Annotated[str, Verbatim()] | None

    text = EXAMPLES[name].text[:160]
    result = local_client.extract_document(
        Found, text, chunk_tokens=25, max_tokens=16, concurrency=1
    )
    assert len(result.chunks) > 1
    assert result.stated
    proved(result, text)
    assert all(name in text for name in result.value.names)
