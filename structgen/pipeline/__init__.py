"""Many documents in, one typed outcome for each: jobs, their limits, sources and sinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.pipeline.batch_rounds import Batching as Batching
    from structgen.pipeline.counts import Counts as Counts
    from structgen.pipeline.inputs.options import SourceArgs as SourceArgs
    from structgen.pipeline.inputs.source import Source as Source
    from structgen.pipeline.inputs.source import open_source as open_source
    from structgen.pipeline.inputs.source import sql as sql
    from structgen.pipeline.job import Job as Job
    from structgen.pipeline.job import JobArgs as JobArgs
    from structgen.pipeline.limits import JobLimits as JobLimits
    from structgen.pipeline.mapping import MapArgs as MapArgs
    from structgen.pipeline.outputs.columns.arrow import to_arrow as to_arrow
    from structgen.pipeline.outputs.columns.table import Layout as Layout
    from structgen.pipeline.outputs.mode import IfExists as IfExists
    from structgen.pipeline.outputs.output import open_sink as open_sink
    from structgen.pipeline.record import COLUMNS as COLUMNS
    from structgen.pipeline.record import Item as Item
    from structgen.pipeline.record import Outcome as Outcome
    from structgen.pipeline.record import Sink as Sink
    from structgen.pipeline.summary import Summary as Summary
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.pipeline.batch_rounds": "Batching",
            "structgen.pipeline.job": "Job JobArgs",
            "structgen.pipeline.limits": "JobLimits",
            "structgen.pipeline.mapping": "MapArgs",
            "structgen.pipeline.record": "COLUMNS Item Outcome Sink",
            "structgen.pipeline.outputs.output": "open_sink",
            "structgen.pipeline.inputs.options": "SourceArgs",
            "structgen.pipeline.inputs.source": "Source open_source sql",
            "structgen.pipeline.summary": "Summary",
            "structgen.pipeline.outputs.columns.arrow": "to_arrow",
            "structgen.pipeline.outputs.columns.table": "Layout",
            "structgen.pipeline.outputs.mode": "IfExists",
            "structgen.pipeline.counts": "Counts",
        },
    )
