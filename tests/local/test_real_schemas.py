"""Real-world schemas under a model that prefers nothing: what it is let write is valid, or an error
says that it is not.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.engines import drawn, ours
from structgen.errors import InvalidOutputError, NotJsonError, SchemaError
from structgen.local.engine import Engine
from structgen.schema.check import validate
from structgen.schema.compiler import compile_schema
from structgen.schema.target import target_of


@pytest.fixture(scope="module")
def schemas(shared_data: Path) -> list[dict[str, Any]]:
    """Every tenth schema of JSONSchemaBench, with its labelled instances."""
    lines = (shared_data / "jsonschemabench-dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[::10]]


@pytest.mark.slow
def test_an_answer_of_random_tokens_is_whole_and_valid_or_told_before_it_is_one(
    engine: Engine, schemas: list[dict[str, Any]]
) -> None:
    engine.count([])
    vocabulary = engine._loaded.runtime.vocabulary
    valid = 0
    for number, record in enumerate(schemas):
        try:
            compiled = compile_schema(record["schema"], "llguidance")
        except SchemaError:
            continue
        text = drawn(compiled, vocabulary, number)
        if not text:
            continue
        json.loads(text)
        try:
            value = compiled.decode_json(text)
        except (InvalidOutputError, NotJsonError):
            continue
        validate(target_of(record["schema"]), value)
        valid += 1
    assert valid > 0.7 * len(schemas)


@pytest.mark.slow
def test_instances_are_taken_as_they_are_labelled(
    engine: Engine, schemas: list[dict[str, Any]]
) -> None:
    engine.count([])
    vocabulary = engine._loaded.runtime.vocabulary
    for record in schemas:
        held = ours(record["schema"], vocabulary)
        for test in record["tests"]:
            assert held.accepts(test["data"]) is test["valid"], record["id"]
