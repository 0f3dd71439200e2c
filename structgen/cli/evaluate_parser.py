"""The arguments of `structgen eval`. Nothing heavy is imported for them."""

from __future__ import annotations

import argparse
from typing import Any, Final

BELOW: Final = 6
"""The exit code of an evaluation that does not keep a bound, or is worse than an earlier one."""


def add_eval(commands: Any) -> argparse.ArgumentParser:
    """Add the parser of `structgen eval`; the options of a call are still to be added."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "eval",
        help="measure how right extracted records are",
        description="Extract from every document of the gold and compare the answers with it. "
        f"Exit code {BELOW}: a bound is not kept, or the run is worse than the earlier one.",
    )
    parser.add_argument(
        "target", metavar="TARGET", help="path.py:Model, module:Model or schema.json"
    )
    parser.add_argument(
        "gold", metavar="GOLD", help="JSONL or CSV, or a folder with NAME.gold.json files"
    )
    parser.add_argument(
        "--results", metavar="FILE", help="judge what `structgen run` wrote, and ask nothing"
    )
    parser.add_argument("-o", "--output", metavar="RUN", help="save the evaluation as JSON")
    parser.add_argument(
        "--fail-under",
        metavar="NAME=BOUND",
        action="append",
        default=[],
        help="f1=0.9, perfect=0.5, /total=0.95: may be given several times",
    )
    parser.add_argument(
        "--not-worse-than", metavar="RUN", help="a saved evaluation of the same gold"
    )
    parser.add_argument(
        "--keep-invalid-gold",
        action="store_true",
        help="take gold that does not fit the target as it is",
    )
    parser.add_argument(
        "--json", action="store_true", help="print figures as JSON instead of a table"
    )
    parser.add_argument(
        "--examples", metavar="FILE", help='worked examples, JSONL of {"text": ..., "value": ...}'
    )
    parser.add_argument(
        "--journal", metavar="FILE", help="what is done already (default: GOLD.journal)"
    )
    parser.add_argument("--concurrency", type=int, metavar="N", help="questions at a time, at most")
    parser.add_argument("--max-cost", type=float, metavar="USD", help="stop at this cost")
    parser.add_argument(
        "--progress",
        choices=("auto", "bar", "lines", "json", "none"),
        default="auto",
        help="how progress is shown",
    )
    return parser
