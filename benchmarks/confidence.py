"""How far a confidence can be trusted, before and after calibration, and whether promises are kept.

    python -m benchmarks confidence --tasks security_logs,quantities --records 30 --answers FILE

Needs ../shared/data/dev. One model answers every text once, at temperature 0, with three examples
from the end of the task's file; with `--answers FILE` the answers are kept, and a run that is
started again asks only what is missing. Then the records of each task are split by chance, `SPLITS`
times: some teach (as many as have 100 labelled values, and at most half), the rest is judged. All
figures are means over these splits, on the stated values of the records that taught nothing:

- `right`: the share of values that is right;
- `ece_raw`, `ece`, `ece_by_chance`: the calibration error before and after, and what right numbers
  would have on as few values;
- `auroc_raw`, `auroc`: how well right values are ranked above wrong ones, before and after;
- by promise: the share of splits in which enough of the accepted values were right, and the share
  of values that was accepted. Splits of one set of records are not independent.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from benchmarks._systems import MAX_TOKENS
from benchmarks.truth import Case, cases_of
from structgen import Client
from structgen.calibration.gate import learn_thresholds
from structgen.calibration.kinds import NULL
from structgen.calibration.learn import LabelledRecord, learn_ranking
from structgen.calibration.learnt import Ranking
from structgen.errors import StructgenError
from structgen.evaluation.calibrating import labelled_record
from structgen.evaluation.gold import GoldRecord
from structgen.evaluation.judged_confidence import (
    auroc,
    calibration_error,
    calibration_error_by_chance,
)
from structgen.schema.target import target_of

TASKS: Final = ("security_logs", "quantities", "coffee_orders", "affiliations")
"""Not those on which kinds and curves were chosen: restaurants, citations, addresses and voice
commands."""
LABELS: Final = 100
SPLITS: Final = 40
PROMISES: Final = (0.5, 0.7, 0.8, 0.9)
MEMBERS: Final = ("value", "absent", "confidence", "confidence_by")

Pairs = list[tuple[float, bool]]


def main(argv: Sequence[str] = ()) -> dict[str, Any]:
    """Ask, split and judge, and print a table.

    Args:
        argv: The arguments after the benchmark's name.
    """
    arguments = _arguments(argv)
    tasks = arguments.tasks.split(",")
    cases = {task: list(cases_of(task, arguments.records)) for task in tasks}
    rows = _answers(arguments, cases)
    found = {}
    for task, own in cases.items():
        records = [_labelled(case, rows[case.key]) for case in own if not rows[case.key]["error"]]
        found[task] = _figures(records)
        print(task, found[task], flush=True)
    return {
        "model": arguments.model,
        "records": arguments.records,
        "tasks": found,
        **{
            name: round(fmean(one[name] for one in found.values() if one[name] is not None), 3)
            for name in ("ece_raw", "ece", "ece_by_chance", "auroc_raw", "auroc")
        },
    }


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks confidence")
    parser.add_argument("--tasks", default=",".join(TASKS), help="separated by commas")
    parser.add_argument("--records", type=int, default=30, help="of each task")
    parser.add_argument("--model", default="local", help="local, or a GGUF file")
    parser.add_argument("--answers", metavar="FILE", help="keep answers, and go on from them")
    return parser.parse_args(argv)


# ---- answers ------------------------------------------------------------------------------------


def _answers(
    arguments: argparse.Namespace, cases: dict[str, list[Case]]
) -> dict[str, dict[str, Any]]:
    """A row for each text, from the file if it is there; the tasks take turns."""
    file = Path(arguments.answers) if arguments.answers else None
    rows: dict[str, dict[str, Any]] = {}
    if file is not None and file.exists():
        kept = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        rows = {row["key"]: row for row in kept if row["model"] == arguments.model}
    in_turn = zip_longest(*cases.values())
    missing = [case for turn in in_turn for case in turn if case and case.key not in rows]
    if not missing:
        return rows
    with Client(arguments.model, temperature=0.0, max_tokens=MAX_TOKENS) as client:
        for number, case in enumerate(missing, 1):
            rows[case.key] = row = {"model": arguments.model, **_ask(client, case)}
            print(f"{number} of {len(missing)} texts, {case.task}", flush=True)
            if file is not None:
                with file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(row) + "\n")
    return rows


def _ask(client: Client, case: Case) -> dict[str, Any]:
    try:
        result = client.extract_result(
            dict(case.asked.schema),
            case.asked.text,
            examples=case.asked.examples,
            confidence=True,
            on_shortened="keep",
        )
    except StructgenError as error:
        return {"key": case.key, "value": None, "error": error.to_dict()}
    return {"key": case.key, "error": None, **result.to_dict(*MEMBERS)}


def _labelled(case: Case, row: dict[str, Any]) -> LabelledRecord:
    gold = GoldRecord(key=case.key, document=case.asked.text, value=case.gold)
    return labelled_record(target_of(dict(case.asked.schema)), gold, row)


# ---- figures ------------------------------------------------------------------------------------


def _figures(records: Sequence[LabelledRecord]) -> dict[str, Any]:
    draw = random.Random(0)
    splits = []
    for _ in range(SPLITS):
        shuffled = draw.sample(list(records), len(records))
        at = _teaching(shuffled)
        splits.append(_split_figures(shuffled[:at], shuffled[at:]))
    names = [name for name in splits[0] if not name.startswith("promise")]
    figures: dict[str, Any] = {name: _mean([one[name] for one in splits]) for name in names}
    figures["promises"] = {
        str(promised): {
            "kept": _mean([one[f"promise {promised}"][0] for one in splits]),
            "accepted": _mean([one[f"promise {promised}"][1] for one in splits]),
        }
        for promised in PROMISES
    }
    return figures


def _teaching(records: Sequence[LabelledRecord]) -> int:
    """How many records have 100 labelled values together, at most half of them."""
    labels = 0
    for place, record in enumerate(records[: len(records) // 2], 1):
        labels += sum(one.leaf.kind != NULL for one in record.leaves)
        if labels >= LABELS:
            return place
    return len(records) // 2


def _split_figures(
    teaching: Sequence[LabelledRecord], judged: Sequence[LabelledRecord]
) -> dict[str, Any]:
    ranking = learn_ranking(teaching)
    raw: Pairs = _pairs(judged, lambda one: one.leaf.raw)
    calibrated: Pairs = _pairs(judged, lambda one: ranking.value(one.leaf))
    half = len(judged) // 2
    promises = {
        f"promise {promised}": _promise(ranking, judged[:half], judged[half:], promised)
        for promised in PROMISES
    }
    return {
        "labels": sum(one.leaf.kind != NULL for record in teaching for one in record.leaves),
        "values": len(raw),
        "right": fmean(is_right for _, is_right in raw) if raw else None,
        "ece_raw": calibration_error(raw),
        "ece": calibration_error(calibrated),
        "ece_by_chance": calibration_error_by_chance(calibrated, draws=5),
        "auroc_raw": auroc(raw),
        "auroc": auroc(calibrated),
        **promises,
    }


def _pairs(records: Sequence[LabelledRecord], number: Callable[[Any], float]) -> Pairs:
    return [
        (number(one), one.is_right)
        for record in records
        for one in record.leaves
        if one.leaf.kind != NULL
    ]


def _promise(
    ranking: Ranking,
    testing: Sequence[LabelledRecord],
    judged: Sequence[LabelledRecord],
    promised: float,
) -> tuple[bool, float]:
    """Whether enough of the accepted values are right, and the share of values accepted."""

    def number(one: Any) -> float:
        return ranking.value(one.leaf)

    labelled = [_pairs([record], number) for record in testing]
    least = learn_thresholds(labelled, (promised,)).get(promised)
    shares, accepted, stated = [], 0, 0
    for record in judged:
        pairs = _pairs([record], number)
        taken = [is_right for value, is_right in pairs if least is not None and value >= least]
        accepted, stated = accepted + len(taken), stated + len(pairs)
        shares += [fmean(taken)] if taken else []
    return not shares or fmean(shares) >= promised, accepted / stated if stated else 0.0


def _mean(figures: Sequence[float | bool | None]) -> float | None:
    known = [float(one) for one in figures if one is not None]
    return round(fmean(known), 3) if known else None
