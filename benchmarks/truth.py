"""How often values are right: structgen against its peers, with one model, on the same texts.

    python -m benchmarks truth --tasks addresses,citations --records 5 --systems structgen,bare
    python -m benchmarks truth --systems structgen --prompt fields,names,description,plain

Needs ../shared/data/dev. Every system is asked about every text at temperature 0, with 400 tokens
for an answer; an answer that is cut, refused, invalid or not JSON counts as one without leaves. Of
entity tasks the offsets are left out, because finding them is not the model's work. Examples come
from the end of a task's file, the texts that are scored from its beginning.

`--prompt` asks with further layouts of the prompt; `--skip 100` leaves a task's first texts out,
for tuning on texts that no figure is reported on.

With `--answers FILE` every answer is kept, and a run that is started again asks only what is
missing. Figures of each system: `f1` (mean over tasks, with an interval by bootstrap over records
within tasks), `against` (the difference to structgen in the same resamples), `perfect` and `valid`
shares, `invented` leaves a record, CPU seconds a record; and `f1` by task.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from benchmarks._systems import OWN, PEERS, PROMPTED, Ready, Task, cpu_seconds, opened
from structgen import Nearest
from structgen.evaluation.gold import GoldRecord
from structgen.evaluation.intervals import percentile_interval
from structgen.evaluation.result import Evaluation
from structgen.evaluation.run import score
from structgen.prompt.layouts import LAYOUTS
from structgen.schema.check import validate
from structgen.schema.target import target_of

SHARED: Final = Path(__file__).parent.parent.parent / "shared" / "data"
TASKS: Final = (
    "addresses",
    "restaurants",
    "voice_commands",
    "citations",
    "affiliations",
    "coffee_orders",
    "security_logs",
    "ingredients",
    "quantities",
    "datetimes",
    "ner_bc5cdr",
    "ner_crossner",
    "ner_wnut17",
)
USUAL: Final = ("structgen", "bare", "instructor", "outlines")
OFFSETS: Final = ("start", "end")
EXAMPLES: Final = 3


@dataclass(frozen=True)
class Case:
    """A text of a task with its gold."""

    task: str
    key: str
    gold: Any
    asked: Task


def main(argv: Sequence[str] = ()) -> dict[str, Any]:
    """Run the systems and print a table.

    Args:
        argv: The arguments after the benchmark's name.
    """
    arguments = _arguments(argv)
    tasks = arguments.tasks.split(",")
    cases = [case for task in tasks for case in cases_of(task, arguments.records, arguments.skip)]
    answers = Answers(arguments.answers, arguments.model)
    names = arguments.systems.split(",")
    names += [f"{PROMPTED}{layout}" for layout in arguments.prompt.split(",") if layout]
    with opened(names, arguments.model) as systems:
        for number, case in enumerate(cases):
            for name in sorted(systems, reverse=bool(number % 2)):
                if (name, case.key) not in answers:
                    answers.add(name, case, systems[name])
            print(f"{number + 1} of {len(cases)} texts, {case.task}", flush=True)
        ready = list(systems)
    found = {name: evaluations(name, cases, answers) for name in ready}
    figures = {name: _figures(found, name, answers) for name in ready}
    print(_table(figures))
    return {
        "model": arguments.model,
        "tasks": len(tasks),
        "records": len(cases),
        "systems": figures,
    }


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks truth")
    parser.add_argument("--tasks", default=",".join(TASKS), help="separated by commas")
    parser.add_argument("--records", type=int, default=25, help="of each task")
    parser.add_argument("--skip", type=int, default=0, help="texts at the beginning of each task")
    parser.add_argument(
        "--prompt", default="", help=f"layouts of structgen's prompt: {', '.join(LAYOUTS)}"
    )
    parser.add_argument(
        "--systems",
        default=",".join(USUAL),
        help=f"of {', '.join((*OWN, *PEERS))}",
    )
    parser.add_argument("--model", default="local", help="local, or a GGUF file")
    parser.add_argument("--answers", metavar="FILE", help="keep answers, and go on from them")
    return parser.parse_args(argv)


# ---- texts --------------------------------------------------------------------------------------


def cases_of(task: str, count: int, skip: int = 0) -> Iterator[Case]:
    """The texts of a task after those to skip.

    Their examples come from its end, and their pool from its second half.
    """
    lines = (SHARED / "dev" / f"{task}.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines[skip:]]
    by_schema: dict[str, list[tuple[str, Any]]] = {}
    for record in reversed(records[count:]):
        shown = by_schema.setdefault(record["schema"], [])
        if len(shown) < EXAMPLES:
            shown.append((text_of(record), without_offsets(record["gold"])))
    second_half: dict[str, list[tuple[str, Any]]] = {}
    for record in records[max(count, len(records) // 2) :]:
        right = text_of(record), without_offsets(record["gold"])
        second_half.setdefault(record["schema"], []).append(right)
    pools = {name: Nearest(pairs, k=EXAMPLES) for name, pairs in second_half.items()}
    for record in records[:count]:
        path = SHARED / "schemas" / f"{record['schema']}.schema.json"
        schema = without_offsets(json.loads(path.read_text(encoding="utf-8")))
        shown, pool = by_schema.get(record["schema"], []), pools.get(record["schema"])
        asked = Task(schema, text_of(record), shown, pool)
        yield Case(task, record["id"], without_offsets(record["gold"]), asked)


def text_of(record: Mapping[str, Any]) -> str:
    """The text of a record, with the time that it was said if the record has one."""
    said_at = (record.get("context") or {}).get("reference_datetime")
    text: str = record["text"]
    return f"(Said at {said_at}.) {text}" if said_at else text


def without_offsets(node: Any) -> Any:
    """A schema or record without `start` and `end` of entities."""
    if isinstance(node, list):
        return [without_offsets(one) for one in node if one not in OFFSETS]
    if not isinstance(node, dict):
        return node
    has_both = all(name in node for name in OFFSETS)
    return {
        key: without_offsets(inner)
        for key, inner in node.items()
        if not (has_both and key in OFFSETS)
    }


# ---- answers ------------------------------------------------------------------------------------


class Answers:
    """What the systems answered, kept in a file if there is one."""

    def __init__(self, path: str | None, model: str) -> None:
        self._path, self._model = path, model
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        if path is not None and Path(path).exists():
            for line in Path(path).read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                if row["model"] == model:
                    self._rows[row["system"], row["key"]] = row

    def __contains__(self, asked: tuple[str, str]) -> bool:
        return asked in self._rows

    def __getitem__(self, asked: tuple[str, str]) -> dict[str, Any]:
        return self._rows[asked]

    def add(self, name: str, case: Case, system: Ready) -> None:
        """Ask a system about a text and keep what came."""
        began = cpu_seconds(system.process)
        value, error = _answer(system.ask, case)
        row = {
            "model": self._model,
            "system": name,
            "key": case.key,
            "value": value,
            "error": error,
            "cpu": round(cpu_seconds(system.process) - began, 3),
        }
        self._rows[name, case.key] = row
        if self._path is not None:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


def _answer(ask: Callable[[Task], Any], case: Case) -> tuple[Any, dict[str, Any] | None]:
    """A value that is one of the schema, or an error: each library raises its own."""
    try:
        value = ask(case.asked)
        validate(target_of(dict(case.asked.schema)), value)
    except Exception as error:
        return None, {"type": type(error).__name__, "message": str(error)[:500]}
    return value, None


# ---- figures ------------------------------------------------------------------------------------


def evaluations(name: str, cases: Sequence[Case], answers: Answers) -> list[Evaluation]:
    """The evaluation of a system on each task; the schemas of one task share their fields."""
    by_task: dict[str, list[Case]] = {}
    for case in cases:
        by_task.setdefault(case.task, []).append(case)
    found = []
    for own in by_task.values():
        gold = [GoldRecord(key=one.key, document=one.asked.text, value=one.gold) for one in own]
        target = target_of(dict(own[0].asked.schema))
        rows = [answers[name, one.key] for one in own]
        found.append(score(target, gold, rows, model=own[0].task))
    return found


def macro(found: Sequence[Evaluation]) -> list[float]:
    """The mean of F1 over tasks, for each resample of the records within them."""
    return [fmean(one) for one in zip(*(run.resampled_f1 for run in found), strict=True)]


def _figures(
    found: Mapping[str, Sequence[Evaluation]], name: str, answers: Answers
) -> dict[str, Any]:
    runs = found[name]
    value, resamples = fmean(run.f1 for run in runs), macro(runs)
    interval = percentile_interval(value, resamples)
    records = [record for run in runs for record in run.records]
    rows = [answers[name, record.key] for record in records]
    figures: dict[str, Any] = {
        "f1": _rounded(interval.value, interval.low, interval.high),
        "perfect": round(fmean(one.valid and one.total.perfect for one in records), 3),
        "valid": round(fmean(one.valid for one in records), 3),
        "invented": round(fmean(one.total.invented for one in records), 2),
        "omitted": round(fmean(one.total.omitted for one in records), 2),
        "wrong": round(fmean(one.total.wrong for one in records), 2),
        "cpu_seconds": round(fmean(row["cpu"] for row in rows), 2),
        "by_task": {run.model: round(run.f1, 3) for run in runs},
    }
    if name != "structgen" and "structgen" in found:
        ours = found["structgen"]
        change = value - fmean(run.f1 for run in ours)
        changes = [one - other for one, other in zip(resamples, macro(ours), strict=True)]
        difference = percentile_interval(change, changes)
        figures["against"] = _rounded(difference.value, difference.low, difference.high)
    return figures


def _rounded(*figures: float) -> list[float]:
    return [round(one, 3) for one in figures]


def _table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures in Markdown."""
    head = "| system | F1 [95 %] | against structgen | perfect | valid | invented | CPU s |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    for name, one in figures.items():
        value, low, high = one["f1"]
        against = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*one["against"]) if "against" in one else ""
        cells = [
            name,
            f"{value:.3f} [{low:.3f}, {high:.3f}]",
            against,
            f"{one['perfect']:.2f}",
            f"{one['valid']:.2f}",
            f"{one['invented']:.2f}",
            f"{one['cpu_seconds']:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
