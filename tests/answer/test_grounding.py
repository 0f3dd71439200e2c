"""Values that must be copied from the text: the annotation, the check, and the evidence."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

import structgen
from structgen import Client, Verbatim
from structgen.answer.grounding import document_text, ground
from structgen.errors import InvalidOutputError, SchemaError
from structgen.schema.subset import SUBSETS
from structgen.schema.target import target_of
from structgen.schema.verbatim import SourceText, chunks
from structgen.testing.scripted import ScriptedModel, ScriptedTransport
from tests.laws.grounded import TEXTS

Quote = Annotated[str, Verbatim()]


class Person(BaseModel):
    name: Quote
    city: Quote | None = None
    age: Annotated[int, Verbatim()] | None = None


class People(BaseModel):
    people: list[Person]


TEXT = (
    "Ada, 36, lives in\n New  York. Bob, 36, lives in Paris; "
    "Ada wrote 1,250 pages for $2.50 on 2024-01-02."
)


def asked(
    *answers: Any, target: Any = People, text: Any = TEXT, **options: Any
) -> structgen.Extraction[Any]:
    with Client(ScriptedModel(*map(json.dumps, answers))) as client:
        return client.extract_result(target, text, **options)


def people(*rows: tuple[Any, ...]) -> dict[str, Any]:
    return {"people": [dict(zip(("name", "city", "age"), row, strict=True)) for row in rows]}


def test_evidence_is_per_pointer_and_each_record_has_its_own() -> None:
    result = asked(people(("Ada", None, 36), ("Bob", "Paris", 36), ("Ada", None, None)))
    spans = {at: (found.start, found.end) for at, found in result.evidence.items()}
    assert spans == {
        "/people/0/name": (0, 3),
        "/people/0/age": (5, 7),
        "/people/1/name": (30, 33),
        "/people/1/age": (35, 37),
        "/people/1/city": (48, 53),
        "/people/2/name": (55, 58),
    }
    assert all(TEXT[found.start : found.end] == found.quote for found in result.evidence.values())


def test_what_does_not_stand_in_the_text_is_a_violation_that_is_asked_again() -> None:
    result = asked(people(("Adam", None, 37)), people(("Ada", None, 36)), max_reasks=1)
    assert result.value.people[0].name == "Ada"
    error = result.attempts[0].error
    assert isinstance(error, InvalidOutputError)
    assert [(v.path, v.schema_path) for v in error.violations] == [
        ("/people/0/name", "/$defs/Person/properties/name/x-verbatim"),
        ("/people/0/age", "/$defs/Person/properties/age/anyOf/0/x-verbatim"),
    ]
    with pytest.raises(InvalidOutputError, match="2 values"):
        asked(people(("Adam", None, 37)), max_reasks=0)


def test_only_white_space_may_differ_and_takes_the_texts_own_form() -> None:
    result = asked(people(("Ada", "New York", None)))
    assert result.value.people[0].city == "New  York"
    assert result.guarantee.repairs == ("white space of /people/0/city as in the document",)
    for other in ("new york", "New-York", "Yor", "Pari"):
        with pytest.raises(InvalidOutputError):
            asked(people(("Ada", other, None)), max_reasks=0)


def test_good_items_are_kept_beside_invented_ones_with_their_evidence() -> None:
    result = asked(
        people(("Adam", None, None), ("Bob", "Paris", 36)), max_reasks=0, on_invalid_items="keep"
    )
    assert [person.name for person in result.value.people] == ["Bob"]
    assert result.evidence["/people/0/name"].start == 30
    assert [item.path for item in result.rejected] == ["/people/0"]


@pytest.mark.parametrize(
    ("kind", "stands", "missing"),
    [
        (Annotated[float, Verbatim()], 1250, 1251),
        (Annotated[Decimal, Verbatim()], 2.5, "2.51"),
        (Annotated[datetime.date, Verbatim()], "2024-01-02", "2024-01-03"),
        (Annotated[Literal["Paris", "Rome"], Verbatim()], "Paris", "Rome"),
        (list[Quote], ["Ada", "wrote"], ["Ada", "read"]),
        (dict[str, Quote], {"a": "Ada"}, {"a": "Eve"}),
        (dict[Quote, int], {"Ada": 1}, {"Eve": 1}),
        (tuple[Quote, int], ["Ada", 1], ["Eve", 1]),
        (Quote | Annotated[int, Verbatim()], 36, 37),
        (Annotated[str | None, Verbatim("characters")], "ork", "orb"),
        ({"type": "string", "x-verbatim": "words"}, "Paris", "Pari"),
    ],
)
def test_every_form_is_looked_up(kind: Any, stands: Any, missing: Any) -> None:
    target = target_of(kind)
    assert ground(target, stands, TEXT).violations == ()
    assert [v.schema_path.rsplit("/", 1)[-1] for v in ground(target, missing, TEXT).violations] == [
        "x-verbatim"
    ]


def test_of_a_union_the_option_that_stands_in_the_text_decides() -> None:
    kind = {
        "anyOf": [{"type": "string", "x-verbatim": "words"}, {"type": "string", "maxLength": 4}]
    }
    assert ground(target_of(kind), "Rome", TEXT).violations == ()
    assert len(ground(target_of(kind), "Venice", TEXT).violations) == 1


def test_an_empty_string_stands_everywhere_and_nowhere() -> None:
    result = asked(people(("", None, None)))
    assert result.evidence == {}


def test_of_a_conversation_the_users_words_are_the_text() -> None:
    turns: list[dict[str, Any]] = [
        {"role": "system", "content": "Eve"},
        {"role": "user", "content": "I am Ada."},
        {"role": "user", "content": [{"type": "text", "text": "And 36."}]},
    ]
    result = asked(people(("Ada", None, 36)), text=turns)
    assert {
        document_text(turns)[found.start : found.end] for found in result.evidence.values()
    } == {
        "Ada",
        "36",
    }
    with pytest.raises(InvalidOutputError):
        asked(people(("Eve", None, None)), text=turns, max_reasks=0)


# ---- schemas ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SUBSETS)
def test_only_the_language_of_this_process_carries_the_keyword_and_others_say_it(name: str) -> None:
    compiled = structgen.compile_schema(People, name)
    text = compiled.dumps().decode()
    notes = [note for note in compiled.notes if note.keyword == "x-verbatim"]
    if name == "llguidance":
        assert (text.count('"x-verbatim":"words"'), notes) == (3, [])
    else:
        assert "x-verbatim" not in text
        assert text.lower().count("copied word for word from the text") == 3
        assert {note.action for note in notes} == {"checked"}


def test_lists_and_maps_have_no_text_of_their_own() -> None:
    kinds: tuple[Any, ...] = (
        Annotated[list[str], Verbatim()],
        Annotated[dict[str, str], Verbatim()],
        Annotated[bool, Verbatim()],
    )
    for kind in kinds:
        with pytest.raises(SchemaError, match="without a text"):
            target_of(kind)
    with pytest.raises(SchemaError, match="words or characters"):
        target_of({"type": "string", "x-verbatim": "letters"})


# ---- places in a text ---------------------------------------------------------------------------


@given(TEXTS, st.sampled_from(["words", "characters"]))
def test_chunks_are_the_text(text: str, by: str) -> None:
    assert "".join(chunks(text, by)) == text


@given(TEXTS, TEXTS, st.sampled_from(["words", "characters"]))
def test_a_span_is_the_value_character_for_character(text: str, value: str, by: str) -> None:
    for start, end in SourceText(text).spans(value, by):
        assert text[start:end] == value


def test_numerals_are_read_as_numbers() -> None:
    text = "1,250.00 or 1 250, -3.5%, −4, 2024-01-02, 10.1.2, 12,34, 3kg, x3, 007"
    found = [str(number) for number, _, _ in SourceText(text).numerals]
    assert found == ["1250.00", "1250", "-3.5", "-4", "2024", "1", "2", "3", "7"]


def test_words_end_where_readers_see_them_end() -> None:
    text = "Ada's café: 東京は, a_b naïve"
    ends = SourceText(text)
    assert all(
        ends.spans(value, "words") for value in ("Ada", "東", "京は", "a_b", "café:", "naïve")
    )
    assert not any(ends.spans(value, "words") for value in ("Ad", "caf", "a", "na", " Ada", ": "))


class Long(BaseModel):
    quote: Annotated[str, Verbatim(), Field(max_length=4)]


def test_a_mended_value_is_checked_again() -> None:
    with pytest.raises(InvalidOutputError):
        asked({"quote": "a b"}, target=Long, text="a   b", max_reasks=0)


def test_streamed_items_are_handed_out_only_if_they_stand_in_the_text() -> None:
    rows = [
        {"name": "Ada", "city": "New York", "age": 36},
        {"name": "Eve", "city": None, "age": None},
    ]
    transport, given = ScriptedTransport(json.dumps(rows)), []
    with (
        Client("vllm:m", api_key="k", transport=transport, max_reasks=0) as client,
        pytest.raises(InvalidOutputError),
    ):
        for item in client.stream_items(Person, TEXT):
            given.append(item)
    assert given == [Person(name="Ada", city="New  York", age=36)]
