"""The gain of a cascade for its cost: the embedded model, then one that is always right.

    python -m benchmarks cascade --tasks restaurants,citations --records 6 --answers FILE

Needs ../shared/data/dev. The first model answers every text once, at temperature 0; with `--answers
FILE` the answers are kept, and a run that is started again asks only what is missing. The second
model is a script that gives the gold, so the curve shows the choice of fields and nothing else.
Items of lists that the gold lacks stay as they are.

- `curve`: the F1 (mean over tasks) when this share of all fields is escalated: those most in doubt,
  and as many drawn by chance (mean of `DRAWS` draws). Fields count that are asked about because
  others can only be asked about with them. A text without an answer is escalated first, as a whole.
- `cascade_below`: by this option, the F1 of the cascade as it is, over the same answers; the share
  of fields that it escalates; the questions to the second model for each text; and the tokens of
  these questions against those of whole records.
- `learnt`: by task and `cascade_right`, the thresholds that `structgen tune` learns from these
  answers, and what they and the default come to by cross-fitting.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from benchmarks._perfect import Perfect, merged_with_gold
from benchmarks._systems import MAX_TOKENS
from benchmarks.truth import Case, cases_of
from structgen import Client
from structgen.errors import StructgenError
from structgen.evaluation.gold import GoldRecord
from structgen.evaluation.run import score
from structgen.extraction.cascade import escalate
from structgen.extraction.doubt import doubts
from structgen.flow.drive import perform
from structgen.flow.steps import Flow
from structgen.results import Extraction, Guarantee
from structgen.schema.json import leaves_of, pointer
from structgen.schema.portion import portion
from structgen.schema.target import target_of
from structgen.testing.scripted import ScriptedModel
from structgen.tuning.candidates import Tried
from structgen.tuning.thresholds import Answered, learn_thresholds_of
from structgen.values import Json

TASKS: Final = ("restaurants", "citations", "coffee_orders", "security_logs", "quantities")
SHARES: Final = (0.0, 0.1, 0.25, 0.5, 1.0)
BELOW: Final = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 0.95)
RIGHT: Final = (0.5, 0.7, 0.8, 0.9)
DRAWS: Final = 10

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Unit:
    """A field of an answer, or a text without an answer."""

    key: str
    path: str
    weight: int
    doubt: float


def main(argv: Sequence[str] = ()) -> dict[str, Any]:
    """Ask, escalate and judge, and print a table.

    Args:
        argv: The arguments after the benchmark's name.
    """
    arguments = _arguments(argv)
    cases = [
        case
        for task in arguments.tasks.split(",")
        for case in cases_of(task, arguments.records, arguments.skip)
    ]
    rows = _answers(arguments, cases)
    units = [unit for case in cases for unit in _units(case, rows[case.key])]
    fields = sum(unit.weight for unit in units)
    curve = {}
    for share in SHARES:
        by_doubt = sorted(units, key=lambda unit: -unit.doubt)
        chosen = _f1(cases, rows, _first_share(cases, rows, by_doubt, share))
        draws = [_f1(cases, rows, _first_share(cases, rows, one, share)) for one in _drawn(units)]
        curve[f"{share:.0%}"] = {"doubt": round(chosen, 3), "chance": round(fmean(draws), 3)}
        print(share, curve[f"{share:.0%}"], flush=True)
    defaults = {str(below): _cascaded(cases, rows, below, fields) for below in BELOW}
    for below, figures in defaults.items():
        print(below, figures, flush=True)
    learnt = {task: _learnt(own, rows) for task, own in _by_task(cases).items()}
    print(json.dumps(learnt, indent=1), flush=True)
    return {
        "model": arguments.model,
        "records": len(cases),
        "fields": fields,
        "curve": curve,
        "cascade_below": defaults,
        "learnt": learnt,
    }


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks cascade")
    parser.add_argument("--tasks", default=",".join(TASKS), help="separated by commas")
    parser.add_argument("--records", type=int, default=8, help="of each task")
    parser.add_argument("--skip", type=int, default=0, help="texts at the beginning of each task")
    parser.add_argument("--model", default="local", help="local, or a GGUF file")
    parser.add_argument("--answers", metavar="FILE", help="keep answers, and go on from them")
    return parser.parse_args(argv)


# ---- the first model ----------------------------------------------------------------------------


def _answers(arguments: argparse.Namespace, cases: Sequence[Case]) -> dict[str, Row]:
    """A row for each text, from the file if it is there."""
    file = Path(arguments.answers) if arguments.answers else None
    rows: dict[str, Row] = {}
    if file is not None and file.exists():
        kept = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        rows = {row["key"]: row for row in kept if row["model"] == arguments.model}
    missing = [case for case in cases if case.key not in rows]
    if not missing:
        return rows
    with Client(arguments.model, temperature=0.0, max_tokens=MAX_TOKENS, logprobs=True) as client:
        for number, case in enumerate(missing, 1):
            rows[case.key] = row = {"model": arguments.model, **_ask(client, case)}
            print(f"{number} of {len(missing)} texts, {case.task}", flush=True)
            if file is not None:
                with file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(row) + "\n")
    return rows


_MEMBERS: Final = ("value", "absent", "confidence", "confidence_by", "pressure")


def _ask(client: Client, case: Case) -> Row:
    try:
        result = client.extract_result(dict(case.asked.schema), case.asked.text)
    except StructgenError as error:
        return {"key": case.key, "value": None, "error": error.to_dict()}
    return {"key": case.key, "error": None, **result.to_dict(*_MEMBERS)}


def _result(case: Case, row: Row) -> Extraction[Json]:
    """The first model's result again."""
    return Extraction(
        value=row["value"],
        target=target_of(dict(case.asked.schema)),
        guarantee=Guarantee(by="decoder", engine="kept"),
        absent=frozenset(row["absent"]),
        confidence=row["confidence"],
        confidence_by=row["confidence_by"],
        pressure=row["pressure"],
    )


# ---- the curve ----------------------------------------------------------------------------------


def _units(case: Case, row: Row) -> Iterator[Unit]:
    """The fields of an answer, with how much each is in doubt."""
    if row["error"] is not None:
        yield Unit(case.key, "", max(1, len(list(leaves_of(case.gold)))), 2.0)
        return
    with Client(cascade=[ScriptedModel("{}"), ScriptedModel("{}")]) as client:
        call: Any = {"cascade_below": 0.0}
        question = client.caller.question(dict(case.asked.schema), case.asked.text, call)
    told = doubts(question, _result(case, row))
    for path, _ in leaves_of(row["value"]):
        at = pointer(path)
        unsure = 1 - row["confidence"].get(at, 0.5)
        yield Unit(case.key, at, 1, unsure + (at in told))  # what a check is against comes first


def _drawn(units: Sequence[Unit]) -> Iterator[Sequence[Unit]]:
    draw = random.Random(0)
    for _ in range(DRAWS):
        yield draw.sample(units, len(units))


def _first_share(
    cases: Sequence[Case], rows: Mapping[str, Row], units: Sequence[Unit], share: float
) -> Sequence[Unit]:
    """The first units with which no more than a share of all fields is asked about."""
    most = share * sum(unit.weight for unit in units)
    low, high = 0, len(units)
    while low < high:
        middle = (low + high + 1) // 2
        if _asked(cases, rows, units[:middle]) <= most + 1e-9:
            low = middle
        else:
            high = middle - 1
    return units[:low]


def _asked(cases: Sequence[Case], rows: Mapping[str, Row], units: Sequence[Unit]) -> int:
    """How many fields are asked about: some can only be asked about with others."""
    places = _places(units)
    count = 0
    for case in cases:
        if case.key in places:
            own = tuple(sorted(places[case.key]))
            count += _asked_of(case, rows[case.key], own)
    return count


_KNOWN: Final[dict[tuple[str, tuple[str, ...]], int]] = {}


def _asked_of(case: Case, row: Row, places: tuple[str, ...]) -> int:
    key = case.key
    if (key, places) not in _KNOWN:
        if row["value"] is None:
            _KNOWN[key, places] = max(1, len(list(leaves_of(case.gold))))
        else:
            leaves = [pointer(path) for path, _ in leaves_of(row["value"])]
            part = portion(target_of(dict(case.asked.schema)), row["value"], places)
            held = leaves if part is None else [leaf for leaf in leaves if part.holds(leaf)]
            _KNOWN[key, places] = len(held)
    return _KNOWN[key, places]


def _places(units: Sequence[Unit]) -> dict[str, list[str]]:
    places: dict[str, list[str]] = {}
    for unit in units:
        places.setdefault(unit.key, []).append(unit.path)
    return places


def _f1(cases: Sequence[Case], rows: Mapping[str, Row], escalated: Sequence[Unit]) -> float:
    places = _places(escalated)
    answers = {}
    for case in cases:
        row = rows[case.key]
        value = row["value"]
        if case.key in places:
            target = target_of(dict(case.asked.schema))
            value = merged_with_gold(target, value, case.gold, places[case.key])
        answers[case.key] = {"key": case.key, "value": value, "error": None}
        if value is None:
            answers[case.key]["error"] = row["error"]
    return _mean_f1(cases, lambda case: answers[case.key])


def _mean_f1(cases: Sequence[Case], row_of: Callable[[Case], Row]) -> float:
    found = []
    for own in _by_task(cases).values():
        gold = [_gold(one) for one in own]
        target = target_of(dict(own[0].asked.schema))
        found.append(score(target, gold, [row_of(one) for one in own], model="cascade").f1)
    return fmean(found)


def _by_task(cases: Sequence[Case]) -> dict[str, list[Case]]:
    by_task: dict[str, list[Case]] = {}
    for case in cases:
        by_task.setdefault(case.task, []).append(case)
    return by_task


def _gold(case: Case) -> GoldRecord:
    return GoldRecord(key=case.key, document=case.asked.text, value=case.gold)


# ---- thresholds that are learnt -----------------------------------------------------------------


def _learnt(cases: Sequence[Case], rows: Mapping[str, Row]) -> dict[str, Json]:
    """The thresholds of a task, by the share that is to be right."""
    blank = dict.fromkeys((*_MEMBERS, "shortened", "removed", "copied", "to_review"))
    answered = [Answered(_gold(one), {**blank, **rows[one.key]}, True) for one in cases]
    with Client(cascade=[ScriptedModel("{}"), ScriptedModel("{}")]) as client:
        target = target_of(dict(cases[0].asked.schema))
        tried = Tried(target, client.caller.of_first_model(), {})
        return {
            str(right): learn_thresholds_of(
                tried, answered, wanted=right, calibration=None
            ).to_dict()
            for right in RIGHT
        }


# ---- the cascade as it is -----------------------------------------------------------------------


def _cascaded(
    cases: Sequence[Case], rows: Mapping[str, Row], below: float, fields: int
) -> dict[str, float]:
    """Run the cascade itself over the kept answers."""
    found, escalated, questions, tokens, whole = {}, 0, 0, 0, 0
    for case in cases:
        row, perfect = rows[case.key], Perfect(case.gold, rows[case.key]["value"])
        with Client(cascade=[ScriptedModel("{}"), perfect], cascade_below=below) as client:
            question = client.caller.question(dict(case.asked.schema), case.asked.text, {})
            first = _kept(case, row)
            result = perform(escalate(client.caller.backends, question, first))
        found[case.key] = {"key": case.key, "value": result.value, "error": None}
        escalated += sum(by == "perfect" for by in result.answered_by.values())
        questions += len(perfect.asked)
        tokens += result.usage.total_tokens
        asked = Perfect(case.gold, None)
        with Client(asked) as client:
            client.extract(dict(case.asked.schema), case.asked.text)
        whole += asked.used.total_tokens
    return {
        "f1": round(_mean_f1(cases, lambda case: found[case.key]), 3),
        "fields": round(escalated / fields, 3),
        "questions": round(questions / len(cases), 2),
        "tokens": round(tokens / whole, 3),
    }


def _kept(case: Case, row: Row) -> Flow[Extraction[Json]]:
    """The first model's answer, as a flow that asks nothing."""
    yield from ()
    if row["error"] is not None:
        raise StructgenError(row["error"]["message"])
    return _result(case, row)
