"""`structgen view`: a page that shows extracted records in their texts."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from structgen.cli.command import Command, Streams
from structgen.cli.exits import OK
from structgen.cli.inputs import add_input_flags, source_from
from structgen.errors import InputError


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "results", metavar="RESULTS", help="A JSONL file that `structgen run` wrote."
    )
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="*",
        help="The inputs of that run, for the texts: files, folders or databases.",
    )
    parser.add_argument("-o", "--output", metavar="HTML", help="The page; by default RESULTS.html.")
    add_input_flags(parser)


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.evaluation.answers import read_answers
    from structgen.evaluation.page import page_of_results, write_page

    rows = read_answers(arguments.results)
    if not rows:
        raise InputError(f"{arguments.results} holds no results.", hint="Run the job first.")
    found = source_from(arguments) if arguments.inputs else ()
    documents = {item.key: item.document for item in found}
    missing = sum(row["key"] not in documents for row in rows)
    if documents and missing:
        streams.tell(f"{missing} of {len(rows)} results have no text among the inputs")
    output = arguments.output or f"{arguments.results}.html"
    write_page(output, page_of_results(rows, documents, title=Path(arguments.results).name))
    print(output, file=streams.stdout)
    return OK


COMMAND = Command(
    name="view",
    usage="RESULTS [INPUT ...] [-o HTML]",
    summary="Make a page that shows extracted records in their texts.",
    detail="It is one HTML file that needs no network. Values are marked where their evidence is.",
    add_arguments=_add_arguments,
    perform=_perform,
)
