"""Client CPU of streaming a record with a typed partial at every chunk, in each dialect.

The records have 2, 20 and 200 kB and come in events of four characters. Each figure is a ratio to
the floor of the same run, by the least CPU of each in interleaved rounds. The floor: httpx reads
the lines, json.loads reads each event, and Pydantic validates the whole text once at the end.

`stream`: `Client.stream`, a partial at every chunk. `read`: the same, and the name of the last
entity is read from every partial. `deltas`: the chat surface, events only. `exponent`: of the
growth of `read` from 20 to 200 kB (1 is linear). `first`: which content event gave the first
partial. `python -m benchmarks stream_partials chat anthropic` asks in these dialects only. Goal for
`read`: at most 1.5.

`STRUCTGEN_PEERS=/path/to/python` adds peers; it names an interpreter that has openai, instructor
and pydantic-ai, which are asked in Chat Completions. Each peer gets 30 s of CPU.
"""

from __future__ import annotations

import math
import os
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks._dialects import Dialect, chosen
from benchmarks._loopback import loopback
from benchmarks._report import Report
from structgen import Client
from structgen.answer.partial import ABSENT

SIZES = {"2k": 40, "20k": 10, "200k": 4}
"""Payloads, and rounds of each."""
PEERS = ("openai", "instructor", "pydantic_ai")
LIMIT = 30
"""Seconds of CPU for a peer."""
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "x"}], "stream": True}


def floor(http: httpx.Client, dialect: Dialect, server: str) -> None:
    url, body = dialect.url(server, stream=True), dialect.body("x", stream=True)
    with http.stream("POST", url, json=body) as response:
        text = "".join(dialect.pieces(response.iter_lines()))
    Report.model_validate_json(text)


def stream(client: Client) -> None:
    for got in client.stream(Report, "x"):
        last = got
    assert last.done


def read(client: Client) -> None:
    for got in client.stream(Report, "x"):
        last = got.value.entities[-1].name
    assert isinstance(last, str)


def deltas(client: Client) -> None:
    for chunk in client.chat.completions.create(**ASK):
        if chunk.choices:
            chunk.choices[0].delta.content  # noqa: B018 - reading is what is measured


def first(client: Client) -> int:
    """Which content event gave the first partial; the first event with text is 1."""
    with client.stream(Report, "x") as partials:
        got = next(partials)
        assert got.value is not ABSENT
        return math.ceil(got._length / 4)


def cpu(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def peer(python: str, name: str, base: str, size: str) -> float | None:
    """Seconds of CPU that a peer takes for a stream; None if it takes more than LIMIT."""
    here = Path(__file__).parent
    command = [
        python,
        str(here / "_peers.py"),
        name,
        base,
        size,
        str(LIMIT),
        str(here / "_report.py"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else None


def measure(
    dialect: Dialect, base: str, size: str, rounds: int, python: str | None
) -> dict[str, Any]:
    server = f"{base}/{size}"
    ours = Client(dialect.spec, base_url=f"{server}{dialect.base_path}", api_key="k")
    with httpx.Client() as http, ours as client:
        runs: dict[str, Callable[[], object]] = {
            "floor": partial(floor, http, dialect, server),
            "stream": partial(stream, client),
            "read": partial(read, client),
            "deltas": partial(deltas, client),
        }
        for run in runs.values():
            run()
        taken: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(rounds):
            for name, run in runs.items():
                taken[name].append(cpu(run))
        least = {name: min(times) for name, times in taken.items()}
        figures: dict[str, Any] = {
            name: round(seconds / least["floor"], 2) for name, seconds in least.items()
        }
        figures |= {
            "floor": round(least["floor"], 4),
            "read_seconds": round(least["read"], 4),
            "first": first(client),
        }
    if python and dialect.name == "chat":
        for name in PEERS:
            seconds = peer(str(python), name, base, size)
            figures[name] = None if seconds is None else round(seconds / least["floor"], 1)
    return figures


def main(names: list[str] | None = None) -> dict[str, Any]:
    """Print a line for each dialect; return the figures.

    Args:
        names: The dialects; all of them if there are none.
    """
    peers = os.environ.get("STRUCTGEN_PEERS")
    figures: dict[str, Any] = {}
    with loopback() as base:
        for dialect in chosen(names):
            found: dict[str, Any] = {
                size: measure(dialect, base, size, rounds, peers) for size, rounds in SIZES.items()
            }
            growth = found["200k"]["read_seconds"] / found["20k"]["read_seconds"]
            found["exponent"] = round(math.log10(growth), 3)
            figures[dialect.name] = found
            print(dialect.name, found)
    return figures
