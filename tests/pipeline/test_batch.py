"""A job through a Batch API gives the same rows, in whichever order and file the answers come."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.errors import ConfigurationError, ConnectionFailedError, StructgenError
from structgen.pipeline.batch_rounds import Batching
from structgen.pipeline.job import Job
from structgen.pipeline.summary import Summary
from structgen.testing import FaultyServer, ScriptedModel, ScriptedTransport
from structgen.testing.scripted import completion
from tests.pipeline.batches import BatchServer


class Person(BaseModel):
    name: str
    age: int


DOCUMENTS = [f"person number {n}." for n in range(30)]
QUICK = Batching(poll=0.01, lines=8)


def number(body: dict[str, Any]) -> int:
    found = re.search(r"number (\d+)\.", json.dumps(body))
    assert found
    return int(found[1])


def right(body: dict[str, Any]) -> tuple[int, Any]:
    n = number(body)
    return 200, json.loads(completion(json.dumps({"name": f"P{n}", "age": n})))


def run(server: BatchServer, folder: Path, **options: Any) -> Summary:
    with (
        FaultyServer(server) as loopback,
        Client("vllm:m", base_url=loopback.base_url, max_retries=1) as client,
    ):
        return Job(
            Person, DOCUMENTS, client=client, output=folder / "out.jsonl", batch=QUICK, **options
        ).run()


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


def test_a_batch_gives_the_rows_of_a_job_in_the_order_of_the_inputs(tmp_path: Path) -> None:
    server = BatchServer(right, most=8)
    done = run(server, tmp_path)
    assert (done.ok, done.failed, len(server.batches)) == (30, 0, 4)
    assert [row["value"] for row in rows(tmp_path)] == [
        {"name": f"P{n}", "age": n} for n in range(30)
    ]
    assert rows(tmp_path)[0]["guarantee"].startswith("held by the server")


def test_what_failed_or_was_invalid_is_a_line_of_the_next_batch(tmp_path: Path) -> None:
    seen: dict[int, int] = {}

    def answer(body: dict[str, Any]) -> tuple[int, Any] | None:
        n = number(body)
        seen[n] = seen.get(n, 0) + 1
        if n == 3 and seen[n] == 1:
            return 500, {"error": {"message": "Internal error"}}
        if n == 4 and seen[n] == 1:
            return None  # expired
        if n == 5 and seen[n] == 1:
            return 200, json.loads(completion('{"name": "P5", "age": "five"}'))
        if n == 6:
            return 400, {"error": {"message": "Bad", "type": "invalid_request_error"}}
        return right(body)

    done = run(BatchServer(answer), tmp_path)
    assert (done.ok, done.failed) == (29, 1)
    assert done.failures == {"BadRequestError": 1}
    assert [rows(tmp_path)[n]["value"]["age"] for n in (3, 4, 5)] == [3, 4, 5]
    assert seen == {**dict.fromkeys(range(30), 1), 3: 2, 4: 2, 5: 2}


def test_a_batch_that_was_submitted_is_taken_up_again_and_not_paid_twice(tmp_path: Path) -> None:
    server = BatchServer(right)

    class Interrupted(BatchServer):
        def __call__(self, request: Any) -> Any:
            if request.method == "GET" and not self.down:
                self.down = True
            return super().__call__(request)

    broken = Interrupted(right)
    with pytest.raises(ConnectionFailedError):
        run(broken, tmp_path)
    server.files, server.batches = broken.files, broken.batches
    done = run(server, tmp_path)
    assert (done.ok, server.lines, broken.lines) == (30, 0, 30)


def test_a_refused_batch_is_an_error_that_says_why(tmp_path: Path) -> None:
    class Refusing(BatchServer):
        def _create(self, asked: dict[str, Any]) -> Any:
            answer = super()._create(asked)
            for batch in self.batches.values():
                batch |= {
                    "status": "failed",
                    "errors": {"data": [{"message": "line 1 is no request"}]},
                }
            return answer

    with pytest.raises(StructgenError, match="line 1 is no request"):
        run(Refusing(right), tmp_path)


def test_a_model_in_this_process_has_no_batches(tmp_path: Path) -> None:
    with (
        Client(ScriptedModel("{}")) as client,
        pytest.raises(ConfigurationError, match="Batch API"),
    ):
        Job(Person, DOCUMENTS, client=client, output=tmp_path / "out.jsonl", batch=True).run()


def test_an_interrupt_while_a_batch_is_under_way_leaves_it_to_the_next_run(tmp_path: Path) -> None:
    class Slow(BatchServer):
        def __call__(self, request: Any) -> Any:
            if request.method == "GET":
                os.kill(os.getpid(), signal.SIGINT)
            return super().__call__(request)

    slow = Slow(right)
    with FaultyServer(slow) as loopback, Client("vllm:m", base_url=loopback.base_url) as client:
        with pytest.raises(KeyboardInterrupt):
            Job(
                Person,
                DOCUMENTS,
                client=client,
                output=tmp_path / "out.jsonl",
                batch=Batching(poll=60),
            ).run()
    server = BatchServer(right)
    server.files, server.batches = slow.files, slow.batches
    assert (run(server, tmp_path).ok, server.lines) == (30, 0)


@pytest.mark.parametrize(
    "model", ["gemini-native:m", "ollama-native:m", "anthropic:m", "openai-responses:m"]
)
def test_another_wire_format_has_no_batches_and_nothing_is_sent(tmp_path: Path, model: str) -> None:
    script = ScriptedTransport("{}")
    client = Client(model, api_key="k", transport=script)
    with pytest.raises(ConfigurationError, match="does not speak Chat Completions"):
        Job(Person, DOCUMENTS, client=client, output=tmp_path / "out.jsonl", batch=True).run()
    assert not script.requests
