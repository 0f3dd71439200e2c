"""No byte of an input ends a job: each broken one ends in rows, whatever it comes through."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from structgen import Client, Job
from structgen.errors import InputError
from structgen.pipeline import Item, open_source
from structgen.testing import AnyModel
from tests.pipeline.broken import BROKEN, CHANGES, GOOD, Broken


class Person(BaseModel):
    name: str


def told(items: list[Item]) -> tuple[int, int]:
    """How many could be read and how many not; each failed one says what to do and where."""
    failed = [item for item in items if item.error is not None]
    for item in failed:
        assert isinstance(item.error, InputError)
        assert item.error.message
        assert item.key
    assert all(item.document for item in items if item.error is None)
    return len(items) - len(failed), len(failed)


@pytest.fixture(scope="module", params=["a file", "a folder", "an archive", "a server", "a store"])
def through(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Any]:
    """What the broken file comes through: a function that gives the name of a source."""
    folder: Path = tmp_path_factory.mktemp("inputs")
    kind = request.param
    if kind == "a server":
        handler = partial(QuietHandler, directory=str(folder))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.server_port}"
            yield (
                lambda case, number: f"{address}/{place(folder, case, number).relative_to(folder)}"
            )
            server.shutdown()
        return
    ways = {
        "a file": lambda case, number: place(folder, case, number),
        "a folder": lambda case, number: place(folder, case, number).parent,
        "an archive": lambda case, number: packed(place(folder, case, number)),
        "a store": stored,
    }
    yield ways[kind]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def place(folder: Path, case: Broken, number: int) -> Path:
    path = folder / str(number) / case.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(case.data)
    return path


def packed(path: Path) -> Path:
    with zipfile.ZipFile(path.parent / "all.zip", "w") as archive:
        archive.write(path, path.name)
    return path.parent / "all.zip"


def stored(case: Broken, number: int) -> str:
    with fsspec.open(f"memory://{number}/{case.name}", "wb") as file:
        file.write(case.data)
    return f"memory://{number}/{case.name}"


@pytest.mark.parametrize("number", range(len(BROKEN)), ids=list(BROKEN))
def test_a_broken_input_ends_in_rows(through: Any, number: int) -> None:
    case = list(BROKEN.values())[number]
    try:
        items = list(open_source(through(case, number), **case.options))
    except InputError as error:
        pytest.fail(f"{error}")
    if "archives in archives" in list(BROKEN)[number]:
        assert told(items)[1] == 1  # how many are read depends on what it came through
    else:
        assert told(items) == (case.good, case.failed)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("number", range(len(BROKEN)), ids=list(BROKEN))
def test_whatever_else_happens_to_it_it_ends_in_rows(
    tmp_path: Path, number: int, change: str
) -> None:
    case = list(BROKEN.values())[number]
    place(tmp_path, case._replace(data=CHANGES[change](case.data)), 0)
    told(list(open_source(tmp_path, **case.options)))


def test_a_job_over_all_of_them_ends_with_a_row_for_each(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for number, case in enumerate(BROKEN.values()):
        if not case.options:
            (folder / str(number)).mkdir(parents=True)
            place(folder, case, number)
    items = list(open_source(folder))
    with Client(AnyModel()) as client:
        output = tmp_path / "out.jsonl"
        done = Job(Person, open_source(folder), client=client, output=output).run()
    good, failed = told(items)
    assert (done.ok, done.failed) == (good, failed)
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["key"] for row in rows] == [item.key for item in items]
    assert all(
        (row["error"] is None) == (item.error is None)
        for row, item in zip(rows, items, strict=True)
    )


@pytest.mark.parametrize("output", ["out.jsonl", "out.parquet", "out.csv.gz"])
def test_thirty_kills_over_all_of_them_change_nothing(tmp_path: Path, output: str) -> None:
    """Law 8, over broken inputs: none is lost, none is there twice, and no part is left."""
    folder = tmp_path / "in"
    for number, case in enumerate(BROKEN.values()):
        if not case.options:
            (folder / str(number)).mkdir(parents=True)
            place(folder, case, number)
    found = []
    for name, kills in (("undisturbed", 0), ("killed", 30)):
        (tmp_path / name).mkdir()
        script = Path(__file__).with_name("broken_lives.py")
        path = tmp_path / name / output
        command = [sys.executable, str(script), str(folder), str(path), str(kills)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        assert not list((tmp_path / name).glob("*.part"))
        found.append(path.read_bytes())
    assert found[0] == found[1]


def test_standard_input_ends_in_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    for case in BROKEN.values():
        kind = "".join(Path(case.name).suffixes)
        if kind in (".zip", ".tar", ".tar.gz"):
            continue
        stdin = io.TextIOWrapper(io.BytesIO(case.data))
        monkeypatch.setattr(sys, "stdin", stdin)
        found = told(list(open_source("-", format=kind, **case.options)))
        assert found == (case.good, case.failed), case.name


KINDS = (
    "a.csv",
    "a.tsv",
    "a.jsonl",
    "a.json",
    "a.txt",
    "a.html",
    "a.eml",
    "a.csv.gz",
    "a.xlsx",
    "a.parquet",
    "a.arrow",
    "a.zip",
    "a.tar",
    "a.docx",
    "a.pdf",
    "a.jsonl.zst",
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(KINDS), data=st.binary(max_size=400))
def test_no_bytes_of_any_kind_of_file_raise(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    (folder / name).write_bytes(data)
    told(list(open_source(folder)))


LINE = st.text(st.sampled_from('ab",\n\r;é\0 '), max_size=12)


@settings(max_examples=200, deadline=None)
@given(lines=st.lists(LINE, max_size=8))
def test_whatever_a_csv_holds_rows_after_it_are_read(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """Law 10, for lines: nothing swallows the rows below it."""
    path = tmp_path_factory.mktemp("csv") / "in.csv"
    after = [f"{number},{GOOD}" for number in range(20)]
    path.write_text("id,text\n" + "\n".join([*lines, *after]) + "\n", newline="")
    found = list(open_source(path, delimiter=","))
    assert [item.document for item in found].count(GOOD) >= len(after) - 1
