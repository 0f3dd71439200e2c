"""Law 5 under the rules: nothing that a stream shows as done is another value in the end."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field

from structgen.answer.draft import Draft
from structgen.answer.partial import Partial
from structgen.answer.read import read_answer
from structgen.answer.unstated import Rules
from structgen.schema.compiler import compile_schema
from structgen.schema.subset import SUBSETS
from structgen.schema.target import target_of
from structgen.values import Answer
from tests.laws.test_law_5 import agrees

TEXT = "Ada lives in Rome; the code null is 5."
WORDS = st.sampled_from(["Ada", "Rome", "Zed", "Zed Zed", "none", "", "null", "5"])


class Part(BaseModel):
    note: str | None
    town: str | None = "Paris"
    maiden: str = "Smith"
    either: int | str | None = None


class Whole(BaseModel):
    category: str | None
    category_of: dict[str, str | None]
    tags: list[str] = Field(description="The names of towns, copied.")
    pair: tuple[str, str | None]
    rows: list[list[str]]
    parts: list[Part]
    one: Part | list[str | None] | None = None
    label: str | int = "none at all"


def shout(value: str | None) -> str | None:
    if value is None:
        raise ValueError
    return value.upper()


class Checked(BaseModel):
    loud: Annotated[str | None, AfterValidator(shout)]
    one: Part | list[str | None] | None = None


PARTS = st.builds(Part, note=st.none() | WORDS, town=st.none() | WORDS, maiden=WORDS, either=WORDS)
ONES = st.none() | PARTS | st.lists(st.none() | WORDS, max_size=2)
WHOLES = st.builds(
    Whole,
    category=st.none() | WORDS,
    category_of=st.dictionaries(st.sampled_from(["label", "town"]), WORDS),
    tags=st.lists(WORDS, max_size=3),
    pair=st.tuples(WORDS, st.none() | WORDS),
    rows=st.lists(st.lists(WORDS, max_size=3), max_size=2),
    parts=st.lists(PARTS, max_size=2),
    one=ONES,
    label=WORDS,
)
CHECKED = st.builds(Checked, loud=WORDS, one=ONES)


@given(st.sampled_from(sorted(SUBSETS)), WHOLES | CHECKED, st.booleans(), st.data())
def test_closed_parts_are_those_of_the_final_value(
    subset: str, value: Whole | Checked, as_schema: bool, data: st.DataObject
) -> None:
    target = target_of(type(value))
    written: Any = value
    if as_schema:
        target, written = target_of(target.schema), target.dump(value)
    it, rules = compile_schema(target, subset), Rules(target, TEXT)
    text = json.dumps(it.encode(written))
    final = read_answer(Answer(text=text, finish_reason="stop"), it, rules=rules).value
    draft: Draft[Any] = Draft(it, rules=rules)
    cuts = data.draw(st.sets(st.integers(1, len(text)), max_size=12))
    for start, end in pairwise([0, *sorted(cuts), len(text)]):
        draft.feed(text[start:end].encode())
        shown = Partial(draft).value
        assert agrees(shown, final, removed=True), (shown, final)


@pytest.mark.parametrize("subset", sorted(SUBSETS))
def test_the_own_name_of_a_field_says_whether_it_is_a_label(subset: str) -> None:
    it = compile_schema(Whole, subset)
    rules = Rules(it.target, TEXT)
    draft: Draft[Whole] = Draft(it, rules=rules)
    value = Whole(category="Zed", category_of={}, tags=[], pair=("", None), rows=[], parts=[])
    text = json.dumps(it.encode(value))
    draft.feed(text[: text.index("category_of")].encode())
    assert Partial(draft).value.category == "Zed"


class Table(BaseModel):
    rows: list[list[str]]
    gaps: list[list[str | None]]


def test_the_cells_of_a_row_keep_their_columns() -> None:
    row = ["Ada", "", "Rome"]
    ruled = Rules(target_of(Table), TEXT).apply({"rows": [row], "gaps": [row]})
    assert ruled.data == {"rows": [row], "gaps": [["Ada", None, "Rome"]]}
    assert [one.path for one in ruled.removed] == ["/gaps/0/1"]
