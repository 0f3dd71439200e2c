"""`structgen run`: a record from every input of a data set."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any, Final

from structgen.cli.command import Command, Streams, add_target
from structgen.cli.exits import NO_VALUE, OK, STOPPED
from structgen.cli.inputs import INPUTS, add_input_flags, source_from
from structgen.cli.options import add_chunking, add_options, call_from, chunking_from, options_from
from structgen.errors import JobStoppedError

if TYPE_CHECKING:
    from structgen.client.blocking import Client
    from structgen.pipeline.job import Job
    from structgen.pipeline.progress import Report, Style


_IF_EXISTS: Final = (
    ("--overwrite", "replace", "Replace the output if it exists, whoever wrote it."),
    ("--append", "append", "Add to an output that exists the rows whose key it does not have."),
    ("--upsert", "upsert", "As --append, and replace its rows of the same keys."),
)
"""The flags that say what to do with an output that exists."""


def _add_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    _add_data(parser)
    _add_course(parser)
    add_input_flags(parser)
    add_options(parser)
    add_chunking(parser)


def _add_data(parser: ArgumentParser) -> None:
    """Declare what is read and written."""
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        help=INPUTS,
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="Where records go: a JSON Lines, CSV, Parquet or Arrow file, or URL#TABLE.",
    )
    exists = parser.add_mutually_exclusive_group()
    for flag, value, meaning in _IF_EXISTS:
        exists.add_argument(flag, dest="if_exists", action="store_const", const=value, help=meaning)
    parser.set_defaults(if_exists="fail")
    parser.add_argument(
        "--layout",
        choices=("fields", "flat", "value"),
        default="fields",
        help="How values become columns: one for each field (default), also one for each field of "
        "objects inside, or one for the whole value.",
    )
    parser.add_argument(
        "--journal",
        metavar="FILE",
        help="Where finished inputs are kept; by default OUT.journal.",
    )


def _add_course(parser: ArgumentParser) -> None:
    """Declare how the job runs and when it stops."""
    parser.add_argument(
        "--concurrency",
        type=int,
        metavar="N",
        help="Questions at a time at most; by default 64, or 2 for a model in this process.",
    )
    parser.add_argument(
        "--batch",
        nargs="?",
        choices=("run", "submit", "collect"),
        const="run",
        help="Use the server's Batch API: half the price, done within a day. `run`, the default, "
        "waits until it is done. `submit` sends the requests and ends; `collect` takes the answers "
        "that have come, and exits with 5 as long as others are under way.",
    )
    parser.add_argument(
        "--no-retry-failed",
        dest="retry_failed",
        action="store_false",
        help="Leave out inputs that failed in an earlier run.",
    )
    parser.add_argument(
        "--max-cost",
        type=float,
        metavar="USD",
        help="Stop when the whole job has cost this many US dollars.",
    )
    parser.add_argument(
        "--max-calls", type=int, metavar="N", help="Stop after this many questions to models."
    )
    parser.add_argument(
        "--max-seconds", type=float, metavar="N", help="Stop after this many seconds."
    )
    parser.add_argument(
        "--max-failure-share",
        type=float,
        metavar="SHARE",
        default=0.5,
        help="Stop if more than this share of the last 100 inputs failed; by default 0.5.",
    )
    parser.add_argument(
        "--progress",
        choices=("auto", "bar", "lines", "json", "none"),
        default="auto",
        help="How to show progress; by default a bar on a terminal, else lines.",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="Say nothing but errors: no progress, no summary."
    )


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.client.blocking import Client
    from structgen.pipeline.progress import show_progress, show_summary

    style: Style = "none" if arguments.quiet else arguments.progress
    stderr = streams.stderr
    client = Client(
        arguments.model,
        base_url=arguments.base_url,
        api_key=arguments.api_key,
        **options_from(arguments),
    )
    with client:
        try:
            with show_progress(style, stderr) as report:
                done = _job(arguments, client, streams, report).run()
        except JobStoppedError as stopped:
            show_summary(style, stderr, stopped.summary)
            raise
    show_summary(style, stderr, done)
    if done.under_way:
        return STOPPED if arguments.batch == "collect" else OK
    return NO_VALUE if done.failed else OK


def _job(arguments: Namespace, client: Client, streams: Streams, report: Report) -> Job[Any]:
    from structgen.pipeline.batch_rounds import Batching
    from structgen.pipeline.job import Job
    from structgen.pipeline.limits import JobLimits
    from structgen.schema.load import load_target

    target = load_target(arguments.target)
    limits = JobLimits(
        max_cost=arguments.max_cost,
        max_calls=arguments.max_calls,
        max_seconds=arguments.max_seconds,
        max_failure_share=arguments.max_failure_share,
    )
    return Job(
        target,
        source_from(arguments),
        client=client,
        output=arguments.output,
        if_exists=arguments.if_exists,
        layout=arguments.layout,
        journal=arguments.journal,
        concurrency=arguments.concurrency,
        retry_failed=arguments.retry_failed,
        batch=Batching(step=arguments.batch) if arguments.batch else False,
        limits=limits,
        log=_say_nothing if arguments.quiet else streams.tell,
        on_progress=report,
        **call_from(arguments, target),
        **chunking_from(arguments),
    )


def _say_nothing(line: str) -> None:
    """Take a line about the job in silence."""


COMMAND = Command(
    name="run",
    usage="TARGET INPUT ... -o OUT [options]",
    summary="Extract a record from every input of a data set.",
    detail="Finished inputs are kept in a journal. If the job stops, start the same command again: "
    "it goes on where it stopped.",
    add_arguments=_add_arguments,
    perform=_perform,
)
