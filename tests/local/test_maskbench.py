"""The benchmark over MaskBench's layout: figures by subset, and a run that goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.maskbench import Result, figures_of, judged, main, results_of

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
TESTS = [{"valid": True, "data": {"n": 1}}, {"valid": False, "data": {"n": "one"}}]
FILES: dict[str, Any] = {
    "Easy---a.json": {"schema": SCHEMA, "tests": TESTS},
    "Easy---b.json": {"schema": {"$ref": "#/nowhere"}, "tests": TESTS},
    "Hard---c.json": {"schema": SCHEMA, "tests": [{"valid": False, "data": {"n": 1}}]},
    "Hard---d.json": {"schema": SCHEMA, "tests": []},
    "Hard---e.json": {"no": "schema"},
}


@pytest.mark.slow
def test_a_folder_is_judged_and_a_second_run_judges_only_what_is_missing(
    tmp_path: Path, embedded_cache: Path
) -> None:
    folder = tmp_path / "data" / "inside"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "Hard---f.json").write_text("no JSON")
    results = tmp_path / "results.jsonl"
    call = [str(folder.parent), "--results", str(results)]
    call += ["--engine", "structgen", "--engine", "llguidance"]
    rows = main(call)["structgen"]
    counts = {name: (row["schemas"], row["compiled"], row["passing"]) for name, row in rows.items()}
    assert counts == {"all": (6, 3, 2), "Easy": (2, 1, 1), "Hard": (4, 2, 1)}
    assert rows["Hard"]["wrong_accepts"] == 1
    assert rows["all"]["wrong_refusals"] == 0
    lines = results.read_text().splitlines()
    assert len(lines) == 12
    assert main(call)["llguidance"]["all"]["compiled"] == 3
    # A run that was stopped in the middle of a line, and one file more.
    results.write_text("\n".join([*lines[:-2], lines[-1][:20]]))
    assert _without_times(main(call)["structgen"]) == _without_times(rows)
    assert len(list(results_of(results))) == 12


def _without_times(rows: dict[str, Any]) -> dict[str, Any]:
    """The figures that another run has again; of a schema that is judged anew the time differs."""
    return {
        name: {key: value for key, value in row.items() if not key.startswith("ms_")}
        for name, row in rows.items()
    }


def test_times_and_counts_are_of_schemas() -> None:
    results = [
        Result(file=f"A---{number}.json", engine="x", seconds=number / 1000, wrong_accepts=2)
        for number in range(100)
    ]
    figures = figures_of(results)
    assert (figures["ms_p50"], figures["ms_p99"], figures["ms_max"]) == (50.0, 99.0, 99.0)
    assert (figures["wrong_accepts"], figures["passing"]) == (100, 0)


def test_an_engine_that_fails_is_a_result() -> None:
    def hold(schema: Any) -> Any:
        raise RuntimeError("whatever")

    found = judged({"schema": SCHEMA, "tests": TESTS}, hold)
    assert (found["error"], found["instances"]) == ("CRASH RuntimeError", 2)
