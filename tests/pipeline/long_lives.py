"""One life of a job over a folder of long documents.

python long_lives.py BASE_URL DOCUMENTS OUTPUT
"""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import BaseModel

from structgen import Client
from structgen.pipeline.inputs.source import open_source
from structgen.pipeline.job import Job
from structgen.pipeline.limits import JobLimits


class Guest(BaseModel):
    name: str
    room: int


class Register(BaseModel):
    house: str | None
    guests: list[Guest]


def main(base_url: str, documents: str, output: str) -> None:
    with Client("vllm:m", base_url=base_url, max_retries=0, max_reasks=0) as client:
        job = Job(
            Register,
            open_source(documents),
            client=client,
            output=Path(output),
            limits=JobLimits(max_failure_share=1.0, first=0),
            concurrency=4,
            chunked=True,
            chunk_tokens=60,
            overlap=8,
        )
        print(job.run())


if __name__ == "__main__":
    main(*sys.argv[1:])
