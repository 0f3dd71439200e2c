"""Run one job many times, each time in a fork of this process, which starts in milliseconds.

    python lives.py BASE_URL FOLDER DOCUMENTS LIFE...

LIFE is `whole`, `kill:SECONDS`, `torn:BYTES` (killed once the journal's log has so many),
`disk:BYTES` or `stop:ANSWERS`. Prints what each life said, and how it ended.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from structgen import Client
from structgen.errors import JobStoppedError, StructgenError
from structgen.pipeline.job import Job
from structgen.pipeline.limits import JobLimits
from structgen.pipeline.record import Item, Outcome, Sink
from structgen.wire.models.prices import Price


class Person(BaseModel):
    name: str
    age: int


class Lines:
    """A sink: JSON lines, there when they are whole."""

    def __init__(self, path: Path) -> None:
        self._path, self._part = path, path.with_suffix(".part")
        self._file = self._part.open("w")

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        self._file.writelines(json.dumps(row.row()) + "\n" for row in rows)

    def close(self) -> None:
        self._file.close()
        self._part.replace(self._path)

    def abort(self) -> None:
        try:
            self._file.close()
        finally:
            self._part.unlink()


class Documents:
    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> Iterator[Item]:
        return (
            Item(f"document {n}", f"This is person number {n}.", {"n": n})
            for n in range(self._count)
        )


# A dollar an answer of the scripted server, so that a limit of the cost is one of the answers.
PRICE = Price(provider="vllm", model="m", input=1e6 / 12, output=1e6 / 12)


def live(base_url: str, folder: Path, count: int, answers: float | None) -> None:
    """One life of the job. It does not give up, however much fails."""
    limits = JobLimits(max_failure_share=1.0, first=count + 1, max_cost=answers)
    with Client("vllm:m", base_url=base_url, prices=[PRICE]) as client:
        output = Lines(folder / "out.jsonl")
        job = Job(
            Person,
            Documents(count),
            client=client,
            output=output,
            journal=folder / "journal",
            limits=limits,
            log=print,
        )
        try:
            print(job.run())
        except JobStoppedError as stopped:
            print(stopped.summary)
        except StructgenError as error:
            print(f"{type(error).__name__}: {error}")


def main(base_url: str, folder: str, count: str, *lives: str) -> None:
    for life in lives:
        kind, _, argument = life.partition(":")
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            if kind == "disk":
                resource.setrlimit(resource.RLIMIT_FSIZE, (int(argument), int(argument)))
            live(base_url, Path(folder), int(count), float(argument) if kind == "stop" else None)
            sys.stdout.flush()
            os._exit(0)
        if kind == "kill":
            time.sleep(float(argument))
            os.kill(pid, signal.SIGKILL)
        if kind == "torn":
            log = Path(folder) / "journal-wal"
            while not log.exists() or log.stat().st_size < int(argument):
                time.sleep(0.001)
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        print(f"{life} ended with {os.waitstatus_to_exitcode(status)}")


_SINK: type[Sink] = Lines

if __name__ == "__main__":
    main(*sys.argv[1:])
