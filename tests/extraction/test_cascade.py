"""A cascade: one model answers, and further ones are asked about the fields that are in doubt."""

from __future__ import annotations

import asyncio
import json
import re
import time
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator, model_validator

from structgen import AsyncClient, Client
from structgen.calibration.learnt import schema_fingerprint
from structgen.errors import (
    ConfigurationError,
    EngineError,
    InputError,
    Refused,
)
from structgen.evaluation.calibrating import calibrate
from structgen.evaluation.gold import GoldRecord
from structgen.extraction.tuned import Tuned, save_tuned
from structgen.results import Extraction
from structgen.schema.json import leaves_of, pointer
from structgen.schema.target import target_of
from structgen.testing.any_model import AnyModel
from structgen.testing.scripted import ScriptedModel, ScriptedTransport
from structgen.values import Answer, Json

from .perfect import Perfect, asked_fields


class Line(BaseModel):
    name: str
    price: float | None = None


class Card(BaseModel):
    kind: Literal["card"]
    number: str


class Cash(BaseModel):
    kind: Literal["cash"]
    payer: str


class Place(BaseModel):
    city: str
    street: str | None = None


class Order(BaseModel):
    number: str
    buyer: str | None = None
    place: Place
    lines: list[Line] = []
    payment: Annotated[Card | Cash, Field(discriminator="kind")] | None = None


DOCUMENT = (
    "Order A-17 for Ada Ltd, Ring 4, Ulm: tea 3.5, coffee 4.25, milk 1.75. Paid by Bo in cash."
)
GOLD: dict[str, Any] = {
    "number": "A-17",
    "buyer": "Ada Ltd",
    "place": {"city": "Ulm", "street": "Ring 4"},
    "lines": [
        {"name": "tea", "price": 3.5},
        {"name": "coffee", "price": 4.25},
        {"name": "milk", "price": 1.75},
    ],
    "payment": {"kind": "cash", "payer": "Bo"},
}
LEAVES = sorted(pointer(path) for path, _ in leaves_of(GOLD) if path[-1] != "kind")


def changed(value: Any, **places: Any) -> Any:
    """A copy with other values; a place is written as `lines_1_price`."""
    value = deepcopy(value)
    for place, new in places.items():
        *steps, last = (int(step) if step.isdecimal() else step for step in place.split("_"))
        inner = value
        for step in steps:
            inner = inner[step]
        inner[last] = new
    return value


def wrong_at(places: list[str]) -> Any:
    """The order with values that the document does not state."""
    return changed(
        GOLD,
        **{
            place[1:].replace("/", "_"): 90.5 + at
            if place.endswith("price")
            else f"Qx{chr(97 + at)}"
            for at, place in enumerate(places)
        },
    )


def ask(*models: Any, target: Any = Order, document: str = DOCUMENT, **call: Any) -> Any:
    with Client(cascade=models, max_reasks=0) as client:
        return client.extract_result(target, document, **call)


def unsure(value: Json, **doubts: float) -> ScriptedModel:
    """A model that gives a value with probabilities: 1 for all but the values that are named."""
    text = json.dumps(value)
    tokens = [(letter, 0.0) for letter in text]
    for found, log in doubts.items():
        at = text.index(found) + len(found) - 1
        tokens[at] = (text[at], log)
    return ScriptedModel(Answer(text=text, finish_reason="stop", logprobs=tuple(tokens)))


# ---- what is escalated -----------------------------------------------------------------------


def test_a_field_that_the_document_does_not_state_is_escalated_alone() -> None:
    second = Perfect(GOLD)
    result = ask(ScriptedModel(json.dumps(changed(GOLD, number="B-99"))), second)
    assert Order.model_dump(result.value) == GOLD
    assert asked_fields(second.schemas[0]) == {"/number"}
    assert result.answered_by["/number"] == "perfect"
    assert set(result.answered_by.values()) == {"scripted", "perfect"}
    (escalation,) = result.escalations
    assert escalation.fields == {"/number": "not in the document"}
    assert escalation.error is None
    assert str(escalation) == "perfect was asked about /number"


def test_a_field_of_an_item_is_escalated_without_its_list() -> None:
    second = Perfect(GOLD)
    result = ask(ScriptedModel(json.dumps(changed(GOLD, lines_1_price=77.5))), second)
    assert Order.model_dump(result.value) == GOLD
    assert asked_fields(second.schemas[0]) == {"/lines/1/price"}
    assert result.answered_by["/lines/1/price"] == "perfect"
    assert result.answered_by["/lines/1/name"] == "scripted"


def test_a_union_is_escalated_whole() -> None:
    second = Perfect(GOLD)
    first = changed(GOLD, payment={"kind": "card", "number": "Zorro"})
    result = ask(ScriptedModel(json.dumps(first)), second)
    assert Order.model_dump(result.value) == GOLD
    assert list(result.escalations[0].fields) == ["/payment"]


def test_a_low_confidence_is_a_doubt_and_so_is_pressure() -> None:
    second = Perfect(GOLD)
    first = unsure(changed(GOLD, buyer="Ulm"), **{'"buyer": "Ulm': -1.0})
    result = ask(first, second)
    assert result.value.buyer == "Ada Ltd"
    assert result.escalations[0].fields == {"/buyer": "confidence 0.37"}
    pressed = Answer(
        text=json.dumps(changed(GOLD, buyer="Ulm")), finish_reason="stop", pressure={"/buyer": 0.9}
    )
    result = ask(ScriptedModel(pressed), Perfect(GOLD))
    assert result.value.buyer == "Ada Ltd"
    assert result.escalations[0].fields == {"/buyer": "pressure 0.90"}


@pytest.mark.parametrize(
    ("below", "escalated"),
    [
        (0.3, set()),
        (0.5, {"/buyer"}),
        (0.9, {"/buyer", "/lines/1/price"}),
        ({"/lines/*/price": 0.9, "": 0.3}, {"/lines/1/price"}),
        ({"/buyer": 0.0}, {"/lines/1/price"}),
        ({"/*": 0.5, "": 0.3}, {"/buyer"}),
    ],
)
def test_the_threshold_is_one_for_all_fields_or_one_for_each(
    below: Any, escalated: set[str]
) -> None:
    first = unsure(GOLD, **{'"buyer": "Ada Ltd': -1.0, '"price": 4.25': -0.3})
    result = ask(first, Perfect(GOLD), cascade_below=below)
    assert {path for one in result.escalations for path in one.fields} == escalated


def test_an_answer_without_doubts_is_given_as_it_is() -> None:
    second = Perfect(GOLD)
    result = ask(unsure(GOLD), second)
    assert second.asked == []
    assert result.escalations == ()
    assert set(result.answered_by.values()) == {"scripted"}
    assert result.confidence_by == "tokens"


def test_a_model_without_confidence_is_said_to_have_none() -> None:
    result = ask(ScriptedModel(json.dumps(GOLD)), Perfect(GOLD))
    (note,) = (note for note in result.notes if note.keyword == "cascade")
    assert "scripted gives no confidence" in note.detail


def test_the_second_model_is_shown_what_is_settled_and_not_the_value_in_doubt() -> None:
    second = Perfect(GOLD)
    ask(ScriptedModel(json.dumps(changed(GOLD, number="B-99"))), second, context="Prices in EUR.")
    shown = json.dumps(second.asked[0])
    assert "settled" in shown
    assert "coffee" in shown
    assert "Prices in EUR." in shown
    assert "B-99" not in shown


# ---- laws ------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.lists(st.sampled_from(LEAVES), unique=True))
def test_a_perfect_second_model_mends_every_field_that_is_in_doubt(places: list[str]) -> None:
    second = Perfect(GOLD)
    result = ask(ScriptedModel(json.dumps(wrong_at(places))), second)
    assert Order.model_dump(result.value) == GOLD
    assert len(second.asked) == bool(places)
    escalated = [path for one in result.escalations for path in one.fields]
    for place in places:
        assert any(f"{place}/".startswith(f"{path}/") for path in escalated) or escalated == [""]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(LEAVES), min_size=1, unique=True), st.integers(0, 99))
def test_locks_hold_whatever_the_second_model_writes(places: list[str], seed: int) -> None:
    first = wrong_at(places)
    second = AnyModel(seed)
    result = ask(ScriptedModel(json.dumps(first)), second)
    given_by = {pointer(path): value for path, value in leaves_of(first)}
    found = {pointer(path): value for path, value in leaves_of(Order.model_dump(result.value))}
    for path, model in result.answered_by.items():
        if model == "scripted" and path in given_by:
            assert found[path] == given_by[path]
    escalated = [path for one in result.escalations for path in one.fields]
    for path, value in given_by.items():
        if not any(path == one or path.startswith(f"{one}/") or not one for one in escalated):
            assert found[path] == value


@settings(max_examples=30)
@given(st.lists(st.sampled_from(LEAVES), unique=True), st.data())
def test_no_field_is_asked_twice_of_one_model(places: list[str], data: st.DataObject) -> None:
    left = data.draw(st.lists(st.sampled_from(places), unique=True) if places else st.just([]))
    models = [Perfect(wrong_at(places), "a"), Perfect(wrong_at(left), "b"), Perfect(GOLD, "c")]
    result = ask(*models)
    assert Order.model_dump(result.value) == GOLD
    assert all(len(model.asked) <= 1 for model in models)
    if not left:
        assert models[2].asked == []
    asked: list[tuple[str, str]] = [
        (one.model, path) for one in result.escalations for path in one.fields
    ]
    assert len(asked) == len(set(asked))


def test_sync_and_async_do_the_same() -> None:
    first = json.dumps(changed(GOLD, number="B-99", lines_2_price=8.5))

    async def awaited() -> Extraction[Any]:
        async with AsyncClient(cascade=[ScriptedModel(first), Perfect(GOLD)]) as client:
            return await client.extract_result(Order, DOCUMENT)

    one, other = ask(ScriptedModel(first), Perfect(GOLD)), asyncio.run(awaited())
    members = ("value", "answered_by", "escalations", "notes", "usage", "cost")
    assert one.to_dict(*members) == other.to_dict(*members)


# ---- failures --------------------------------------------------------------------------------


FAILURES = [
    EngineError("The engine died."),
    Refused("No.", refusal="No."),
    "not JSON",
    '{"number": 7}',
]


@pytest.mark.parametrize("failure", FAILURES, ids=["engine", "refused", "no JSON", "invalid"])
def test_a_further_model_that_fails_loses_nothing(failure: Any) -> None:
    first = changed(GOLD, number="B-99")
    result = ask(ScriptedModel(json.dumps(first)), ScriptedModel(failure))
    assert Order.model_dump(result.value) == first
    (escalation,) = result.escalations
    assert list(escalation.fields) == ["/number"]
    assert escalation.error
    assert len(result.attempts) == 2
    assert result.attempts[1].error is not None


def test_the_next_model_is_asked_after_one_that_failed() -> None:
    first = json.dumps(changed(GOLD, number="B-99"))
    broken = ScriptedModel(EngineError("The engine died."))
    result = ask(ScriptedModel(first), broken, Perfect(GOLD))
    assert result.value.number == "A-17"
    assert [bool(one.error) for one in result.escalations] == [True, False]


@pytest.mark.parametrize("failure", FAILURES, ids=["engine", "refused", "no JSON", "invalid"])
def test_the_whole_record_is_escalated_if_the_first_answer_is_none(failure: Any) -> None:
    second = Perfect(GOLD)
    result = ask(ScriptedModel(failure), second)
    assert Order.model_dump(result.value) == GOLD
    assert set(result.answered_by.values()) == {"perfect"}
    assert list(result.escalations[0].fields) == [""]
    assert [attempt.error is None for attempt in result.attempts] == [False, True]


def test_the_last_error_is_raised_if_no_model_gives_a_value() -> None:
    with pytest.raises(EngineError) as caught:
        ask(ScriptedModel("not JSON"), ScriptedModel(EngineError("The engine died.")))
    assert len(caught.value.attempts) == 2


def test_an_error_of_the_call_is_not_escalated() -> None:
    second = Perfect(GOLD)
    with pytest.raises(InputError):
        ask(ScriptedModel("{}"), second, document=" ")
    assert second.asked == []


class Sum(BaseModel):
    title: str
    total: float
    parts: list[float]

    @model_validator(mode="after")
    def adds_up(self) -> Sum:
        if sum(self.parts) != self.total:
            raise ValueError("the parts do not add up to the total")
        return self


def test_validators_of_the_record_see_the_answers_of_all_models() -> None:
    document = "Sums of May: 2 and 3 make 5."
    first = ScriptedModel(json.dumps({"title": "June", "total": 9, "parts": [2, 7]}))
    right = Perfect({"title": "May", "total": 5, "parts": [2, 3]})
    assert ask(first, right, target=Sum, document=document).value.parts == [2, 3]
    wrong = Perfect({"title": "May", "total": 4, "parts": [2, 3]})
    result = ask(first, wrong, right, target=Sum, document=document)
    assert "add up" in (result.escalations[0].error or "")
    assert result.value.total == 5
    assert result.answered_by["/total"] == "perfect"


def test_an_answer_that_the_check_blames_takes_no_other_with_it() -> None:
    class Limited(BaseModel):
        name: str
        city: str
        street: str

        @field_validator("street")
        @classmethod
        def is_short(cls, street: str) -> str:
            if len(street) > 6:
                raise ValueError("the street is too long")
            return street

    first = ScriptedModel(json.dumps({"name": "Qxa", "city": "Ulm", "street": "Qxb"}))
    second = Perfect({"name": "Ada", "city": "Ulm", "street": "Ring 4, Ulm"})
    third = Perfect({"name": "Ada", "city": "Ulm", "street": "Ring 4"}, "third")
    document = "Ada lives at Ring 4, Ulm."
    result = ask(first, second, third, target=Limited, document=document)
    assert result.value.model_dump() == {"name": "Ada", "city": "Ulm", "street": "Ring 4"}
    assert result.answered_by == {"/name": "perfect", "/city": "scripted", "/street": "third"}
    assert "too long" in (result.escalations[0].error or "")


# ---- money and time --------------------------------------------------------------------------


def test_usage_and_cost_are_summed_for_each_model() -> None:
    first = Perfect(changed(GOLD, number="B-99"), "small")
    result = ask(first, Perfect(GOLD))
    spent = result.spent_by
    assert set(spent) == {"small", "perfect"}
    total = sum(usage.total_tokens for usage, _ in spent.values())
    assert result.usage.total_tokens == total > 200
    assert result.cost == 0.0


def test_a_budget_that_is_used_up_keeps_the_first_answer() -> None:
    second = Perfect(GOLD)
    first = changed(GOLD, number="B-99")
    result = ask(Perfect(first, "small"), second, token_budget=50)
    assert Order.model_dump(result.value) == first
    assert second.asked == []
    assert "token_budget" in (result.escalations[0].error or "")


def test_a_price_that_is_not_known_is_an_error_before_anything_is_asked() -> None:
    first = Perfect(GOLD)
    server = Client("generic-model", base_url="http://x/v1", transport=ScriptedTransport("{}"))
    with pytest.raises(ConfigurationError, match="No price known"):
        ask(first, server, cost_budget=1.0)
    assert first.asked == []


def test_servers_are_asked_for_probabilities_if_they_give_them() -> None:
    transport = ScriptedTransport(json.dumps(GOLD))
    with Client(cascade=["vllm:a", "groq:b"], api_key="k", transport=transport) as client:
        client.extract(Order, DOCUMENT)
        assert json.loads(transport.requests[0].body)["logprobs"] is True
        assert len(transport.requests) == 1
    with Client(cascade=["groq:a", "vllm:b"], api_key="k", transport=transport) as client:
        client.extract(Order, DOCUMENT)
    assert "logprobs" not in json.loads(transport.requests[1].body)


# ---- other ways to ask -----------------------------------------------------------------------


def test_a_stream_shows_the_first_answer_and_ends_with_the_mended_one() -> None:
    first = json.dumps(changed(GOLD, number="B-99"))
    with Client(cascade=[ScriptedModel(first), Perfect(GOLD)]) as client:
        with client.stream(Order, DOCUMENT) as stream:
            partials = list(stream)
        assert stream.result is not None
        assert partials[-1].value == stream.result.value
        assert stream.result.value.number == "A-17"
        assert list(stream.result.escalations[0].fields) == ["/number"]
        with pytest.raises(ConfigurationError, match="handed out"):
            list(client.stream_items(Line, DOCUMENT))


def test_a_stream_of_a_first_model_that_fails_ends_with_the_second_one() -> None:
    broken = ScriptedModel(EngineError("The engine died."))
    with Client(cascade=[broken, Perfect(GOLD)]) as client:
        partials = list(client.stream(Order, DOCUMENT))
    assert partials[-1].result is not None
    assert Order.model_dump(partials[-1].result.value) == GOLD


def test_a_form_escalates_what_the_turn_does_not_say() -> None:
    class Booking(BaseModel):
        name: str
        city: str

    first = ScriptedModel(json.dumps({"name": "Qx", "city": "Ulm"}))
    second = Perfect({"name": "Ada", "city": "Ulm"})
    with Client(cascade=[first, second]) as client:
        form = client.form(Booking)
        form.fill("I am Ada from Ulm.")
    assert {path: entry.value for path, entry in form.entries.items()} == {
        "/name": "Ada",
        "/city": "Ulm",
    }


def test_each_chunk_of_a_long_document_is_escalated_by_itself() -> None:
    text = "Order A-17 for Ada Ltd, Ulm.\n\nNothing else is said here at all."
    first = ScriptedModel(json.dumps({"number": "B-9", "place": {"city": "Ulm"}}))
    second = Perfect({"number": "A-17", "place": {"city": "Ulm"}})
    with Client(cascade=[first, second]) as client:
        result = client.extract_document(Order, text, chunk_tokens=2000)
    assert result.value.number == "A-17"
    assert result.answered_by["/number"] == "perfect"
    assert list(result.escalations[0].fields) == ["/number"]


def test_who_gave_what_is_told_of_an_answer_with_items_left_out(tmp_path: Path) -> None:
    spoiled = changed(GOLD, lines_1_name=7)
    for _ in range(2):
        models = ScriptedModel(json.dumps(spoiled)), Perfect(GOLD)
        cache = tmp_path / "answers.db"
        result = ask(*models, on_invalid_items="keep", cache=cache)
        assert Order.model_dump(result.value) == GOLD
        assert set(result.escalations[0].fields) == {"/lines"}
        assert result.answered_by["/number"] == "scripted"
        assert result.answered_by["/lines/1/name"] == "perfect"


def test_a_kept_answer_has_its_model(tmp_path: Path) -> None:
    spoiled = json.dumps(changed(GOLD, lines_1_name=7))
    for _ in range(2):
        with Client(ScriptedModel(spoiled), max_reasks=0, cache=tmp_path / "answers.db") as client:
            result = client.extract_result(Order, DOCUMENT, on_invalid_items="keep")
        assert result.model == "scripted"


# ---- clients ---------------------------------------------------------------------------------


def test_a_cascade_takes_the_place_of_the_model() -> None:
    with pytest.raises(ConfigurationError, match="both a `model` and a `cascade`"):
        Client("local", cascade=["groq:openai/gpt-oss-20b"])
    assert "then" in repr(Client(cascade=["groq:a", "groq:b"], api_key="k"))


def test_no_model_is_in_a_cascade_twice_under_any_name() -> None:
    engine = ScriptedModel("{}")
    groq = Client("groq:a", api_key="k")
    for models, told in (
        (["groq:a", "groq:a"], "groq:a"),
        ([groq, Client("groq:a", api_key="k")], "groq:a"),
        (["groq:b", "groq:a", groq], "groq:a"),
        ([engine, ScriptedModel("{}"), engine], "scripted"),
        ([Client(engine), engine], "scripted"),
    ):
        with pytest.raises(ConfigurationError, match=f"The cascade has {told} twice"):
            Client(cascade=models, api_key="k" if "groq" in told else None)  # type: ignore[arg-type]
    addresses = ("http://a/v1", "http://b/v1")
    Client(cascade=[Client("m", base_url=one) for one in addresses]).close()


def test_a_cascade_in_a_client_is_not_dropped_silently() -> None:
    inner = Client(cascade=[ScriptedModel("{}"), ScriptedModel("{}")])
    with pytest.raises(ConfigurationError, match="Model 2 of the cascade"):
        Client(cascade=[ScriptedModel("{}"), inner])
    with pytest.raises(ConfigurationError, match="only its first model"):
        Client(ScriptedModel("{}"), fallback=[inner])


def test_a_key_is_not_sent_to_another_server() -> None:
    models = ["groq:openai/gpt-oss-20b", "openai:gpt-6.1-terra"]
    with pytest.raises(ConfigurationError, match="would be sent to all"):
        Client(cascade=models, api_key="k")
    Client(cascade=[Client(models[0], api_key="k"), Client(models[1], api_key="other")])


def test_closing_a_client_closes_its_own_models_alone() -> None:
    closed = []

    class Engine(ScriptedModel):
        def close(self) -> None:
            closed.append(self.name)

    mine, theirs = Engine("{}"), Engine("{}")
    theirs.name = "theirs"
    Client(cascade=[mine, Client(theirs)]).close()
    assert closed == ["scripted"]


@pytest.mark.parametrize("below", [{3: 0.5}, -0.1, 1.5, "0.5", {"/a": 2}])
def test_a_threshold_is_a_share(below: Any) -> None:
    with pytest.raises(ConfigurationError, match="cascade_below"):
        Client(cascade=[ScriptedModel("{}"), ScriptedModel("{}")], cascade_below=below)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/lines/0/price", "/lines/*/price"),
        ("/lines/*", "/lines/*/name"),
        ("/lines", "/lines/*/name"),
        ("/place", "/place/city"),
    ],
)
def test_a_threshold_that_no_value_would_heed_is_an_error(path: str, hint: str) -> None:
    first = Perfect(GOLD)
    with pytest.raises(ConfigurationError, match=re.escape(repr(path))) as raised:
        ask(first, Perfect(GOLD), cascade_below={path: 0.5})
    assert hint in str(raised.value.hint)
    assert not first.asked


def test_a_star_is_any_key_of_a_map() -> None:
    class Prices(BaseModel):
        of: dict[str, float]

    document = "tea 3.5, milk 1.75"
    written = {"of": [{"key": "tea", "value": 3.5}, {"key": "milk", "value": 1.75}]}
    first = unsure(written, **{"3.5": -1.0, "1.75": -2.0})
    second = ScriptedModel(json.dumps(written))
    table = {"/of/*": 0.3, "/of/milk": 0.1, "": 0.0}
    assert not ask(first, second, target=Prices, document=document, cascade_below=table).escalations
    found = ask(first, second, target=Prices, document=document, cascade_below={"/of/*": 0.5})
    assert len(found.escalations) == 1


def test_a_threshold_for_no_field_is_an_error_before_anything_is_asked() -> None:
    first = ScriptedModel("{}")
    client = Client(cascade=[first, Perfect(GOLD)], cascade_below={"/lines/*/prise": 0.9})
    with pytest.raises(ConfigurationError, match="no place '/lines/\\*/prise'") as caught:
        client.extract(Order, DOCUMENT)
    assert "Did you mean '/lines/*/price'?" in str(caught.value.hint)
    assert not first.asked


# ---- kinds of targets and documents ----------------------------------------------------------


def test_names_on_the_wire_are_those_of_aliases() -> None:
    class Guest(BaseModel):
        name: str = Field(alias="guestName")
        city: str | None = Field(default=None, alias="home/city")

    first = ScriptedModel(json.dumps({"guestName": "Qxa", "home/city": "Qxb"}))
    second = Perfect({"guestName": "Ada", "home/city": None})
    result = ask(first, second, target=Guest, document="Ada is here.")
    assert (result.value.name, result.value.city) == ("Ada", None)
    assert set(result.answered_by.values()) == {"perfect"}


def test_a_list_of_records_and_a_schema_are_escalated_like_a_class() -> None:
    second = Perfect(GOLD["lines"])
    first = changed(GOLD["lines"], **{"2_price": 77.5})
    result = ask(ScriptedModel(json.dumps({"value": first})), second, target=list[Line])
    assert [line.price for line in result.value] == [3.5, 4.25, 1.75]
    assert result.answered_by["/2/price"] == "perfect"
    first = changed(GOLD, place_city="Qxa")
    result = ask(ScriptedModel(json.dumps(first)), Perfect(GOLD), target=Order.model_json_schema())
    assert result.value == GOLD
    assert list(result.escalations[0].fields) == ["/place/city"]


def test_a_field_that_only_the_second_model_finds_is_absent_no_more() -> None:
    class Guest(BaseModel):
        name: str
        city: str = "unknown"

    text = json.dumps({"name": "Ada", "city": None})
    first = unsure(json.loads(text), **{'"city": null': -2.0})
    result = ask(first, Perfect({"name": "Ada", "city": "Ulm"}), target=Guest, document="Ada, Ulm")
    assert result.value.city == "Ulm"
    assert result.absent == frozenset()


def test_an_image_may_state_anything_and_the_context_counts_as_the_document() -> None:
    picture: Any = [
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}],
        }
    ]
    second = Perfect(GOLD)
    transport = ScriptedTransport(json.dumps(GOLD))
    seeing = Client("seeing", base_url="http://x/v1", transport=transport)
    assert ask(seeing, second, document=picture).escalations == ()
    first = ScriptedModel(json.dumps(changed(GOLD, buyer="Eve Inc")))
    assert ask(first, second, context="The buyer is always Eve Inc.").escalations == ()


def test_examples_are_cut_to_the_fields_that_are_asked_about() -> None:
    second = Perfect(GOLD)
    shown = changed(GOLD, number="Z-1")
    ask(
        ScriptedModel(json.dumps(changed(GOLD, number="Qxa"))),
        second,
        examples=[("Another order, Z-1.", Order(**shown))],
    )
    answers = [one["content"] for one in second.asked[0] if one["role"] == "assistant"]
    assert answers == ['{"number": "Z-1"}']


def test_a_time_limit_bounds_the_whole_cascade(monkeypatch: pytest.MonkeyPatch) -> None:
    second, clock, later = Perfect(GOLD), time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock() + later[0])

    class Slow(ScriptedModel):
        def generate(self, *args: Any, **more: Any) -> Answer:
            later[0] += 1000.0
            return super().generate(*args, **more)

    first = changed(GOLD, number="Qxa")
    result = ask(Slow(json.dumps(first)), second, total_timeout=500.0)
    assert result.value.number == "Qxa"
    assert second.asked == []
    assert "total_timeout" in (result.escalations[0].error or "")


# ---- calibrations and tuned files ------------------------------------------------------------


def test_a_calibration_is_about_one_model(tmp_path: Path) -> None:
    client = Client(cascade=[ScriptedModel("{}"), ScriptedModel("{}")])
    gold = [GoldRecord(key="a", document=DOCUMENT, value=Order(**GOLD))]
    with pytest.raises(ConfigurationError, match="A calibration is about one model"):
        calibrate(Order, gold, client=client, path=tmp_path / "c.json", journal=tmp_path / "j")


def test_a_tuned_file_sets_the_threshold_and_changes_no_question_to_further_models(
    tmp_path: Path,
) -> None:
    file = tmp_path / "order.tuned.json"
    tuned = Tuned(
        target="Order",
        schema=schema_fingerprint(target_of(Order).schema),
        model="scripted",
        changes={"cascade_below": {"/buyer": 0.3, "": 0.9}, "prompt": "line"},
    )
    save_tuned(file, tuned)
    first = unsure(GOLD, **{'"buyer": "Ada Ltd': -1.0, '"price": 4.25': -0.3})
    second = Perfect(GOLD)
    result = ask(first, second, tuned=file)
    assert list(result.escalations[0].fields) == ["/lines/1/price"]
    assert "cascade_below" in (result.tuned or "")
    assert first.asked[0][0]["content"].startswith("Extract from the text")
    assert not second.asked[0][0]["content"].startswith("Extract from the text")


def test_a_tuned_threshold_is_about_the_first_model_alone(tmp_path: Path) -> None:
    file = tmp_path / "order.tuned.json"
    tuned = Tuned(
        target="Order",
        schema=schema_fingerprint(target_of(Order).schema),
        model="scripted",
        changes={"cascade_below": {"/buyer": 0.95, "/number": 0.1}},
    )
    save_tuned(file, tuned)
    first = unsure(GOLD, **{'"buyer": "Ada Ltd': -0.1, '"number": "A-17': -1.0})
    second = unsure({"buyer": "Ada Ltd"}, **{'"buyer": "Ada Ltd': -0.1})
    second.name = "second"
    third = Perfect(GOLD)
    result = ask(first, second, third, tuned=file)
    assert [one.model for one in result.escalations] == ["second"]
    assert list(result.escalations[0].fields) == ["/buyer"]
    assert third.asked == []
    result = ask(first, second, third, cascade_below={"/buyer": 0.95, "/number": 0.1})
    assert [one.model for one in result.escalations] == ["second", "perfect"]


def test_a_turn_that_is_about_some_fields_heeds_their_thresholds() -> None:
    class Booking(BaseModel):
        name: str
        city: str

    first = unsure({"city": "Ulm"}, **{'"city": "Ulm': -0.2})
    second = Perfect({"city": "Ulm"})
    below = {"/name": 0.1, "/city": 0.95, "": 0.1}
    with Client(cascade=[first, second], cascade_below=below) as client:
        form = client.form(Booking, corrections=False)
        form.set("/name", "Ada")
        form.fill("I am from Ulm.")
        assert asked_fields(second.schemas[0]) == {"/city"}
        with pytest.raises(ConfigurationError, match="no place '/town'"):
            client.form(Booking, cascade_below={"/town": 0.5})


def test_a_form_asks_further_models_without_tuned_options(tmp_path: Path) -> None:
    class Booking(BaseModel):
        name: str
        city: str

    file = tmp_path / "booking.tuned.json"
    tuned = Tuned(
        target="Booking",
        schema=schema_fingerprint(target_of(Booking).schema),
        model="scripted",
        changes={"cascade_below": {"/name": 0.9, "": 0.1}, "prompt": "line"},
    )
    save_tuned(file, tuned)
    value = {"name": "Ada", "city": "Ulm"}
    first = unsure(value, **{'"name": "Ada': -0.2, '"city": "Ulm': -0.2})
    second = Perfect(value)
    with Client(cascade=[first, second], tuned=file) as client:
        client.form(Booking).fill("I am Ada from Ulm.")
    assert asked_fields(second.schemas[0]) == {"/name"}
    assert first.asked[0][0]["content"].startswith("Extract from the text")
    assert not second.asked[0][0]["content"].startswith("Extract from the text")
