"""A run over gold, against a server on loopback: answers, failures, journal and command."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.cli import main as cli
from structgen.cli.exits import USAGE
from structgen.errors import APIError, InputError
from structgen.evaluation.answers import read_answers
from structgen.evaluation.gold import GoldRecord, load_gold
from structgen.evaluation.result import Evaluation
from structgen.evaluation.run import evaluate, score, values_fingerprint
from structgen.evaluation.scoring import Counts
from structgen.schema.target import target_of
from structgen.testing import FaultyServer, Served
from structgen.testing.scripted import completion
from structgen.values import Request


class Person(BaseModel):
    name: str
    age: int | None = None


def answer(request: Request) -> str | Served:
    """Person n is called Pn and is n years old; 3 is answered wrongly, 5 is refused."""
    n = int(re.findall(rb"number (\d+)\.", request.body)[-1])
    said = {"name": f"P{n}", "age": 99 if n == 3 else n}
    return "refusal" if n == 5 else Served(body=completion(json.dumps(said)))


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer) as server:
        yield server


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "gold.jsonl"
    rows = [
        {"key": f"k{n}", "text": f"person number {n}.", "value": {"name": f"p{n}", "age": n}}
        for n in range(8)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture
def client(server: FaultyServer) -> Iterator[Client]:
    with Client("vllm:m", base_url=server.base_url, max_retries=0, max_reasks=0) as client:
        yield client


def test_a_run_has_the_scores_of_its_answers_and_failures_count_as_zero(
    client: Client, gold: Path
) -> None:
    evaluation = evaluate(Person, gold, client=client)
    assert evaluation.total == Counts(right=13, wrong=1, omitted=2)
    assert evaluation.by_field == {"/name": Counts(7, 0, 1), "/age": Counts(6, 1, 1)}
    assert evaluation.f1 == 26 / 30
    assert evaluation.valid == 7 / 8
    assert evaluation.perfect == 6 / 8
    assert evaluation.failures == {"Refused": 1}
    assert [record.key for record in evaluation.records] == [f"k{n}" for n in range(8)]
    tokens = evaluation.figures["tokens"]
    assert tokens is not None
    assert tokens > 0


def test_a_run_that_is_started_again_asks_only_what_failed(
    client: Client, gold: Path, server: FaultyServer
) -> None:
    first = evaluate(Person, gold, client=client)
    asked = len(server.requests)
    again = evaluate(Person, gold, client=client)
    assert len(server.requests) == asked + 1
    assert again.total == first.total


def test_records_that_are_no_file_need_a_journal(client: Client, tmp_path: Path) -> None:
    records = [GoldRecord(key="k", document="person number 1.", value={"name": "P1"})]
    with pytest.raises(InputError, match="no journal"):
        evaluate(Person, records, client=client)
    evaluation = evaluate(Person, records, client=client, journal=tmp_path / "journal")
    assert evaluation.total == Counts(right=1, invented=1)


def test_a_run_in_which_nothing_was_answered_for_other_reasons_is_an_error(gold: Path) -> None:
    with (
        FaultyServer(lambda request: Served(status=401, body=b"{}")) as server,
        Client("vllm:m", base_url=server.base_url, max_retries=0) as client,
        pytest.raises(APIError),
    ):
        evaluate(Person, gold, client=client)


# ---- answers that are there already -------------------------------------------------------------

PERSON = target_of(Person)


def row(key: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"key": key, "value": value, "error": None, **more}


def test_answers_are_scored_with_their_confidence_and_evidence() -> None:
    gold = [
        GoldRecord(
            key="a",
            document="Ada is 36.",
            value={"name": "Ada", "age": 36},
            evidence={"/name": {"start": 0, "end": 3}, "/age": {"start": 7, "end": 9}},
        )
    ]
    evidence = {
        "/name": {"quote": "Ada", "start": 0, "end": 3},
        "/age": {"quote": "36.", "start": 7, "end": 10},
    }
    confidence = {"/name": 0.9, "/age": 0.4}
    answers = [row("a", {"name": "Ada", "age": 35}, evidence=evidence, confidence=confidence)]
    evaluation = score(PERSON, gold, answers)
    assert evaluation.figures["spans_strict"] == 0.5
    assert evaluation.figures["spans_relaxed"] == 1.0
    assert evaluation.judged == [(0.9, True), (0.4, False)]
    assert evaluation.figures["auroc"] == 1.0


def test_spans_of_entities() -> None:
    entity = {"type": "object", "properties": {"type": {}, "start": {}, "end": {}}}
    target = target_of({"type": "object", "properties": {"e": {"type": "array", "items": entity}}})
    spans = [{"type": "drug", "start": 0, "end": 4}, {"type": "drug", "start": 8, "end": 9}]
    gold = [
        GoldRecord(key="a", document="x", value={"e": spans}),
        GoldRecord(key="b", document="x", value={"e": []}),
    ]
    found = [{"type": "drug", "start": 0, "end": 5}, {"type": "drug", "start": 8, "end": 9}]
    evaluation = score(target, gold, [row("a", {"e": found}), row("b", {"e": found[:1]})])
    strict = [record.strict for record in evaluation.records]
    assert strict == [Counts(right=1, omitted=1, invented=1), Counts(invented=1)]
    assert evaluation.records[0].relaxed == Counts(right=2)


def test_a_target_is_the_same_with_other_descriptions_but_not_with_other_fields() -> None:
    def of(description: str, name: str = "title") -> str:
        field = {"type": "string", "description": description}
        schema = {"type": "object", "description": description, "properties": {name: field}}
        return values_fingerprint(target_of(schema))

    assert of("one") == of("another")
    assert of("one") != of("one", name="heading")


def test_answers_and_gold_are_matched_by_key() -> None:
    gold = [GoldRecord(key="a", document="x", value={"name": "Ada"})]
    with pytest.raises(InputError, match="1 records of the gold have no answer, first 'a'"):
        score(PERSON, gold, [row("b", {"name": "Ada"})])
    with pytest.raises(InputError, match="There is no gold"):
        score(PERSON, [], [])
    with pytest.raises(InputError, match="two answers with the key 'a'"):
        score(PERSON, gold, [row("a"), row("a")])


@pytest.mark.parametrize(("text", "said"), [("{", ":1 is not JSON"), ("{}", ":1 is no result")])
def test_results_that_are_none_name_the_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_answers(path)


# ---- the command --------------------------------------------------------------------------------


def command(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(argv, io.StringIO(), out, err)
    return code, out.getvalue(), err.getvalue()


TARGET = f"{__file__}:Person"


def test_the_command_prints_a_table_and_keeps_bounds(
    server: FaultyServer, gold: Path, tmp_path: Path
) -> None:
    asked = ("--model", "vllm:m", "--base-url", server.base_url, "--max-reasks", "0")
    saved = str(tmp_path / "run.json")
    code, out, _ = command("eval", TARGET, str(gold), *asked, "-o", saved)
    assert code == 0
    assert out.startswith("Person, 8 records, vllm:m")
    assert re.search(r"^/age +0\.\d{3}", out, re.MULTILINE)
    assert Evaluation.load(saved).f1 == 26 / 30

    code, _, err = command("eval", TARGET, str(gold), *asked, "--fail-under", "f1=0.9")
    assert code == 6
    assert "f1 is 0.867, under 0.9" in err
    code, out, _ = command("eval", TARGET, str(gold), *asked, "--not-worse-than", saved)
    assert code == 0
    assert "no figure is different" in out


def test_the_command_judges_results_and_finds_what_became_worse(gold: Path, tmp_path: Path) -> None:
    def results(name: str, age: int | None) -> str:
        path = tmp_path / name
        rows = [row(one.key, {**one.value, "age": age or one.value["age"]}) for one in gold_]
        path.write_text("\n".join(map(json.dumps, rows)))
        return str(path)

    gold_ = load_gold(gold, PERSON)
    saved = str(tmp_path / "run.json")
    good, bad = results("good.jsonl", None), results("bad.jsonl", 77)
    code, out, _ = command("eval", TARGET, str(gold), "--results", good, "-o", saved, "--json")
    figures = json.loads(out)
    assert (code, figures["figures"]["f1"], figures["figures"]["perfect"]) == (0, 1.0, 1.0)
    code, out, err = command("eval", TARGET, str(gold), "--results", bad, "--not-worse-than", saved)
    assert code == 6
    assert "/age went from 1.000 to 0.000" in err
    assert re.search(r"^real +/age", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--fail-under", "f1"), "is no bound"),
        (("--not-worse-than", "none.json"), "Cannot read none.json"),
        (("--results", "none.jsonl"), "Cannot read none.jsonl"),
    ],
)
def test_the_command_says_what_has_to_change(argv: tuple[str, ...], said: str, gold: Path) -> None:
    code, _, err = command("eval", TARGET, str(gold), *argv)
    assert code == USAGE
    assert said in err
