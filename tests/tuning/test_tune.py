"""Tuning keeps what is better beyond noise, within its budget, and asks nothing twice."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from structgen import Client, tune
from structgen.calibration.saved import load
from structgen.errors import ConfigurationError, EngineError, InputError, JobStoppedError
from structgen.evaluation.gold import GoldRecord
from structgen.extraction.tuned import load_tuned
from structgen.options import Options
from structgen.providers import Price
from structgen.testing.any_model import AnyModel
from structgen.testing.scripted import ScriptedTransport
from structgen.tuning import Tuning, estimate_tuning
from structgen.tuning.schedule import FEWEST, most_of, rungs_of
from structgen.values import Answer, Json, JsonSchema, Message, Request
from tests.tuning.models import Person, RuledModel, gold, learns, never_learns, noise


def tuned_by(model: RuledModel, folder: Path, **given: Any) -> Tuning:
    """Tune into `p.tuned.json`."""
    folder.mkdir(exist_ok=True)
    with Client(model) as client:
        return tune(
            Person,
            given.pop("records", gold(24)),
            client=client,
            path=folder / "p.tuned.json",
            journal=folder / "answers",
            **given,
        )


def test_a_model_that_learns_from_examples_is_shown_some(tmp_path: Path) -> None:
    model = RuledModel(learns)
    found = tuned_by(model, tmp_path)
    assert found.is_better
    assert found.tuned.changes.keys() & {"nearest_examples", "fixed_examples"}
    assert found.gain is not None
    assert found.gain.after == 1
    assert found.gain.interval.low > 0
    assert [one.after for one in found.winners] == [1, 1]
    [saved] = load_tuned(tmp_path / "p.tuned.json")
    assert saved.changes == found.tuned.changes
    assert [one.text for one in saved.examples] == [one.text for one in found.tuned.examples]


def test_if_nothing_helps_the_default_is_kept(tmp_path: Path) -> None:
    found = tuned_by(RuledModel(never_learns), tmp_path)
    assert not found.is_better
    assert "nothing beats them" in found.lines()[0]
    [saved] = load_tuned(tmp_path / "p.tuned.json")
    assert saved.changes == {}
    assert saved.examples == ()


def test_noise_is_hardly_ever_taken_for_a_gain(tmp_path: Path) -> None:
    better = [
        tuned_by(RuledModel(noise(seed)), tmp_path / str(seed)).is_better for seed in range(5)
    ]
    assert sum(better) <= 1


def test_no_candidate_is_shown_a_record_that_it_is_judged_on(tmp_path: Path) -> None:
    model = RuledModel(learns)
    tuned_by(model, tmp_path)
    for said in model.said:
        numbers = re.findall(r"Person number (\d+)", said)
        assert numbers.count(numbers[-1]) == 1


def test_what_helps_the_half_that_chose_it_alone_is_not_taken(tmp_path: Path) -> None:
    records = sorted(gold(24), key=lambda one: one.key)
    random.Random(0).shuffle(records)
    first = {int(one.key[1:]) for one in records[:12]}

    def rule(n: int, messages: Sequence[Message], options: Options) -> bool:
        return len(messages) > 2 and n in first

    found = tuned_by(RuledModel(rule), tmp_path)
    assert [one.name != "the defaults" for one in found.winners] == [True, False]
    assert found.gain is not None
    assert found.gain.after == found.gain.before
    assert not found.is_better


# ---- interrupted and resumed, seeds -------------------------------------------------------------


class Breaking(RuledModel):
    """A model that is gone after some answers."""

    def __init__(self, left: int) -> None:
        super().__init__(learns)
        self.left = left

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        if self.left <= 0:
            raise EngineError("The engine is gone.")
        self.left -= 1
        return super().generate(messages, schema, options, document)


def test_resumed_it_asks_nothing_twice_and_ends_the_same(tmp_path: Path) -> None:
    whole = RuledModel(learns)
    tuned_by(whole, tmp_path / "whole")
    asked: list[str] = []
    for left in (7, 40, 1000):
        model = Breaking(left)
        try:
            tuned_by(model, tmp_path / "parts", concurrency=1)
        except EngineError:
            assert not (tmp_path / "parts" / "p.tuned.json").exists()
        asked += model.said
    assert sorted(asked) == sorted(whole.said)
    files = [tmp_path / name / "p.tuned.json" for name in ("whole", "parts")]
    assert files[0].read_bytes() == files[1].read_bytes()
    again = RuledModel(learns)
    tuned_by(again, tmp_path / "parts")
    assert not again.said
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_order_of_the_gold_plays_no_part_and_the_seed_does(tmp_path: Path) -> None:
    texts = []
    for name, records, seed in (("a", gold(24), 1), ("b", gold(24)[::-1], 1), ("c", gold(24), 2)):
        tuned_by(RuledModel(learns), tmp_path / name, records=records, tuning_seed=seed)
        texts.append((tmp_path / name / "p.tuned.json").read_bytes())
    assert texts[0] == texts[1] != texts[2]


# ---- budgets ------------------------------------------------------------------------------------


class Stumbling(RuledModel):
    """A model whose first answer to every question is invalid."""

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        if "Person number" in str(messages[-1]["content"]):
            self.said.append("a question")
            return Answer(text="{}", finish_reason="stop", model=self.name)
        return super().generate(messages[:-2], schema, options, document)


@pytest.mark.parametrize("most", [200, 400, 1000])
@pytest.mark.parametrize("model", [RuledModel, Stumbling], ids=["plain", "stumbling"])
def test_it_stays_within_its_calls(most: int, model: type[RuledModel], tmp_path: Path) -> None:
    asked = model(learns)
    found = tuned_by(asked, tmp_path, max_calls=most)
    assert len(asked.said) == found.calls <= most
    assert found.left_out or most == 1000


class Wide(BaseModel):
    a: str
    b: str
    c: str
    d: str


class Small(AnyModel):
    """A model whose context takes no long document."""

    context = 1500


def wide_gold(*sizes: int) -> list[GoldRecord]:
    value = dict.fromkeys("abcd", "amber")
    return [
        GoldRecord(
            key=f"k{n}", document=" ".join(f"amber {n}.{i}" for i in range(size)), value=value
        )
        for n, size in enumerate(sizes)
    ]


@pytest.mark.parametrize(
    ("call", "sizes"),
    [({"samples": 3}, [1] * 16), ({"split": 2}, [1] * 16), ({}, [1, 900, 1, 1800] * 4)],
    ids=["samples", "parts", "chunks"],
)
@pytest.mark.parametrize("most", [None, 400])
def test_every_question_about_a_record_counts(
    call: dict[str, Any], sizes: list[int], most: int | None, tmp_path: Path
) -> None:
    """Samples that the user sets, parts of a wide record, chunks of a long document."""
    model = Small()
    records = wide_gold(*sizes)
    with Client(model, max_reasks=0) as client:
        given: dict[str, Any] = {"client": client, "max_calls": most, **call}
        estimate = estimate_tuning(Wide, records, **given)
        path, journal = tmp_path / "p.tuned.json", tmp_path / "answers"
        found = tune(Wide, records, path=path, journal=journal, **given)
    assert found.calls == len(model.asked) <= min(estimate.calls, most or estimate.calls)
    assert found.calls > 3 * 16


@pytest.mark.parametrize(("temperature", "votes"), [(0, False), (0.7, True), (None, True)])
def test_alike_answers_are_not_voted_on(temperature: float | None, votes: bool) -> None:
    options: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
    with Client(RuledModel(learns)) as client:
        estimate = estimate_tuning(Person, gold(24), client=client.with_options(**options))
    assert ("samples=3" in estimate.candidates) == votes


def test_a_budget_without_room_is_an_error_that_says_what_is_needed(tmp_path: Path) -> None:
    model = RuledModel(learns)
    with pytest.raises(ConfigurationError, match=r"no room for a single candidate.*\d+ calls"):
        tuned_by(model, tmp_path, max_calls=100)
    assert not model.said


def test_when_the_time_is_over_it_stops_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(JobStoppedError, match="seconds are over") as stopped:
        tuned_by(RuledModel(learns), tmp_path, max_seconds=0)
    assert "asks nothing twice" in str(stopped.value.hint)
    assert not (tmp_path / "p.tuned.json").exists()


def test_it_stays_within_its_money(tmp_path: Path) -> None:
    def reply(request: Request) -> str:
        n = re.findall(rb"Person number (\d+)", request.body)[-1].decode()
        return json.dumps({"name": f"P{n}", "age": int(n)})

    transport = ScriptedTransport(reply)
    price = Price(provider="vllm", input=1000, output=1000)  # 12 tokens an answer: 1.2 cents
    with Client("vllm:m", base_url="http://s/v1", transport=transport, prices=[price]) as client:
        common: dict[str, Any] = {"client": client, "max_cost": 20.0}
        estimate = estimate_tuning(Person, gold(24), **common)
        assert estimate.cost is not None
        assert estimate.cost <= 20
        assert estimate.left_out
        path, journal = tmp_path / "p.tuned.json", tmp_path / "answers"
        found = tune(Person, gold(24), path=path, journal=journal, **common)
    assert found.cost is not None
    assert 0 < found.cost <= 20
    assert found.calls == len(transport.requests) <= estimate.calls


@given(st.integers(0, 40), st.integers(8, 500))
def test_the_halving_ends_on_all_records_with_the_finalists(candidates: int, records: int) -> None:
    rungs = rungs_of(candidates, records)
    sizes = [one.records for one in rungs]
    assert sizes == sorted(sizes)
    assert not candidates or sizes[-1] == records
    assert all(size >= min(records, FEWEST) for size in sizes)
    asked = most_of([1.0] * candidates, 1.0, 1.0, records, records)
    assert asked <= records * (1 + candidates + len(rungs) + 1)


@pytest.mark.parametrize("rule", [learns, never_learns, noise(3)], ids=["learns", "never", "noise"])
def test_a_dry_run_tells_at_least_the_calls_that_are_made(rule: Any, tmp_path: Path) -> None:
    model = RuledModel(rule)
    with Client(model) as client:
        estimate = estimate_tuning(Person, gold(24), client=client)
        assert not model.said
    found = tuned_by(model, tmp_path)
    assert found.calls == len(model.said) <= estimate.calls
    assert any("at most" in line for line in estimate.lines())


def test_with_a_confidence_the_answers_that_were_given_calibrate_it(tmp_path: Path) -> None:
    model = RuledModel(learns)
    with Client(model) as client:
        estimate = estimate_tuning(Person, gold(24), client=client, confidence=True)
    file = tmp_path / "p.calibration.json"
    found = tuned_by(model, tmp_path, confidence=True, calibration=file)
    [calibration] = load(file)
    assert calibration.model == "ruled"
    assert calibration.records == 24
    assert found.calls == len(model.said) <= estimate.calls


# ---- what is given ------------------------------------------------------------------------------


def test_what_the_user_sets_does_not_vary(tmp_path: Path) -> None:
    model = RuledModel(never_learns)
    with Client(model, prompt="plain", reasoning="off") as client:
        estimate = estimate_tuning(
            Person, gold(24), client=client, examples=[("Person number 99.", gold(100)[99].value)]
        )
    assert not [one for one in estimate.candidates if re.match("prompt|reason|.*examples", one)]
    assert estimate.candidates


def test_too_little_gold_is_an_error() -> None:
    with Client(RuledModel(learns)) as client, pytest.raises(InputError, match="too little"):
        estimate_tuning(Person, gold(15), client=client)


def test_a_file_of_anothers_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "p.tuned.json"
    for content in ('{"mine": 1}', "not json", '{"version": 2, "tuned": []}'):
        file.write_text(content)
        model = RuledModel(learns)
        with pytest.raises(ConfigurationError, match="no tuned file"):
            tuned_by(model, tmp_path)
        assert file.read_text() == content
        assert not model.said


def test_a_file_holds_one_choice_for_each_model_and_schema(tmp_path: Path) -> None:
    tuned_by(RuledModel(learns), tmp_path)
    other = RuledModel(never_learns)
    other.name = "other"
    tuned_by(other, tmp_path)
    known = load_tuned(tmp_path / "p.tuned.json")
    assert [one.model for one in known] == ["other", "ruled"]
    data: dict[str, Json] = json.loads((tmp_path / "p.tuned.json").read_bytes())
    assert data["version"] == 1
