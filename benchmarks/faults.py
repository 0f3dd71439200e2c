"""A job against a server of which some answers are errors that have nothing to do with load.

5,000 documents, 20 ms each, 64 at a time: a job with its journal and output, and the loop that
users write around the openai SDK, in turns, each in a fresh process. Goal: with 10 % of 500s,
and with 5 % of 429s, the job takes at most 1.3 times as long as the loop. `STRUCTGEN_BENCH=full`
asks about all of them, by default about a fifth.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from benchmarks._loopback import loopback

COUNT = 5_000 if os.environ.get("STRUCTGEN_BENCH") == "full" else 1_000
FAULTS = {"none": "", "10 % of 500s": "!500:10", "5 % of 429s": "!429:5"}
NAMES = ("openai", "structgen")


def main() -> dict[str, Any]:
    """Print a line for each measurement; give the wall seconds, and how they compare."""
    found: dict[str, Any] = {}
    with loopback() as server:
        for fault, path in FAULTS.items():
            for name in NAMES:
                figures = _measure(name, f"{server}/small@20{path}/v1")
                found[f"{name}, {fault}"] = figures
                print(f"{name:10} {fault:14}", figures)
    for fault in FAULTS:
        ours, theirs = (found[f"{name}, {fault}"]["wall"] for name in reversed(NAMES))
        found[f"times the loop's, {fault}"] = round(ours / theirs, 2)
    return found


def _measure(name: str, base_url: str) -> Any:
    script = [sys.executable, "-m", "benchmarks.pipeline", name, base_url, str(COUNT)]
    done = subprocess.run(script, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
