"""`structgen audit`: what each schema language does with each field."""

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
        help="Show one schema language only, such as openai-strict.",
    )
    parser.add_argument("--markdown", action="store_true", help="Print a Markdown table.")


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.schema.audit import audit
    from structgen.schema.load import load_target

    audited = audit(load_target(arguments.target), arguments.subset)
    text = audited.markdown() if arguments.markdown else audited.table()
    print(text, file=streams.stdout)
    return OK


COMMAND = Command(
    name="audit",
    usage="TARGET [--for LANGUAGE] [--markdown]",
    summary="Show what each schema language does with each field.",
    add_arguments=_add_arguments,
    perform=_perform,
)
