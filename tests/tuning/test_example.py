"""The worked example runs as its README says, from the raw CSV to the tuned job."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from structgen.cli import main as cli
from structgen.cli.exits import OK
from structgen.extraction.tuned import load_tuned
from structgen.testing import FaultyServer, Served
from structgen.testing.scripted import completion
from structgen.values import Request

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "tune_from_csv"
CODES = {
    "flat white": "FW",
    "espresso": "ES",
    "cappuccino": "CP",
    "oat latte": "OLA",
    "latte": "LA",
    "americano": "AM",
    "hot chocolate": "HC",
    "green tea": "GT",
}
COUNTS = {"one": 1, "a": 1, "an": 1, "two": 2, "three": 3, "four": 4, "4x": 4}


def barista(request: Request) -> Served:
    """Reads a note as a model does that sees the codes of the till in examples alone."""
    messages = json.loads(request.body)["messages"]
    note = str(messages[-1]["content"]).lower()
    drink = next(one for one in CODES if one in note)
    number = re.findall(r"(\w+) " + drink, note)[-1]
    table = re.search(r"table (\d+)|sit at (\d+)", note)
    value = {
        "drink": CODES[drink] if len(messages) > 2 else drink,
        "count": COUNTS.get(number) or int(number),
        "table": int(next(filter(None, table.groups()))) if table else None,
    }
    return Served(body=completion(json.dumps(value)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the example, with the barista as the model."""
    copied = tmp_path / "example"
    shutil.copytree(EXAMPLE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(copied)
    with FaultyServer(barista) as server:
        monkeypatch.setenv("STRUCTGEN_MODEL", f"{server.base_url}#m")
        yield copied


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "orders.jsonl").read_text().splitlines()]


def test_the_commands_of_the_readme_lead_to_a_tuned_job(folder: Path) -> None:
    fences = re.findall(r"^```text\n(.*?)^```$", (EXAMPLE / "README.md").read_text(), re.S | re.M)
    commands = [line for fence in fences for line in fence.splitlines()]
    page = "structgen review orders.jsonl orders.csv --key id"
    assert commands.count(page) == 1
    said = []
    for command in commands:
        if command == page:  # it waits for people
            continue
        out, err = io.StringIO(), io.StringIO()
        code = cli.run(shlex.split(command)[1:], io.StringIO(), out, err)
        assert code == OK, err.getvalue()
        said.append(err.getvalue())
        if len(said) == 1:
            assert {row["value"]["drink"] for row in rows_of(folder)} <= CODES.keys()
    rows = rows_of(folder)
    assert len(rows) == 30
    assert {row["value"]["drink"] for row in rows} <= set(CODES.values())
    assert "tuned: " in said[-1]
    [tuned] = load_tuned(folder / "order.tuned.json")
    assert tuned.changes.keys() & {"nearest_examples", "fixed_examples"}
    by_people = [row for row in rows if row["confidence_by"] == "human"]
    assert len(by_people) == len((EXAMPLE / "labels.jsonl").read_text().splitlines())
