"""Work that takes too long, or that nobody waits for, ends."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from structgen.errors import BadRequestError
from structgen.server import bounded_work
from structgen.server.bounded_work import run_bounded
from tests.server.conftest import Running, asking
from tests.server.test_server import strict, wait_until

# The order to stop may hit a finalizer that happens to run in the thread.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def for_ever() -> None:
    """Work that takes every exception for its own."""
    while True:
        try:
            time.sleep(0.001)
        except Exception:
            continue


def workers() -> int:
    return sum(thread.name == "structgen-work" for thread in threading.enumerate())


def test_work_gives_what_it_returns_and_raises_its_own_errors() -> None:
    assert asyncio.run(run_bounded(lambda: 3, "It")) == 3
    with pytest.raises(ZeroDivisionError):
        asyncio.run(run_bounded(lambda: 1 // 0, "It"))


def test_work_that_takes_too_long_is_ended_and_refused() -> None:
    with pytest.raises(BadRequestError, match=r"The schema takes longer than 0\.1 seconds"):
        asyncio.run(run_bounded(for_ever, "The schema", 0.1))
    wait_until(lambda: workers() == 0)


def test_work_ends_with_the_task_that_waits_for_it() -> None:
    async def leave() -> None:
        task = asyncio.create_task(run_bounded(for_ever, "The schema"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    wait_until(lambda: workers() == 0)


def test_many_pieces_of_work_can_be_stopped_at_any_point() -> None:
    """However late the order to stop comes, each call ends in its result or in its refusal."""

    async def one(seconds: float) -> bool:
        try:
            return await run_bounded(lambda: sum(range(20_000)), "It", seconds) > 0
        except BadRequestError:
            return True

    async def many() -> list[bool]:
        return await asyncio.gather(*(one(number / 50_000) for number in range(100)))

    assert all(asyncio.run(many()))
    wait_until(lambda: workers() == 0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_schema_that_takes_too_long_is_refused_and_others_are_answered(
    stream: bool, served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    properties = {f"p{n}": {"type": "string", "pattern": f"^(a|b{n})*$"} for n in range(4000)}
    with monkeypatch.context() as patch:
        patch.setattr(bounded_work, "MAX_SECONDS", 0.2)
        reply = served.chat(**strict({"type": "object", "properties": properties}, strict=False))
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "too_complex")
    assert served.chat(stream=stream).status_code == 200


@pytest.mark.slow
def test_a_server_at_work_on_a_schema_answers_others_and_stops_when_told() -> None:
    command = [sys.executable, "-m", "structgen", "serve", "--port", "0"]
    properties = {f"p{n}": {"type": "string", "pattern": f"^(a|d{n})*$"} for n in range(6000)}
    body = strict({"type": "object", "properties": properties}, strict=False)
    asked = {"model": "local", "messages": [{"role": "user", "content": "x"}], **body}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        address = child.stderr.readline().split()[-1]
        with asking(address, f"{httpx.URL(address).path}/chat/completions", asked) as waiting:
            time.sleep(0.5)  # so that it is at work
            assert httpx.get(f"{address}/models", timeout=60).status_code == 200
            waiting.setblocking(False)
            with pytest.raises(BlockingIOError):  # it has not been answered meanwhile
                waiting.recv(1)
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=600) == 0


def test_the_work_on_a_schema_ends_with_its_client(served: Running) -> None:
    properties = {f"p{n}": {"type": "string", "pattern": f"^(a|c{n})*$"} for n in range(4000)}
    body = strict({"type": "object", "properties": properties}, strict=False)
    asked = {"model": "local", "messages": [{"role": "user", "content": "x"}], **body}
    with asking(served.address, "/v1/chat/completions", asked):
        wait_until(lambda: workers() > 0)
    wait_until(lambda: served.server.places.running == 0 and workers() == 0)
    assert served.chat().status_code == 200
