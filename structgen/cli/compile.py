"""`structgen compile`: the schema that a schema language can hold."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from structgen.cli.command import Command, Streams, add_target
from structgen.cli.exits import OK


def _add_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument(
        "--for",
        dest="subset",
        metavar="LANGUAGE",
        required=True,
        help="The schema language, such as openai-strict.",
    )


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.results import folded_notes
    from structgen.schema.compiler import compile_schema
    from structgen.schema.load import load_target

    compiled = compile_schema(load_target(arguments.target), arguments.subset)
    streams.give(compiled.schema, indent=2)
    for note in folded_notes(compiled.notes):
        streams.tell(str(note))
    return OK


COMMAND = Command(
    name="compile",
    usage="TARGET --for LANGUAGE",
    summary="Print the schema that is sent to a server.",
    detail="The target is compiled for one schema language. What the language cannot express is "
    "listed on standard error.",
    add_arguments=_add_arguments,
    perform=_perform,
)
