"""Names on the wire are one of the changes that tune tries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from structgen import Client
from structgen.errors import ConfigurationError, SchemaError
from structgen.extraction.tuned import changes_text
from structgen.options import Options
from structgen.schema.target import target_of
from structgen.tuning.run import estimate_tuning, tune
from structgen.tuning.wire_names import proposed_names
from structgen.values import Message

from .models import Person, RuledModel, gold

NAMES = {"/age": "age_in_years"}


class Line(BaseModel):
    amt: float = Field(description="The amount, VAT included.")
    qty: int = Field(title="Quantity")


class Invoice(BaseModel):
    total: float = Field(title="Invoice total in EUR", description="total")
    lines: list[Line]
    note: Annotated[str, Field(description="Anything at all that one may want to say")] = ""
    amount: float = Field(0, description="Total")


def test_names_are_proposed_of_titles_and_of_descriptions() -> None:
    titles, descriptions = proposed_names(target_of(Invoice))
    assert titles == {"/total": "invoice_total_in_eur", "/lines/*/qty": "quantity"}
    # "total" is the own name of another field, and a sentence is no name.
    assert descriptions == {"/lines/*/amt": "amount"}


def test_a_target_that_says_nothing_has_no_proposals() -> None:
    assert proposed_names(target_of(Person)) == []


def knows_ages_in_years(number: int, messages: Sequence[Message], options: Options) -> bool:
    return "age_in_years" in json.dumps(messages)


def test_names_that_help_are_kept_in_the_file_and_used(tmp_path: Path) -> None:
    class Named(RuledModel):
        def generate(self, *given: Any) -> Any:
            answer = super().generate(*given)
            text = answer.text or ""
            if "age_in_years" in json.dumps(given[0]):
                text = text.replace('"age"', '"age_in_years"')
            return type(answer)(text=text, finish_reason="stop", model=self.name)

    path = tmp_path / "person.tuned.json"
    client = Client(Named(knows_ages_in_years), max_reasks=0)
    found = tune(
        Person,
        gold(24),
        client=client,
        path=path,
        journal=tmp_path / "answers",
        try_wire_names=[NAMES],
        prompt="fields",
        examples=(),
    )
    assert found.is_better
    assert found.tuned.changes["wire_names"] == NAMES
    result = client.extract_result(Person, "Person number 3.", tuned=path)
    assert result.value == Person(name="P3", age=3)
    assert "age_in_years" in (result.tuned or "")


def test_names_that_the_user_sets_stay() -> None:
    client = Client(RuledModel(lambda *given: True))
    free = estimate_tuning(Person, gold(16), client=client, try_wire_names=[NAMES])
    assert changes_text({"wire_names": NAMES}) in free.candidates
    fixed = estimate_tuning(
        Person, gold(16), client=client, try_wire_names=[NAMES], wire_names={"/name": "who"}
    )
    assert not any("wire_names" in one for one in fixed.candidates)


@pytest.mark.parametrize(
    ("names", "error"),
    [
        ({"/agee": "x"}, ConfigurationError),
        ({"/age": "name"}, SchemaError),
        ({"/age": ""}, ConfigurationError),
    ],
)
def test_names_that_cannot_be_are_an_error(names: dict[str, str], error: type[Exception]) -> None:
    client = Client(RuledModel(lambda *given: True))
    with pytest.raises(error):
        estimate_tuning(Person, gold(16), client=client, try_wire_names=[names])


def test_a_long_table_is_told_in_short_and_told_apart() -> None:
    one = {f"/field{n}": f"name{n}" for n in range(50)}
    other = {**one, "/field49": "another"}
    texts = {changes_text({"wire_names": names}) for names in (one, other)}
    assert len(texts) == 2
    assert all(len(text) < 200 for text in texts)
