"""`structgen init`: a first target, gold and commands from a sample of one's data."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from structgen.cli.command import Command, Streams
from structgen.cli.exits import OK


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "sample",
        metavar="SAMPLE",
        type=Path,
        help="A CSV or JSON Lines file, or a folder of texts, PDFs and other documents.",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        type=Path,
        help="The folder to write; by default SAMPLE-structgen in this folder.",
    )
    parser.add_argument(
        "--text",
        metavar="COLUMN",
        help="The column with the text; by default one of a usual name, else that of the longest "
        "texts.",
    )
    parser.add_argument(
        "--key",
        metavar="COLUMN",
        help="The column that names rows; by default one such as `id`, if each row has its own.",
    )
    parser.add_argument(
        "--encoding",
        metavar="NAME",
        help='The encoding of texts, such as "cp1252"; by default UTF-8, or what a mark says.',
    )


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.cli.starter.folder import starter_files, write_files
    from structgen.cli.starter.sample import read_sample

    sample = read_sample(arguments.sample, arguments.text, arguments.key, arguments.encoding)
    stem = arguments.sample.resolve().name.partition(".")[0]
    folder = arguments.output or Path(f"{stem}-structgen")
    files = starter_files(sample, folder)
    write_files(files, folder)
    for name in files:
        print(folder / name, file=streams.stdout)
    streams.tell(f"read {folder / 'README.md'} for what to do next")
    return OK


COMMAND = Command(
    name="init",
    usage="SAMPLE [-o FOLDER] [options]",
    summary="Write a first target, gold and commands from sample data.",
    detail="Columns beside the text are taken as the values that should come out. Nothing that "
    "exists is replaced.",
    add_arguments=_add_arguments,
    perform=_perform,
)
