"""extract-bench's documents under its own rules: gold against itself, and planted errors."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from structgen.evaluation.rules import rules_of, unwrapped
from structgen.evaluation.scoring import Counts, counts_of, leaves_of
from structgen.schema.target import target_of


def load(folder: Path, name: str) -> tuple[Any, Any]:
    schema = unwrapped(json.loads((folder / "schema.json").read_text(encoding="utf-8")))
    gold = json.loads((folder / f"{name}.gold.json").read_text(encoding="utf-8"))
    return rules_of(target_of(schema).schema), gold


def test_gold_against_itself_is_1_for_all_eleven(shared_data: Path) -> None:
    files = sorted((shared_data / "extractbench").glob("*/*.gold.json"))
    assert len(files) == 11
    for file in files:
        rules, gold = load(file.parent, file.name.removesuffix(".gold.json"))
        scored = counts_of(leaves_of(rules, gold, gold))
        assert scored.perfect, file.name
        assert scored.right > 10


def test_errors_planted_in_a_resume(shared_data: Path) -> None:
    rules, gold = load(shared_data / "extractbench" / "resume", "Resume-Legal")
    found = copy.deepcopy(gold)
    found["personalInfo"]["fullName"] = "victoria hammond"  # case: string_case_insensitive or not
    jobs = found["workExperience"]
    jobs[0]["employer"] = "Another Firm Entirely"
    jobs[1]["startDate"] = None
    jobs.append(jobs.pop(0))  # order does not count
    found["media"] = ["The Morning Post"]
    leaves = leaves_of(rules, found, gold)
    faults = {(leaf.field, leaf.kind) for leaf in leaves if leaf.kind not in ("right", "null")}
    assert faults == {
        ("/workExperience/*/employer", "wrong"),
        ("/workExperience/*/startDate", "omitted"),
        ("/media/*", "invented"),
    }
    before = counts_of(leaves_of(rules, gold, gold))
    assert counts_of(leaves) == Counts(before.right - 2, 1, 1, 1, before.null - 1)


def test_errors_planted_in_a_table_of_results(shared_data: Path) -> None:
    rules, gold = load(shared_data / "extractbench" / "swimming", "ma_2023_sw_M-table2")
    found = copy.deepcopy(gold)
    groups = found["events"][0]["age_groups"]
    groups.reverse()  # order does not count
    dropped = groups[0]["results"].pop()
    groups[-1]["results"][0]["time"] = "59:59.99"
    leaves = leaves_of(rules, found, gold)
    faults = [leaf for leaf in leaves if leaf.kind not in ("right", "null")]
    wrong = [leaf for leaf in faults if leaf.kind == "wrong"]
    assert [(leaf.field.rpartition("/")[2], leaf.found) for leaf in wrong] == [("time", "59:59.99")]
    stated = counts_of(leaves_of(rules, {}, dropped)).wanted
    assert [leaf.kind for leaf in faults].count("omitted") == stated == len(faults) - 1
