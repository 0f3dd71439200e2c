"""A form keeps its promises in whatever order it is filled, set, locked, cleared, undone, saved."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import BaseModel, Field, model_validator

from structgen import Client, Form, validate
from structgen.documents.relax import Identity
from structgen.errors import FormIncompleteError
from structgen.forms.state import Entry, State
from tests.forms.speaking import SpeakingModel


class Dish(BaseModel):
    name: Annotated[str, Identity()]
    count: int | None = None


class Place(BaseModel):
    street: str
    town: str | None = None


class Order(BaseModel):
    guest: str = Field(min_length=1)
    people: Annotated[int, Field(ge=1, le=9)]
    table: int | None = None
    place: Place
    bill_to: Place | None = None
    dishes: list[Dish] = []
    notes: list[str] = []

    @model_validator(mode="after")
    def has_room(self) -> Order:
        if self.table is not None and self.table < self.people:
            raise ValueError("that table is too small")
        return self


words = st.sampled_from(["Ada", "tea", "cake", "Hill Road", "York"])
dishes = st.lists(
    st.fixed_dictionaries({"name": words, "count": st.integers(1, 3)}), min_size=1, max_size=2
)
stated: dict[str, st.SearchStrategy[Any]] = {
    "/guest": words,
    "/people": st.integers(1, 9),
    "/table": st.integers(1, 9),
    "/place/street": words,
    "/place/town": words,
    "/bill_to/street": words,
    "/bill_to/town": words,
    "/dishes": dishes,
    "/notes": st.lists(words, min_size=1, max_size=2),
}
paths = st.sampled_from([*stated, "/place", "/bill_to"])
said = st.fixed_dictionaries({}, optional=stated)
anything = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 12), words, st.just(""), dishes, st.just({})
)


class Forms(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.model = SpeakingModel()
        self.client = Client(self.model)
        self.form: Form[Order] = self.client.form(Order)
        self.before: list[State] = []

    def change(self) -> None:
        """What was, to be gone back to; the revision has to pass it."""
        self.before.append(self.form.state)
        self.revision = self.form.revision

    def changed(self) -> None:
        assert self.form.revision > self.revision

    def below(self, path: str) -> dict[str, Entry]:
        return {
            at: entry
            for at, entry in self.form.entries.items()
            if at == path or at.startswith(f"{path}/")
        }

    @rule(said=said, watch=st.booleans())
    def fill(self, said: dict[str, Any], watch: bool) -> None:
        self.change()
        was = self.form.state
        self.form._watch_locked = watch
        locked = {path for path, entry in was.entries.items() if entry.locked}
        self.model.said = (
            said if watch else {path: value for path, value in said.items() if path not in locked}
        )
        self.form.fill(f"I say: {', '.join(str(value) for value in said.values())}.")
        self.changed()
        for path, entry in was.entries.items():
            if entry.locked or path not in said:
                assert self.form.entries[path] == entry
        for path, value in self.model.said.items():
            if path not in locked:
                held = self.form.entries[path].value
                assert held == value or (
                    path == "/dishes" and {d["name"] for d in value} <= {d["name"] for d in held}
                )

    @rule(names=st.lists(st.sampled_from([*stated, "everything"]), min_size=1, max_size=3))
    def take_back(self, names: list[str]) -> None:
        self.change()
        was = self.form.state.entries
        free = {path for path, entry in was.items() if not entry.locked}
        self.form._watch_locked = False
        self.model.said = {"/cleared": [name for name in names if name in {*free, "everything"}]}
        self.form.fill("Forget about that.")
        self.changed()
        gone = free if "everything" in names else free & {*names}
        assert self.form.entries == {path: was[path] for path in was if path not in gone}

    @precondition(lambda self: self.notes() is not None)
    @rule(added=st.lists(words, max_size=2), removed=st.lists(words, max_size=2))
    def add_and_remove(self, added: list[str], removed: list[str]) -> None:
        self.change()
        was = list(self.notes() or [])
        self.form._watch_locked = False
        self.model.said = {"/notes": {"add": added, "remove": removed}}
        self.form.fill("Some more, some less.")
        self.changed()
        left = [note for note in was if note not in removed]
        new = dict.fromkeys(note for note in added if note not in left)  # equal ones are one
        assert (self.notes() or []) == [*left, *new]

    def notes(self) -> list[str] | None:
        """The notes, if a turn may change them."""
        entry = self.form.entries.get("/notes")
        is_free = entry is not None and not entry.locked and isinstance(entry.value, list)
        return entry.value if entry is not None and is_free else None

    @rule(path=st.sampled_from(list(stated)), value=anything)
    def set(self, path: str, value: Any) -> None:
        self.change()
        self.form.set(path, value)
        self.changed()
        assert self.form.entries[path] == Entry(value, locked=True)

    @rule(path=st.sampled_from(list(stated)), data=st.data())
    def set_as_it_should_be(self, path: str, data: st.DataObject) -> None:
        self.set(path, data.draw(stated[path]))

    @rule(path=paths, locked=st.booleans())
    def hold(self, path: str, locked: bool) -> None:
        self.change()
        (self.form.lock if locked else self.form.unlock)(path)
        self.changed()
        assert all(entry.locked == locked for entry in self.below(path).values())

    @rule(path=paths)
    def clear(self, path: str) -> None:
        self.change()
        self.form.clear(path)
        self.changed()
        assert not self.below(path)

    @precondition(lambda self: self.before)
    @rule()
    def undo(self) -> None:
        revision = self.form.revision
        assert self.form.undo()
        assert self.form.revision > revision
        assert self.form.state == self.before.pop()

    @rule()
    def save_and_load(self) -> None:
        loaded = Form.loads(Order, self.form.dumps(), client=self.client)
        assert loaded.dumps() == self.form.dumps()
        assert (loaded.state, loaded.data, loaded.revision) == (
            self.form.state,
            self.form.data,
            self.form.revision,
        )
        self.form = loaded

    @invariant()
    def quotes_stand_where_they_say(self) -> None:
        for entry in self.form.entries.values():
            for quote in entry.quotes:
                assert self.form.turns[quote.turn].text[quote.start : quote.end] == quote.quote

    @invariant()
    def what_is_complete_is_valid_and_what_is_not_says_why(self) -> None:
        question = self.form.next_question()
        try:
            order = self.form.complete()
        except FormIncompleteError as error:
            assert error.missing or error.invalid
            assert (error.missing, error.invalid) == (self.form.missing, self.form.invalid)
            assert question is not None
        else:
            assert validate(Order, Order.model_dump(order, mode="json")) == order
            assert not self.form.missing
            assert not self.form.invalid
            assert question is None

    @invariant()
    def conflicts_are_of_what_is_held(self) -> None:
        for conflict in self.form.conflicts:
            assert conflict.held == self.form.entries[conflict.path]
            assert conflict.other.value != conflict.held.value


TestForms = pytest.mark.slow(Forms.TestCase)
TestForms.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
