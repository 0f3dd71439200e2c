"""Notes that say the same of several places are told once, with a count and the places."""

from __future__ import annotations

from pydantic import BaseModel, Field

import structgen
from structgen.results import Guarantee
from structgen.testing import AnyModel
from structgen.types import Note, folded_notes


class Line(BaseModel):
    what: str
    code: str = Field("a-1", pattern="^[a-z]+-[0-9]+$")
    price: float = 0.0


class Order(BaseModel):
    number: int = 0
    buyer: str = ""
    day: str = ""
    lines: list[Line] = []


def test_what_several_places_share_is_one_line_with_a_count() -> None:
    notes = structgen.compile_schema(Order, "openai-strict").notes
    (folded,) = [one for one in folded_notes(notes) if one.detail.startswith("null if")]
    assert set(folded.paths) == {
        "/properties/number",
        "/properties/buyer",
        "/properties/day",
        "/properties/lines",
        "/$defs/Line/properties/code",
        "/$defs/Line/properties/price",
    }
    assert str(folded) == (
        "6 places (/properties/number, /properties/buyer, /properties/day and 3 more): "
        "required rewritten: null if the text does not state it"
    )


def test_a_note_of_one_place_reads_as_before_and_order_is_kept() -> None:
    notes = (
        Note("/a", "pattern", "checked", "one"),
        Note("/b", "required", "rewritten", "two"),
        Note("/a", "pattern", "checked", "one"),
    )
    assert [str(one) for one in folded_notes(notes)] == [str(notes[0]), str(notes[1])]


def test_plan_and_result_fold_their_notes() -> None:
    client = structgen.Client(AnyModel())
    folded = list(map(str, folded_notes(client.plan(Order, "some text").notes)))
    plan = client.plan(Order, "some text").to_dict()
    result = client.extract_result(Order, "some text")
    assert plan["notes"] == result.to_dict()["notes"] == folded
    assert len(folded) < len(result.notes)


def test_a_guarantee_counts_the_places_that_the_check_holds() -> None:
    checked = [Note(f"/{name}", "pattern", "checked", name) for name in "abc"]
    checked.append(Note("/d", "format", "checked", "d"))
    text = str(Guarantee(by="server", engine="x", checked=tuple(checked)))
    assert text.endswith("by the check alone: pattern at 3 places, format at /d")
