"""`structgen eval`: how right results are."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structgen.cli.command import Command, Streams, add_target
from structgen.cli.exits import BELOW, OK
from structgen.cli.options import add_options, call_from, options_from
from structgen.errors import JobStoppedError

if TYPE_CHECKING:
    from structgen.evaluation.comparison import Comparison
    from structgen.evaluation.gold import GoldRecord
    from structgen.evaluation.result import Evaluation
    from structgen.schema.target import Target


def _add_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    _add_judging(parser)
    _add_asking(parser)
    add_options(parser)


def _add_judging(parser: ArgumentParser) -> None:
    """Declare what is compared, and what is asked of the figures."""
    parser.add_argument(
        "gold",
        metavar="GOLD",
        help="The right answers: JSONL or CSV, or a folder with NAME.gold.json files.",
    )
    parser.add_argument(
        "--results", metavar="FILE", help="Judge what `structgen run` wrote, and ask nothing."
    )
    parser.add_argument("-o", "--output", metavar="RUN", help="Save the evaluation as JSON.")
    parser.add_argument("--page", metavar="HTML", help="Write a page that shows every record.")
    parser.add_argument(
        "--fail-under",
        metavar="NAME=BOUND",
        action="append",
        default=[],
        help="Fail below this bound: f1=0.9, perfect=0.5, /total=0.95. May be given several times.",
    )
    parser.add_argument(
        "--not-worse-than",
        metavar="RUN",
        help="Fail if the run is worse than this saved evaluation of the same gold.",
    )
    parser.add_argument(
        "--keep-invalid-gold",
        action="store_true",
        help="Keep gold that does not fit the target, or whose document cannot be read.",
    )
    parser.add_argument(
        "--json", action="store_true", help="Print the figures as JSON instead of a table."
    )


def _add_asking(parser: ArgumentParser) -> None:
    """Declare how the job of asking runs."""
    parser.add_argument(
        "--journal",
        metavar="FILE",
        help="Where finished documents are kept; by default GOLD.journal.",
    )
    parser.add_argument("--concurrency", type=int, metavar="N", help="Questions at a time at most.")
    parser.add_argument(
        "--max-cost",
        type=float,
        metavar="USD",
        help="Stop when the run has cost this many US dollars.",
    )
    parser.add_argument(
        "--progress",
        choices=("auto", "bar", "lines", "json", "none"),
        default="auto",
        help="How to show progress; by default a bar on a terminal, else lines.",
    )


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.evaluation.answers import read_answers, require_values_of
    from structgen.evaluation.comparison import compare
    from structgen.evaluation.gates import parse_bound, require_fields, under, worse
    from structgen.evaluation.gold import load_gold
    from structgen.evaluation.result import Evaluation
    from structgen.evaluation.run import fields_of_gold, score

    bounds = [parse_bound(text) for text in arguments.fail_under]
    earlier = Evaluation.load(arguments.not_worse_than) if arguments.not_worse_than else None
    target = _target(arguments.target)
    on_invalid: Any = "keep" if arguments.keep_invalid_gold else "raise"
    gold = load_gold(arguments.gold, target, on_invalid=on_invalid)
    for record in gold:
        if record.invalid is not None:
            streams.tell(f"gold {record.key} is kept: {record.invalid}")
    require_fields(fields_of_gold(target, gold), bounds)
    if arguments.results:
        answers = read_answers(arguments.results)
        right = [record.value for record in gold]
        require_values_of(target, answers, right, arguments.results)
        evaluation = score(target, gold, answers, model=arguments.results)
    else:
        evaluation = _asked(arguments, target, gold, streams)
    comparison = None if earlier is None else compare(earlier, evaluation)
    if arguments.output:
        evaluation.save(arguments.output)
    if arguments.page:
        from structgen.evaluation.page import page_of_evaluation, write_page

        write_page(arguments.page, page_of_evaluation(evaluation))
    _show(evaluation, comparison, arguments.json, streams)
    faults = under(evaluation, bounds)
    if comparison is not None:
        faults += worse(comparison)
    for fault in faults:
        streams.tell(fault)
    return BELOW if faults else OK


def _target(spec: str) -> Target[Any]:
    """Load the target of a name; a schema may be in extract-bench's wrapper."""
    from structgen.evaluation.rules import unwrapped
    from structgen.schema.load import load_target
    from structgen.schema.target import target_of

    if spec.endswith(".json") and Path(spec).is_file():
        try:
            schema = json.loads(Path(spec).read_bytes())
        except (ValueError, RecursionError):
            return load_target(spec)  # which says what is wrong with it
        if unwrapped(schema) is not schema:
            return target_of(unwrapped(schema))
    return load_target(spec)


def _asked(
    arguments: Namespace, target: Target[Any], gold: list[GoldRecord], streams: Streams
) -> Evaluation:
    """Ask about every document of the gold, and judge the answers."""
    from structgen.client.blocking import Client
    from structgen.evaluation.run import evaluate
    from structgen.pipeline.limits import JobLimits
    from structgen.pipeline.progress import show_progress, show_summary

    limits = JobLimits(max_cost=arguments.max_cost, max_failure_share=1.0, first=len(gold) + 1)
    client = Client(
        arguments.model,
        base_url=arguments.base_url,
        api_key=arguments.api_key,
        **options_from(arguments),
    )
    with client:
        try:
            with show_progress(arguments.progress, streams.stderr) as on_progress:
                return evaluate(
                    target,
                    gold,
                    client=client,
                    journal=arguments.journal or f"{arguments.gold.rstrip('/')}.journal",
                    concurrency=arguments.concurrency,
                    limits=limits,
                    log=streams.tell,
                    on_progress=on_progress,
                    **call_from(arguments, target),
                )
        except JobStoppedError as stopped:
            show_summary(arguments.progress, streams.stderr, stopped.summary)
            raise


def _show(
    evaluation: Evaluation, comparison: Comparison | None, as_json: bool, streams: Streams
) -> None:
    """Print the figures, and how they compare with an earlier run."""
    from structgen.evaluation.gates import comparison_lines

    if as_json:
        plain = {key: one for key, one in evaluation.to_dict().items() if key != "records"}
        plain["comparison"] = None if comparison is None else comparison.to_dict()
        streams.give(plain, indent=2)
        return
    print(evaluation.table(), file=streams.stdout)
    if comparison is not None:
        lines = ["", "Against the earlier run:", *comparison_lines(comparison)]
        print("\n".join(lines), file=streams.stdout)


COMMAND = Command(
    name="eval",
    usage="TARGET GOLD [options]",
    summary="Measure how right extracted records are.",
    detail="It extracts from every document of the gold and compares the answers with it.",
    add_arguments=_add_arguments,
    perform=_perform,
)
