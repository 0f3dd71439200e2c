"""`structgen init`: what it writes works at once, says what the data has, and replaces nothing."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from structgen.cli import exits
from structgen.cli import main as cli
from structgen.cli.starter.model import source_of
from structgen.cli.starter.shapes import shape_of
from structgen.evaluation import load_gold
from structgen.schema.check import validate
from structgen.schema.load import load_target
from structgen.schema.target import Target, target_of
from structgen.values import Json

BROKEN = "The press stands still. Two parts are broken, please by 3 May."
TICKETS = [
    dict(zip(("id", "Urgency", "body", "due", "parts", "paid"), row, strict=True))
    for row in (
        ("T-0", "high", BROKEN, "2026-05-03", "2", "yes"),
        ("T-1", "low", "Could you send the manual some day?", "", "0", "no"),
        ("T-2", "high", "It leaks, and the bill of 12 parts is open.", "2026-06-01", "12", "no"),
        ("T-3", "low", "Thank you, all is well.", "", "", "yes"),
    )
]


def init(*words: str, cwd: Path) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    before = Path.cwd()
    os.chdir(cwd)
    try:
        code = cli.run(["init", *words], io.StringIO(), out, err)
    finally:
        os.chdir(before)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    with path.open("w", newline="") as file:
        rows = csv.DictWriter(file, TICKETS[0])
        rows.writeheader()
        rows.writerows(TICKETS)
    return path


def commands(folder: Path) -> list[list[str]]:
    """The commands of the README."""
    found = re.findall(r"```sh\n(.*?)\n```", (folder / "README.md").read_text(), re.DOTALL)
    return [shlex.split(line) for line in found]


def gold(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "gold.jsonl").read_text().splitlines()]


def target(folder: Path) -> Target[Any]:
    return load_target(f"{folder / 'target.py'}:Record")


def test_columns_become_fields_with_their_types(tickets: Path) -> None:
    code, out, _ = init("tickets.csv", cwd=tickets.parent)
    assert code == exits.OK
    folder = tickets.parent / "tickets-structgen"
    assert out.split() == [
        f"tickets-structgen/{name}"
        for name in ("target.py", "gold.jsonl", "document.txt", "README.md")
    ]
    source = (folder / "target.py").read_text()
    assert "    Urgency: Literal['high', 'low']\n" in source
    assert "    due: dt.date | None = None\n" in source
    assert "    parts: int | None = None\n" in source
    assert "    paid: bool\n" in source
    assert "body" not in source
    first = gold(folder)[0]
    assert first["key"] == "T-0"
    assert first["text"] == TICKETS[0]["body"]
    assert first["value"] == {"Urgency": "high", "due": "2026-05-03", "parts": 2, "paid": True}
    records = load_gold(folder / "gold.jsonl", target(folder))
    assert [record.key for record in records] == ["T-0", "T-1", "T-2", "T-3"]


@pytest.mark.slow
def test_the_commands_of_its_readme_work_at_once(tickets: Path, embedded_cache: Path) -> None:
    init("tickets.csv", cwd=tickets.parent)
    folder = tickets.parent / "tickets-structgen"
    lines = commands(folder)
    assert [line[1] for line in lines] == ["extract", "eval", "run"]
    for line in lines:
        done = subprocess.run(
            [sys.executable, "-m", "structgen", *line[1:], "--max-tokens", "60"],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert done.returncode in (exits.OK, exits.NO_VALUE), done.stderr
    rows = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    assert [row["key"] for row in rows] == [ticket["id"] for ticket in TICKETS]


def test_it_is_the_same_each_time_and_replaces_nothing(tickets: Path) -> None:
    one, two = tickets.parent / "first", tickets.parent / "second"
    for folder in (one, two):
        assert init("tickets.csv", "-o", folder.name, cwd=tickets.parent)[0] == exits.OK
    for file in sorted(one.iterdir()):
        text = file.read_text().replace("# first\n", "# second\n")
        assert text == (two / file.name).read_text(), file
    (one / "target.py").write_text("mine")
    (one / "gold.jsonl").unlink()
    code, _, err = init("tickets.csv", "-o", "first", cwd=tickets.parent)
    assert code == exits.USAGE
    assert "first/target.py exists, and `init` replaces nothing" in err
    assert (one / "target.py").read_text() == "mine"
    assert not (one / "gold.jsonl").exists()


def test_json_lines_may_nest_and_may_be_gold_already(tmp_path: Path) -> None:
    value = {"buyer": {"name": "Ada", "tags": ["a"]}, "lines": [{"n": 1}, {"n": 2.5, "x": None}]}
    rows = [{"text": "A text.", "value": value}, {"text": "Another.", "value": {"lines": []}}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\nbroken\n")
    assert init("rows.jsonl", "-o", "out", cwd=tmp_path)[0] == exits.OK
    source = (tmp_path / "out" / "target.py").read_text()
    assert "    lines: list[Line]\n" in source
    assert "    buyer: Buyer | None = None\n" in source
    assert "class Line(BaseModel):\n    n: float\n" in source
    assert [record["value"] for record in gold(tmp_path / "out")] == [row["value"] for row in rows]
    assert len(load_gold(tmp_path / "out" / "gold.jsonl", target(tmp_path / "out"))) == 2


def test_documents_without_values_begin_with_a_skeleton(tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    letters.mkdir()
    for name in ("b.txt", "a.md"):
        (letters / name).write_text(f"The letter {name}.")
    assert init("letters", cwd=tmp_path)[0] == exits.OK
    folder = tmp_path / "letters-structgen"
    assert [row["file"] for row in gold(folder)] == ["../letters/a.md", "../letters/b.txt"]
    records = load_gold(folder / "gold.jsonl", target(folder))
    assert [str(record.document) for record in records] == [
        "The letter a.md.",
        "The letter b.txt.",
    ]
    assert commands(folder)[0] == ["structgen", "extract", "target.py:Record", "../letters/a.md"]
    assert "skeleton" in (folder / "README.md").read_text()


def test_the_columns_can_be_named(tickets: Path) -> None:
    words = ("tickets.csv", "-o", "out", "--text", "Urgency", "--key", "due")
    assert init(*words, cwd=tickets.parent)[0] == exits.OK
    assert gold(tickets.parent / "out")[0]["text"] == "high"
    code, _, err = init("tickets.csv", "-o", "no", "--text", "bdy", cwd=tickets.parent)
    assert code == exits.USAGE
    assert "There is no column 'bdy' for --text. Did you mean 'body'?" in err


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.csv", None, "There is no missing.csv"),
        ("empty.csv", "", "empty.csv has no rows"),
        ("numbers.jsonl", '{"a": 1}\n', "No column holds texts: a"),
        ("blank.txt", " ", "blank.txt"),
        ("rows.json", "[]", "neither CSV, JSON Lines nor documents"),
    ],
)
def test_what_cannot_be_read_is_said(
    tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    code, _, err = init(name, cwd=tmp_path)
    assert code == exits.USAGE
    assert said in err
    assert len(list(tmp_path.iterdir())) <= 1


def test_another_encoding_is_named_and_heeded(tmp_path: Path) -> None:
    rows = "text,name\nJosé paid 3 €,José\n"
    lines = '{"text": "José paid 3 €", "name": "José"}\n'
    for name, content in (("rows.csv", rows), ("rows.jsonl", lines)):
        (tmp_path / name).write_bytes(content.encode("cp1252"))
        code, _, err = init(name, cwd=tmp_path)
        assert code == exits.USAGE
        assert 'Name the `encoding` of the file, such as "cp1252".' in err
        folder = tmp_path / f"of {name}"
        init(name, "--encoding", "cp1252", "-o", str(folder), cwd=tmp_path)
        (record,) = (json.loads(line) for line in (folder / "gold.jsonl").read_text().splitlines())
        assert (record["text"], record["value"]) == ("José paid 3 €", {"name": "José"})
        assert commands(folder)[-1][-2:] == ["--encoding", "cp1252"]


def test_documents_in_another_encoding_are_copied_as_they_were_read(tmp_path: Path) -> None:
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "a.txt").write_bytes("José paid 3 €".encode("cp1252"))
    init("mails", "--encoding", "cp1252", cwd=tmp_path)
    folder = tmp_path / "mails-structgen"
    assert json.loads((folder / "gold.jsonl").read_text())["text"] == "José paid 3 €"
    assert (folder / "document.txt").read_text() == "José paid 3 €\n"


def test_documents_inside_of_an_archive_are_copied(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mails.zip", "w") as archive:
        archive.writestr("a.txt", "Ada paid.")
        archive.writestr("b.txt", "Bob paid.")
    init("mails.zip", cwd=tmp_path)
    folder = tmp_path / "mails-structgen"
    records = load_gold(folder / "gold.jsonl", target(folder))
    assert [record.document for record in records] == ["Ada paid.", "Bob paid."]
    assert (folder / "document.txt").read_text() == "Ada paid.\n"


def test_a_column_whose_name_looks_like_a_flag_stays_its_value(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("-t,-k\nAda paid three euros,a1\nBob paid,a2\n")
    init("rows.csv", "--text=-t", "--key=-k", cwd=tmp_path)
    assert commands(tmp_path / "rows-structgen")[-1][-2:] == ["--text=-t", "--key=-k"]


SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=5)
NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(
    ["class", "json", "model_x", "date", "list", "1a", "A"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=4), min_size=1, max_size=4))
def test_a_guessed_model_takes_the_values_it_was_guessed_from(rows: list[Json]) -> None:
    names: dict[str, Any] = {"__name__": "guessed"}
    exec(compile(source_of(shape_of(rows)), "target.py", "exec", dont_inherit=True), names)
    guessed = names["Record"]
    guessed.model_rebuild(_types_namespace=names)
    for row in rows:
        validate(target_of(guessed), row)
