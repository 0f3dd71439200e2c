"""Run a job over broken inputs many times, killed each time but the last.

python broken_lives.py INPUTS OUTPUT KILLS
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

from pydantic import BaseModel

from structgen import Client, Job
from structgen.pipeline import open_source
from structgen.testing import ScriptedModel

SEED = 11
LONGEST = 0.5
"""Seconds after which a life is ended at the latest: about as long as a whole one takes."""


class Person(BaseModel):
    name: str
    age: int


def live(inputs: str, output: str) -> None:
    with Client(ScriptedModel('{"name": "Ada", "age": 36}')) as client:
        Job(Person, open_source(inputs), client=client, output=output).run()


def main(inputs: str, output: str, kills: str) -> None:
    draw = random.Random(SEED)
    for number in range(int(kills) + 1):
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            live(inputs, output)
            os._exit(0)
        if number < int(kills):
            time.sleep(draw.random() * LONGEST)
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(*sys.argv[1:])
