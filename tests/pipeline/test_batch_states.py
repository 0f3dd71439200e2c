"""Whatever becomes of a batch, the job takes a next step by itself and ends.

The provider follows a script: how each batch goes, in the order in which they are made. The last
line of a script is for every later batch.
"""

from __future__ import annotations

import io
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from structgen import Client
from structgen.cli.main import run as run_command
from structgen.errors import ConfigurationError, JobError
from structgen.pipeline.batch_rounds import Batching
from structgen.pipeline.job import Job
from structgen.pipeline.summary import Summary
from structgen.testing.faulty import FaultyServer, Served
from structgen.values import Request
from tests.pipeline.batches import BatchServer
from tests.pipeline.test_batch import DOCUMENTS, Person, number, right, rows

QUICK = Batching(poll=0.001, lines=8, patience=0)
LINE = {"code": "invalid_request", "message": "line 2 is no request", "line": 2}
TOO_MANY = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}

COURSES: dict[str, dict[str, Any]] = {
    "completed": {},
    "failed": {"end": "failed", "errors": [TOO_MANY], "answered": 0},
    "failed without a reason": {"end": "failed", "errors": None, "answered": 0},
    "failed by one line": {"end": "failed", "errors": [LINE], "answered": 0},
    "expired": {"end": "expired", "answered": 3},
    "expired untouched": {"end": "expired", "answered": 0},
    "cancelled": {"end": "cancelled", "answered": 5},
    "cancelled slowly": {"states": ["cancelling", "cancelling"], "end": "cancelled", "answered": 1},
    "unknown to the server": {"forgotten": True},
    "in a state of its own": {"states": ["paused", "queued_v2"]},
    "malformed lines": {"damage": True},
    "an output that was deleted": {"deleted": True},
    "no output at all": {"answered": 0, "files": False},
    "a page instead of JSON": {"pages": 1},
    "a file cut short": {"cut": True},
}

LOST = ("an output that was deleted", "unknown to the server")
"""Courses in which the provider itself loses answers that were paid for."""


class Provider(BatchServer):
    """A Batch API whose batches take the courses of a script."""

    def __init__(self, *script: str) -> None:
        super().__init__(right)
        self._script = script
        self._left: dict[str, list[str]] = {}
        self._course: dict[str, dict[str, Any]] = {}
        self._pages: dict[str, int] = {}
        self.answers: dict[int, int] = {}
        """How often each input was answered, and paid."""
        self.cancelled: list[str] = []

    def __call__(self, request: Request) -> str | Served:
        where = request.path.partition("?")[0].removeprefix("/v1/").split("/")
        if where[0] == "batches" and len(where) > 1:
            return self._look(where[1], where[2:])
        if where[0] == "files" and len(where) > 1:
            if where[1] not in self.files:
                return self._missing()
            body = self.files[where[1]]
            cut = self._pages.pop(where[1], 0)
            return Served(body=body, end="cut") if cut else Served(body=body)
        if request.method == "GET":
            listed = [{"id": "another", "input_file_id": "x"}, *self.batches.values()]
            return self._json({"object": "list", "data": listed, "has_more": False})
        served = super().__call__(request)
        assert isinstance(served, Served)
        return Served(status=201, body=served.body)

    def _look(self, batch: str, rest: list[str]) -> Served:
        course, known = self._course[batch], self.batches[batch]
        if course.get("forgotten"):
            return self._missing()
        if rest == ["cancel"]:
            self.cancelled.append(batch)
            self._left[batch] = ["cancelling"]
            course |= {"end": "cancelled", "stuck": False}
        elif self._pages.get(batch, 0):
            self._pages[batch] -= 1
            return Served(body=b"<html>Bad gateway</html>")
        left = self._left[batch]
        if len(left) > 1 or (left and not course.get("stuck")):
            known["status"] = left.pop(0)
        else:
            known["status"] = left[0] if left else course.get("end", "completed")
        return self._json(known)

    def _create(self, asked: dict[str, Any]) -> Served:
        course = dict(COURSES[self._script[min(len(self.batches), len(self._script) - 1)]])
        answered = itertools.count()
        bound = course.get("answered", 1000)

        def answer(body: dict[str, Any]) -> tuple[int, Any] | None:
            if next(answered) >= bound:
                return None
            self.answers[number(body)] = self.answers.get(number(body), 0) + 1
            return right(body)

        self.answer = answer
        served = super()._create(asked)
        batch = json.loads(served.body)["id"]
        self._course[batch] = course
        self._left[batch] = ["validating", "in_progress", *course.get("states", ())]
        self._pages[batch] = course.get("pages", 0)
        known = self.batches[batch]
        if course.get("errors"):
            known["errors"] = {"object": "list", "data": course["errors"]}
        if course.get("damage"):
            self._damage(known["output_file_id"])
        if course.get("deleted"):
            del self.files[known["output_file_id"]]
        if course.get("cut"):
            self._pages[known["output_file_id"]] = 1
        if not course.get("files", True):
            known |= {"output_file_id": None, "error_file_id": None}
        return self._json(known)

    def _damage(self, file: str) -> None:
        """One line is no JSON, one is a stranger's, one is no object, one has no answer."""
        lines = self.files[file].splitlines()
        named = json.loads(lines[0])["custom_id"]
        odd = [
            b'{"custom_id": ',
            b'{"custom_id":"someone-else","response":{"status_code":200,"body":{}}}',
            b"[1]",
            json.dumps({"custom_id": named, "response": None, "error": None}).encode(),
            b"\xff\xfe",
        ]
        self.files[file] = b"\n".join([*odd, *lines[1:]])
        lost = re.search(rb"P(\d+)", lines[0])
        assert lost
        self.answers[int(lost[1])] -= 1

    def _missing(self) -> Served:
        body = json.dumps({"error": {"message": "No such object", "code": "not_found"}})
        return Served(status=404, body=body.encode())


def run(provider: Provider, folder: Path, how: Batching = QUICK, **options: Any) -> Summary:
    with (
        FaultyServer(provider) as loopback,
        Client("vllm:m", base_url=loopback.base_url, max_retries=2) as client,
    ):
        output = folder / "out.jsonl"
        return Job(Person, DOCUMENTS, client=client, output=output, batch=how, **options).run()


@pytest.mark.parametrize("course", COURSES)
def test_every_course_of_a_batch_leads_to_the_end_by_itself(course: str, tmp_path: Path) -> None:
    provider = Provider("completed", course, "completed")
    done = run(provider, tmp_path)
    refused = int(course == "failed by one line")
    assert (done.ok, done.failed) == (30 - refused, refused)
    assert len(rows(tmp_path)) == 30
    if course in LOST:
        assert sum(provider.answers.values()) == 38
    else:
        assert set(provider.answers.values()) == {1}
    if refused:
        assert [row["error"]["type"] for row in rows(tmp_path) if row["error"]] == [
            "BadRequestError"
        ]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(script=st.lists(st.sampled_from(sorted(COURSES)), max_size=6))
def test_a_job_ends_whatever_courses_its_batches_take(
    script: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("batches")
    provider = Provider(*script, "completed")
    for _ in range(4):
        try:
            done = run(provider, folder)
            break
        except JobError as error:
            assert "start the same job again" in str(error)
    assert done.done == len(rows(folder)) == 30
    lost = 8 * sum(script.count(course) for course in LOST)
    assert sum(provider.answers.values()) <= 30 + lost


@pytest.mark.parametrize(
    ("course", "said"),
    [
        ("failed", "Enqueued token limit reached"),
        ("expired untouched", "expired"),
        ("unknown to the server", "unknown to the server"),
        ("no output at all", "completed"),
    ],
)
def test_batches_that_never_bring_an_answer_end_the_job_and_not_the_next_one(
    course: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(JobError, match=said):
        run(Provider(course), tmp_path)
    assert run(Provider("completed"), tmp_path).ok == 30


def test_after_a_round_without_answers_files_are_smaller(tmp_path: Path) -> None:
    provider = Provider(*["failed"] * 4, "completed")
    assert run(provider, tmp_path).ok == 30
    sizes = [
        len(provider.files[one["input_file_id"]].splitlines()) for one in provider.batches.values()
    ]
    assert sizes[:4] == [8, 8, 8, 6]
    assert max(sizes[4:]) == 4


def test_a_batch_that_never_ends_is_cancelled_and_what_it_brought_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = {"states": ["paused"], "stuck": True, "answered": 2}
    monkeypatch.setitem(COURSES, "stuck", stuck)
    monkeypatch.setattr(Batching, "longest", 0.05)
    provider = Provider("stuck", "completed")
    assert run(provider, tmp_path).ok == 30
    assert provider.cancelled[0] == "batch_0"
    assert set(provider.answers.values()) == {1}


def test_a_batch_whose_creation_was_not_confirmed_is_not_made_twice(tmp_path: Path) -> None:
    class Losing(Provider):
        def __call__(self, request: Request) -> str | Served:
            made = len(self.batches)
            served = super().__call__(request)
            return "reset" if len(self.batches) > made else served

    provider = Losing("completed")
    assert run(provider, tmp_path).ok == 30
    assert len(provider.batches) == 4
    assert set(provider.answers.values()) == {1}


def test_a_file_that_is_too_large_is_halved(tmp_path: Path) -> None:
    class Small(Provider):
        def __call__(self, request: Request) -> str | Served:
            large = request.path.endswith("/files") and request.body.count(b'"custom_id"') > 5
            return Served(status=413, body=b"{}") if large else super().__call__(request)

    assert run(Small("completed"), tmp_path).ok == 30


# ---- step by step ----------------------------------------------------------------------------


def step(name: Any) -> Batching:
    return Batching(step=name, poll=0.001, lines=8)


def test_submit_and_collect_end_at_once_and_reach_the_rows_together(tmp_path: Path) -> None:
    provider = Provider("completed", "expired", "completed")
    sent = run(provider, tmp_path, step("submit"))
    assert (sent.under_way, sent.done, sent.output) == (4, 0, None)
    again = run(provider, tmp_path, step("submit"))
    assert (again.under_way, len(provider.batches)) == (4, 4)
    seen = []
    for _ in range(20):
        done = run(provider, tmp_path, step("collect"))
        seen.append(done.under_way)
        if not done.under_way:
            break
    assert done.ok == 30
    assert len(rows(tmp_path)) == 30
    assert len(seen) > 2
    assert set(provider.answers.values()) == {1}


def test_what_failed_is_asked_again_once_and_not_by_each_collect(tmp_path: Path) -> None:
    def refusing(body: dict[str, Any]) -> tuple[int, Any]:
        asked.append(number(body))
        return (400, {"error": {"message": "Bad"}}) if number(body) < 3 else right(body)

    asked: list[int] = []
    for rounds in (1, 2):
        server: Any = BatchServer(refusing)
        until_done(server, tmp_path)
        assert sorted(one for one in asked if one < 3) == sorted([0, 1, 2] * rounds)
    assert len(asked) == 33


def until_done(server: Any, folder: Path) -> None:
    run(server, folder, step("submit"))
    for _ in range(20):
        if not run(server, folder, step("collect")).under_way:
            return
    raise AssertionError("it never ends")


def test_a_retry_that_was_answered_is_not_paid_again_after_a_crash(tmp_path: Path) -> None:
    asked: list[int] = []

    def refusing(body: dict[str, Any]) -> tuple[int, Any]:
        asked.append(number(body))
        return (400, {"error": {"message": "Bad"}}) if len(asked) <= 30 else right(body)

    server: Any = BatchServer(refusing)
    assert run(server, tmp_path).failed == 30
    run(server, tmp_path, step("submit"))  # everything is asked again; then the process is gone
    assert run(server, tmp_path).ok == 30
    assert len(asked) == 60


def test_the_command_says_by_its_exit_code_whether_to_collect_again(tmp_path: Path) -> None:
    (tmp_path / "person.json").write_text(
        json.dumps({"type": "object", "properties": {"name": {"type": "string"}}})
    )
    rows_in = "".join(json.dumps({"text": text}) + "\n" for text in DOCUMENTS)
    (tmp_path / "in.jsonl").write_text(rows_in)
    provider = Provider("completed")
    with FaultyServer(provider) as loopback:

        def command(name: str) -> tuple[int, str]:
            said = io.StringIO()
            argv = f"run {tmp_path}/person.json {tmp_path}/in.jsonl -o {tmp_path}/out.jsonl"
            more = f"--model vllm:m --base-url {loopback.base_url} --batch {name}"
            code = run_command([*argv.split(), *more.split()], io.StringIO(), io.StringIO(), said)
            return code, said.getvalue()

        assert command("submit")[0] == 0
        codes = [command("collect") for _ in range(3)]
    assert [code for code, _ in codes] == [5, 5, 0]
    assert "under way: collect them" in codes[0][1]


@pytest.mark.parametrize(
    "members", [{"step": "wait"}, {"poll": -1}, {"lines": 0}, {"window": 24}, {"size": True}]
)
def test_how_to_batch_is_checked(members: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="must be"):
        Batching(**members)
