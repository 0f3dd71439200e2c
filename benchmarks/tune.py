"""Whether tuning helps on records that it never saw, and never harms beyond noise.

    python -m benchmarks tune --tasks coffee_orders,security_logs --records 20 --answers DIR

Needs ../shared/data/dev. Of each task, `--gold` records from the end of its file are tuned on, and
the first `--records` are judged: with the default and with what was tuned, at temperature 0 with
400 tokens for an answer. Offsets of entities are left out. With `--answers DIR` every answer and
every tuned file is kept, and a run that is started again asks only what is missing, and once more
about judged records whose answers failed; with `--max-calls` each tuning leaves out the candidates
for which that has no room.

Figures: `gain`, the mean over tasks of the paired difference in F1, with an interval by bootstrap
over records within tasks; and by task what was chosen, F1 before and after, the gain with its
interval, and p. `worse` names the tasks on which the tuned question is worse beyond noise.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from benchmarks._systems import MAX_TOKENS
from benchmarks.truth import TASKS, Case, cases_of
from structgen import Client, tune
from structgen.evaluation.comparison import Difference, compare
from structgen.evaluation.gold import GoldRecord
from structgen.evaluation.intervals import percentile_interval
from structgen.evaluation.result import Evaluation
from structgen.evaluation.run import evaluate
from structgen.schema.target import Target, target_of

EVERY: Final = 1_000_000
"""More records than a task has."""


def main(argv: Sequence[str] = ()) -> dict[str, Any]:
    """Tune and judge each task, and print a table.

    Args:
        argv: The arguments after the benchmark's name.
    """
    arguments = _arguments(argv)
    found: dict[str, dict[str, Any]] = {}
    runs: list[tuple[Evaluation, Evaluation]] = []
    with _folder(arguments.answers) as folder:
        for task in arguments.tasks.split(","):
            figures, pair = _task(task, arguments, folder)
            found[task] = figures
            runs.append(pair)
            print(task, figures, flush=True)
    gains = [after.f1 - before.f1 for before, after in runs]
    resampled = [
        fmean(one)
        for one in zip(*(_resampled_gains(before, after) for before, after in runs), strict=True)
    ]
    gain = percentile_interval(fmean(gains), resampled)
    worse = [task for task, one in found.items() if one["p"] < 0.05 and one["gain"][0] < 0]
    print(_table(found))
    return {
        "model": arguments.model,
        "gold": arguments.gold,
        "records": arguments.records,
        "gain": _rounded(gain.value, gain.low, gain.high),
        "worse": worse,
        "tasks": found,
    }


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks tune")
    parser.add_argument("--tasks", default=",".join(TASKS), help="separated by commas")
    parser.add_argument("--gold", type=int, default=40, help="records to tune on, of each task")
    parser.add_argument("--records", type=int, default=25, help="records to judge, of each task")
    parser.add_argument("--max-calls", type=int, help="of each tuning")
    parser.add_argument("--model", default="local", help="local, or a GGUF file")
    parser.add_argument("--answers", metavar="DIR", help="keep answers, and go on from them")
    return parser.parse_args(argv)


@contextmanager
def _folder(given: str | None) -> Iterator[Path]:
    """The folder of answers; one that is removed at the end if none was named."""
    if given is None:
        with tempfile.TemporaryDirectory() as made:
            yield Path(made)
    else:
        Path(given).mkdir(parents=True, exist_ok=True)
        yield Path(given)


def _task(
    task: str, arguments: argparse.Namespace, folder: Path
) -> tuple[dict[str, Any], tuple[Evaluation, Evaluation]]:
    """Tune on the end of a task's file, and judge its beginning."""
    cases = list(cases_of(task, EVERY))
    schema = cases[0].asked.schema
    same = [case for case in cases if case.asked.schema == schema]
    target: Target[Any] = target_of(dict(schema))
    judged, gold = _gold(same[: arguments.records]), _gold(same[-arguments.gold :])
    if arguments.records + arguments.gold > len(same):
        raise SystemExit(f"{task} has {len(same)} records of one schema: ask for fewer.")
    file, journal = folder / f"{task}.tuned.json", folder / f"{task}.journal"
    with Client(arguments.model, temperature=0.0, max_tokens=MAX_TOKENS) as client:
        tuning = tune(
            target,
            gold,
            client=client,
            path=file,
            journal=journal,
            max_calls=arguments.max_calls,
            log=lambda line: print(f"{task}: {line}", flush=True),
        )
        before = evaluate(target, judged, client=client, journal=journal)
        tuned = client.with_options(tuned=file)
        after = evaluate(target, judged, client=tuned, journal=journal)
    gain = compare(before, after).overall
    return _figures(str(tuning.tuned), tuning.calls, gain), (before, after)


def _gold(cases: Sequence[Case]) -> list[GoldRecord]:
    return [GoldRecord(key=one.key, document=one.asked.text, value=one.gold) for one in cases]


def _figures(chosen: str, calls: int, gain: Difference) -> dict[str, Any]:
    return {
        "chosen": chosen,
        "calls": calls,
        "before": round(gain.before, 3),
        "after": round(gain.after, 3),
        "gain": _rounded(gain.interval.value, gain.interval.low, gain.interval.high),
        "p": round(gain.p, 4),
    }


def _resampled_gains(before: Evaluation, after: Evaluation) -> list[float]:
    """The gain over each resample: equal seeds and sizes draw the same records in both runs."""
    pairs = zip(before.resampled_f1, after.resampled_f1, strict=True)
    return [later - earlier for earlier, later in pairs]


def _rounded(*figures: float) -> list[float]:
    return [round(one, 3) for one in figures]


def _table(found: dict[str, dict[str, Any]]) -> str:
    """The figures in Markdown."""
    lines = ["| task | chosen | F1 before | after | gain [95 %] | p |", "|---|---|---|---|---|---|"]
    for task, one in found.items():
        gain = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*one["gain"])
        cells = (task, one["chosen"], f"{one['before']:.3f}", f"{one['after']:.3f}", gain)
        lines.append(f"| {' | '.join(cells)} | {one['p']:.3f} |")
    return "\n".join(lines)
