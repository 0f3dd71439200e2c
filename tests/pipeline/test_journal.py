"""The journal: what it keeps is checked again, whatever wrote it, and can be read at any time."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from structgen import Client
from structgen.cli.main import run as run_command
from structgen.errors import (
    InvalidOutputError,
    JobStoppedError,
    JournalError,
    RateLimitError,
)
from structgen.pipeline.job import Job
from structgen.pipeline.journal.journal import Journal
from structgen.pipeline.journal.outcomes import outcome_of
from structgen.pipeline.journal.rows import Entry, entry_of_row, row_of_entry
from structgen.pipeline.journal.tables import VERSION
from structgen.pipeline.journal.view import JournalView
from structgen.pipeline.limits import JobLimits
from structgen.pipeline.record import Item
from structgen.pipeline.threads import run_in_thread
from structgen.schema.target import target_of
from structgen.testing import FaultyServer, ScriptedModel, Served
from structgen.values import Request
from structgen.wire.models.prices import Price
from tests.pipeline.test_job import answer, texts


class Person(BaseModel):
    name: str
    age: int


def loose() -> type[BaseModel]:
    class Person(BaseModel):
        name: str
        age: int

    return Person


def strict() -> type[BaseModel]:
    class Person(BaseModel):
        name: str
        age: int

        @field_validator("age")
        @classmethod
        def check_age(cls, age: int) -> int:
            if age == 3:
                raise ValueError("nobody is three")
            return age

    return Person


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer) as server:
        yield server


@pytest.fixture
def client(server: FaultyServer) -> Iterator[Client]:
    with Client("vllm:m", base_url=server.base_url, max_retries=0, max_reasks=0) as client:
        yield client


def job(client: Client, folder: Path, target: Any = Person, count: int = 8, **more: Any) -> Job:
    return Job(target, texts(count), client=client, output=folder / "out.jsonl", **more)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


# ---- checked again ---------------------------------------------------------------------------


def test_a_value_that_the_target_refuses_by_now_is_asked_for_again(
    client: Client, server: FaultyServer, tmp_path: Path
) -> None:
    assert job(client, tmp_path, loose()).run().ok == 8
    done = job(client, tmp_path, strict()).run()
    assert (done.ok, done.failed, done.cached, len(server.requests)) == (7, 1, 7, 9)
    violation = {
        "path": "/age",
        "schema_path": "/properties/age/validator",
        "found": "3",
        "wanted": "nobody is three",
    }
    assert rows(tmp_path)[3]["error"]["violations"] == [violation]
    assert job(client, tmp_path, loose()).run().ok == 8


def test_a_refused_value_that_is_not_asked_for_again_is_a_failed_row(
    client: Client, server: FaultyServer, tmp_path: Path
) -> None:
    job(client, tmp_path, loose()).run()
    done = job(client, tmp_path, strict(), retry_failed=False).run()
    assert (done.ok, done.failed, len(server.requests)) == (7, 1, 8)
    assert rows(tmp_path)[3]["value"] is None
    assert rows(tmp_path)[3]["error"]["type"] == "InvalidOutputError"
    found = list(
        client.map(strict(), texts(8), journal=tmp_path / "out.jsonl.journal", retry_failed=False)
    )
    assert [outcome.ok for outcome in found] == [n != 3 for n in range(8)]
    with pytest.raises(InvalidOutputError, match="nobody is three"):
        _ = found[3].value


# ---- other writers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"record": None},
        {"record": {}},
        {"record": {"value": {"name": "A", "age": 1}}},
        {"record": {"value": {"name": "A", "age": 1}}, "tries": "1", "usage": 5, "seconds": None},
        {"record": {"value": {"name": "A", "age": 1}, "more": 1}, "usage": {"cents": 3}, "x": []},
        [],
        "text",
    ],
    ids=repr,
)
def test_a_row_of_another_form_is_a_value_or_counts_as_missing(body: Any) -> None:
    entry = entry_of_row((1, *row_of_entry(Entry(b"h" * 16, "r", True, body))[:4], b"", b""))
    assert entry is None
    run, hash, ok, cost, text, checksum = row_of_entry(Entry(b"h" * 16, "r", True, body))
    entry = entry_of_row((1, run, hash, ok, cost, text.encode(), checksum))
    has_value = isinstance(body, dict) and "value" in (body.get("record") or {})
    assert (entry is not None) == has_value
    if entry is not None:
        outcome = outcome_of(entry, target_of(Person), "k", {})
        assert outcome.value == Person(name="A", age=1)
        assert outcome.usage.total_tokens == 0


@pytest.mark.parametrize(
    "error",
    [
        {"type": "Attempt", "message": "m"},
        {"type": "annotations", "message": "m", "hint": None, "attributes": {"sent": True}},
        {"type": "RateLimitError", "message": "m", "attributes": {"unknown": 1, "retry_after": 2}},
        {"type": "InvalidOutputError", "message": "m", "violations": [{"path": "/a"}]},
        {"message": "m", "attributes": None},
    ],
    ids=repr,
)
def test_an_error_of_another_version_is_still_an_error(error: Any) -> None:
    body = {"record": {"error": error}, "attempts": [{"error": "NotJsonError: m"}, 5]}
    entry = Entry(b"h" * 16, "r", False, body)
    outcome = outcome_of(entry, target_of(Person), "k", {})
    assert outcome.error is not None
    assert outcome.error.message == "m"
    assert str(outcome.error)
    assert outcome.row()["error"]["message"] == "m"
    assert isinstance(outcome.error, RateLimitError) == (error.get("type") == "RateLimitError")


def old_journal(path: Path) -> None:
    """Make the file as 0.1.0 left it: no version, a table less, and a column less."""
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript("DROP TABLE earlier_inputs; ALTER TABLE inputs DROP COLUMN document;")
        db.execute("PRAGMA user_version=0")


def test_a_journal_of_the_first_version_is_migrated(
    client: Client, server: FaultyServer, tmp_path: Path
) -> None:
    job(client, tmp_path).run()
    path = tmp_path / "out.jsonl.journal"
    old_journal(path)
    with JournalView(path) as view:
        assert view.stats()["ok"] == 8
    assert job(client, tmp_path).run().cached == 8
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert len(server.requests) == 8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (f"PRAGMA user_version={VERSION + 1}", "newer structgen"),
        ("ALTER TABLE outcomes DROP COLUMN cost", "no column cost in its table outcomes"),
        ("ALTER TABLE inputs RENAME COLUMN meta TO data", "no column meta in its table inputs"),
        ("DROP TABLE notes", "no column body in its table notes"),
    ],
)
def test_a_journal_that_cannot_be_used_is_an_error_that_says_why(
    client: Client, tmp_path: Path, change: str, said: str
) -> None:
    job(client, tmp_path).run()
    path = tmp_path / "out.jsonl.journal"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(change)
    before = path.read_bytes()
    with pytest.raises(JournalError, match=said) as raised:
        job(client, tmp_path).run()
    assert "disk" not in str(raised.value)
    assert path.read_bytes() == before


def test_a_column_more_does_no_harm(client: Client, tmp_path: Path) -> None:
    job(client, tmp_path).run()
    with closing(sqlite3.connect(tmp_path / "out.jsonl.journal")) as db, db:
        for table in ("outcomes", "inputs", "earlier_inputs", "replies", "notes"):
            db.execute(f"ALTER TABLE {table} ADD COLUMN more TEXT")
    assert job(client, tmp_path).run().cached == 8


def test_answers_of_batches_survive_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.add_replies([(b"h" * 16, 0, 200, b"paid")])
        for number in range(2000):
            journal.add(Entry(number.to_bytes(16, "big"), "r", True, {"record": {"value": 1}}))
        journal.flush()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 4096)
        file.write(os.urandom(4096))
    with Journal(path) as journal:
        assert [reply.body for reply in journal.replies(b"h" * 16)] == [b"paid"]


def test_a_journal_that_was_cut_keeps_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        for number in range(2000):
            journal.add(Entry(number.to_bytes(16, "big"), "r", True, {"record": {"value": 1}}))
        journal.flush()
    os.truncate(path, path.stat().st_size // 2)
    with Journal(path) as journal:
        kept = sum(journal.find(n.to_bytes(16, "big")) is not None for n in range(2000))
    assert 500 < kept < 2000


def test_one_row_that_cannot_be_written_as_it_is_stops_no_other(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        odd = {"record": {"value": "\ud800 lone"}, "object": object()}
        journal.add(Entry(b"a" * 16, "r", True, odd))
        journal.add(Entry(b"b" * 16, "r", True, {"record": {"value": 1}}))
        journal.add_input(0, Item("k", "", {"o": object(), "s": "\udce9"}), b"a" * 16)
        journal.flush()
    with Journal(tmp_path / "journal") as journal:
        found = journal.find(b"a" * 16)
        assert found is not None
        assert found.body["record"]["value"] == "? lone"
        assert journal.find(b"b" * 16) is not None
        assert [one.key for one, _ in journal.results()] == ["k"]


def test_a_lock_leaves_no_file_behind(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.set_note("about", "this job")
        assert path.with_name("journal.lock").exists()
    assert not path.with_name("journal.lock").exists()
    notes = tmp_path / "notes"
    notes.write_text("mine")
    with pytest.raises(JournalError, match="no journal"):
        Journal(notes)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["journal", "notes"]


def test_a_new_journal_in_which_nothing_was_written_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path):
        pass
    assert list(tmp_path.iterdir()) == []
    with Journal(path) as journal:
        journal.set_note("about", "this job")
    with Journal(path):
        pass
    assert path.exists()


# ---- failing rows ----------------------------------------------------------------------------


def test_a_failing_row_says_where_and_shows_what_the_model_wrote(tmp_path: Path) -> None:
    wrong = '{"name": "Ada", "age": "thirty-six"}'
    with Client(ScriptedModel(wrong), max_reasks=0) as client:
        job(client, tmp_path, count=2).run()
        first = rows(tmp_path)
        job(client, tmp_path, count=2, retry_failed=False).run()
        assert rows(tmp_path) == first
        with pytest.raises(InvalidOutputError) as raised:
            client.extract(Person, "Ada is 36.")
    error = first[0]["error"]
    assert [one["path"] for one in error["violations"]] == ["/age"]
    assert error["text"] == wrong
    said = str(raised.value)
    assert '/age: found "thirty-six", wanted an integer' in said
    assert wrong in said
    assert wrong not in raised.value.message


def test_what_a_row_shows_of_an_answer_is_bounded(tmp_path: Path) -> None:
    wrong = json.dumps({"name": ["x" * 100] * 100, "age": "y" * 10_000})
    with Client(ScriptedModel(wrong), max_reasks=0) as client:
        job(client, tmp_path, count=1).run()
    with (
        pytest.raises(InvalidOutputError) as raised,
        Client(ScriptedModel(json.dumps([{"name": 1, "age": "a"}] * 50)), max_reasks=0) as client,
    ):
        client.extract(list[Person], "Many.")
    text = rows(tmp_path)[0]["error"]["text"]
    assert len(text) < 2_100
    assert text.endswith(f"({len(wrong) - 2_000} more characters)")
    assert "and 97 more" in str(raised.value)
    assert len(str(raised.value)) < 1_500


# ---- read at any time ------------------------------------------------------------------------


def command(*words: str) -> tuple[int, str, str]:
    out, said = io.StringIO(), io.StringIO()
    return (
        run_command(["journal", *words], io.StringIO(), out, said),
        out.getvalue(),
        said.getvalue(),
    )


def test_a_stopped_job_gives_its_rows(server: FaultyServer, tmp_path: Path) -> None:
    items = [Item(f"k{n}", f"person number {n}.", {"n": n}) for n in range(60)]
    price = Price(provider="vllm", model="m", input=1e6 / 12, output=1e6 / 12)  # a dollar an answer
    with Client("vllm:m", base_url=server.base_url, prices=[price]) as client:
        # A run that stops at once hides nothing of the earlier one.
        for limits in (JobLimits(max_cost=10), JobLimits(max_seconds=0)):
            with pytest.raises(JobStoppedError):
                Job(
                    Person,
                    iter(items),
                    client=client,
                    output=tmp_path / "out.jsonl",
                    limits=limits,
                    concurrency=2,
                ).run()
    journal = str(tmp_path / "out.jsonl.journal")
    code, out, _ = command("export", journal)
    exported = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert len(exported) > 2
    assert [row["key"] for row in exported] == [f"k{n}" for n in range(len(exported))]
    assert exported[1]["value"] == {"name": "P1", "age": 1}
    code, _, _ = command("export", journal, "-o", str(tmp_path / "part.jsonl"))
    assert (code, len((tmp_path / "part.jsonl").read_text().splitlines())) == (0, len(exported))
    _, out, _ = command("stats", journal)
    counted = json.loads(out)
    assert counted["ok"] + counted["failed"] == len(exported)
    assert counted["runs"][0]["target"] == "Person"
    assert counted["runs"][0]["models"] == ["vllm:m"]


def test_a_journal_can_be_read_while_its_job_runs(tmp_path: Path) -> None:
    read: list[dict[str, Any]] = []

    def reading(request: Request) -> str | Served:
        if len(loopback.requests) == 30:
            while not read or not read[-1]["ok"]:  # what is finished is soon written
                _, out, _ = command("stats", str(tmp_path / "out.jsonl.journal"))
                read.append(json.loads(out))
        return answer(request)

    loopback = FaultyServer(reading)
    with loopback, Client("vllm:m", base_url=loopback.base_url) as client:
        job(client, tmp_path, count=60, concurrency=1).run()
    assert 0 < read[-1]["ok"] < 54


def test_one_input_is_shown_with_what_the_model_wrote(tmp_path: Path) -> None:
    with Client(ScriptedModel("no JSON"), max_reasks=1) as client:
        job(client, tmp_path, count=2).run()
    journal = str(tmp_path / "out.jsonl.journal")
    code, out, _ = command("show", journal, "1")
    shown = json.loads(out)
    assert (code, shown["key"], shown["tries"]) == (0, "1", 2)
    assert [attempt["text"] for attempt in shown["attempts"]] == ["no JSON", "no JSON"]
    code, _, said = command("show", journal, "nobody")
    assert (code, "no input with the key 'nobody'" in said) == (2, True)


def test_a_journal_of_map_gives_its_results_too(client: Client, tmp_path: Path) -> None:
    list(client.map(Person, texts(5), journal=tmp_path / "journal"))
    with JournalView(tmp_path / "journal") as view:
        ages = [outcome.row()["value"]["age"] for outcome in view.outcomes()]
    assert sorted(ages) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("content", [None, b"", b"notes\n" * 1000])
def test_what_is_no_journal_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "journal"
    if content is not None:
        path.write_bytes(content)
    code, _, said = command("stats", str(path))
    assert code == 5
    assert "JournalError" in said
    assert (path.read_bytes() if content is not None else None) == content
    assert {one.name for one in tmp_path.iterdir()} <= {"journal"}


# ---- signals ---------------------------------------------------------------------------------

SCRIPT = """
import sys
from pathlib import Path
from structgen import Client
from structgen.errors import JobStoppedError
from structgen.pipeline.job import Job

with Client("vllm:m", base_url=sys.argv[1]) as client:
    texts = [f"person number {n}." for n in range(5000)]
    schema = {"type": "object", "properties": {"name": {}, "age": {}}}
    job = Job(schema, texts, client=client, output=sys.argv[2], concurrency=8, log=print)
    try:
        job.run()
    except JobStoppedError as stopped:
        print(stopped.interrupted, stopped.summary.done, flush=True)
"""


@contextmanager
def heeding(number: signal.Signals) -> Iterator[None]:
    """Let a process that is started inside heed a signal, even if these tests run under nohup."""
    before = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_to_end_finishes_what_is_under_way(
    tmp_path: Path, number: signal.Signals
) -> None:
    def slow(request: Request) -> str | Served:
        time.sleep(0.02)
        return answer(request)

    with FaultyServer(slow) as server:
        argv = [sys.executable, "-c", SCRIPT, server.base_url, str(tmp_path / "out.jsonl")]
        with heeding(number), subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            while len(server.requests) < 50:
                time.sleep(0.01)
            process.send_signal(number)
            said, _ = process.communicate(timeout=600)
        assert process.returncode == 0
        assert "finishing what is under way" in said
        assert said.splitlines()[-1] == f"True {len(server.requests)}"


def test_an_interrupt_before_there_is_anything_to_stop_is_not_lost() -> None:
    class Terminated(BaseException):
        pass

    def handle(number: int, frame: object) -> None:
        raise Terminated

    async def opening() -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.sleep(200)

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with pytest.raises(Terminated):
            run_in_thread(opening, lambda: False)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_signal_that_is_ignored_stays_ignored(client: Client, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert job(client, tmp_path).run().ok == 8
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
