"""`structgen calibrate`: learn from gold how far a confidence can be trusted."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from structgen.cli.command import Command, Streams, add_target
from structgen.cli.exits import OK
from structgen.cli.options import add_options, calibration_beside, call_from, options_from

if TYPE_CHECKING:
    from structgen.calibration.learnt import Calibration


def _add_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument(
        "gold",
        metavar="GOLD",
        help="The right answers: JSONL or CSV, or a folder with NAME.gold.json files.",
    )
    parser.add_argument(
        "--results",
        metavar="FILE",
        help="Learn from what `structgen run --confidence` wrote with the model that --model "
        "names, and ask nothing.",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="The calibration file; by default the one beside TARGET.",
    )
    parser.add_argument(
        "--journal",
        metavar="FILE",
        help="Where finished documents are kept; by default GOLD.journal.",
    )
    add_options(parser)


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.calibration.saved import save
    from structgen.client.blocking import Client
    from structgen.evaluation.answers import read_answers
    from structgen.evaluation.calibrating import calibrate, calibration_file, learn_from
    from structgen.evaluation.gold import load_gold
    from structgen.schema.load import load_target

    target = load_target(arguments.target)
    beside = calibration_beside(arguments.target)
    file = calibration_file(target, arguments.output or beside)
    options = options_from(arguments)
    for judging in ("accept", "calibration"):  # there is nothing to judge by yet
        options.pop(judging, None)
    with Client(
        arguments.model, base_url=arguments.base_url, api_key=arguments.api_key, **options
    ) as client:
        if arguments.results:
            gold = load_gold(arguments.gold, target)
            model = client.caller.backends[0].name
            found = learn_from(target, gold, read_answers(arguments.results), model=model)
            save(file, found)
        else:
            call: dict[str, Any] = call_from(arguments, target)
            found = calibrate(
                target,
                arguments.gold,
                client=client,
                path=file,
                journal=arguments.journal,
                **call,
            )
    streams.tell(f"written to {file}")
    streams.give(summary_of(found), indent=2)
    return OK


def summary_of(calibration: Calibration) -> dict[str, Any]:
    """Say what was learnt, without the curves.

    Args:
        calibration: The calibration.
    """
    gate = calibration.gate
    return {
        "target": calibration.target,
        "model": calibration.model,
        "by": calibration.by,
        "records": calibration.records,
        "labels": calibration.labels,
        "kinds": sorted(calibration.ranking.kinds),
        "can_promise": {
            "records": max(_kept(gate.promises, "record"), default=None),
            "values": max(_kept(gate.promises, "value"), default=None),
        },
    }


def _kept(promises: Any, name: str) -> list[float]:
    return [promise for promise, least in promises.items() if getattr(least, name) is not None]


COMMAND = Command(
    name="calibrate",
    usage="TARGET GOLD [options]",
    summary="Learn from gold how far a confidence can be trusted.",
    detail="It extracts from every document of the gold, compares the answers with it, and writes "
    "a calibration file, which extract, run and eval then use. Give the same model and options "
    "there.",
    add_arguments=_add_arguments,
    perform=_perform,
)
