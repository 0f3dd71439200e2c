"""From gold to a promise: calibrate, extract with it, run a job with it, and measure it."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client, Job
from structgen.calibration.saved import load
from structgen.cli import main as cli
from structgen.cli.exits import OK
from structgen.errors import CalibrationError, ConfigurationError
from structgen.evaluation.calibrating import calibrate, learn_from
from structgen.evaluation.gold import GoldRecord
from structgen.evaluation.run import evaluate
from structgen.pipeline.record import Item
from structgen.schema.load import load_target
from structgen.schema.target import target_of
from structgen.testing import FaultyServer, Served
from structgen.testing.scripted import completion
from structgen.values import Request

COUNT = 80


class Person(BaseModel):
    name: str
    age: int | None = None


def text(n: int) -> str:
    return f"person number {n}. Not {n + 500}."


def is_sure(n: int) -> bool:
    """Two of three persons are easy; the others are answered with little confidence."""
    return n % 3 != 0


def answer(request: Request) -> Served:
    """Person n is called Pn; where the model is not sure, every second age is wrong."""
    n = int(re.findall(rb"number (\d+)\.", request.body)[-1])
    age = n if is_sure(n) or n % 2 else n + 500
    tokens = [('{"name":"', 0.0), (f"P{n}", -0.01), ('","age":', 0.0)]
    tokens += [(str(age), -0.02 if is_sure(n) else -2.0), ("}", 0.0)]
    body = json.loads(completion("".join(text for text, _ in tokens)))
    body["choices"][0]["logprobs"] = {
        "content": [{"token": text, "logprob": log, "bytes": None} for text, log in tokens]
    }
    return Served(body=json.dumps(body).encode())


@pytest.fixture
def client() -> Iterator[Client]:
    with (
        FaultyServer(answer) as server,
        Client("model", base_url=server.base_url, api_key="k", max_retries=0) as client,
    ):
        yield client


GOLD = [
    GoldRecord(key=f"k{n}", document=text(n), value={"name": f"P{n}", "age": n})
    for n in range(COUNT)
]


@pytest.fixture
def calibrated(client: Client, tmp_path: Path) -> Path:
    path = tmp_path / "c.json"
    calibrate(Person, GOLD, client=client, path=path, journal=tmp_path / "gold.journal")
    return path


def test_confidence_is_calibrated_and_says_so(client: Client, calibrated: Path) -> None:
    raw = client.extract_result(Person, text(3), confidence=True)
    assert (raw.confidence_by, raw.calibrated, raw.accepted) == ("tokens", False, None)
    assert raw.confidence["/age"] == pytest.approx(math.exp(-2))
    assert raw.record_confidence == pytest.approx(math.exp(-2.01))
    sure, unsure = (
        client.extract_result(Person, text(n), confidence=True, calibration=calibrated)
        for n in (4, 3)
    )
    assert sure.calibrated
    assert sure.raw_confidence["/age"] == pytest.approx(math.exp(-0.02))
    assert sure.confidence["/age"] > 0.9
    assert 0.3 < unsure.confidence["/age"] < 0.7, "half of these are right"
    assert (unsure.record_confidence or 0) < (sure.record_confidence or 0)
    assert sure.kinds == {"/name": "text, not in the document", "/age": "number"}


def test_accept_splits_results(client: Client, calibrated: Path) -> None:
    asked: Any = {"accept": 0.9, "calibration": calibrated}
    sure = client.extract_result(Person, text(4), **asked)
    unsure = client.extract_result(Person, text(3), **asked)
    assert (sure.accepted, sure.to_review) == (True, frozenset())
    assert (unsure.accepted, unsure.to_review) == (False, frozenset({"/age"}))
    assert unsure.to_dict()["to_review"] == ["/age"]


def test_a_job_counts_what_is_accepted_and_a_promise_asks_nothing_again(
    client: Client, calibrated: Path, tmp_path: Path
) -> None:
    inputs = [Item(str(n), text(n)) for n in range(9)]

    def run(**asked: Any) -> Any:
        job = Job(Person, inputs, client=client, output=tmp_path / "out.jsonl", **asked)
        return job.run()

    done = run(confidence=True)
    assert (done.accepted, done.to_review) == (0, 0)
    done = run(accept=0.9, calibration=calibrated)
    assert done.cached == 9, "a promise is judged from the journal"
    assert (done.accepted, done.to_review) == (6, 3)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["accepted"] for row in rows] == [is_sure(n) for n in range(9)]
    assert rows[0]["to_review"] == ["/age"]
    assert rows[0]["raw_confidence"]["/age"] == pytest.approx(math.exp(-2))


def test_an_evaluation_measures_the_promise(
    client: Client, calibrated: Path, tmp_path: Path
) -> None:
    fresh = [
        GoldRecord(key=f"k{n}", document=text(n), value={"name": f"P{n}", "age": n})
        for n in range(100, 130)
    ]
    evaluation = evaluate(
        Person,
        fresh,
        client=client,
        journal=tmp_path / "fresh.journal",
        accept=0.9,
        calibration=calibrated,
    )
    figures = evaluation.figures
    assert figures["accepted"] == pytest.approx(20 / 30)
    assert figures["accepted_right"] == 1.0
    assert figures["accepted_values_right"] == 1.0
    assert figures["auroc"] is not None
    assert figures["auroc"] > 0.85
    assert "accepted: 20 of 30 records" in evaluation.table()
    assert "confidence  values" in evaluation.table()
    assert {"auroc", "ece"} <= evaluation.intervals.keys()
    evaluation.save(tmp_path / "run.json")
    saved = json.loads((tmp_path / "run.json").read_text())
    assert sum(one["count"] for one in saved["reliability"]) == 60
    assert type(evaluation).load(tmp_path / "run.json").figures == figures


def test_a_type_finds_the_file_beside_its_own(client: Client, tmp_path: Path) -> None:
    source = tmp_path / "person.py"
    source.write_text(
        "from pydantic import BaseModel\n\n\n"
        "class Person(BaseModel):\n    name: str\n    age: int | None = None\n"
    )
    target = load_target(f"{source}:Person")
    calibrate(target, GOLD, client=client, journal=tmp_path / "gold.journal")
    assert (tmp_path / "person.calibration.json").is_file()
    assert client.extract_result(target, text(4), logprobs=True).calibrated
    changed = target_of({**target.schema, "description": "Someone."})
    again = client.extract_result(
        changed, text(4), confidence=True, calibration=tmp_path / "person.calibration.json"
    )
    assert not again.calibrated, "another prompt makes other answers"


# ---- no promise without a calibration -----------------------------------------------------------


def test_without_a_calibration_nothing_is_asked(client: Client, tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="no calibration of Person"):
        client.extract(Person, text(4), accept=0.9)
    with pytest.raises(CalibrationError, match="Cannot read"):
        client.extract(Person, "a text", accept=0.9, calibration=tmp_path / "none.json")
    with pytest.raises(ConfigurationError, match=r"from 0\.5 to 0\.999"):
        client.extract(Person, "a text", accept=95)


def test_too_few_labels_are_told_with_the_number_that_is_needed(
    client: Client, calibrated: Path, tmp_path: Path
) -> None:
    with pytest.raises(CalibrationError, match="At least 307 labelled records are needed for"):
        client.extract(Person, "a text", accept=0.99, calibration=calibrated)
    with pytest.raises(ConfigurationError, match=r"from 0\.5 to 0\.999"):
        client.extract(Person, "a text", accept=0.9999, calibration=calibrated)
    with pytest.raises(CalibrationError, match="3 records with 6 labelled values are too few"):
        calibrate(
            Person,
            GOLD[:3],
            client=client,
            path=tmp_path / "few.json",
            journal=tmp_path / "few.journal",
        )
    with pytest.raises(CalibrationError, match="no place"):
        calibrate({"type": "object"}, GOLD, client=client, journal=tmp_path / "x.journal")


def test_answers_without_a_confidence_teach_nothing() -> None:
    rows = [{"key": "k1", "value": {"name": "P1", "age": 1}, "error": None}]
    with pytest.raises(CalibrationError, match="is missing"):
        learn_from(target_of(Person), GOLD, rows, model="m")
    rows = [
        {"key": "k1", "value": GOLD[1].value, "error": None, "confidence_by": by}
        for by in ("tokens", "readings")
    ]
    with pytest.raises(CalibrationError, match=r"several sources \(readings, tokens\)"):
        learn_from(target_of(Person), GOLD, rows, model="m")


# ---- the command --------------------------------------------------------------------------------


def run(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return cli.run(argv, io.StringIO(), out, err), out.getvalue(), err.getvalue()


def test_the_command_writes_beside_the_schema_and_the_others_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    schema = tmp_path / "person.json"
    schema.write_text(json.dumps(Person.model_json_schema()))
    gold = tmp_path / "gold.jsonl"
    gold.write_text(
        "\n".join(
            json.dumps({"key": one.key, "text": one.document, "value": one.value}) for one in GOLD
        )
    )
    with FaultyServer(answer) as server:
        model = ("--model", "openai:m", "--base-url", server.base_url)
        code, out, err = run("calibrate", str(schema), str(gold), *model)
        assert code == OK, err
        file = tmp_path / "person.calibration.json"
        assert f"written to {file}" in err
        told = json.loads(out)
        assert (told["records"], told["by"]) == (COUNT, "tokens")
        assert told["can_promise"]["records"] >= 0.9
        assert [one.records for one in load(file)] == [COUNT]
        document = tmp_path / "text.txt"
        document.write_text(text(4))
        code, out, err = run(
            "extract", str(schema), str(document), *model, "--accept", "0.9", "--result"
        )
        assert code == OK, err
        assert json.loads(out)["accepted"] is True
        code, out, err = run(
            "eval", str(schema), str(gold), *model, "--accept", "0.9", "--json",
            "--page", str(tmp_path / "page.html"),
        )  # fmt: skip
        assert code == OK, err
        figures = json.loads(out)["figures"]
        assert figures["accepted_right"] >= 0.9
        assert "Is the confidence right?" in (tmp_path / "page.html").read_text()
