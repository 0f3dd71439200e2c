"""The benchmark of truth asks fairly: gold fits what is asked, and the peers' classes take it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import truth
from benchmarks._systems import Ready, Task, is_flat, model_of
from structgen.schema.check import validate
from structgen.schema.target import target_of


@pytest.mark.parametrize("task", truth.TASKS)
def test_gold_fits_the_schema_and_the_peers_classes(task: str, shared_data: Path) -> None:
    cases = list(truth.cases_of(task, 20))
    assert len(cases) == 20
    for case in cases:
        schema = dict(case.asked.schema)
        validate(target_of(schema), case.gold)
        made = model_of(schema).model_validate(case.gold)
        assert made.model_dump(mode="json") == case.gold
        assert "offset" not in str(schema["properties"])
        for _, record in case.asked.examples:
            validate(target_of(schema), record)
        assert case.asked.text not in [text for text, _ in case.asked.examples]


def test_answers_are_kept_scored_and_failures_count_as_zero(
    shared_data: Path, tmp_path: Path
) -> None:
    cases = list(truth.cases_of("citations", 4))
    path = str(tmp_path / "answers.jsonl")

    def careful(task: Task) -> object:
        return next(case.gold for case in cases if case.asked is task)

    def careless(task: Task) -> object:
        if task is cases[0].asked:
            raise ValueError("no JSON")
        return {"authors": 5} if task is cases[1].asked else careful(task)

    answers = truth.Answers(path, "m")
    for case in cases:
        answers.add("structgen", case, Ready(careful))
        answers.add("bare", case, Ready(careless))
    again = truth.Answers(path, "m")
    assert ("bare", cases[0].key) in again
    assert ("bare", cases[0].key) not in truth.Answers(path, "another model")
    [good] = truth.evaluations("structgen", cases, again)
    [bad] = truth.evaluations("bare", cases, again)
    assert (good.f1, good.perfect) == (1.0, 1.0)
    assert (bad.valid, bad.perfect) == (0.5, 0.5)
    assert bad.failures == {"ValueError": 1, "InvalidOutputError": 1}
    assert bad.total.wrong == bad.total.invented == 0
    assert bad.f1 < 1


def test_what_langextract_can_be_asked() -> None:
    flat = {"properties": {"a": {"type": ["string", "null"]}}}
    assert is_flat(flat)
    assert not is_flat({"properties": {"a": {"type": "array"}}})
