"""A cascade is tuned by its first model, whose answers also teach what is sure enough."""

from __future__ import annotations

import io
import json
import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from structgen import Client, Job, tune
from structgen.calibration.saved import load
from structgen.cli import main as cli
from structgen.cli.exits import OK, USAGE
from structgen.errors import ConfigurationError
from structgen.evaluation.calibrating import calibrate
from structgen.extraction.tuned import load_tuned
from structgen.testing import FaultyServer, Served
from structgen.testing.scripted import ScriptedModel, completion
from structgen.tuning import LearntThresholds, Tuning, estimate_tuning
from structgen.values import Request
from tests.extraction.perfect import Perfect, asked_fields
from tests.tuning.models import Person, RuledModel, SureModel, chance, doubtful_gold, gold, learns

FEW_CANDIDATES: dict[str, Any] = {"prompt": "plain", "reasoning": "off", "samples": 1}
"""Options of calls that leave little to tune, so that tests are quick."""
NO_CANDIDATES: dict[str, Any] = {**FEW_CANDIDATES, "examples": ()}


def sure(n: int) -> float:
    """From .5 to 1, another one for each person."""
    return 0.5 + 0.5 * chance("sure", n)


def above(least: float) -> SureModel:
    """A model whose ages are right from some confidence on."""
    return SureModel(sure, lambda n: sure(n) >= least)


def tuned_by(model: Any, folder: Path, **given: Any) -> Tuning:
    """Tune a cascade that begins with the model into `p.tuned.json`; the other is never asked."""
    folder.mkdir(exist_ok=True)
    second = ScriptedModel("{}")
    with Client(cascade=[model, second], **given.pop("client", {})) as client:
        found = tune(
            Person,
            given.pop("records", doubtful_gold(60)),
            client=client,
            path=folder / "p.tuned.json",
            journal=folder / "answers",
            **(FEW_CANDIDATES if given.pop("with_examples", False) else NO_CANDIDATES),
            **given,
        )
    assert second.asked == []
    return found


def learnt(found: Tuning) -> LearntThresholds:
    assert found.thresholds is not None
    return found.thresholds


def escalated(file: Path, model: Any, document: str, **call: Any) -> set[str]:
    """The fields that a cascade escalates with a tuned file."""
    second = Perfect({"name": "Ada", "age": 1})
    with Client(cascade=[model, second], tuned=file, **FEW_CANDIDATES) as client:
        client.extract(Person, document, **call)
    return asked_fields(second.schemas[0]) if second.schemas else set()


# ---- what is learnt -----------------------------------------------------------------------------


def test_a_model_that_is_right_below_the_default_has_less_escalated(tmp_path: Path) -> None:
    model = above(0.6)
    found = tuned_by(model, tmp_path)
    below = learnt(found).below
    assert found.is_better
    assert learnt(found).is_taken
    assert 0.5 < below["/age"] < 0.7
    assert below["/name"] > 0.9  # all of them were certain, and less was not seen
    assert learnt(found).learnt.share_escalated < learnt(found).default.share_escalated
    [saved] = load_tuned(tmp_path / "p.tuned.json")
    assert saved.options == {"cascade_below": below}
    assert saved.confidence_by == "tokens"
    assert not saved.calibrated
    assert "the defaults, because nothing beats them" in found.lines()[0]
    documents = {n: f"P{n} is {n} or {n + 1000} years old." for n in range(100, 160)}
    for n in [one for one in documents if not 0.5 < sure(one) < 0.7][:4]:
        fields = escalated(tmp_path / "p.tuned.json", model, documents[n])
        assert fields == ({"/age"} if sure(n) < 0.6 else set())


def test_an_overconfident_model_has_more_escalated(tmp_path: Path) -> None:
    found = tuned_by(above(0.9), tmp_path)
    assert learnt(found).is_taken
    assert learnt(found).below["/age"] > 0.85
    default, now = learnt(found).default.share_right, learnt(found).learnt.share_right
    assert default is not None
    assert now is not None
    assert default < 0.9 <= now


def test_a_field_that_no_confidence_shows_to_be_right_is_always_escalated(tmp_path: Path) -> None:
    model = above(2.0)
    found = tuned_by(model, tmp_path)
    assert learnt(found).below["/age"] == 1.0
    assert re.search(r"/age .* 1: none is right often enough", found.table())
    assert escalated(tmp_path / "p.tuned.json", model, "P7 is 7 or 1007 years old.") == {"/age"}


def test_thresholds_that_are_no_better_than_the_default_are_not_taken(tmp_path: Path) -> None:
    model = SureModel(lambda n: 0.99 if n % 2 else 0.4, lambda n: bool(n % 2))
    found = tuned_by(model, tmp_path)
    assert learnt(found).below
    assert not learnt(found).is_taken
    assert any("not taken, the default 0.8 is no worse" in line for line in found.lines())
    [saved] = load_tuned(tmp_path / "p.tuned.json")
    assert saved.options == {}
    assert saved.figures["cascade"]["taken"] is False


def test_too_few_records_for_what_is_wanted_teach_nothing(tmp_path: Path) -> None:
    found = tuned_by(above(0.6), tmp_path, records=doubtful_gold(24), cascade_right=0.95)
    assert not learnt(found).is_taken
    assert any("24 records" in line and "takes 45" in line for line in found.lines())
    assert load_tuned(tmp_path / "p.tuned.json")[0].options == {}


def test_a_lower_share_escalates_less(tmp_path: Path) -> None:
    model = SureModel(sure, lambda n: sure(n) >= 0.75 or n % 4 == 0)
    by_share = {
        right: learnt(tuned_by(model, tmp_path, cascade_right=right)).below["/age"]
        for right in (0.6, 0.8, 0.9)
    }
    assert by_share[0.6] < by_share[0.8] <= by_share[0.9]


def test_a_model_without_confidences_is_said_to_have_none(tmp_path: Path) -> None:
    found = tuned_by(RuledModel(learns), tmp_path, records=gold(24), with_examples=True)
    assert not learnt(found).is_taken
    assert any("ruled gives no confidence" in line for line in found.lines())
    [saved] = load_tuned(tmp_path / "p.tuned.json")
    assert "cascade_below" not in saved.options
    assert saved.examples  # the question is tuned all the same


def test_two_readings_teach_thresholds_if_a_confidence_is_asked_for(tmp_path: Path) -> None:
    found = tuned_by(
        RuledModel(learns), tmp_path, records=gold(40), confidence=True, with_examples=True
    )
    assert learnt(found).confidence_by == "readings"
    assert learnt(found).below


def test_values_in_doubt_for_another_reason_teach_nothing(tmp_path: Path) -> None:
    records = [
        one if n % 3 else type(one)(key=one.key, document=f"P{n + 10} is old.", value=one.value)
        for n, one in enumerate(doubtful_gold(60))
    ]
    model = SureModel(sure, lambda n: (n - 10) % 3 > 0)
    found = tuned_by(model, tmp_path, records=records)
    [age] = [one for one in learnt(found).fields if one.field == "/age"]
    assert age.values == 40
    assert learnt(found).learnt.values == 120


def test_records_that_chose_the_question_do_not_teach(tmp_path: Path) -> None:
    """One half chooses three near examples, the other one two fixed ones, which help it alone."""
    records = sorted(doubtful_gold(60), key=lambda one: one.key)
    random.Random(0).shuffle(records)
    first = {int(one.key[1:]) for one in records[:30]}
    near, fixed = 8, 6  # messages of a question

    class Learning(SureModel):
        def generate(self, messages: Any, *others: Any, **more: Any) -> Any:
            n = int(re.findall(r"P(\d+) is", str(messages[-1]["content"]))[-1])
            helped = len(messages) == near if n in first else n % 3 and len(messages) == near
            self._right = lambda _: bool(helped) or (n not in first and len(messages) == fixed)
            return super().generate(messages, *others, **more)

    model = Learning(sure, lambda n: False)
    found = tuned_by(model, tmp_path, cascade_right=0.5, with_examples=True)
    assert found.tuned.changes["nearest_examples"] == 3
    assert [one.name for one in found.winners] == ["nearest_examples=3", "fixed_examples=2"]
    assert learnt(found).records == 30


# ---- runs ---------------------------------------------------------------------------------------


def test_it_costs_no_call_is_resumed_and_follows_from_the_seed(tmp_path: Path) -> None:
    model = above(0.6)
    with Client(cascade=[model, ScriptedModel("{}")]) as client:
        estimate = estimate_tuning(Person, doubtful_gold(60), client=client, **NO_CANDIDATES)
    assert model.asked == []
    found = tuned_by(model, tmp_path / "a")
    asked = len(model.asked)
    assert found.calls == asked <= estimate.calls
    file = tmp_path / "a" / "p.tuned.json"
    before = file.read_bytes()
    file.unlink()
    assert tuned_by(model, tmp_path / "a").calls == asked == len(model.asked)
    assert file.read_bytes() == before
    tuned_by(model, tmp_path / "b", records=doubtful_gold(60)[::-1])
    assert (tmp_path / "b" / "p.tuned.json").read_bytes() == before
    tuned_by(model, tmp_path / "b", tuning_seed=1)
    assert (tmp_path / "b" / "p.tuned.json").read_bytes() != before


def test_another_share_asks_nothing_and_the_first_model_is_asked_as_a_cascade_asks_it(
    tmp_path: Path,
) -> None:
    model = above(0.6)
    tuned_by(model, tmp_path)
    asked = len(model.asked)
    tuned_by(model, tmp_path, cascade_right=0.8)
    assert len(model.asked) == asked
    assert all(options.logprobs is True for options in model.options)


@pytest.mark.parametrize("where", ["client", "call"])
def test_a_threshold_of_the_users_stays_as_it_is(where: str, tmp_path: Path) -> None:
    given = {"client": {"cascade_below": 0.3}} if where == "client" else {"cascade_below": 0.3}
    found = tuned_by(above(0.6), tmp_path, **given)
    assert found.thresholds is None
    assert "cascade" not in found.tuned.figures


def test_a_share_is_wanted_of_a_cascade(tmp_path: Path) -> None:
    with (
        Client(above(0.6)) as client,
        pytest.raises(ConfigurationError, match="the client has none"),
    ):
        tune(Person, doubtful_gold(60), client=client, path=tmp_path / "p", cascade_right=0.9)
    with pytest.raises(ConfigurationError, match="cascade_right"):
        tuned_by(above(0.6), tmp_path, cascade_right=1.5)


# ---- calibrated ---------------------------------------------------------------------------------


def test_with_a_confidence_it_is_calibrated_and_thresholds_are_about_that(tmp_path: Path) -> None:
    model = above(0.7)
    file, calibration = tmp_path / "p.tuned.json", tmp_path / "p.calibration.json"
    found = tuned_by(model, tmp_path, confidence=True, calibration=calibration, cascade_right=0.8)
    assert load(calibration)[0].by == "tokens"
    assert learnt(found).is_taken
    assert load_tuned(file)[0].calibrated
    sure_ones = [n for n in range(100, 200) if sure(n) > 0.9]
    document = f"P{sure_ones[0]} is {sure_ones[0]} or {sure_ones[0] + 1000} years old."
    second = Perfect({"name": "Ada", "age": 1})
    with Client(cascade=[model, second], tuned=file, **FEW_CANDIDATES) as client:
        result = client.extract_result(Person, document, calibration=calibration)
        assert result.escalations == ()
        assert result.tuned is not None
        assert "without" not in result.tuned
        result = client.extract_result(Person, document)
    assert result.tuned is not None
    assert "without cascade_below, because the confidence was calibrated when" in result.tuned


def test_a_calibration_that_is_there_already_is_used(tmp_path: Path) -> None:
    calibration = tmp_path / "c.json"
    model = above(0.6)
    with Client(model, **FEW_CANDIDATES) as client:
        calibrate(
            Person, doubtful_gold(60), client=client, path=calibration, journal=tmp_path / "j"
        )
    found = tuned_by(model, tmp_path, calibration=calibration)
    assert learnt(found).calibrated


def test_a_threshold_of_another_confidence_is_not_used(tmp_path: Path) -> None:
    model = above(0.6)
    tuned_by(model, tmp_path)
    with Client(cascade=[model, ScriptedModel("{}")], tuned=tmp_path / "p.tuned.json") as client:
        document = "P100 is 100 or 1100 years old."
        plan = client.plan(Person, document, samples=3)
        assert plan.options.cascade_below != learnt(tuned_by(model, tmp_path)).below
        assert client.plan(Person, document).options.cascade_below


# ---- where it is used ---------------------------------------------------------------------------


def test_map_jobs_and_forms_take_it(tmp_path: Path) -> None:
    model = above(0.6)
    tuned_by(model, tmp_path)
    file = tmp_path / "p.tuned.json"
    low = next(n for n in range(100, 200) if sure(n) < 0.55)
    between = next(n for n in range(100, 200) if 0.7 < sure(n) < 0.78)  # below the default
    documents = [f"P{n} is {n} or {n + 1000} years old." for n in (low, between)]
    second = Perfect({"name": "Ada", "age": 1})
    with Client(cascade=[model, second], tuned=file, **FEW_CANDIDATES) as client:
        found = [one.result for one in client.map(Person, documents)]
        output = tmp_path / "out.jsonl"
        Job(Person, documents, client=client, output=output).run()
        asked = len(second.asked)
        for document in documents:
            client.form(Person).fill(document)
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [bool(one.escalations) for one in found if one is not None] == [True, False]
    assert [bool(row["escalations"]) for row in rows] == [True, False]
    assert len(second.asked) == asked + 1


TARGET = """
from pydantic import BaseModel

class Person(BaseModel):
    name: str
    age: int
"""


def answer(request: Request) -> Served:
    """Two models: the ages of the small one are right from a confidence of .6 on."""
    asked = json.loads(request.body)
    n = int(re.findall(r"P(\d+) is", str(asked["messages"][-1]["content"]))[-1])
    is_small = asked["model"] == "small"
    before = f'{{"name": "P{n}", "age": '
    age = str(n if sure(n) >= 0.6 else n + 1000)
    if not is_small:
        return Served(body=completion(json.dumps({"age": n})))
    body = json.loads(completion(f"{before}{age}}}"))
    tokens = [(before, 0.0), (age, math.log(sure(n))), ("}", 0.0)]
    body["choices"][0]["logprobs"] = {
        "content": [{"token": text, "logprob": log} for text, log in tokens]
    }
    return Served(body=json.dumps(body).encode())


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer) as server:
        yield server


@pytest.fixture
def run(server: FaultyServer) -> Callable[..., tuple[int, str, str]]:
    def run(*words: str, document: str = "") -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        where = ("--base-url", server.base_url)
        code = cli.run([*words, *where], io.StringIO(document), out, err)
        return code, out.getvalue(), err.getvalue()

    return run


def test_the_commands_tune_a_cascade_and_use_it(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    (tmp_path / "p.py").write_text(TARGET)
    rows = [{"key": one.key, "text": one.document, "value": one.value} for one in doubtful_gold(60)]
    (tmp_path / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
    target, records = f"{tmp_path / 'p.py'}:Person", str(tmp_path / "gold.jsonl")
    asked = ("--prompt", "plain", "--reasoning", "off", "--samples", "1")
    cascade = ("--cascade", "vllm:small,vllm:large")
    code, out, _ = run("tune", target, records, *cascade, *asked, "--dry-run")
    assert code == OK
    assert "at most" in out
    code, out, err = run("tune", target, records, *cascade, *asked, "--cascade-right", "0.85")
    assert code == OK, err
    assert "cascade_below: taken; 0.85 of the kept values are to be right" in out
    assert re.search(r"/age +60 +60 +0\.[56]", out)
    low = next(n for n in range(100, 200) if sure(n) < 0.55)
    code, out, err = run(
        "extract", target, "-", *cascade, *asked, document=f"P{low} is {low} or {low + 1000}."
    )
    assert json.loads(out) == {"name": f"P{low}", "age": low}
    assert "cascade_below={" in err
    code, _, err = run(
        "tune", target, records, "--model", "vllm:small", *asked, "--cascade-right", "0.85"
    )
    assert code == USAGE
    assert "the client has none" in err
