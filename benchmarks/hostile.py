"""`python -m benchmarks hostile`: hostile schemas and answers, each in a process of its own.

For each input: how it ended (done, a typed error, or untyped), the CPU seconds and the memory, with
a limit of 30 seconds and 4 GB; and `growth`, its time against that of half its size (2 is linear).
`--against DIR` runs the same inputs on another checkout too, such as one of an earlier release.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from benchmarks._hostile_inputs import NAMES, size_of

_SECONDS: Final = 30
_BYTES: Final = 4 << 30
_ROOT: Final = Path(__file__).parents[1]
_SLOW: Final = 0.5
"""Seconds below which growth says nothing."""


def main(argv: Iterable[str] = ()) -> dict[str, Any]:
    """Run all inputs; print a table, and return it.

    Args:
        argv: Options.
    """
    parser = ArgumentParser(prog="python -m benchmarks hostile", description=__doc__)
    parser.add_argument("--against", type=Path, metavar="DIR", help="Another checkout.")
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME")
    arguments = parser.parse_args(list(argv))
    rows: dict[str, Any] = {}
    print("| input | size | now | growth | before |\n|---|---|---|---|---|")
    for name in arguments.only or NAMES:
        size = size_of(name)
        now = run(name, size, _ROOT)
        row: dict[str, Any] = {"size": size, "now": now, "growth": _growth(name, size, now)}
        if arguments.against:
            row["before"] = run(name, size, arguments.against)
        rows[name] = row
        before = shown(row["before"]) if "before" in row else ""
        told = f"{shown(now)} | {row['growth'] or ''} | {before}"
        print(f"| {name} | {size:,} | {told} |", flush=True)
    return rows


def run(name: str, size: int, checkout: Path) -> dict[str, Any]:
    """Run one input in a process.

    Args:
        name: The input.
        size: How large it is made.
        checkout: Whose structgen to run.

    Returns:
        How it ended, the seconds and the megabytes.
    """
    command = [sys.executable, str(_ROOT / "benchmarks" / "_hostile_inputs.py"), name, str(size)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=_SECONDS,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            preexec_fn=_limited,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"outcome": f"KILLED after {_SECONDS} s", "seconds": float(_SECONDS), "mb": None}
    try:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return {"outcome": f"DIED with {done.returncode}", "seconds": None, "mb": None}
    return found


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _growth(name: str, size: int, whole: dict[str, Any]) -> float | None:
    """How much longer an input takes than half of it; None if it is fast, or no half."""
    if size < 10 or not whole["seconds"] or whole["seconds"] < _SLOW:
        return None
    half = run(name, size // 2, _ROOT)["seconds"]
    return round(whole["seconds"] / half, 1) if half else None


def shown(found: dict[str, Any]) -> str:
    """How an input ended, for a cell of the table.

    Args:
        found: What `run` gave.
    """
    if found["mb"] is None:
        return str(found["outcome"])
    return f"{found['outcome']}, {found['seconds']:.2f} s, {found['mb']} MB"
