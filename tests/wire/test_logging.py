"""What is logged, and hooks that raise: neither changes a call, and no text or key is told."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.testing import FaultyServer, ScriptedModel, Served
from structgen.testing.scripted import completion
from structgen.wire.telemetry import CallRecord

DOCUMENT = "Ada Lovelace, the secret document"
KEY = "sk-secret-key-0123456789"


class Person(BaseModel):
    name: str


GOOD = Served(body=completion('{"name": "Ada"}'))
BAD = Served(body=completion('{"name": "LEAKED ANSWER", "more": 1}'))
NO_SCHEMA = Served(
    status=400,
    body=b'{"error": {"message": "response_format json_schema is not supported LEAKED"}}',
)


def logged(caplog: pytest.LogCaptureFixture, *script: str | Served, fallback: bool = False) -> str:
    caplog.set_level(logging.DEBUG, logger="structgen")
    others = [Client(ScriptedModel('{"name": "Ada"}'))] if fallback else []
    with (
        FaultyServer(*script) as server,
        Client("vllm:m", base_url=server.base_url, api_key=KEY, fallback=others) as client,
    ):
        assert client.extract(Person, DOCUMENT) == Person(name="Ada")
    names = {record.name for record in caplog.records}
    assert all(name.startswith("structgen.") for name in names)
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert not any(secret in said for secret in ("LEAKED", "secret", "Lovelace", KEY))
    return said


def test_a_retry_and_its_wait_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    said = logged(caplog, "broken", "wait-milliseconds", GOOD)
    assert "try 1 failed (ServerError 500), again in 0." in said
    assert "try 2 failed (RateLimitError 429), again in 0." in said


def test_a_repeated_question_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    said = logged(caplog, Served(body=completion("LEAKED")), GOOD)
    assert "the answer is invalid (NotJsonError): asked again" in said


def test_a_step_down_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert "a weaker mode is tried" in logged(caplog, NO_SCHEMA, GOOD)


def test_a_fallback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    said = logged(caplog, "unauthorised", fallback=True)
    assert "vllm:m failed (AuthenticationError): the fallback is asked" in said


def test_nothing_is_printed_by_a_program_that_does_not_log() -> None:
    script = (
        "import structgen.wire.telemetry as t, sys; t.call_hook(lambda told: 1 / 0, None);"
        "t.LOG.warning('a warning')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_hook_that_raises_is_logged_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[int] = []

    def broken(record: CallRecord) -> None:
        raise ZeroDivisionError(f"LEAKED {KEY}")

    with (
        FaultyServer("broken", GOOD) as server,
        Client(
            "vllm:m",
            base_url=server.base_url,
            hooks=[broken, lambda record: seen.append(record.attempt)],
        ) as client,
    ):
        assert client.extract(Person, DOCUMENT) == Person(name="Ada")
        outcomes = list(client.map(Person, [DOCUMENT] * 3))
    assert [outcome.ok for outcome in outcomes] == [True] * 3
    assert seen[:2] == [1, 2]
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "broken raised ZeroDivisionError at" in said
    assert "test_logging.py" in said
    assert "LEAKED" not in said


def test_every_try_is_logged_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    answered = Served(headers={"x-request-id": "req_1"}, body=completion('{"name": "Ada"}'))
    said = logged(caplog, "broken", answered)
    assert "vllm:m: try 1 ServerError 500 in " in said
    assert "vllm:m: try 2 answered 200 in " in said
    assert "7 + 5 tokens, request req_1" in said
