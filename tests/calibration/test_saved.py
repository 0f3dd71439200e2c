"""A calibration file is read as it was written; a bad one is a typed error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from structgen.calibration.curves import Isotonic, Logistic
from structgen.calibration.learnt import (
    Calibration,
    Gate,
    Ranking,
    Thresholds,
    schema_fingerprint,
)
from structgen.calibration.saved import beside, find, load, path_beside, require, save
from structgen.errors import CalibrationError
from structgen.schema.target import target_of
from structgen.schemas.invoice import Invoice


class Person(BaseModel):
    name: str


TARGET = target_of(Person)
RANKING = Ranking(
    kinds={"text": Logistic(0.7, -0.2), "other": Isotonic(((0.25, 0.125), (0.5, 0.75)))},
    fields={"/name": 0.3},
    record=Logistic(1.0, 0.0),
)


def calibration(model: str = "a:b", by: str = "tokens") -> Calibration:
    thresholds = Thresholds(record=0.8, value=None)
    return Calibration(
        target="Person",
        schema=schema_fingerprint(TARGET.schema),
        model=model,
        by=by,
        records=40,
        labels=60,
        ranking=RANKING,
        gate=Gate(ranking=RANKING, records=30, promises={0.9: thresholds, 0.95: Thresholds()}),
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "person.calibration.json"
    save(path, calibration())
    assert load(path) == (calibration(),)
    assert len(path.read_text()) < 2000


def test_one_file_holds_one_calibration_for_each_model_and_source(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    for one in (calibration(), calibration("c:d"), calibration(by="readings"), calibration()):
        save(path, one)
    assert {one.about[1:] for one in load(path)} == {
        ("a:b", "tokens"),
        ("c:d", "tokens"),
        ("a:b", "readings"),
    }
    assert find(TARGET, "c:d", "tokens", path) == calibration("c:d")
    assert find(TARGET, "c:d", "agreement", path) is None
    assert find(target_of(int), "c:d", "tokens", path) is None


def test_a_promise_between_two_takes_the_stricter_one() -> None:
    gate = calibration().gate
    assert gate.thresholds(0.85) == gate.thresholds(0.9) == Thresholds(record=0.8)
    assert gate.thresholds(0.91) == gate.thresholds(0.95) == Thresholds()
    assert gate.thresholds(0.99) == Thresholds()


def test_the_file_lies_beside_the_one_that_defines_the_target() -> None:
    assert path_beside(TARGET) == Path(__file__).with_suffix(".calibration.json")
    assert beside("schemas/order.json") == Path("schemas/order.calibration.json")
    assert path_beside(target_of({"type": "string"})) is None
    assert path_beside(target_of(list[Person])) is None
    assert path_beside(target_of(Invoice)) is None, "the library's own folder is not the user's"


def test_without_a_calibration_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="no calibration of Person with a:b") as it:
        require(TARGET, "a:b", ["tokens"], None)
    assert "structgen calibrate" in str(it.value)
    with pytest.raises(CalibrationError, match="Cannot read"):
        require(TARGET, "a:b", ["tokens"], tmp_path / "none.json")


def spoilt(*path: Any, value: Any) -> str:
    data: Any = json.loads(_WRITTEN)
    at = data
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return json.dumps(data)


def _written() -> str:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "c.json", calibration())
        return (Path(folder) / "c.json").read_text()


_WRITTEN = _written()
FIRST = ("calibrations", 0)
KINDS = (*FIRST, "ranking", "kinds")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"version": 1}',
        spoilt("version", value=2),
        spoilt(*FIRST, "records", value=-1),
        spoilt(*KINDS, "text", "slope", value=-0.5),
        spoilt(*KINDS, "text", "slope", value="steep"),
        spoilt(*KINDS, value={"text": {"slope": 1, "intercept": 0}}),
        spoilt(*KINDS, "other", "points", value=[]),
        spoilt(*KINDS, "other", "points", value=[[0.2, 0.9], [0.4, 0.1]]),
        spoilt(*KINDS, "other", "points", value=[[0.2, 1.5]]),
        spoilt(*FIRST, "gate", "promises", value={"often": {"record": None, "value": None}}),
        spoilt(*FIRST, "gate", "promises", value={"1.5": {"record": None, "value": None}}),
        spoilt(*FIRST, "gate", "promises", "0.9", "record", value=7),
    ],
)
def test_a_bad_file_is_a_typed_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(CalibrationError, match="no calibration file"):
        find(TARGET, "a:b", "tokens", path)
    with pytest.raises(CalibrationError, match="no calibration file"):
        save(path, calibration())
    assert path.read_text() == text, "a file that is not ours is left alone"


@given(st.binary(max_size=60))
def test_any_bytes_are_a_calibration_or_a_typed_error(raw: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.json"
        path.write_bytes(raw)
        with pytest.raises(CalibrationError):
            load(path)


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    save(path, calibration())
    assert len(load(path)) == 1
    save(path, calibration("c:d"))
    assert len(load(path)) == 2


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="Cannot write"):
        save(tmp_path / "none" / "c.json", calibration())
