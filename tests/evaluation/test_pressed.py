"""Where the schema pressed: in the figures of a run, in its file and on its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.evaluation.gold import GoldRecord
from structgen.evaluation.page import page_of_evaluation, page_of_results
from structgen.evaluation.result import Evaluation
from structgen.evaluation.run import evaluate, score
from structgen.schema.target import target_of
from structgen.testing import ScriptedModel
from structgen.types import Answer


class Order(BaseModel):
    drink: str
    quantity: int


ORDER = target_of(Order)
NAMES = ("pressed", "pressed_right", "pressure_auroc")


def run(*pressures: dict[str, float] | None) -> Evaluation:
    """Record n says that one was ordered; in truth n + 1 were."""
    gold, answers = [], []
    for n, pressure in enumerate(pressures):
        document, right = f"{n + 1} teas", {"drink": "tea", "quantity": n + 1}
        gold.append(GoldRecord(key=str(n), document=document, value=right))
        answer: dict[str, Any] = {"key": str(n), "value": {"drink": "tea", "quantity": 1}}
        answers.append({**answer, "error": None, "pressure": pressure})
    return score(ORDER, gold, answers, model="m")


def test_pressure_tells_wrong_values_from_right_ones() -> None:
    told = run({}, {"/quantity": 0.9}, {"/quantity": 0.6, "/drink": 0.1})
    # Two of six values are wrong and were pressed harder than all right ones.
    figures = [told.figures[name] for name in NAMES]
    assert figures == [pytest.approx(2 / 6), 0.0, 1.0]
    assert told.pressed.fields == [("/quantity", 2)]
    assert (
        "pressed by the schema: 33.3% of the answered values (/quantity 2), 0 of these 2 right"
        in told.headline()
    )


def test_pressure_on_right_values_is_not_held_against_them() -> None:
    told = run({"/drink": 0.9, "/quantity": 0.9}, {"/drink": 0.05})
    assert told.figures["pressed_right"] == 1.0
    # The wrong one was not pressed; of the right ones all were.
    assert told.figures["pressure_auroc"] == 0.0


@pytest.mark.parametrize("pressure", [None, {}])
def test_a_run_that_tells_of_no_pressure_has_no_figure_of_it(pressure: Any) -> None:
    told = run(pressure, pressure)
    assert [told.figures[name] for name in NAMES] == [None, None, None]
    assert not any("pressed" in line for line in told.headline())


def test_a_saved_run_keeps_its_pressure(tmp_path: Path) -> None:
    told = run({}, {"/quantity": 0.9})
    told.save(tmp_path / "run.json")
    again = Evaluation.load(tmp_path / "run.json")
    assert again.figures == told.figures
    assert again.headline() == told.headline()


def test_pressure_comes_from_the_results_of_a_model(tmp_path: Path) -> None:
    text = '{"drink": "tea", "quantity": 1}'
    model = ScriptedModel(Answer(text=text, finish_reason="stop", pressure={"/quantity": 0.8}))
    gold = [GoldRecord(key="a", document="2 teas", value={"drink": "tea", "quantity": 2})]
    told = evaluate(Order, gold, client=Client(model), journal=tmp_path / "journal")
    assert told.pressed.fields == [("/quantity", 1)]


def leaves_on(page: Any) -> list[Any]:
    return [leaf[7] for record in page._data()["records"] for leaf in record["leaves"]]


def test_the_page_shows_the_pressure_on_each_value() -> None:
    assert leaves_on(page_of_evaluation(run({"/quantity": 0.9}))) == [None, 0.9]
    row = {"key": "a", "value": {"drink": "tea"}, "error": None, "pressure": {"/drink": 0.7}}
    assert leaves_on(page_of_results([row])) == [0.7]


def test_a_result_in_a_notebook_shows_the_pressure() -> None:
    text = '{"drink": "tea", "quantity": 1}'
    answer = Answer(text=text, finish_reason="stop", pressure={"/quantity": 0.8})
    shown = Client(ScriptedModel(answer)).extract_result(Order, "2 teas")._repr_html_()
    assert "<th>pressure</th>" in shown
    assert "0.80" in shown
