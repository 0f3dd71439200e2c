"""Extraction over Arrow batches, for Ray Data, Spark, Dask and pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.distributed.extractor import RESULTS as RESULTS
    from structgen.distributed.extractor import Extractor as Extractor
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.distributed.extractor": "RESULTS Extractor",
        },
    )
