"""The examples run as they say, each in a process of its own, with the embedded model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from structgen.testing import FaultyServer

EXAMPLES = Path(__file__).parent.parent / "examples"

pytestmark = pytest.mark.slow


def run(name: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-W",
        "error::ResourceWarning",
        str(EXAMPLES / f"{name}.py"),
        *arguments,
    ]
    return subprocess.run(
        command,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )


def test_a_text_becomes_a_record(embedded_cache: Path) -> None:
    done = run("text_to_record")
    order = json.loads(done.stdout)
    assert set(order) == {"number", "drink", "count", "customer", "table"}
    assert order["drink"] in ("latte", "espresso", "tea")
    assert "not stated: " in done.stderr
    assert "held while decoding" in done.stderr


def test_a_record_grows_line_by_line(embedded_cache: Path) -> None:
    shown = run("stream_to_terminal").stdout.splitlines()
    assert any(line.startswith("… name") for line in shown)
    assert [line[0] for line in shown[-5:-1]] == ["✓"] * 4
    assert "held while decoding" in shown[-1]


def test_where_the_hosted_model_fails_the_local_one_answers(embedded_cache: Path) -> None:
    with FaultyServer("busy") as server:
        done = run(
            "hosted_then_local",
            GROQ_API_KEY="gsk_test",
            GROQ_BASE_URL=server.base_url.removesuffix("/v1"),
        )
        assert len(server.requests) == 2
    assert json.loads(done.stdout)["kind"] in ("bug", "question", "wish")
    attempts = [line.partition(": ")[0::2] for line in done.stderr.splitlines()]
    assert attempts[0][0] == "groq:openai/gpt-oss-20b"
    assert "503" in attempts[0][1]
    assert any(said == "answered" for _, said in attempts)
    assert "held while decoding" in done.stderr


def test_a_schema_file_is_a_target(embedded_cache: Path) -> None:
    done = run("json_schema_file")
    assert set(json.loads(done.stdout)) == {"title", "vendor", "cve", "headquarters"}
    assert "held while decoding" in done.stderr
