"""The output of a job: a file or table by its name, a sink of the caller's, or none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from structgen.pipeline.inputs.source import Origin, Source
from structgen.pipeline.outputs.claims import Notes
from structgen.pipeline.outputs.columns.table import Layout
from structgen.pipeline.outputs.mode import IfExists
from structgen.pipeline.outputs.output import BESIDE, Output, output_of
from structgen.pipeline.record import Sink
from structgen.schema.target import Target


class JobOutput:
    """Where a job writes, guarded: it is none of its inputs, and what is not ours stays."""

    def __init__(self, output: Output | None, sink: Sink | None) -> None:
        """Take one of the two, or none.

        Args:
            output: A file or table.
            sink: A sink of the caller's.
        """
        self._output, self._sink = output, sink
        self.name = None if output is None else output.name
        """Its name for people, without passwords; None for a sink."""
        self.journal = Path() if output is None else output.journal
        """Where the journal is, unless one is named."""

    def guarded(self, inputs: Any, journal: Path) -> Any:
        """Give the inputs without what the job itself writes into a folder that it reads.

        Args:
            inputs: What the job reads.
            journal: Its journal.

        Raises:
            InputError: If the output, the journal and an input are not different.
        """
        if self._output is not None:
            self._output.refuse_inputs(_origins(inputs), journal)
        if not isinstance(inputs, Source):
            return inputs
        own = [Path(f"{journal}{suffix}") for suffix in BESIDE]
        if self._output is not None and self._output.path is not None:
            own.append(self._output.path)
        return inputs.without(own)

    def check(self, notes: Notes, inputs: Any, target: Target[Any]) -> None:
        """Find out whether it may and can be written, before anything is asked.

        Args:
            notes: The journal, with what was noted about earlier outputs.
            inputs: What the job reads.
            target: The target of the job.

        Raises:
            StructgenError: What `Output.check` raises.
        """
        if self._output is not None:
            self._output.check(notes, _origins(inputs), target)

    def open(self, notes: Notes, target: Target[Any]) -> Sink | None:
        """Begin to write; None if the job has no output.

        Args:
            notes: The journal, to note what was written.
            target: The target of the job.

        Raises:
            JobError: If it may not or cannot be written.
        """
        return self._sink if self._output is None else self._output.open(notes, target)


def job_output(
    output: Sink | str | os.PathLike[str] | None, if_exists: IfExists, layout: Layout
) -> JobOutput:
    """Give the output of a job.

    Args:
        output: A name, as `open_sink` takes it, a sink, or None.
        if_exists: What to do if it exists.
        layout: How values become columns.

    Raises:
        StructgenError: What `output_of` raises.
    """
    if isinstance(output, (str, os.PathLike)):
        return JobOutput(output_of(output, if_exists, layout), None)
    return JobOutput(None, output)


def _origins(inputs: Any) -> tuple[Origin, ...]:
    return inputs.origins if isinstance(inputs, Source) else ()
