"""Many documents in, one typed outcome for each: jobs, their limits, sources and sinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.pipeline.batch import Batching as Batching
    from structgen.pipeline.gold import load_examples as load_examples
    from structgen.pipeline.job import Job as Job
    from structgen.pipeline.job import JobArgs as JobArgs
    from structgen.pipeline.job import Summary as Summary
    from structgen.pipeline.limits import JobLimits as JobLimits
    from structgen.pipeline.mapping import MapArgs as MapArgs
    from structgen.pipeline.record import COLUMNS as COLUMNS
    from structgen.pipeline.record import Item as Item
    from structgen.pipeline.record import Outcome as Outcome
    from structgen.pipeline.record import Sink as Sink
    from structgen.pipeline.sinks import open_sink as open_sink
    from structgen.pipeline.sources import Source as Source
    from structgen.pipeline.sources import open_source as open_source
    from structgen.pipeline.sources import sql as sql
    from structgen.pipeline.table import to_arrow as to_arrow
    from structgen.pipeline.work import Counts as Counts
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.pipeline.batch": "Batching",
            "structgen.pipeline.gold": "load_examples",
            "structgen.pipeline.job": "Job JobArgs Summary",
            "structgen.pipeline.limits": "JobLimits",
            "structgen.pipeline.mapping": "MapArgs",
            "structgen.pipeline.record": "COLUMNS Item Outcome Sink",
            "structgen.pipeline.sinks": "open_sink",
            "structgen.pipeline.sources": "Source open_source sql",
            "structgen.pipeline.table": "to_arrow",
            "structgen.pipeline.work": "Counts",
        },
    )
