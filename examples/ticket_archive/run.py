"""Extract a record from every ticket of an archive. Stop it at any time, and start it again.

    python examples/ticket_archive/run.py ARCHIVE OUT.parquet [--rehearse] [--max-seconds N]

The model is the one that $STRUCTGEN_MODEL names, else the embedded one.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from old_ticket import Ticket

from structgen import Client, Job, JobStoppedError
from structgen.pipeline import JobLimits, open_source
from structgen.testing import AnyModel


def main() -> int:
    parser = ArgumentParser(description="Extract a record from every ticket of an archive.")
    parser.add_argument("archive")
    parser.add_argument("output")
    parser.add_argument("--rehearse", action="store_true", help="any values, and no model")
    parser.add_argument("--max-seconds", type=float, default=None)
    arguments = parser.parse_args()
    with Client(AnyModel() if arguments.rehearse else None, temperature=0) as client:
        job = Job(
            Ticket,
            open_source(arguments.archive, key="id"),
            client=client,
            output=arguments.output,
            limits=JobLimits(max_failure_share=0.1, max_seconds=arguments.max_seconds),
        )
        try:
            done = job.run()
        except JobStoppedError as error:
            print(f"{error}")
            return 5
    print(
        f"{done.ok} tickets have a record, {done.failed} failed; "
        f"{done.cached - done.equal} were read before, {done.equal} were equal to others"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
