"""What people say about what a form holds already: take back, start over, add, remove, and say
things that do not fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from structgen import Client, Form, Identity, Verbatim
from structgen.errors import FormChangedError, InputError
from structgen.forms import Step
from structgen.testing import ScriptedModel
from tests.forms.speaking import SpeakingModel


class Dish(BaseModel):
    name: Annotated[str, Identity()]
    count: int | None = None


class Visit(BaseModel):
    guest: str
    people: Annotated[int, Field(ge=1, le=12)] = 2
    day: Literal["Friday", "Saturday"] | None = None
    phone: str | None = None
    outdoors: bool = False
    allergies: list[str] = []
    dishes: list[Dish] = []


class Talk:
    """A form, and a model that says what a test wants."""

    def __init__(self, target: Any = Visit, **options: Any) -> None:
        self.model = SpeakingModel()
        self.form: Form[Any] = Client(self.model).form(target, **options)

    def say(self, text: str, said: Mapping[str, Any]) -> Step:
        self.model.said = {f"/{name}": value for name, value in said.items()}
        return self.form.fill(text)


def written(target: Any, answer: Any, **options: Any) -> Form[Any]:
    """A form whose model writes this, whatever it is asked."""
    return Client(ScriptedModel(json.dumps(answer)), max_reasks=0, **options).form(target)


def test_a_value_out_of_bounds_is_a_problem_of_its_field() -> None:
    talk = Talk()
    talk.say("I'm Anna, we are 20, on Friday", {"guest": "Anna", "people": 20, "day": "Friday"})
    assert talk.form.data == {"guest": "Anna", "people": 20, "day": "Friday"}
    assert [fault.path for fault in talk.form.invalid] == ["/people"]
    assert "at most 12" in str(talk.form.next_question())
    talk.say("Ten, then.", {"people": 10})
    assert talk.form.complete().people == 10


def test_a_value_of_a_wrong_kind_is_a_problem_of_its_field() -> None:
    form = written(Visit, {"guest": "Anna", "people": "a dozen or so", "day": "Friday"})
    form.fill("I'm Anna, a dozen or so, on Friday")
    assert form.data["guest"] == "Anna"
    assert form.data["day"] == "Friday"
    assert [fault.path for fault in form.invalid] == ["/people"]
    assert len(form.turns) == 1


def test_a_member_that_nobody_asked_for_is_left_out() -> None:
    form = written(Visit, {"guest": "Anna", "shoe_size": 38})
    form.fill("I'm Anna.")
    assert form.entries.keys() == {"/guest"}
    locked = written(Visit, {"guest": "Bob", "people": 3})
    locked.set("/guest", "Anna")
    locked.fill("Bob and two others.")
    assert {path: entry.value for path, entry in locked.entries.items()} == {
        "/guest": "Anna",
        "/people": 3,
    }


def test_what_is_said_empties_a_field() -> None:
    talk = Talk()
    talk.say("Nuts and soy. 555 1234.", {"allergies": ["nuts", "soy"], "phone": "555 1234"})
    step = talk.say("Remove my phone number.", {"cleared": ["/phone"]})
    assert step.entries == {"/phone": None}
    assert [entry.value for entry in talk.form.history("/phone")] == ["555 1234"]
    talk.say("No allergies after all.", {"allergies": []})
    assert talk.form.entries == {}


def test_nobody_asks_to_empty_what_is_empty() -> None:
    talk = Talk(corrections=False)
    talk.say("Anna.", {"guest": "Anna"})
    assert "cleared" not in talk.model.schemas[-1]["properties"]
    talk.say("Two.", {"people": 2})
    assert "cleared" not in talk.model.schemas[-1]["properties"]


def test_a_null_is_meant_if_other_fields_are_left_out() -> None:
    form = written(Visit, {"phone": None})
    form.set("/phone", "555")
    form.unlock("/phone")
    form.fill("Forget my number.")
    assert form.entries == {}
    every = written(Visit, dict.fromkeys(Visit.model_fields))
    every.set("/phone", "555")
    every.unlock("/phone")
    every.fill("Hello?")
    assert every.entries.keys() == {"/phone"}


def test_what_is_said_starts_over() -> None:
    talk = Talk()
    talk.say("Anna, five, Friday.", {"guest": "Anna", "people": 5, "day": "Friday"})
    talk.form.lock("/day")
    talk.say("Let us start over. For Bob.", {"cleared": ["everything"], "guest": "Bob"})
    assert {path: entry.value for path, entry in talk.form.entries.items()} == {
        "/guest": "Bob",
        "/day": "Friday",
    }
    talk.form.undo()
    assert talk.form.entries["/people"].value == 5


def test_a_field_may_have_the_name_that_empties() -> None:
    class Cheque(BaseModel):
        cleared: bool | None = None
        payee: str | None

    talk = Talk(Cheque)
    talk.say("It is cleared, to Anna.", {"cleared": True, "payee": "Anna"})
    talk.say("Not to Anna.", {"cleared_fields": ["/payee"]})
    assert talk.form.data["cleared"] is True
    assert talk.form.data["payee"] is None


def test_items_are_added_and_removed() -> None:
    talk = Talk()
    talk.say("Nuts and soy.", {"allergies": ["nuts", "soy"]})
    step = talk.say("Also milk.", {"allergies": {"add": ["milk"], "remove": None}})
    entry = step.entries["/allergies"]
    assert entry is not None
    assert (entry.value, entry.supported) == (["nuts", "soy", "milk"], True)
    assert [quote.quote for quote in entry.quotes if quote.turn == 1] == ["milk"]
    talk.say("No Soy.", {"allergies": {"add": None, "remove": ["Soy"]}})
    assert talk.form.data["allergies"] == ["nuts", "milk"]
    talk.say("Milk, as I said.", {"allergies": {"add": ["Milk"], "remove": None}})
    assert talk.form.data["allergies"] == ["nuts", "milk"]
    talk.say("Only eggs.", {"allergies": ["eggs"]})
    assert talk.form.data["allergies"] == ["eggs"]
    talk.say("No eggs.", {"allergies": {"add": None, "remove": ["eggs"]}})
    assert "/allergies" not in talk.form.entries


class Choices(BaseModel):
    name: str | None = None
    tags: list[str] | None = None
    drinks: Annotated[list[str], Field(max_length=5, description="to drink")] | None = None


def test_items_are_added_to_a_list_that_may_be_null() -> None:
    talk = Talk(Choices)
    talk.say("Red, and tea.", {"tags": ["red"], "drinks": ["tea"]})
    change = {"add": ["blue"], "remove": None}
    talk.say("Also blue, no tea.", {"tags": change, "drinks": {"add": None, "remove": ["Tea"]}})
    assert talk.form.data == {"tags": ["red", "blue"]}


def test_items_are_added_to_an_empty_list() -> None:
    form = written(Visit, {"allergies": {"add": ["milk", "Milk", "soy"]}, "guest": "Ann"})
    form.fill("I am Ann. Also milk and soy.")
    assert form.data == {"allergies": ["milk", "soy"], "guest": "Ann"}
    form = written(Visit, {"allergies": {"remove": ["milk"]}, "guest": "Ann"})
    form.fill("I am Ann. No milk.")
    assert form.data == {"guest": "Ann"}


def test_half_of_a_character_is_no_loss_of_the_form() -> None:
    """A program that cuts a text in UTF-16 leaves half of an emoji."""
    talk = Talk()
    talk.say("Anna here \ud83d", {"guest": "Anna"})
    with pytest.raises(InputError):
        talk.form.set("/phone", "\ud83d")
    again = Form.loads(Visit, talk.form.dumps(), client=Client(talk.model))
    assert again.data == {"guest": "Anna"}
    nothing: Any
    for nothing in (None, 5):
        with pytest.raises(InputError):
            Form.loads(Visit, nothing, client=Client(talk.model))


def test_items_with_identity_are_removed_by_it() -> None:
    talk = Talk()
    talk.say("Two teas, a cake.", {"dishes": [{"name": "tea", "count": 2}, {"name": "cake"}]})
    talk.say(
        "Three teas, no cake.",
        {"dishes": {"add": [{"name": "Tea", "count": 3}], "remove": [{"name": "cake"}]}},
    )
    assert talk.form.data["dishes"] == [{"name": "Tea", "count": 3}]


def test_a_value_without_support_is_marked() -> None:
    talk = Talk()
    talk.say("Hello, what is on the menu?", {"guest": "Miss Fish", "people": 4, "outdoors": True})
    supported = {path: entry.supported for path, entry in talk.form.entries.items()}
    assert supported == {"/guest": False, "/people": False, "/outdoors": None}
    talk.say("For anna  SMITH, 5 of us", {"guest": "Anna Smith", "people": 5})
    assert talk.form.entries["/guest"].supported
    assert talk.form.entries["/people"].supported
    talk.say("There are seven of us", {"people": 7})
    assert talk.form.entries["/people"].supported
    talk.model.said = {"/phone": "555 1234"}
    talk.form.fill("Yes, that one.", asked="Is it still 555 1234?")
    assert talk.form.entries["/phone"].supported


def test_the_user_agrees_to_a_correction_by_going_on() -> None:
    talk = Talk()
    talk.say("Two.", {"people": 2})
    talk.say("No, three.", {"people": 3})
    assert [one.path for one in talk.form.conflicts] == ["/people"]
    talk.say("On Friday.", {"day": "Friday"})
    assert not talk.form.conflicts


def test_a_value_that_has_to_be_in_the_words_takes_no_other_with_it() -> None:
    class Booking(BaseModel):
        guest: Annotated[str, Verbatim()]
        people: int

    talk = Talk(Booking, max_reasks=0)
    step = talk.say("Four of us.", {"guest": "Anna", "people": 4})
    assert step.unsupported == ("/guest",)
    assert talk.form.data == {"people": 4}


# ---- saved -----------------------------------------------------------------------------------


def test_an_edited_form_is_told() -> None:
    talk = Talk()
    talk.say("Anna, 5 of us.", {"guest": "Anna", "people": 5})
    edited = talk.form.dumps().replace('"value":5', '"value":7')
    with pytest.raises(FormChangedError, match="edited"):
        Form.loads(Visit, edited, client=Client(talk.model))


def test_renamed_fields_keep_their_values() -> None:
    class Place(BaseModel):
        town: str | None = None

    class Before(BaseModel):
        name: str
        place: Place = Place()

    class After(BaseModel):
        guest: str
        home: Place = Place()

    talk = Talk(Before)
    talk.form.set("/name", "Anna")
    talk.form.set("/place/town", "York")
    moved = Form.loads(
        After,
        talk.form.dumps(),
        client=Client(talk.model),
        migrate=True,
        renamed={"/name": "/guest", "/place": "/home"},
    )
    assert moved.complete() == After(guest="Anna", home=Place(town="York"))
    assert moved.dropped == ()


def test_two_fields_do_not_become_one() -> None:
    class Before(BaseModel):
        name: str
        guest: str

    client = Client(SpeakingModel())
    form = client.form(Before)
    form.set("/name", "Ann")
    form.set("/guest", "Bob")
    text = form.dumps()
    for renamed in ({"/name": "/guest"}, {"/name": "/phone", "/guest": "/phone"}):
        with pytest.raises(InputError, match="has /guest and /name at one path") as caught:
            Form.loads(Visit, text, client=client, migrate=True, renamed=renamed)
        assert "out of `renamed`" in str(caught.value.hint)
    kept = Form.loads(Visit, text, client=client, migrate=True)
    assert kept.data == {"guest": "Bob"}
    assert [(one.path, one.value) for one in kept.dropped] == [("/name", "Ann")]


def test_a_long_conversation_stays_small() -> None:
    talk = Talk()
    talk.say(f"Anna here. {'So to say. ' * 50_000}", {"guest": "Anna"})
    talk.form.set("/day", "Friday")
    for number in range(500):
        talk.say(f"We are {number % 12 + 1} now.", {"people": number % 12 + 1})
    form = talk.form
    assert len(form.dumps()) < 100_000
    for entry in form.entries.values():
        for quote in entry.quotes:
            assert form.turns[quote.turn].text[quote.start : quote.end] == quote.quote
    assert {path: entry.value for path, entry in form.entries.items()} == {
        "/guest": "Anna",
        "/day": "Friday",
        "/people": 8,
    }
    again = Form.loads(Visit, form.dumps(), client=Client(talk.model))
    assert again.state == form.state
    while form.undo():
        pass
    assert form.entries["/guest"].value == "Anna"
    longest = max(len(str(message["content"])) for message in talk.model.asked[3])
    assert longest < 10_000
