"""Every ticket of a file, as a record, in another file. Stop it and start it again: it goes on where it was.

`python examples/pipeline/run.py OUT.jsonl`; the model is the one that $STRUCTGEN_MODEL names, else the embedded one.
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
