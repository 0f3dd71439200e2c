"""The table of commands, and what runs one of them."""

from __future__ import annotations

import os
import sys
import warnings
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Final, NoReturn, TextIO

from structgen.cli import (
    audit,
    calibrate,
    compile,
    evaluate,
    extract,
    init,
    journal,
    mcp,
    models,
    providers,
    review,
    serve,
    tune,
    view,
)
from structgen.cli import run as run_command
from structgen.cli.command import NUMBERS, Command, Streams
from structgen.cli.exits import INTERRUPTED, MEANINGS, OK, USAGE, tell_error
from structgen.errors import StructgenError
from structgen.options import closest

COMMANDS: Final[tuple[Command, ...]] = (
    init.COMMAND,
    extract.COMMAND,
    run_command.COMMAND,
    journal.COMMAND,
    evaluate.COMMAND,
    calibrate.COMMAND,
    tune.COMMAND,
    view.COMMAND,
    review.COMMAND,
    serve.COMMAND,
    mcp.COMMAND,
    compile.COMMAND,
    audit.COMMAND,
    models.COMMAND,
    providers.COMMAND,
)


def main() -> None:
    """Run the command that the process was called with, and exit with its code."""
    sys.exit(run(sys.argv[1:], sys.stdin, sys.stdout, sys.stderr))


def run(argv: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Run one command. Nothing that a user can do makes it raise.

    Args:
        argv: The words after `structgen`.
        stdin: Where a text may come from.
        stdout: Where values go, as JSON.
        stderr: Where everything else goes.

    Returns:
        The exit code, one of `MEANINGS`.
    """
    streams = Streams(stdin, stdout, stderr)
    try:
        parser = _parser(streams)
        _check_command(argv, parser)
        arguments, unknown = parser.parse_known_args(argv)
        _take_words(arguments, unknown)
        with _warnings_told(streams):
            code: int = arguments.perform(arguments, streams)
    except SystemExit as left:  # argparse: --help, or a usage error that it has printed
        return left.code if isinstance(left.code, int) else USAGE
    except StructgenError as error:
        return tell_error(error, stderr)
    except KeyboardInterrupt:
        streams.tell("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has left; a flush at exit must not complain about it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return code


@contextmanager
def _warnings_told(streams: Streams) -> Iterator[None]:
    """Say warnings in one line each, without the place in the code."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: streams.tell(str(message))
        yield


def _parser(streams: Streams) -> ArgumentParser:
    class Parser(ArgumentParser):
        """Prints to the streams of the call, and says which kind of number is wanted."""

        def __init__(self, *args: Any, **keywords: Any) -> None:
            super().__init__(*args, **keywords)
            for kind, read in NUMBERS.items():
                self.register("type", kind, read)

        def _print_message(self, message: str, file: Any = None) -> None:
            (streams.stderr if file is sys.stderr else streams.stdout).write(message)

    codes = "\n".join(f"  {code:<5}{meaning}" for code, meaning in MEANINGS.items())
    parser = Parser(
        prog="structgen",
        description="Turn free text into typed records, with a guarantee.",
        epilog=f"exit codes:\n{codes}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"structgen {version('structgen')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        described = commands.add_parser(
            command.name,
            usage=f"structgen {command.name} {command.usage}",
            help=command.summary,
            description=f"{command.summary} {command.detail}".strip(),
        )
        command.add_arguments(described)
        described.set_defaults(perform=command.perform, parser=described)
    return parser


def _check_command(argv: Sequence[str], parser: ArgumentParser) -> None:
    """Refuse a missing command with the help, and an unknown one with the nearest."""
    names = [command.name for command in COMMANDS]
    if not argv:
        parser.print_help(sys.stderr)
        parser.exit(USAGE)
    if argv[0].startswith("-") or argv[0] in names:
        return
    near = closest(argv[:1], names)
    meant = f"Did you mean {near[0]}? " if near else ""
    parser.error(f"there is no command {argv[0]}. {meant}Commands: {', '.join(names)}.")


def _take_words(arguments: Any, unknown: Sequence[str]) -> None:
    """Give words that came after an option to the argument that takes any number of words.

    argparse leaves it empty if it had none before the option. Any other word is refused.
    """
    positionals = arguments.parser._get_positional_actions()
    takers = [action for action in positionals if action.nargs == "*"]
    are_options = any(word.startswith("-") and word != "-" for word in unknown)
    if unknown and (are_options or not takers):
        _reject(unknown, arguments.parser)
    for action in takers:
        setattr(arguments, action.dest, [*getattr(arguments, action.dest), *unknown])


def _reject(unknown: Sequence[str], parser: ArgumentParser) -> NoReturn:
    """Refuse words that a command does not know, with the options that may have been meant."""
    options = [word.partition("=")[0] for word in unknown if word.startswith("-")]
    near = closest(options, parser._option_string_actions)
    meant = f" Did you mean {', '.join(near)}?" if near else ""
    parser.error(f"there is no {' '.join(options or unknown)}.{meant} See {parser.prog} --help.")
