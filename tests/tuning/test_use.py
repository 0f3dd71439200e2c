"""Calls take what was tuned for their target and model, and say so."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from structgen import Client, Form, Job
from structgen.calibration.learnt import schema_fingerprint
from structgen.cli import main as cli
from structgen.cli.exits import OK, USAGE
from structgen.errors import ConfigurationError
from structgen.extraction.tuned import Tuned, save_tuned
from structgen.schema.target import target_of
from structgen.testing import FaultyServer, Served
from structgen.testing.scripted import completion
from structgen.values import Example, Json, Request
from tests.tuning.models import Person, RuledModel, learns

EXAMPLES = (
    Example("Person number 1.", {"name": "P1", "age": 1}),
    Example("Person number 2.", {"name": "P2", "age": 2}),
)
CHANGES: dict[str, Json] = {"prompt": "plain", "fixed_examples": 2}


def tuned(**other: Any) -> Tuned:
    about = {
        "target": "Person",
        "schema": schema_fingerprint(target_of(Person).schema),
        "model": "ruled",
        "changes": CHANGES,
        "examples": EXAMPLES,
    }
    return Tuned(**{**about, **other})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "p.tuned.json"
    save_tuned(path, tuned())
    return path


def test_a_call_takes_options_and_examples_and_says_so(file: Path) -> None:
    model = RuledModel(learns)
    with Client(model, tuned=file) as client:
        result = client.extract_result(Person, "Person number 3.")
        plan = client.plan(Person, "Person number 3.")
    assert result.tuned == f"prompt=plain, fixed_examples=2 ({file})"
    assert result.to_dict("tuned")["tuned"] == result.tuned
    assert "Person number 2." in model.said[0]
    assert plan.options.prompt == "plain"
    assert len(plan.messages) == 6


def test_what_a_client_or_a_call_sets_goes_before_it(file: Path) -> None:
    with Client(RuledModel(learns), tuned=file, prompt="names") as client:
        assert client.plan(Person, "Person number 3.").options.prompt == "names"
        for examples, count in (((), 2), (EXAMPLES[:1], 4)):
            plan = client.plan(Person, "Person number 3.", examples=examples)
            assert len(plan.messages) == count
        assert client.plan(Person, "Person number 3.", prompt="line").options.prompt == "line"


def test_false_uses_none(file: Path) -> None:
    with Client(RuledModel(learns), tuned=file) as client:
        result = client.extract_result(Person, "Person number 3.", tuned=False)
        plan = client.plan(Person, "Person number 3.", tuned=False)
    assert result.tuned is None
    assert len(plan.messages) == 2


def test_the_nearest_examples_are_chosen_for_each_document(file: Path) -> None:
    pool = [
        Example(f"Person number {n}. {word} {word} {word}.", {"name": f"P{n}", "age": n})
        for n, word in enumerate(("tree", "river", "house"))
    ]
    save_tuned(file, tuned(changes={"nearest_examples": 1}, examples=pool))
    with Client(RuledModel(learns), tuned=file) as client:
        for word in ("river", "house"):
            shown = client.plan(Person, f"Person number 7. A {word}.").messages
            assert f"{word} {word}" in json.dumps(shown)
            assert len(shown) == 4


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"model": "another"}, "it is about another, not ruled"),
        ({"schema": "0" * 16}, "the schema of Person has changed since"),
        ({"schema": "0" * 16, "target": "Bill"}, "it is not about Person"),
    ],
    ids=["model", "schema", "target"],
)
def test_a_file_about_something_else_is_ignored_with_a_note(
    other: dict[str, str], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "q.tuned.json"
    save_tuned(path, tuned(**other))
    with Client(RuledModel(learns), tuned=path) as client:
        result = client.extract_result(Person, "Person number 3.")
        assert len(client.plan(Person, "Person number 3.").messages) == 2
    assert result.tuned is not None
    assert why in result.tuned


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        '{"version": 1, "tuned": [{}]}',
        "\0",
        '{"version":1,"tuned":[{"target":"P","schema":"s","model":"m","figures":{},"examples":[],'
        '"changes":{"prmpt":"plain"}}]}',
        '{"version":1,"tuned":[{"target":"P","schema":"s","model":"m","figures":{},"examples":[],'
        '"changes":{"nearest_examples":0}}]}',
    ],
    ids=["empty", "row", "bytes", "option", "count"],
)
def test_a_file_that_is_no_tuned_file_is_an_error(content: str, tmp_path: Path) -> None:
    path = tmp_path / "q.tuned.json"
    path.write_text(content)
    with Client(RuledModel(learns), tuned=path) as client:
        with pytest.raises(ConfigurationError, match="is no tuned file"):
            client.extract(Person, "Person number 3.")
        with pytest.raises(ConfigurationError, match="Cannot read"):
            client.extract(Person, "Person number 3.", tuned=tmp_path / "none")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"changes": {"prompt": "nope"}}, "no prompt layout"),
        ({"changes": {"wire_names": {"/nome": "full_name"}}}, "no place '/nome'"),
        ({"examples": [Example("Person number 1.", {"name": 1})]}, "Example 1"),
    ],
    ids=["prompt", "names", "examples"],
)
def test_what_does_not_fit_the_target_any_more_is_told_with_its_file(
    other: dict[str, Any], told: str, tmp_path: Path
) -> None:
    """A validator may have changed, or somebody has edited the file."""
    path = tmp_path / "q.tuned.json"
    save_tuned(path, tuned(**other))
    with Client(RuledModel(learns), tuned=path) as client:
        with pytest.raises(
            ConfigurationError, match=r"q\.tuned\.json does not fit Person"
        ) as raised:
            client.extract(Person, "Person number 3.")
    assert told in raised.value.message
    assert "--no-tuned" in str(raised.value.hint)


def test_map_and_jobs_take_it_and_say_so(file: Path, tmp_path: Path) -> None:
    said: list[str] = []
    with Client(RuledModel(learns), tuned=file) as client:
        [outcome] = client.map(Person, ["Person number 3."])
        Job(
            Person,
            ["Person number 3."],
            client=client,
            output=tmp_path / "out.jsonl",
            log=said.append,
        ).run()
    assert outcome.result is not None
    assert outcome.result.tuned is not None
    assert any(line.startswith("tuned: prompt=plain") for line in said)


def test_a_job_asks_anew_if_something_else_was_tuned_and_not_if_the_file_moved(
    file: Path, tmp_path: Path
) -> None:
    model = RuledModel(learns)
    moved = tmp_path / "moved.json"
    save_tuned(moved, tuned())
    with Client(model) as client:
        for path, asked in ((file, 1), (file, 1), (moved, 1)):
            list(client.map(Person, ["Person number 3."], tuned=path, journal=tmp_path / "j"))
            assert len(model.said) == asked
        save_tuned(file, tuned(changes={"fixed_examples": 2}))
        list(client.map(Person, ["Person number 3."], tuned=file, journal=tmp_path / "j"))
    assert len(model.said) == 2


def test_a_form_takes_the_options(file: Path) -> None:
    model = RuledModel(learns)
    with Client(model, tuned=file) as client:
        form = Form(Person, client=client)
        form.fill("Person number 3.")
    assert form.tuned == f"prompt=plain, fixed_examples=2 ({file})"
    assert form.complete() == Person(name="P3", age=3)
    assert '"prompt": "plain"' in model.said[0]


def test_chunks_have_the_length_that_was_tuned(file: Path) -> None:
    text = "\n\n".join(f"Person number 3. {'word ' * 60}" for _ in range(6))
    save_tuned(file, tuned(changes={"chunk_tokens": 100}, examples=()))
    with Client(RuledModel(learns), tuned=file) as client:
        short = client.extract_document(Person, text)
        whole = client.extract_document(Person, text, chunk_tokens=5000)
    assert len(short.chunks) > len(whole.chunks) == 1
    assert short.tuned == f"chunk_tokens=100 ({file})"


# ---- the command line ---------------------------------------------------------------------------


TARGET = """
from pydantic import BaseModel

class Person(BaseModel):
    name: str
    age: int
"""


def answer(request: Request) -> Served:
    """Person n is called Pn and is n years old; without examples, nobody."""
    messages = json.loads(request.body)["messages"]
    n = int(str(messages[-1]["content"]).split("number ")[-1].split(".")[0])
    value = {"name": f"P{n}" if len(messages) > 2 else "nobody", "age": n}
    return Served(body=completion(json.dumps(value)))


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer) as server:
        yield server


def run(server: FaultyServer, *words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    model = ("--model", "vllm:m", "--base-url", server.base_url)
    code = cli.run([*words, *model], io.StringIO("Person number 50."), out, err)
    return code, out.getvalue(), err.getvalue()


def test_the_commands_tune_and_use_it(server: FaultyServer, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(TARGET)
    gold = tmp_path / "gold.jsonl"
    rows = [
        {"key": f"k{n}", "text": f"Person number {n}.", "value": {"name": f"P{n}", "age": n}}
        for n in range(24)
    ]
    gold.write_text("\n".join(map(json.dumps, rows)))
    target = f"{tmp_path / 'p.py'}:Person"
    code, out, _ = run(server, "tune", target, str(gold), "--dry-run", "--prompt", "plain")
    assert code == OK
    assert "at most" in out
    assert "prompt=" not in out
    names = tmp_path / "names.json"
    names.write_text('[{"/age": "age_in_years"}]')
    dry = ("tune", target, str(gold), "--dry-run", "--try-wire-names", str(names))
    assert "wire_names={'/age': 'age_in_years'}" in run(server, *dry)[1]
    names.write_text("[5]")
    assert "no list of names" in run(server, *dry)[2]
    code, out, err = run(server, "tune", target, str(gold), "--max-calls", "500", "--json")
    assert code == OK
    found = json.loads(out)
    assert found["changes"].keys() & {"nearest_examples", "fixed_examples"}
    file = tmp_path / "p.tuned.json"
    assert f"written to {file}" in err
    code, out, err = run(server, "extract", target, "-")
    assert json.loads(out) == {"name": "P50", "age": 50}
    assert f"({file})" in err
    code, out, err = run(server, "extract", target, "-", "--no-tuned")
    assert json.loads(out) == {"name": "nobody", "age": 50}
    assert "tuned" not in err
    file.write_text("{}")
    code, _, err = run(server, "extract", target, "-")
    assert code == USAGE
    assert "is no tuned file" in err
