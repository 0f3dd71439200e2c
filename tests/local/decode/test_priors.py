"""Priors are measured once for each model, schema and prompt, whatever the document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from structgen.local.decide.priors import NOTHING, KnownPriors, Priors
from structgen.local.grammar.closed import ClosedPlaces
from tests.local.grammar.test_grammar import closed

PLACES = ClosedPlaces(closed(a={"enum": ["x", "y"]}))
FOUND = {"/a": {'"x"': -1.0, '"y"': -2.0}}


class Measured:
    """Counts what is asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, messages: Any, schema: Any) -> Priors:
        self.asked.append(messages)
        return FOUND


def prompt(document: str, task: str = "Extract.") -> list[dict[str, str]]:
    return [
        {"role": "system", "content": task},
        {"role": "user", "content": "an example"},
        {"role": "assistant", "content": "{}"},
        {"role": "user", "content": document},
    ]


def test_they_are_measured_once_and_kept(tmp_path: Path) -> None:
    measured = Measured()
    known = KnownPriors("model", tmp_path / "priors", measured)
    assert known.of(prompt("one"), PLACES) == known.of(prompt("two"), PLACES) == FOUND
    assert KnownPriors("model", tmp_path / "priors", measured).of(prompt(""), PLACES) == FOUND
    nothing = {"role": "user", "content": NOTHING}
    assert measured.asked == [[{"role": "system", "content": "Extract."}, nothing]]


def test_another_model_prompt_or_schema_has_its_own(tmp_path: Path) -> None:
    measured = Measured()
    known = KnownPriors("model", tmp_path, measured)
    known.of(prompt("one"), PLACES)
    known.of(prompt("one", "Read."), PLACES)
    known.of(prompt("one"), ClosedPlaces(closed(a={"enum": ["x", "z"]})))
    KnownPriors("other", tmp_path, measured).of(prompt("one"), PLACES)
    assert len(measured.asked) == 4


def test_a_broken_file_and_a_folder_that_cannot_be_made_only_cost_time(tmp_path: Path) -> None:
    measured = Measured()
    KnownPriors("model", tmp_path, measured).of(prompt("one"), PLACES)
    (file,) = tmp_path.iterdir()
    file.write_text("[")
    assert KnownPriors("model", tmp_path, measured).of(prompt("one"), PLACES) == FOUND
    assert KnownPriors("model", file / "below", measured).of(prompt("one"), PLACES) == FOUND
    assert len(measured.asked) == 3


def test_a_schema_without_closed_values_has_none(tmp_path: Path) -> None:
    measured = Measured()
    places = ClosedPlaces(closed(a={"type": "string"}))
    assert KnownPriors("model", tmp_path, measured).of(prompt("one"), places) == {}
    assert not measured.asked
