"""`structgen eval`: how right results are."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from structgen.cli.evaluate_parser import BELOW
from structgen.client.blocking import Client
from structgen.errors import JobStoppedError
from structgen.evaluation.compare import Comparison, compare
from structgen.evaluation.gates import comparison_lines, parse_bound, under, worse
from structgen.evaluation.gold import GoldRecord, load_gold
from structgen.evaluation.result import Evaluation
from structgen.evaluation.rules import unwrapped
from structgen.evaluation.run import evaluate, read_answers, score
from structgen.pipeline.gold import load_examples
from structgen.pipeline.limits import JobLimits
from structgen.pipeline.progress import shown, tell_end
from structgen.schema.target import Target, load_target, target_of


def run_eval(
    arguments: argparse.Namespace, options: Mapping[str, Any], stdout: TextIO, stderr: TextIO
) -> int:
    """Run the evaluation that the arguments describe and print it; gives the exit code.

    Args:
        arguments: What the command line says.
        options: The options of a call among them.
        stdout: Where the figures go.
        stderr: Where progress and failed bounds go.

    Raises:
        StructgenError: What `load_gold`, `evaluate` and `compare` raise.
    """
    bounds = [parse_bound(text) for text in arguments.fail_under]
    earlier = Evaluation.load(arguments.not_worse_than) if arguments.not_worse_than else None
    target = _target(arguments.target)
    gold = load_gold(
        arguments.gold, target, on_invalid="keep" if arguments.keep_invalid_gold else "raise"
    )
    for record in gold:
        if record.invalid is not None:
            print(f"structgen: {record.key} does not fit: {record.invalid}", file=stderr)
    if arguments.results:
        answers = read_answers(arguments.results)
        evaluation = score(target, gold, answers, model=arguments.results)
    else:
        evaluation = _asked(arguments, options, target, gold, stderr)
    comparison = None if earlier is None else compare(earlier, evaluation)
    _print(evaluation, comparison, arguments.json, stdout)
    if arguments.output:
        evaluation.save(arguments.output)
    faults = under(evaluation, bounds)
    if comparison is not None:
        faults += worse(comparison)
    for fault in faults:
        print(f"structgen: {fault}", file=stderr)
    return BELOW if faults else 0


def _target(spec: str) -> Target[Any]:
    """The target of a name; a schema may be in extract-bench's wrapper."""
    if spec.endswith(".json") and Path(spec).is_file():
        try:
            schema = json.loads(Path(spec).read_bytes())
        except ValueError:
            return load_target(spec)  # which says what is wrong with it
        if unwrapped(schema) is not schema:
            return target_of(unwrapped(schema))
    return load_target(spec)


def _asked(
    arguments: argparse.Namespace,
    options: Mapping[str, Any],
    target: Target[Any],
    gold: list[GoldRecord],
    stderr: TextIO,
) -> Evaluation:
    limits = JobLimits(max_cost=arguments.max_cost, max_failure_share=1.0, first=len(gold) + 1)
    with Client(arguments.model, base_url=arguments.base_url, **options) as client:
        try:
            with shown(arguments.progress, stderr) as on_progress:
                return evaluate(
                    target,
                    gold,
                    client=client,
                    journal=arguments.journal or f"{arguments.gold.rstrip('/')}.journal",
                    concurrency=arguments.concurrency,
                    limits=limits,
                    log=lambda line: print(f"structgen: {line}", file=stderr),
                    on_progress=on_progress,
                    instructions=arguments.instructions,
                    examples=load_examples(arguments.examples, target)
                    if arguments.examples
                    else (),
                )
        except JobStoppedError as stopped:
            tell_end(arguments.progress, stderr, stopped.summary)
            raise


def _print(
    evaluation: Evaluation, comparison: Comparison | None, as_json: bool, stdout: TextIO
) -> None:
    if as_json:
        plain = {key: one for key, one in evaluation.to_dict().items() if key != "records"}
        plain["comparison"] = None if comparison is None else comparison.to_dict()
        print(json.dumps(plain, ensure_ascii=False, indent=2), file=stdout)
        return
    print(evaluation.table(), file=stdout)
    if comparison is not None:
        lines = ["", "Against the earlier run:", *comparison_lines(comparison)]
        print("\n".join(lines), file=stdout)
