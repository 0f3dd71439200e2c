"""Extraction over Arrow batches, for Ray Data, Spark, Dask and pandas."""

from structgen.distributed.extractor import Extractor

__all__ = ["Extractor"]
