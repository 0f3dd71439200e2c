"""Real-world schemas under a model that prefers nothing: what it is let write is valid, or an error
says that it is not.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.engines import ours
from benchmarks.walks import walks
from structgen.local.engine import Engine
from structgen.local.grammar.engines import compiler_for
from structgen.schema.subset import SUBSETS


@pytest.fixture(scope="module")
def schemas(shared_data: Path) -> list[dict[str, Any]]:
    """Every tenth schema of JSONSchemaBench, with its labelled instances."""
    lines = (shared_data / "jsonschemabench-dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[::10]]


@pytest.mark.slow
@pytest.mark.parametrize("declared_only", [True, False])
def test_an_answer_of_random_tokens_is_valid_or_told_before_the_first_one(
    engine: Engine, schemas: list[dict[str, Any]], *, declared_only: bool
) -> None:
    engine.count([])
    vocabulary = engine._loaded.runtime.vocabulary
    language = replace(SUBSETS["llguidance"], declared_only=declared_only)
    compile_grammar = compiler_for("llguidance", vocabulary)
    outcomes: Counter[str] = Counter()
    for number, record in enumerate(schemas):
        found = walks(record["schema"], language, compile_grammar, vocabulary, [number])
        for walk in found:
            assert walk.outcome in ("valid", "before", "noted"), (record["id"], walk)
        outcomes.update(walk.outcome for walk in found)
    assert outcomes["valid"] >= 0.85 * len(schemas)


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
