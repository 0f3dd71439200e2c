"""`--cascade` names the models of a cascade."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from structgen.cli import exits
from structgen.testing import FaultyServer, Served, completion

from .test_cli import ADVISORY, run

SCHEMA = {
    "title": "Guest",
    "type": "object",
    "properties": {"name": {"type": "string"}, "city": {"type": "string"}},
    "required": ["name", "city"],
}


def test_extract_and_run_escalate_fields_in_doubt(tmp_path: Path) -> None:
    schema, text = tmp_path / "guest.json", tmp_path / "guest.txt"
    schema.write_text(json.dumps(SCHEMA))
    text.write_text("Ada is a guest from Ulm.")
    first = Served(body=completion('{"name": "Qxa", "city": "Ulm"}'))
    second = Served(body=completion('{"name": "Ada"}'))
    with FaultyServer(first) as small, FaultyServer(second) as large:
        models = ["--cascade", f"{small.base_url}#small, {large.base_url}#large"]
        code, out, err = run("extract", str(schema), str(text), *models)
        assert code == exits.OK
        assert json.loads(out) == {"name": "Ada", "city": "Ulm"}
        assert "escalated: generic:large was asked about /name" in err
        out_file = str(tmp_path / "out.jsonl")
        code, out, err = run(
            "run", str(schema), str(text), *models, "-o", out_file, "--max-calls", "9"
        )
    assert code == exits.OK
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert row["answered_by"] == {"/name": "generic:large", "/city": "generic:small"}


def test_a_plan_is_that_of_the_first_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    models = "groq:openai/gpt-oss-20b,openai:gpt-6.1-terra"
    code, out, _ = run(
        "extract", ADVISORY, "--cascade", models, "--cascade-below", "0.9", "--plan", stdin="text"
    )
    assert code == exits.OK
    assert json.loads(out)["backend"] == "groq:openai/gpt-oss-20b"


def test_a_cascade_takes_the_place_of_the_model() -> None:
    models = "http://127.0.0.1:9/v1#a,http://127.0.0.1:9/v1#b"
    table = '{"/cve": 0.9}'
    code, _, err = run(
        "extract",
        ADVISORY,
        "--model",
        "local",
        "--cascade",
        models,
        "--cascade-below",
        table,
        stdin="text",
    )
    assert code == exits.USAGE
    assert "both a `model` and a `cascade`" in err
