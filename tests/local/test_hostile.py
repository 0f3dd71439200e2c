"""Hostile schemas and answers: each ends in bounded time, as a value or a typed error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import structgen.errors
from benchmarks._hostile_inputs import NAMES, outcome_of, size_of
from benchmarks.hostile import run, shown

ROOT = Path(__file__).parents[2]
TYPED = {"done", "SchemaError", "SchemaLimitError", "GrammarError", "InvalidOutputError"}


def test_there_are_forty_of_them_and_their_errors_are_ours() -> None:
    assert len(NAMES) >= 40
    assert all(name == "done" or hasattr(structgen.errors, name) for name in TYPED)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are those of POSIX")
@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_input_ends_within_limits_and_typed(name: str) -> None:
    found = run(name, size_of(name), ROOT)
    assert found["outcome"] in TYPED, (name, shown(found))
    assert found["mb"] < 1000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_the_memory_of_what_starts_an_input_is_not_counted() -> None:
    name = "audit"
    alone = run(name, size_of(name), ROOT)["mb"]
    ballast = b"x" * (1 << 29)
    assert run(name, size_of(name), ROOT)["mb"] < alone + 100
    del ballast


def test_an_error_of_another_kind_is_told_as_untyped() -> None:
    def fail() -> None:
        raise MemoryError

    assert outcome_of(fail) == "UNTYPED MemoryError"
    assert outcome_of(lambda: None) == "done"
