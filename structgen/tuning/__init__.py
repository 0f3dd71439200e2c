"""Tune a call on labelled records: which examples, prompt and options suit a target and a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.calibration.by_field import FieldThreshold as FieldThreshold
    from structgen.extraction.tuned import Tuned as Tuned
    from structgen.extraction.tuned import load_tuned as load_tuned
    from structgen.tuning.result import Estimate as Estimate
    from structgen.tuning.result import Judged as Judged
    from structgen.tuning.result import Tuning as Tuning
    from structgen.tuning.result import Winner as Winner
    from structgen.tuning.run import estimate_tuning as estimate_tuning
    from structgen.tuning.run import tune as tune
    from structgen.tuning.thresholds import Kept as Kept
    from structgen.tuning.thresholds import LearntThresholds as LearntThresholds
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.calibration.by_field": "FieldThreshold",
            "structgen.extraction.tuned": "Tuned load_tuned",
            "structgen.tuning.result": "Estimate Judged Tuning Winner",
            "structgen.tuning.run": "estimate_tuning tune",
            "structgen.tuning.thresholds": "Kept LearntThresholds",
        },
    )
