"""`structgen journal`: what a job has done so far."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from structgen.cli.command import Command, Streams
from structgen.cli.exits import OK

if TYPE_CHECKING:
    from structgen.pipeline.journal.view import JournalView
    from structgen.pipeline.outputs.mode import IfExists
    from structgen.schema.target import Target

_ROWS: Final = 500
"""Outcomes to write to an output at a time."""


def _add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(prog="structgen journal", metavar="ACTION", required=True)
    export = actions.add_parser(
        "export",
        usage="structgen journal export JOURNAL [-o OUT [--overwrite]] [--target TARGET]",
        help="Write the rows of every input that has an outcome.",
        description="Write the rows of every input that has an outcome: as JSON Lines on standard "
        "output, or to a file or table. It works while the job runs and after it has stopped.",
    )
    _add_journal(export)
    export.add_argument(
        "-o", "--output", metavar="OUT", help="A JSONL, CSV or Parquet file, or URL#TABLE."
    )
    export.add_argument("--overwrite", action="store_true", help="Replace an output that exists.")
    export.add_argument(
        "--target",
        metavar="TARGET",
        help="The job's target; by default the schema that the journal has noted.",
    )
    export.set_defaults(act=_export)
    show = actions.add_parser(
        "show",
        usage="structgen journal show JOURNAL KEY",
        help="Print everything known about one input.",
        description="Print everything known about one input: its row, and what the model wrote in "
        "each attempt that failed.",
    )
    _add_journal(show)
    show.add_argument("key", metavar="KEY", help="The key of the input.")
    show.set_defaults(act=_show)
    stats = actions.add_parser(
        "stats",
        usage="structgen journal stats JOURNAL",
        help="Count what is in it.",
        description="Print as JSON how many inputs have an outcome, what failed, and what it cost.",
    )
    _add_journal(stats)
    stats.set_defaults(act=_stats)


def _add_journal(parser: ArgumentParser) -> None:
    parser.add_argument("journal", metavar="JOURNAL", help="The journal of a job: OUT.journal.")


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.pipeline.journal.view import JournalView

    with JournalView(arguments.journal) as view:
        arguments.act(view, arguments, streams)
    return OK


def _export(view: JournalView, arguments: Namespace, streams: Streams) -> None:
    target: Target[Any] | None = None
    if arguments.target:
        from structgen.schema.load import load_target

        target = load_target(arguments.target)
    from structgen.pipeline.journal.reviews import reviewed

    reviews = view.reviews()
    outcomes = (reviewed(outcome, reviews) for outcome in view.outcomes(target))
    if arguments.output is None:
        for outcome in outcomes:
            streams.give(outcome.row())
        return
    from structgen.pipeline.outputs.output import open_sink
    from structgen.reading.opening.secrets import redact

    if_exists: IfExists = "replace" if arguments.overwrite else "fail"
    sink = open_sink(arguments.output, if_exists=if_exists, target=target or view.target())
    try:
        while rows := list(islice(outcomes, _ROWS)):
            sink.write(rows)
        sink.close()
    except BaseException:
        sink.abort()
        raise
    streams.tell(f"written to {redact(arguments.output)}")


def _show(view: JournalView, arguments: Namespace, streams: Streams) -> None:
    for found in view.find(arguments.key):
        streams.give(found, indent=2)


def _stats(view: JournalView, arguments: Namespace, streams: Streams) -> None:
    streams.give(view.stats(), indent=2)


COMMAND = Command(
    name="journal",
    usage="export|show|stats JOURNAL [...]",
    summary="Read the journal of a job, also of one that runs or has stopped.",
    add_arguments=_add_arguments,
    perform=_perform,
)
