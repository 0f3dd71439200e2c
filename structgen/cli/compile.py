"""`structgen compile`: the schema that a schema language can hold."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from structgen.cli.command import Command, Streams, add_target
from structgen.cli.exits import OK

if TYPE_CHECKING:
    from structgen.schema.target import Target


def _add_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    into = parser.add_mutually_exclusive_group(required=True)
    into.add_argument(
        "--for",
        dest="subset",
        metavar="LANGUAGE",
        help="The schema language, such as openai-strict.",
    )
    into.add_argument(
        "--to",
        choices=("typescript", "zod"),
        help="Source of TypeScript instead: the types of the records, or schemas of zod 4.",
    )


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.results import folded_notes
    from structgen.schema.compiler import compile_schema
    from structgen.schema.load import load_target

    target = load_target(arguments.target)
    if arguments.to is not None:
        print(_source(target, arguments.to), end="", file=streams.stdout)
        return OK
    compiled = compile_schema(target, arguments.subset)
    streams.give(compiled.schema, indent=2)
    for note in folded_notes(compiled.notes):
        streams.tell(str(note))
    return OK


def _source(target: Target[Any], language: str) -> str:
    from structgen.schema.code.typescript import to_typescript
    from structgen.schema.code.zod import to_zod

    return to_zod(target) if language == "zod" else to_typescript(target)


COMMAND = Command(
    name="compile",
    usage="TARGET --for LANGUAGE | --to typescript|zod",
    summary="Print the schema that a server is sent, or TypeScript.",
    detail="The target is compiled for one schema language. What the language cannot express is "
    "listed on standard error.",
    add_arguments=_add_arguments,
    perform=_perform,
)
