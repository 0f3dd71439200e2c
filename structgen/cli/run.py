"""`structgen run`: a job from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from itertools import chain
from operator import length_hint
from typing import Any, TextIO

from structgen.client.blocking import Client
from structgen.errors import JobStoppedError
from structgen.pipeline.gold import load_examples
from structgen.pipeline.job import Job, Summary
from structgen.pipeline.limits import JobLimits
from structgen.pipeline.progress import Report, shown, tell_end
from structgen.pipeline.record import Item
from structgen.pipeline.sources import open_source
from structgen.schema.target import load_target


class Sources:
    """The items of several sources, one source behind the other."""

    def __init__(self, names: list[str], text: str | None, key: str | None) -> None:
        self._sources = [open_source(name, text=text, key=key) for name in names]

    def __iter__(self) -> Iterator[Item]:
        return chain.from_iterable(self._sources)

    def __length_hint__(self) -> int:
        hints = [length_hint(source) for source in self._sources]
        return sum(hints) if all(hints) else 0


def run_job(arguments: argparse.Namespace, options: Mapping[str, Any], stderr: TextIO) -> Summary:
    """Run the job that the arguments describe, and say how it went on `stderr`. Raises what `Job.run` raises."""
    with Client(arguments.model, base_url=arguments.base_url, **options) as client:
        try:
            with shown(arguments.progress, stderr) as report:
                done = _job(arguments, client, stderr, report).run()
        except JobStoppedError as stopped:
            tell_end(arguments.progress, stderr, stopped.summary)
            raise
    tell_end(arguments.progress, stderr, done)
    return done


def _job(arguments: argparse.Namespace, client: Client, stderr: TextIO, report: Report) -> Job[Any]:
    target = load_target(arguments.target)
    return Job(
        target,
        Sources(arguments.inputs, arguments.text, arguments.key),
        client=client,
        output=arguments.output,
        journal=arguments.journal,
        concurrency=arguments.concurrency,
        retry_failed=arguments.retry_failed,
        batch=arguments.batch,
        limits=JobLimits(
            max_cost=arguments.max_cost,
            max_seconds=arguments.max_seconds,
            max_failure_share=arguments.max_failure_share,
        ),
        log=lambda line: print(f"structgen: {line}", file=stderr),
        on_progress=report,
        instructions=arguments.instructions,
        examples=load_examples(arguments.examples, target) if arguments.examples else (),
    )
