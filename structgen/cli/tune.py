"""`structgen tune`: find what suits a target and a model best, on labelled records."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Final

from structgen.cli.command import Command, Streams, add_target
from structgen.cli.exits import OK
from structgen.cli.options import (
    add_options,
    calibration_beside,
    call_from,
    options_from,
    tuned_beside,
)
from structgen.errors import InputError

_NAMES: Final = 'Write a JSON list such as [{"/total": "invoice_total_in_eur"}].'


def _add_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument(
        "gold",
        metavar="GOLD",
        help="The right answers: JSONL or CSV, or a folder with NAME.gold.json files. 40 records "
        "or more are well used.",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="The tuned file; by default the one beside TARGET.",
    )
    parser.add_argument(
        "--try-wire-names",
        metavar="FILE",
        type=Path,
        help="Names on the wire to try: a JSON file with a list of objects, each of names by JSON "
        "Pointer.",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="Say what would be tried, and how many calls, tokens and dollars that takes at most.",
    )
    parser.add_argument(
        "--cascade-right",
        type=float,
        metavar="N",
        help="With --cascade: the share, of the values that are not escalated for their "
        "confidence, that is to be right, for each field; by default 0.9.",
    )
    parser.add_argument("--json", action="store_true", help="Print JSON instead of a table.")
    _add_budget(parser)
    add_options(parser)


def _add_budget(parser: ArgumentParser) -> None:
    """Declare what a tuning may take, and how it runs."""
    parser.add_argument(
        "--max-calls",
        type=int,
        metavar="N",
        help="Answers to ask for at most. Candidates for which that leaves no room are left out.",
    )
    parser.add_argument(
        "--max-cost",
        type=float,
        metavar="USD",
        help="US dollars to spend at most, earlier runs included.",
    )
    parser.add_argument(
        "--max-seconds",
        type=float,
        metavar="N",
        help="Stop after this many seconds; the same command goes on.",
    )
    parser.add_argument(
        "--tuning-seed",
        type=int,
        default=0,
        metavar="N",
        help="Seed of the order in which records are used; by default 0.",
    )
    parser.add_argument(
        "--journal",
        metavar="FILE",
        help="Where answers are kept; by default GOLD.journal, as for `structgen eval`.",
    )
    parser.add_argument("--concurrency", type=int, metavar="N", help="Questions at a time at most.")
    parser.add_argument("--quiet", action="store_true", help="Say nothing but the outcome.")


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.client.blocking import Client
    from structgen.schema.load import load_target
    from structgen.tuning.run import estimate_tuning, tune, tuned_file

    target = load_target(arguments.target)
    call: dict[str, Any] = {
        **call_from(arguments, target),
        "max_calls": arguments.max_calls,
        "max_cost": arguments.max_cost,
        "tuning_seed": arguments.tuning_seed,
        "try_wire_names": _names_in(arguments.try_wire_names),
    }
    if "tuned" in arguments:
        call["tuned"] = arguments.tuned
    options = {**options_from(arguments), "tuned": False}
    options.pop("accept", None)
    call["calibration"] = options.pop("calibration", calibration_beside(arguments.target))
    with Client(
        arguments.model, base_url=arguments.base_url, api_key=arguments.api_key, **options
    ) as client:
        if arguments.dry_run:
            estimate = estimate_tuning(target, arguments.gold, client=client, **call)
            _show(estimate.to_dict(), "\n".join(estimate.lines()), arguments, streams)
            return OK
        file = tuned_file(target, arguments.output or tuned_beside(arguments.target))
        found = tune(
            target,
            arguments.gold,
            client=client,
            path=file,
            journal=arguments.journal or f"{arguments.gold.rstrip('/')}.journal",
            max_seconds=arguments.max_seconds,
            concurrency=arguments.concurrency,
            cascade_right=arguments.cascade_right,
            log=(lambda line: None) if arguments.quiet else streams.tell,
            **call,
        )
    streams.tell(f"written to {file}")
    _show(found.to_dict(), found.table(), arguments, streams)
    return OK


def _names_in(path: Path | None) -> list[dict[str, str]]:
    """Read names to try. Raises InputError if the file has none."""
    if path is None:
        return []
    try:
        names = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}.", hint=_NAMES) from error
    if not isinstance(names, list) or not all(isinstance(one, dict) for one in names):
        raise InputError(f"{path} is no list of names on the wire.", hint=_NAMES)
    return names


def _show(data: dict[str, Any], text: str, arguments: Namespace, streams: Streams) -> None:
    """Print the outcome, as JSON or for people."""
    if arguments.json:
        streams.give(data, indent=2)
    else:
        print(text, file=streams.stdout)


COMMAND = Command(
    name="tune",
    usage="TARGET GOLD [options]",
    summary="Find the examples and options that suit a model best.",
    detail="Each half of the gold chooses among changes to the question, and the other half "
    "compares that choice with the default. What is better beyond noise, else the default, is "
    "written to a file that extract and run then use. Options that are set here stay as they are. "
    "With --cascade, it tunes the question to the first model, and learns from the answers which "
    "confidence is enough for each field.",
    add_arguments=_add_arguments,
    perform=_perform,
)
