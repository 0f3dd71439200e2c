"""The examples in examples/groq: Groq's documented calls with another import and constructor."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from structgen.testing import FaultyServer, Served, completion, events
from structgen.wire.models.rows import EXAMPLE_MODEL

FOLDER = Path(__file__).parents[2] / "examples" / "groq"
REVIEW = {"product_name": "UltraSound", "rating": 4.5, "sentiment": "positive"}
ANSWERS = {
    "single_completion": ("Speed matters.", "Speed matters.\n"),
    "streaming": ("Speed matters.", "Speed matters."),
    "stop_sequence": ("1, 2, 3, 4, 5", "1, 2, 3, 4, 5\n"),
    "async_completion": ("Speed matters.", "Speed matters.\n"),
    "async_streaming": ("Speed matters.", "Speed matters."),
    "json_mode": ('{"sentiment": "negative"}', "{'sentiment': 'negative'}\n"),
    "structured_outputs": (json.dumps(REVIEW), f"{REVIEW}\n"),
}


def run(source: str, script: Path, *flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    script.write_text(source)
    return subprocess.run(
        [sys.executable, *flags, str(script)],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )


def test_every_example_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_example_asks_for_the_model_of_the_documentation(name: str) -> None:
    source = (FOLDER / f"{name}.py").read_text()
    named = re.findall(r'"groq:([^"]+)"', source) + re.findall(r'model="([^"]+)"', source)
    assert set(named) == {EXAMPLE_MODEL}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_example_prints_the_answer_and_sends_what_the_sdk_sends(
    name: str, tmp_path: Path
) -> None:
    """The same file, with the import and the constructor put back, runs with Groq's SDK.

    Ours leaves nothing open at its end.
    """
    text, printed = ANSWERS[name]
    served = Served(pieces=events(text)) if "streaming" in name else Served(body=completion(text))
    source = (FOLDER / f"{name}.py").read_text()
    back = re.sub(
        r"structgen\.(Async)?Client\(.*\)", lambda found: f"groq.{found[1] or ''}Groq()", source
    )
    with FaultyServer(served) as server:
        environ = {"GROQ_API_KEY": "gsk_test", "GROQ_BASE_URL": server.base_url.removesuffix("/v1")}
        ours = run(source, tmp_path / "ours.py", "-W", "default::ResourceWarning", **environ)
        theirs = run(
            back.replace("import structgen", "import groq"), tmp_path / "theirs.py", **environ
        )
    assert ours.stdout == theirs.stdout == printed
    assert ours.stderr == ""
    sent, expected = (json.loads(request.body) for request in server.requests)
    assert sent == {
        member: value for member, value in expected.items() if (member, value) != ("stream", False)
    }
    assert {request.path for request in server.requests} == {"/openai/v1/chat/completions"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ANSWERS)
def test_an_example_runs_against_a_real_llama_cpp_server(
    name: str, llama_server: Any, tmp_path: Path
) -> None:
    """Another constructor, and fewer tokens, so that a small model is soon done."""
    source = (FOLDER / f"{name}.py").read_text()
    named = (
        f'"llamacpp:{llama_server.model}", base_url="{llama_server.base_url}", '
        f'api_key="{llama_server.api_key}", max_tokens=48'
    )
    source = re.sub(r'Client\("groq:.*"\)', lambda found: f"Client({named})", source)
    source = source.replace("max_completion_tokens=1024,", "max_completion_tokens=48,")
    source = source.replace("json.loads(", "str(")  # 48 tokens may end in the middle of the JSON
    out = run(source, tmp_path / "example.py").stdout
    assert out.strip()
    if name == "stop_sequence":
        assert ", 6" not in out
    if name in ("json_mode", "structured_outputs"):
        assert out.lstrip().startswith("{")
