"""Jobs and maps, on a loopback server and a scripted model: isolation, order, limits, journal."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import AsyncClient, Client
from structgen.cli.main import run
from structgen.errors import (
    ConfigurationError,
    InputError,
    JobError,
    JobStoppedError,
    JournalError,
    RateLimitError,
    Refused,
    ServerError,
)
from structgen.pipeline.concurrency import Concurrency
from structgen.pipeline.job import Job
from structgen.pipeline.journal.journal import Journal
from structgen.pipeline.limits import JobLimits
from structgen.pipeline.record import COLUMNS, Item
from structgen.testing import FaultyServer, ScriptedModel, Served
from structgen.testing.scripted import completion
from structgen.types import PromptWriter
from structgen.values import Request
from structgen.wire.models.prices import Price
from tests.pipeline.test_threads import left_threads


class Person(BaseModel):
    name: str
    age: int


def answer(request: Request) -> str | Served:
    found = re.findall(rb"number (\d+)\.", request.body)
    n = int(found[-1])
    return (
        "refusal"
        if n % 10 == 9
        else Served(body=completion(json.dumps({"name": f"P{n}", "age": n})))
    )


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer) as server:
        yield server


@pytest.fixture
def client(server: FaultyServer) -> Iterator[Client]:
    with Client("vllm:m", base_url=server.base_url, max_retries=0) as client:
        yield client


def test_a_job_says_at_its_beginning_that_its_output_cannot_be_written(tmp_path: Path) -> None:
    with Client(ScriptedModel()) as client:
        for output, error in (
            (tmp_path / "out.xls", ConfigurationError),
            (tmp_path / "missing" / "out.jsonl", JobError),
            ("sqlite:///out.db", ConfigurationError),
            ("nodriver://host/base#out", JobError),
        ):
            with pytest.raises(error):
                Job(Person, [], client=client, output=output, journal=tmp_path / "journal")
    assert list(tmp_path.iterdir()) == []


def texts(count: int) -> list[str]:
    return [f"person number {n}." for n in range(count)]


# ---- map -------------------------------------------------------------------------------------


def test_map_gives_an_outcome_for_each_input_in_order_and_one_failure_stops_no_other(
    client: Client,
) -> None:
    outcomes = list(client.map(Person, texts(200), concurrency=16))
    assert [outcome.key for outcome in outcomes] == [str(n) for n in range(200)]
    assert all(outcome.ok == (n % 10 != 9) for n, outcome in enumerate(outcomes))
    assert outcomes[7].value == Person(name="P7", age=7)
    assert outcomes[7].result is not None
    assert isinstance(outcomes[9].error, Refused)
    with pytest.raises(Refused):
        _ = outcomes[9].value


def test_what_is_no_text_is_an_outcome_too(client: Client) -> None:
    unreadable = Item("scan.pdf", "", error=InputError("The file has no text."))
    inputs: list[Any] = ["person number 1.", "", 5, unreadable]
    outcomes = client.map(Person, inputs, ordered=False)
    found = {outcome.key: outcome.error for outcome in outcomes}
    assert found["0"] is None
    assert isinstance(found["1"], InputError)
    assert isinstance(found["2"], InputError)
    assert found["scan.pdf"] is unreadable.error


def test_a_map_over_endless_inputs_can_be_left_at_any_time(
    client: Client, server: FaultyServer
) -> None:
    endless = (f"person number {n}." for n in itertools.count())
    outcomes = client.map(Person, endless, concurrency=4)
    assert next(iter(outcomes)).value.age == 0
    outcomes.close()  # type: ignore[attr-defined]
    asked = len(server.requests)
    assert asked < 200
    assert left_threads() == []


async def test_of(base_url: str) -> list[str]:
    async def inputs() -> Any:
        for text in texts(30):
            yield text

    async with AsyncClient("vllm:m", base_url=base_url) as client:
        return [outcome.key async for outcome in client.map(Person, inputs(), concurrency=3)]


def test_async_map_takes_async_inputs(server: FaultyServer) -> None:
    assert asyncio.run(test_of(server.base_url)) == [str(n) for n in range(30)]


test_of.__test__ = False  # type: ignore[attr-defined]


def test_equal_inputs_are_asked_about_once(
    client: Client, server: FaultyServer, tmp_path: Path
) -> None:
    outcomes = list(client.map(Person, ["person number 1."] * 50, journal=tmp_path / "journal"))
    assert {outcome.value.age for outcome in outcomes} == {1}
    again = list(client.map(Person, ["person number 1."], journal=tmp_path / "journal"))
    assert again[0].value == Person(name="P1", age=1)
    assert again[0].usage.total_tokens == 12
    assert len(server.requests) == 1


def test_a_map_over_an_engine_in_this_process() -> None:
    with Client(ScriptedModel('{"name": "Ada", "age": 36}')) as client:
        assert [outcome.value.age for outcome in client.map(Person, texts(5))] == [36] * 5


# ---- jobs ------------------------------------------------------------------------------------


def job(client: Client, folder: Path, count: int = 40, **options: Any) -> Job[Any]:
    return Job(
        Person,
        options.pop("inputs", None) or texts(count),
        client=client,
        output=folder / "out.jsonl",
        **options,
    )


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


def test_a_job_started_again_asks_only_about_what_failed(
    client: Client, server: FaultyServer, tmp_path: Path
) -> None:
    done = job(client, tmp_path).run()
    assert (done.ok, done.failed, done.cached, len(server.requests)) == (36, 4, 0, 40)
    assert all(list(row) == list(COLUMNS) or set(row) == set(COLUMNS) for row in rows(tmp_path))
    assert rows(tmp_path)[9]["error"]["type"] == "Refused"
    again = job(client, tmp_path).run()
    assert (again.ok, again.failed, again.cached, len(server.requests)) == (36, 4, 36, 44)
    left = job(client, tmp_path, retry_failed=False).run()
    assert (left.cached, len(server.requests)) == (40, 44)


def test_another_prompt_model_or_target_is_another_run(
    client: Client, server: FaultyServer, tmp_path: Path
) -> None:
    job(client, tmp_path, 5).run()
    job(client, tmp_path, 5, instructions="Ages in years.").run()
    job(client, tmp_path, 5, temperature=0.5).run()
    job(client, tmp_path, 5, prompt="plain").run()
    assert len(server.requests) == 20
    job(client, tmp_path, 5, timeout=7.0).run()
    assert len(server.requests) == 20


def test_a_prompt_that_a_function_writes_is_known_by_its_messages(
    client: Client, server: FaultyServer, tmp_path: Path
) -> None:
    def written(words: str) -> PromptWriter:
        return lambda parts: [{"role": "user", "content": f"{words} {parts.document}"}]

    job(client, tmp_path, 5, prompt=written("Read")).run()
    job(client, tmp_path, 5, prompt=written("Read")).run()
    assert len(server.requests) == 5
    job(client, tmp_path, 5, prompt=written("Look at")).run()
    assert len(server.requests) == 10


def test_two_jobs_do_not_share_a_journal(client: Client, tmp_path: Path) -> None:
    with (
        Journal(tmp_path / "out.jsonl.journal"),
        pytest.raises(JournalError, match=f"process {os.getpid()} on"),
    ):
        job(client, tmp_path).run()
    assert job(client, tmp_path).run().ok == 36


def test_a_file_of_someone_elses_is_left_as_it_is(client: Client, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl.journal").write_text("my notes\n" * 100)
    with pytest.raises(JournalError, match="no journal"):
        job(client, tmp_path).run()
    assert (tmp_path / "out.jsonl.journal").read_text() == "my notes\n" * 100


def test_a_row_whose_bytes_changed_is_asked_about_again(
    client: Client, server: FaultyServer, tmp_path: Path
) -> None:
    job(client, tmp_path, 9).run()
    path = tmp_path / "out.jsonl.journal"
    path.write_bytes(path.read_bytes().replace(b'"P7","age":7', b'"P7","age":8'))
    said: list[str] = []
    job(client, tmp_path, 9, log=said.append).run()
    assert rows(tmp_path)[7]["value"] == {"name": "P7", "age": 7}
    assert len(server.requests) == 10
    assert "damaged" in said[0]


def test_a_doomed_job_stops_early_and_says_why(tmp_path: Path) -> None:
    with (
        FaultyServer("unauthorised") as server,
        Client("vllm:m", base_url=server.base_url) as client,
    ):
        with pytest.raises(
            JobStoppedError, match="first 20 inputs all failed with AuthenticationError"
        ) as stopped:
            job(client, tmp_path, 5000, concurrency=4).run()
        assert stopped.value.summary.failed < 60
        assert len(server.requests) < 60
    assert not (tmp_path / "out.jsonl").exists()


def test_a_job_in_which_too_much_fails_stops(tmp_path: Path) -> None:
    turn = itertools.count()

    def often(request: Request) -> str | Served:
        return answer(request) if next(turn) % 3 == 0 else "truncated"

    with FaultyServer(often) as server, Client("vllm:m", base_url=server.base_url) as client:
        with pytest.raises(
            JobStoppedError, match=r"of the last 100 inputs failed: \d+ with Truncated"
        ):
            job(client, tmp_path, 5000).run()
        assert len(server.requests) < 300


def test_the_cost_of_a_job_has_a_bound_over_all_its_runs(
    server: FaultyServer, tmp_path: Path
) -> None:
    price = Price(provider="vllm", model="m", input=1e6 / 12, output=1e6 / 12)  # a dollar an answer
    with Client("vllm:m", base_url=server.base_url, prices=[price]) as client:
        for bound in (10, 20):
            with pytest.raises(JobStoppedError, match="US dollars") as stopped:
                job(client, tmp_path, 100, limits=JobLimits(max_cost=bound), concurrency=2).run()
            assert bound - 1 <= len(server.requests) <= bound + 2
        assert stopped.value.summary.cost <= 12
        assert job(client, tmp_path, 100).run().ok == 90


@pytest.mark.parametrize("most", [0, 1, 5])
def test_questions_that_begin_at_the_same_time_keep_to_the_calls_of_a_job(
    server: FaultyServer, tmp_path: Path, most: int
) -> None:
    with Client("vllm:m", base_url=server.base_url) as client:
        limits = JobLimits(max_calls=most)
        with pytest.raises(JobStoppedError, match=f"max_calls is {most}"):
            job(client, tmp_path, 100, limits=limits, concurrency=8).run()
    assert len(server.requests) == most


def test_a_job_whose_money_is_spent_asks_nothing_when_it_is_started_again(
    server: FaultyServer, tmp_path: Path
) -> None:
    price = Price(provider="vllm", model="m", input=1e6 / 12, output=1e6 / 12)  # a dollar an answer
    asked = []
    with Client("vllm:m", base_url=server.base_url, prices=[price]) as client:
        for _ in range(3):
            with pytest.raises(JobStoppedError, match="US dollars"):
                job(client, tmp_path, 100, limits=JobLimits(max_cost=3), concurrency=1).run()
            asked.append(len(server.requests))
    assert asked[0] == asked[2]


def test_a_map_counts_what_earlier_runs_of_its_journal_have_cost(
    server: FaultyServer, tmp_path: Path
) -> None:
    price = Price(provider="vllm", model="m", input=1e6 / 12, output=1e6 / 12)
    texts = [f"person number {n // 2}." for n in range(20)]  # each is there twice, and paid once
    asked = []
    with Client("vllm:m", base_url=server.base_url, prices=[price]) as client:
        for most in (3, 3, 5):
            limits = JobLimits(max_cost=most)
            with pytest.raises(JobStoppedError, match="US dollars"):
                list(
                    client.map(
                        Person, texts, journal=tmp_path / "journal", limits=limits, concurrency=1
                    )
                )
            asked.append(len(server.requests))
    assert asked[0] == asked[1] == asked[2] - 2


def test_a_cost_that_cannot_be_known_cannot_be_bounded(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No price known"):
        job(client, tmp_path, limits=JobLimits(max_cost=1.0)).run()


def test_a_server_that_is_away_for_a_while_costs_no_document(tmp_path: Path) -> None:
    back = time.monotonic() + 1.5

    def away(request: Request) -> str | Served:
        return "reset" if time.monotonic() < back else answer(request)

    with (
        FaultyServer(away) as server,
        Client("vllm:m", base_url=server.base_url, max_retries=0) as client,
    ):
        done = job(client, tmp_path, 200).run()
    assert (done.ok, done.failed) == (180, 20)


def test_an_interrupt_finishes_what_is_under_way_and_a_second_run_goes_on(tmp_path: Path) -> None:
    turn = itertools.count()

    def interrupting(request: Request) -> str | Served:
        if next(turn) == 20:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.02)
        return answer(request)

    with FaultyServer(interrupting) as server, Client("vllm:m", base_url=server.base_url) as client:
        with pytest.raises(JobStoppedError, match="interrupted") as stopped:
            job(client, tmp_path, 5000, concurrency=4).run()
        done = stopped.value.summary
        assert done.done == len(server.requests) > 0
        assert stopped.value.interrupted
        again = job(client, tmp_path, done.done, retry_failed=False).run()
        assert again.cached == done.done


def test_inputs_that_fail_to_be_read_end_the_job_with_their_own_error(
    client: Client, tmp_path: Path
) -> None:
    def broken() -> Iterator[str]:
        yield from texts(5)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        job(client, tmp_path, inputs=broken()).run()


def test_a_job_without_a_journal_is_refused(client: Client) -> None:
    with pytest.raises(ConfigurationError, match="no journal"):
        Job(Person, texts(1), client=client)


# ---- concurrency -----------------------------------------------------------------------------


def rounds(concurrency: Concurrency, count: int, seconds: float, now: float) -> float:
    for _ in range(count):
        for _ in range(int(concurrency.limit)):
            now += seconds / concurrency.limit
            concurrency.observe(seconds, None, now)
    return now


def test_concurrency_doubles_up_to_its_bound_and_shrinks_once_for_what_was_under_way() -> None:
    concurrency = Concurrency(64)
    now = rounds(concurrency, 8, 1.0, 0.0)
    assert concurrency.limit == 64
    for _ in range(64):
        concurrency.observe(0.5, RateLimitError("busy"), now + 0.1)
    assert 44 <= concurrency.limit < 46
    rounds(concurrency, 30, 1.0, now + 1)
    assert concurrency.limit == 64


def test_concurrency_shrinks_while_answers_are_slow_and_single_failures_do_not_matter() -> None:
    concurrency = Concurrency(256)
    now = rounds(concurrency, 8, 1.0, 0.0)
    rounds(concurrency, 5, 3.0, now)
    assert 100 < concurrency.limit < 200
    before = concurrency.limit
    for n in range(200):
        concurrency.observe(1.0, ServerError("oops") if n % 50 == 0 else None, now)
    assert concurrency.limit >= before


# ---- the command -----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "person.py").write_text(
        "from pydantic import BaseModel\n\n\n"
        "class Person(BaseModel):\n    name: str\n    age: int\n"
    )
    inputs = ({"id": f"p{n}", "text": f"person number {n}.", "year": 2000 + n} for n in range(30))
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in inputs))
    (tmp_path / "gold.jsonl").write_text(
        '{"text": "Ada is 36.", "value": {"name": "Ada", "age": 36}}\n'
    )
    return tmp_path


def command(folder: Path, server: FaultyServer, *more: str) -> tuple[int, str]:
    said = io.StringIO()
    argv = [
        "run",
        f"{folder}/person.py:Person",
        f"{folder}/in.jsonl",
        "-o",
        f"{folder}/out.jsonl",
        "--key",
        "id",
    ]
    argv += ["--model", "vllm:m", "--base-url", server.base_url, *more]
    return run(argv, io.StringIO(), io.StringIO(), said), said.getvalue()


def test_the_command_writes_rows_and_says_how_it_went(folder: Path, server: FaultyServer) -> None:
    code, said = command(folder, server, "--examples", f"{folder}/gold.jsonl", "--concurrency", "4")
    assert code == 1
    assert "27 extracted, 3 failed, of 30 inputs" in said
    assert (
        rows(folder)[3] | {"key": "p3", "value": {"name": "P3", "age": 3}, "meta": {"year": 2003}}
        == rows(folder)[3]
    )
    assert b'"age\\":36' in server.requests[0].body or b"36" in server.requests[0].body
    code, said = command(folder, server, "--examples", f"{folder}/gold.jsonl", "--no-retry-failed")
    assert "30 were in the journal already" in said


def test_progress_for_programs_is_json(folder: Path, server: FaultyServer) -> None:
    _, said = command(folder, server, "--progress", "json")
    events = [json.loads(line) for line in said.splitlines()]
    assert {event["event"] for event in events} == {"progress", "end"}
    assert events[-2]["done"] == events[-1]["ok"] + events[-1]["failed"] == 30
    assert events[-1]["failures"] == {"Refused": 3}


def test_a_bar_is_drawn_where_asked_for(folder: Path, server: FaultyServer) -> None:
    _, said = command(folder, server, "--progress", "bar")
    assert "27 extracted" in said


def test_a_job_that_stops_has_an_exit_code_of_its_own(folder: Path, server: FaultyServer) -> None:
    code, said = command(folder, server, "--max-seconds", "0")
    assert code == 5
    assert "Start the same job again" in said
