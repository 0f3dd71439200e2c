"""Null is one thing: words for null, and texts that the document does not hold, become null."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, model_validator

import structgen
from structgen.answer.held import HeldTexts
from structgen.answer.unstated import Rules
from structgen.answer.word_forms import words_of
from structgen.local.engine import open_engine
from structgen.schema.target import target_of
from structgen.schema.verbatim import Inferred, Verbatim
from structgen.testing.scripted import ScriptedModel
from structgen.values import Answer, Removed

TEXT = (
    "Ada Lovelace, born on 10 December 1815, lived in São Paulo; call (020) 7946-0018. "
    "She paid $1,250 for twenty-five books, status: n/a."
)


class Person(BaseModel):
    name: str
    town: str | None
    phone: str | None = None
    born: str | None = None
    price: str | None = None
    aliases: list[str] = []


def ask(target: Any, answer: Any, text: str = TEXT, **options: Any) -> structgen.Extraction[Any]:
    model = ScriptedModel(answer if isinstance(answer, Answer) else json.dumps(answer))
    return structgen.Client(model, **{"on_ungrounded": "null", **options}).extract_result(
        target, text
    )


def person(**members: Any) -> dict[str, Any]:
    stated: dict[str, Any] = {
        "town": None,
        "phone": None,
        "born": None,
        "price": None,
        "aliases": [],
    }
    return {"name": "Ada", **stated, **members}


@pytest.mark.parametrize("word", ["", " ", "null", "None", "N/A", "unknown", "not specified"])
@pytest.mark.parametrize("on_ungrounded", ["null", "keep"])
def test_a_word_for_null_is_null(word: str, on_ungrounded: str) -> None:
    answer = person(town=word, phone=word, aliases=[word, "Ada"])
    result = ask(Person, answer, "Ada lives.", on_ungrounded=on_ungrounded)
    assert result.value == Person(name="Ada", town=None, aliases=["Ada"])
    assert "/phone" in result.absent
    assert "/town" not in result.absent
    assert result.removed == tuple(
        Removed(path, word, "null") for path in ("/town", "/phone", "/aliases/0")
    )


def test_a_word_that_the_document_has_is_no_word_for_null() -> None:
    assert ask(Person, person(town="n/a")).value.town == "n/a"
    assert ask(Person, person(town="null"), "The town: null").value.town is None


def test_a_text_that_must_be_there_is_never_touched() -> None:
    assert ask(Person, person(name="unknown")).value.name == "unknown"
    assert ask(Person, person(name="")).value.name == ""


def test_what_the_document_does_not_hold_is_null_and_told() -> None:
    result = ask(Person, person(town="Paris", aliases=["Ada", "The Countess", "Lovelace"]))
    assert result.value == Person(name="Ada", town=None, aliases=["Ada", "Lovelace"])
    assert result.removed == (
        Removed("/town", "Paris", "ungrounded"),
        Removed("/aliases/1", "The Countess", "ungrounded"),
    )
    assert ask(Person, person(town="Paris"), on_ungrounded="keep").value.town == "Paris"


@pytest.mark.parametrize(
    "value",
    [
        "São Paulo",
        "SAO PAULO",
        "sao  paulo",
        "(020) 79460018",
        "02079460018",
        "1815-12-10",
        "December 10, 1815",
        "1250",
        "$1,250.00",
        "25",
        "twenty five",
        "Lovelace, Ada",
        "book",
    ],
)
def test_a_value_is_held_in_any_form(value: str) -> None:
    assert HeldTexts(TEXT).holds(value)
    assert ask(Person, person(town=value)).value.town == value


@pytest.mark.parametrize("value", ["Paris", "", "  ", "1816-12-10", "9999", "†", "Ada Byron"])
def test_a_value_of_other_words_is_not(value: str) -> None:
    assert not HeldTexts(TEXT).holds(value)


@pytest.mark.parametrize("word", ["None", "nan", "nil", "NA"])
def test_a_part_of_a_word_does_not_make_a_word_for_null_stated(word: str) -> None:
    text = "Nancy nonetheless finances vanilla."
    assert ask(Person, person(town=word), text).value.town is None


def test_a_name_that_is_a_word_for_null_stays() -> None:
    answer = person(town="Null", aliases=["Null", "Nan"])
    value = ask(Person, answer, "Jennifer Null and Nan").value
    assert (value.town, value.aliases) == ("Null", ["Null", "Nan"])
    assert ask(Person, person(town="Null"), "town: null").value.town is None


class Labelled(BaseModel):
    category: str | None
    gist: str | None = Field(description="A summary in one sentence.")
    unit: str | None = Field(description="Name of the unit in the singular.")
    mood: Annotated[str | None, Inferred()]
    kinds: Annotated[list[str], Inferred()]
    colour: Literal["red", "none"] | None
    code: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None
    began: str | None
    quoted: Annotated[str, Verbatim()] | None


def test_labels_and_what_speaks_for_itself_stay() -> None:
    answer = {
        "category": "biography",
        "gist": "A woman of means.",
        "unit": "dollar",
        "mood": "cheerful",
        "kinds": ["person"],
        "colour": "none",
        "code": "NA",
        "began": "2026-01-02",
        "quoted": "Ada",
    }
    result = ask(Labelled, answer)
    assert result.value.model_dump() == answer
    assert not result.removed


def test_instructions_that_ask_for_labels_keep_them() -> None:
    client = structgen.Client(ScriptedModel('["biography"]'), on_ungrounded="null")
    assert client.extract(list[str], TEXT, instructions="Give a label.") == ["biography"]


def test_a_field_that_asks_for_a_copy_is_looked_up_whatever_its_name() -> None:
    class Copied(BaseModel):
        """One book, copied as written."""

        title: str | None
        date: str | None

    result = ask(Copied, {"title": "Emma", "date": "1999-01-01"})
    assert result.value == Copied(title=None, date=None)


class Letter(BaseModel):
    sender: str
    town: str | None
    street: str | None = None
    mood: Literal["Rome", "sad"] | None = None
    category: str | None = None
    witnesses: list[str] = []


LETTER: dict[str, Any] = {
    "town": None,
    "street": None,
    "mood": None,
    "category": None,
    "witnesses": [],
}


def test_a_mention_fills_one_field_of_a_record() -> None:
    once = ask(Letter, {"sender": "Rome", **LETTER, "town": "rome", "street": "Rome"}, "Rome.")
    assert (once.value.sender, once.value.town, once.value.street) == ("Rome", None, None)
    assert once.removed == (
        Removed("/town", "rome", "repeated"),
        Removed("/street", "Rome", "repeated"),
    )
    answer = {"sender": "Rome", **LETTER, "town": "Rome", "street": "Rome"}
    twice = ask(Letter, answer, "From Rome to Rome.")
    assert (twice.value.town, twice.value.street) == ("Rome", None)
    kept = ask(Letter, answer, "Rome.", on_ungrounded="keep")
    assert kept.value.street == "Rome"


def test_options_labels_items_and_other_records_may_have_the_same_text() -> None:
    answer = {"sender": "Ada", **LETTER, "town": "Rome", "mood": "Rome", "category": "Rome"}
    result = ask(Letter, {**answer, "witnesses": ["Rome"]}, "Ada, Rome.")
    assert not result.removed
    pair = {"letters": [answer, answer]}

    class Letters(BaseModel):
        letters: list[Letter]

    assert not ask(Letters, pair, "Ada, Rome.").removed


def test_a_list_keeps_the_items_that_it_needs() -> None:
    few = Annotated[list[str], Field(min_length=2)]
    assert ask(few, ["Rome", "Oslo", "Kiev", "Ada"]).value == ["Rome", "Oslo", "Ada"]


def test_unions_and_maps_are_searched() -> None:
    class Other(BaseModel):
        kind: Literal["other"]
        town: str

    class Home(BaseModel):
        kind: Literal["home"]
        town: str | None

    class Places(BaseModel):
        place: Home | Other = Field(discriminator="kind")
        by_name: dict[str, str | None]

    value = {"place": {"kind": "home", "town": "Rome"}, "by_name": {"a": "Oslo", "b": "Ada"}}
    ruled = Rules(target_of(Places), TEXT).apply(value)
    assert ruled.data == {
        "place": {"kind": "home", "town": None},
        "by_name": {"a": None, "b": "Ada"},
    }
    other = {"place": {"kind": "other", "town": "Rome"}, "by_name": {}}
    assert Rules(target_of(Places), TEXT).apply(other).data is other


def test_a_validator_that_wants_what_was_taken_out_gets_it() -> None:
    class Strict(BaseModel):
        town: str | None

        @model_validator(mode="after")
        def has_a_town(self) -> Strict:
            if self.town is None:
                raise ValueError("a town is needed")
            return self

    result = ask(Strict, {"town": "Rome"})
    assert result.value.town == "Rome"
    assert not result.removed


def test_a_conversation_counts_all_that_is_said_and_an_image_everything() -> None:
    turns = [
        {"role": "system", "content": "Rome"},
        {"role": "assistant", "content": "The Astor in Oslo?"},
        {"role": "user", "content": "Yes."},
    ]
    for town, found in (("Oslo", "Oslo"), ("Rome", None)):
        client = structgen.Client(
            ScriptedModel(json.dumps(person(town=town))), on_ungrounded="null"
        )
        assert client.extract(Person, turns).town == found
    seen = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a"}}]}]
    client = structgen.Client(ScriptedModel(json.dumps(person(town="Rome"))), on_ungrounded="null")
    assert client.extract(Person, seen).town == "Rome"


def test_a_text_that_was_cut_in_a_circle_and_taken_out_is_no_cut() -> None:
    text = json.dumps(person(town="TuTuTuTuTu"))
    cut = Answer(
        text=text, finish_reason="stop", shortened=("/town",), shortened_by=("repetition",)
    )
    result = ask(Person, cut)
    assert result.value.town is None
    assert not result.shortened
    limit = Answer(text=text, finish_reason="stop", shortened=("/town",), shortened_by=("limit",))
    with pytest.raises(structgen.Truncated):
        ask(Person, limit)


def in_circles(text: str, *places: str) -> Answer:
    """An answer of which the decoder ended some values because the model repeated itself."""
    return Answer(text=text, finish_reason="stop", shortened=places, shortened_by=("repetition",))


def test_a_value_without_end_says_nothing_even_if_the_document_holds_it() -> None:
    text = json.dumps(person(town="Ada Ada Ada Ada", aliases=["Lovelace", "books books"]))
    result = ask(Person, in_circles(text, "/town", "/aliases/1"))
    assert result.value.town is None
    assert result.value.aliases == ["Lovelace"]
    assert not result.shortened
    assert set(result.removed) == {
        Removed("/town", "Ada Ada Ada Ada", "endless"),
        Removed("/aliases/1", "books books", "endless"),
    }


class Sale(BaseModel):
    count: int | None
    code: str = Field(pattern="^[A-Z]+$")


def test_a_number_without_end_says_nothing_either() -> None:
    result = ask(Sale, in_circles('{"count": 2020202, "code": "A"}', "/count"))
    assert result.value == Sale(count=None, code="A")
    assert result.removed == (Removed("/count", 2020202, "endless"),)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('{"count": 1, "code": "ABABABAB"}', ["/code"]),
        ('{"count": 121212, "code": "ABABABAB"}', ["/count", "/code"]),
    ],
)
def test_a_value_without_end_that_must_be_there_is_a_cut(text: str, places: list[str]) -> None:
    with pytest.raises(structgen.Truncated):
        ask(Sale, in_circles(text, *places))


def test_a_list_without_end_is_a_cut() -> None:
    with pytest.raises(structgen.Truncated):
        ask(list[str], in_circles('["Ada", "Lovelace"]', "", "/1"))


def test_a_caller_who_keeps_cut_values_keeps_those_without_end() -> None:
    text = json.dumps(person(town="Ada Ada Ada Ada"))
    result = ask(Person, in_circles(text, "/town"), on_shortened="keep")
    assert result.value.town == "Ada Ada Ada Ada"
    assert result.shortened == {"/town"}


def test_what_is_known_of_items_moves_with_them() -> None:
    text = '["Rome","Ada","Lovelace"]'
    pieces = [('["', 0.0), ("Rome", -3.0), ('","', 0.0), ("Ada", -1.0), ('","', 0.0)]
    pieces += [("Lovelace", -2.0), ('"]', 0.0)]
    answer = Answer(text=text, finish_reason="stop", logprobs=tuple(pieces))
    result = ask(list[str], answer, logprobs=True)
    assert result.value == ["Ada", "Lovelace"]
    assert set(result.confidence) == {"/0", "/1"}
    assert result.confidence["/0"] > result.confidence["/1"]


# ---- streams ------------------------------------------------------------------------------------

WORDS = ["Ada", "Rome", "", "none", "Lovelace", "TuTu"]


@given(
    st.sampled_from(WORDS),
    st.sampled_from(WORDS),
    st.lists(st.sampled_from(WORDS)),
)
def test_no_part_that_a_stream_shows_contradicts_the_value(
    town: str, phone: str, aliases: list[str]
) -> None:
    text = json.dumps(person(town=town, phone=phone, aliases=aliases))
    final = ask(Person, json.loads(text)).value
    client = structgen.Client(ScriptedModel(text), on_ungrounded="null")
    shown: list[str] = []
    for partial in client.stream(Person, TEXT):
        if partial.done:
            assert partial.value == final
            continue
        view = partial.value
        for field in ("town", "phone"):
            if partial.state(field) == "done":
                assert getattr(view, field) == getattr(final, field)
        closed = [item for item in view.aliases if type(item) is str] if view.aliases else []
        assert closed == final.aliases[: len(closed)]
        assert closed[: len(shown)] == shown
        shown = closed


@given(st.lists(st.sampled_from(WORDS)))
def test_a_stream_of_items_gives_the_items_that_stay(items: list[str]) -> None:
    client = structgen.Client(ScriptedModel(json.dumps(items)), on_ungrounded="null")
    with client.stream_items(str, TEXT) as stream:
        given_out = list(stream)
    assert given_out == [item for item in items if item in ("Ada", "Lovelace")]
    assert ask(list[str], items).value == given_out


# ---- laws ---------------------------------------------------------------------------------------

OPEN = {
    "type": "object",
    "properties": {
        "must": {"type": "string"},
        "may": {"type": ["string", "null"]},
        "left_out": {"type": "string", "minLength": 2},
        "listed": {"enum": ["none", "", None]},
        "many": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "inner": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    },
    "required": ["must", "may", "many"],
    "additionalProperties": False,
}
TEXTS = st.sampled_from(["Ada", "Rome", "", "none", "n/a", "São Paulo", "1815-12-10"]) | st.text()


def records(inner: Any) -> Any:
    return st.fixed_dictionaries(
        {"must": TEXTS, "may": st.none() | TEXTS, "many": st.lists(TEXTS, min_size=1, max_size=4)},
        optional={
            "left_out": st.text(min_size=2),
            "listed": st.sampled_from(["none", "", None]),
            "inner": inner,
        },
    )


@given(st.recursive(st.none(), records, max_leaves=3).filter(bool))
def test_laws_of_the_rules(value: dict[str, Any]) -> None:
    target, before = target_of(OPEN), copy.deepcopy(value)
    ruled = Rules(target, TEXT).apply(value)
    assert value == before, "the data is not changed"
    structgen.validate(target, ruled.data)
    held = HeldTexts(TEXT)
    for one in ruled.removed:
        is_word = words_of(one.value) == ["null"]
        assert is_word or one.reason == "repeated" or not held.holds(one.value)
    again = Rules(target, TEXT).apply(ruled.data)
    assert not again.removed, "once is enough"


def test_the_models_of_this_process_are_looked_after_and_others_are_not(
    embedded_cache: Path,
) -> None:
    """Small models invent; for the others nothing was measured."""
    assert structgen.Client("local").caller.options.on_ungrounded == "null"
    with structgen.Client(open_engine("local")) as client:
        assert client.caller.options.on_ungrounded == "null"
    assert structgen.Client("groq:m", api_key="k").caller.options.on_ungrounded == "keep"
    assert structgen.Client(ScriptedModel("1")).caller.options.on_ungrounded == "keep"
