"""Extract a record from every ticket of a file. Stop it and start it again: it continues.

    python examples/pipeline/run.py OUT.jsonl

The model is the one that $STRUCTGEN_MODEL names, else the embedded one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ticket import Ticket

from structgen import Client, Job
from structgen.pipeline import open_source

here = Path(__file__).parent

with Client() as client:
    job = Job(
        Ticket, open_source(here / "tickets.jsonl", key="id"), client=client, output=sys.argv[1]
    )
    done = job.run()

print(f"{done.ok} tickets read, {done.failed} failed, {done.cached} were read before")
