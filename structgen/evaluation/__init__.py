"""How right extracted records are: gold, metrics, intervals, two runs compared, a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.calibration.learnt import Calibration as Calibration
    from structgen.evaluation.answers import read_answers as read_answers
    from structgen.evaluation.calibrating import calibrate as calibrate
    from structgen.evaluation.calibrating import learn_from as learn_from
    from structgen.evaluation.comparison import Comparison as Comparison
    from structgen.evaluation.comparison import Difference as Difference
    from structgen.evaluation.comparison import compare as compare
    from structgen.evaluation.gold import GoldRecord as GoldRecord
    from structgen.evaluation.gold import load_gold as load_gold
    from structgen.evaluation.intervals import Interval as Interval
    from structgen.evaluation.judged_confidence import Bin as Bin
    from structgen.evaluation.page import Page as Page
    from structgen.evaluation.page import page_of_evaluation as page_of_evaluation
    from structgen.evaluation.page import page_of_results as page_of_results
    from structgen.evaluation.page import write_page as write_page
    from structgen.evaluation.record import RecordScore as RecordScore
    from structgen.evaluation.result import Evaluation as Evaluation
    from structgen.evaluation.run import evaluate as evaluate
    from structgen.evaluation.run import score as score
    from structgen.evaluation.scoring import Counts as Counts
    from structgen.evaluation.scoring import Leaf as Leaf
    from structgen.evaluation.trust import Trust as Trust
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.calibration.learnt": "Calibration",
            "structgen.evaluation.answers": "read_answers",
            "structgen.evaluation.calibrating": "calibrate learn_from",
            "structgen.evaluation.comparison": "Comparison Difference compare",
            "structgen.evaluation.gold": "GoldRecord load_gold",
            "structgen.evaluation.intervals": "Interval",
            "structgen.evaluation.judged_confidence": "Bin",
            "structgen.evaluation.page": "Page page_of_evaluation page_of_results write_page",
            "structgen.evaluation.record": "RecordScore",
            "structgen.evaluation.result": "Evaluation",
            "structgen.evaluation.run": "evaluate score",
            "structgen.evaluation.scoring": "Counts Leaf",
            "structgen.evaluation.trust": "Trust",
        },
    )
