"""Faults that have nothing to do with load slow no job down; what does hold it back is said."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.errors import (
    ConnectionFailedError,
    JobStoppedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    StructgenError,
)
from structgen.pipeline.concurrency import Concurrency
from structgen.pipeline.counts import Counts
from structgen.pipeline.job import Job
from structgen.pipeline.limits import JobLimits
from structgen.pipeline.progress import progress_line, summary_lines
from structgen.pipeline.record import Item
from structgen.pipeline.work import Workers
from structgen.providers import RateLimits
from structgen.testing import FaultyServer, Served
from structgen.values import Request
from structgen.wire.rate_limits import Pacer
from tests.pipeline.test_job import answer, texts
from tests.pipeline.test_threads import left_threads


class Person(BaseModel):
    name: str
    age: int


def server_error(status: int) -> ServerError:
    return ServerError("no", status_code=status)


# ---- the limit alone -------------------------------------------------------------------------


def mean_limit(error: Callable[[], StructgenError | None], tries: int = 6000) -> float:
    """The mean limit of a job of 64 while tries of 20 ms end as `error` says."""
    concurrency, now, limits = Concurrency(64), 0.0, []
    for _ in range(tries):
        now += 0.02 / concurrency.limit
        concurrency.observe(0.02, error(), now)
        limits.append(concurrency.limit)
    return sum(limits) / len(limits)


@pytest.mark.parametrize(
    ("share", "error"),
    [
        (0.05, server_error(500)),
        (0.10, server_error(500)),
        (0.15, server_error(502)),
        (0.30, server_error(500)),
        (0.30, ConnectionFailedError("reset")),
        (0.01, RateLimitError("busy", status_code=429)),
        (0.05, RateLimitError("busy", status_code=429)),
        (0.05, server_error(503)),
    ],
    ids=repr,
)
def test_faults_without_load_leave_the_limit_where_it_is(
    share: float, error: StructgenError
) -> None:
    draw = random.Random(3)
    assert mean_limit(lambda: error if draw.random() < share else None) > 55


@pytest.mark.parametrize("room", [1, 4, 20, 40])
@pytest.mark.parametrize(
    "refusal", [RateLimitError("busy", status_code=429), server_error(503), server_error(529)]
)
def test_a_server_without_room_is_given_way_to(room: int, refusal: StructgenError) -> None:
    """It takes `room` questions at a time, and refuses what is above it."""
    concurrency, now, limits = Concurrency(64), 0.0, []
    draw = random.Random(4)
    for _ in range(6000):
        now += 0.02 / concurrency.limit
        above = max(0.0, 1 - room / concurrency.limit)
        concurrency.observe(0.02, refusal if draw.random() < above else None, now)
        limits.append(concurrency.limit)
    settled = limits[2000:]
    assert sum(settled) / len(settled) < room * 1.5 + 1


def test_answers_that_take_longer_and_longer_are_a_sign_of_load() -> None:
    concurrency, now = Concurrency(256), 0.0
    for n in range(8000):
        slow = n > 3000
        now += 0.02 / concurrency.limit
        seconds = 0.02 if not slow else 0.02 * max(1.0, concurrency.limit / 32)
        error = RequestTimeoutError("late") if slow and n % 10 == 0 else None
        concurrency.observe(seconds, error, now)
    assert concurrency.limit < 200
    assert concurrency.was_cut


# ---- jobs ------------------------------------------------------------------------------------


def run(script: Callable[[Request], str | Served], folder: Path, count: int, **options: Any) -> Any:
    client_options = {key: options.pop(key) for key in ("rate_limits",) if key in options}
    with (
        FaultyServer(script) as server,
        Client("vllm:m", base_url=server.base_url, **client_options) as client,
    ):
        output = folder / "out.jsonl"
        return Job(Person, texts(count), client=client, output=output, **options).run()


def test_a_question_that_waits_for_its_next_try_holds_no_place(tmp_path: Path) -> None:
    """Each question is refused once, and told to wait for a second; two may be asked at a time."""
    seen: set[bytes] = set()
    seen_before_a_second_try: list[int] = []

    def once(request: Request) -> str | Served:
        if request.body in seen:
            seen_before_a_second_try.append(len(seen))
            return answer(request)
        seen.add(request.body)
        wait = {"retry-after": "1"}
        return Served(status=500, headers=wait, body=b'{"error": {"message": "no"}}')

    done = run(once, tmp_path, 14, concurrency=2)
    assert done.done == 14
    assert seen_before_a_second_try[0] > 2  # or those two would have held both places


def test_many_questions_at_a_time_cost_nothing_if_there_are_few_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = itertools.count()
    work = Workers._work

    def counted(*question: Any) -> Any:
        next(begun)
        return work(*question)

    monkeypatch.setattr(Workers, "_work", counted)
    assert run(answer, tmp_path, 20, concurrency=5000).done == 20
    assert next(begun) <= 5000


@pytest.mark.parametrize("fault", ["no-json", "nothing", "no-choices"])
def test_a_200_that_cannot_be_read_is_tried_again(fault: str, tmp_path: Path) -> None:
    turn = itertools.count()

    def script(request: Request) -> str | Served:
        return fault if next(turn) % 3 == 0 else answer(request)

    done = run(script, tmp_path, 9, concurrency=1)
    assert (done.ok, done.failed) == (9, 0)
    assert done.retries["ServerError"] >= 3


def test_one_wait_that_a_server_asks_for_does_not_hold_the_others() -> None:
    pacer = Pacer()
    for _ in range(40):
        pacer.count(refused=False)
    pacer.count(refused=True)
    assert not pacer.refuses_many
    for _ in range(10):
        pacer.count(refused=True)
    assert pacer.refuses_many


def test_a_learned_limit_does_not_hold_back_what_the_server_allows() -> None:
    pacer, now, waits = Pacer(), 0.0, 0.0
    headers = {
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-reset-requests": "6ms",
    }
    for _ in range(30_000):
        waits += pacer.reserve(10, now)
        pacer.settle(10, 10)
        pacer.learn(headers, now)
        now += 0.0002
    assert waits == 0


def test_a_learned_limit_holds_if_the_server_counts_it_down() -> None:
    pacer, left = Pacer(), 5
    for _ in range(5):
        assert pacer.reserve(1, 0.0) == 0
        left -= 1
        pacer.settle(1, 1)
        counted = {
            "x-ratelimit-limit-requests": "60",
            "x-ratelimit-remaining-requests": str(left),
        }
        pacer.learn(counted, 0.0)
    assert pacer.reserve(1, 0.0) == pytest.approx(1.0)
    assert pacer.held_by(0.5) == "requests per minute (60)"
    assert pacer.held_by(2.0) is None


def test_a_place_that_was_not_used_is_given_back() -> None:
    pacer = Pacer(RateLimits(requests_per_minute=1, tokens_per_minute=100))
    assert pacer.reserve(100, 0.0) == 0
    pacer.give_back(100)
    assert pacer.reserve(100, 0.0) == 0


def test_a_job_says_what_holds_it_back(tmp_path: Path) -> None:
    lines: list[str] = []

    def report(counts: Counts) -> None:
        lines.append(progress_line(counts, 0.0))

    cause = "requests per minute (30)"
    done = interrupted_when_held(tmp_path, cause, report)
    assert any(f"held back by: {cause}" in line for line in lines)
    assert done.held_by[cause] > 0.5
    told = summary_lines(replace(done, seconds=60.0))
    assert any(line.startswith(f"held back by: {cause}") for line in told)


def interrupted_when_held(folder: Path, cause: str, report: Callable[[Counts], None]) -> Any:
    """A job of which a rate limit allows too little; it is interrupted, which ends it at once."""
    interrupted = threading.Event()

    def report_and_interrupt(counts: Counts) -> None:
        report(counts)
        is_held = counts.ok > 20 and 3 <= counts.held[cause] > counts.held.total() / 2
        if is_held and not interrupted.is_set():
            interrupted.set()
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(JobStoppedError) as stopped:
        run(
            answer,
            folder,
            60,
            rate_limits=RateLimits(requests_per_minute=30),
            concurrency=20,
            on_progress=report_and_interrupt,
        )
    assert 20 < stopped.value.summary.ok < 60  # the last ones would be due in a minute
    return stopped.value.summary


def test_a_job_says_that_the_server_is_away_where_it_is_and_when_it_gives_up(
    tmp_path: Path,
) -> None:
    lines: list[str] = []
    limits = JobLimits(patience=5, first=0, max_failure_share=1.0)
    with Client("vllm:m", base_url="http://127.0.0.1:9/v1", max_retries=0) as client:
        job = Job(
            Person,
            texts(3),
            client=client,
            output=tmp_path / "out.jsonl",
            limits=limits,
            on_progress=lambda counts: lines.append(progress_line(counts, 0.0)),
        )
        assert job.run().failed == 3
    said = "the server answers nothing: ConnectionFailedError at 127.0.0.1:9; it gives up in"
    assert any(f"held back by: {said}" in line for line in lines)


def test_the_summary_names_the_first_input_of_each_kind_of_failure(tmp_path: Path) -> None:
    items = [Item("good", "person number 1."), Item("bad", ""), Item("worse", "  ")]
    with FaultyServer(answer) as server, Client("vllm:m", base_url=server.base_url) as client:
        done = Job(Person, items, client=client, output=tmp_path / "out.jsonl").run()
    lines = summary_lines(done)
    assert "failed: 2 InputError" in lines
    [named] = [line for line in lines if line.startswith("such as ")]
    assert named in ("such as bad: The document is empty.", "such as worse: The document is empty.")


def test_an_unknown_price_is_not_told_as_nothing(tmp_path: Path) -> None:
    items = [Item("bad", ""), Item("good", "person number 1.")]
    with (
        FaultyServer(answer) as server,
        Client("vllm:m", base_url=server.base_url) as client,
    ):
        done = Job(Person, items, client=client, output=tmp_path / "out.jsonl").run()
    assert (done.ok, done.failed, done.cost) == (1, 1, None)


def test_an_input_that_equals_an_answered_one_is_not_told_as_from_the_journal(
    tmp_path: Path,
) -> None:
    others = [f"person number {n}." for n in range(2, 40)]
    inputs = ["person number 1.", *others, "person number 1."]
    with FaultyServer(answer) as server, Client("vllm:m", base_url=server.base_url) as client:
        output = tmp_path / "out.jsonl"
        done = Job(Person, inputs, client=client, output=output, concurrency=1).run()
        again = Job(Person, inputs, client=client, output=output, concurrency=1).run()
    assert (done.cached, done.equal, again.equal) == (1, 1, 0)
    assert again.cached >= 2


def test_equal_inputs_are_not_told_as_from_the_journal(tmp_path: Path) -> None:
    with FaultyServer(slow) as server, Client("vllm:m", base_url=server.base_url) as client:
        output = tmp_path / "out.jsonl"
        inputs = ["person number 1."] * 3
        done = Job(Person, inputs, client=client, output=output).run()
        again = Job(Person, inputs, client=client, output=output).run()
    assert (done.cached, done.equal, again.cached, again.equal) == (2, 2, 3, 0)
    assert "2 were equal to another input, and asked about once" in summary_lines(done)
    assert "3 were in the journal already" in summary_lines(again)


def test_progress_knows_the_total_and_the_time_left_of_what_has_a_length(tmp_path: Path) -> None:
    lines: list[str] = []

    def report(counts: Counts) -> None:
        lines.append(progress_line(counts, time.monotonic() - 1))

    run(slow, tmp_path, 40, concurrency=2, on_progress=report)
    assert any(" of 40, " in line and " left" in line for line in lines)


def slow(request: Request) -> str | Served:
    time.sleep(0.05)
    return answer(request)


def test_callbacks_that_raise_change_nothing(tmp_path: Path) -> None:
    def broken(told: object) -> None:
        raise ZeroDivisionError

    done = run(answer, tmp_path, 30, on_progress=broken, log=broken)
    assert done.done == 30


# ---- map -------------------------------------------------------------------------------------


def test_an_interrupt_ends_a_map_that_waits_for_an_answer() -> None:
    """Nothing is ever answered: a map that went on waiting would not end.

    The signal comes to another thread, so that it does not wake the one that waits. A signal may
    come, too, in the moment before that one begins to wait.
    """
    turn = itertools.count()

    def silent(request: Request) -> Served:
        if next(turn) == 0:
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        return Served(delay=3600.0)

    with (
        FaultyServer(silent) as server,
        Client("vllm:m", base_url=server.base_url, timeout=None) as client,
    ):
        with pytest.raises(KeyboardInterrupt):
            list(client.map(Person, texts(10)))
        assert left_threads() == []
        assert len(server.requests) <= 10


def test_an_interrupt_ends_a_map_that_waits_for_a_rate_limit() -> None:
    with (
        FaultyServer(answer) as server,
        Client(
            "vllm:m", base_url=server.base_url, rate_limits=RateLimits(requests_per_minute=1)
        ) as client,
    ):
        seen = []
        with pytest.raises(KeyboardInterrupt):
            for outcome in client.map(Person, texts(10), ordered=False):
                seen.append(outcome)
                threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        assert len(seen) == len(server.requests) == 1
