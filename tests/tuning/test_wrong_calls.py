"""What cannot be tuned is told before anything is asked, and costs nothing."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationInfo, field_validator

from structgen import Client, tune
from structgen.errors import (
    CalibrationError,
    ConfigurationError,
    InputError,
    JobStoppedError,
    StructgenError,
)
from structgen.evaluation.calibrating import calibrate
from structgen.providers import Price
from structgen.testing.scripted import ScriptedTransport, completion
from structgen.tuning import estimate_tuning
from structgen.values import Reply
from tests.tuning.models import Person, RuledModel, gold, learns


def refused(error: type[StructgenError], folder: Path, **call: Any) -> StructgenError:
    """The error of a tuning that must not ask anything."""
    model = RuledModel(learns)
    records, path = call.pop("records", gold(20)), call.pop("path", folder / "p.tuned.json")
    with Client(model) as client, pytest.raises(error) as raised:
        tune(Person, records, client=client, path=path, journal=folder / "answers", **call)
    assert not model.said
    return raised.value


# ---- the gold ----------------------------------------------------------------------------------


def changed(at: int, **members: Any) -> list[Any]:
    records = gold(20)
    return [*records[:at], replace(records[at], **members), *records[at + 1 :]]


@pytest.mark.parametrize(
    ("records", "told"),
    [
        (gold(20) + gold(1), "Record 21 of the gold.*k0.*an earlier one"),
        (changed(3, key="k\ud800"), "Record 4 of the gold.*no text"),
        (changed(3, key=7), "Record 4 of the gold.*no text"),
        (changed(3, value={"nome": "P3"}), 'record "k3" does not fit Person: /name'),
        (changed(3, value=Person(name="P3", age=3)), "k3.*no plain JSON data"),
        (changed(3, invalid="no such member: /nome"), "k3.*no such member"),
        (changed(3, document=None), 'document of the record "k3".*NoneType'),
        (changed(3, document=Path("letter.txt")), 'document of the record "k3".*Path'),
        ([{"text": "a", "value": {}}] * 20, "Record 1 of the gold is of type dict"),
        (iter(gold(20)), "no list of records"),
        (None, "no list of records"),
    ],
)
def test_gold_that_cannot_be_used_is_named(records: Any, told: str, tmp_path: Path) -> None:
    assert re.search(told, refused(InputError, tmp_path, records=records).message)


def test_a_document_without_text_does_not_stop_a_tuning() -> None:
    """Whichever it is: what can be asked is told by a document that can be asked about."""
    for at in (0, 7, 19):
        records = changed(at, document="")
        with Client(RuledModel(learns)) as client:
            estimate = estimate_tuning(Person, records, client=client)
        assert estimate.candidates


class Dated(BaseModel):
    name: str
    age: int

    @field_validator("age")
    @classmethod
    def _known(cls, age: int, info: ValidationInfo) -> int:
        assert info.context is not None, "there is no context"
        return age


def test_validators_of_the_gold_find_their_context(tmp_path: Path) -> None:
    call: dict[str, Any] = {"validation_context": {"year": 2026}, "max_calls": 150}
    with Client(RuledModel(learns)) as client:
        path, journal = tmp_path / "d.tuned.json", tmp_path / "answers"
        found = tune(Dated, gold(20), client=client, path=path, journal=journal, **call)
    assert found.is_better


# ---- limits and other arguments ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["max_calls", "max_cost", "max_seconds"])
@pytest.mark.parametrize("value", [-1, "100", float("nan"), True])
def test_a_limit_is_a_number(name: str, value: Any, tmp_path: Path) -> None:
    error = refused(ConfigurationError, tmp_path, **{name: value})
    assert f"`{name}`" in error.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tuning_seed", "x"),
        ("try_wire_names", {"/name": "full_name"}),
        ("try_wire_names", None),
        ("tuned", "p.tuned.json"),
    ],
)
def test_a_wrong_argument_is_named(name: str, value: Any, tmp_path: Path) -> None:
    assert f"`{name}`" in refused(ConfigurationError, tmp_path, **{name: value}).message


def test_money_needs_a_price_in_a_dry_run_too() -> None:
    transport = ScriptedTransport("{}")
    with Client("generic:m", base_url="http://s/v1", transport=transport) as client:
        with pytest.raises(ConfigurationError, match="No price known for generic:m"):
            estimate_tuning(Person, gold(20), client=client, max_cost=1.0)


def test_why_it_stopped_is_told_in_the_limits_of_the_tuning(tmp_path: Path) -> None:
    """Each change is asked about in a job of its own, which knows of what is left alone."""
    body = json.loads(completion('{"name": "nobody", "age": 1}'))
    body["usage"] = {"prompt_tokens": 0, "completion_tokens": 22, "total_tokens": 22}
    transport = ScriptedTransport(Reply(200, {}, json.dumps(body).encode()))
    price = Price(provider="vllm", input=0, output=100_000)  # 2.20 dollars an answer
    with Client("vllm:m", base_url="http://s/v1", transport=transport, prices=[price]) as client:
        for _ in range(2):  # started again, it has nothing left to spend
            with pytest.raises(JobStoppedError, match=r"and max_cost is 60\b") as stopped:
                tune(
                    Person,
                    gold(20),
                    client=client,
                    path=tmp_path / "p.tuned.json",
                    journal=tmp_path / "answers",
                    max_cost=60,
                    concurrency=1,
                )
            assert len(transport.requests) == 28  # 27 cost less than 60
            assert "after 28 calls" in stopped.value.message


# ---- the file ----------------------------------------------------------------------------------


def test_a_folder_that_is_missing_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    error = refused(ConfigurationError, tmp_path, path=tmp_path / "missing" / "p.tuned.json")
    assert "Cannot write" in error.message
    assert "Name a file" in str(error.hint)


def test_so_is_one_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # the superuser may write anywhere
    assert "Permission denied" in refused(ConfigurationError, tmp_path).message


def test_so_is_the_place_of_the_calibration(tmp_path: Path) -> None:
    foreign = tmp_path / "c.json"
    foreign.write_text('{"mine": 1}')
    for path, told in ((foreign, "no calibration file"), (tmp_path / "no" / "c", "Cannot write")):
        call = {"confidence": True, "calibration": path}
        assert told in refused(CalibrationError, tmp_path, **call).message
    assert foreign.read_text() == '{"mine": 1}'


def test_a_calibration_by_itself_tells_it_as_early(tmp_path: Path) -> None:
    model = RuledModel(learns)
    with Client(model) as client, pytest.raises(CalibrationError, match="Cannot write"):
        calibrate(
            Person, gold(20), client=client, path=tmp_path / "no" / "c", journal=tmp_path / "j"
        )
    assert not model.said


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"version": 2, "tuned": []}', "its version is 2, not 1"),
        ('{"version": 1, "tuned": [], "mine": 1}', "/mine"),
        ('{"version": 1, "tuned": [{"target": "P"}]}', "/tuned/0/schema: field required"),
        ("my notes", "invalid JSON"),
    ],
)
def test_a_file_of_anothers_is_told_with_what_to_do(
    content: str, told: str, tmp_path: Path
) -> None:
    file = tmp_path / "p.tuned.json"
    file.write_text(content)
    error = refused(ConfigurationError, tmp_path)
    assert told in error.message
    assert "Name another file" in str(error.hint)
    assert file.read_text() == content
