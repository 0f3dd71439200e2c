"""Choose among candidates on one half of the records, and confirm the choice on the other half."""

from __future__ import annotations

from collections.abc import Sequence

from structgen.evaluation.comparison import SIGNIFICANCE, compare
from structgen.evaluation.result import Evaluation
from structgen.tuning.candidates import Candidate
from structgen.tuning.judging import Judge
from structgen.tuning.prepare import Prepared
from structgen.tuning.result import Finalist, Judged
from structgen.tuning.schedule import FINALISTS, kept_of, rungs_of


class Search:
    """Successive halving over the half of the records that chooses."""

    def __init__(self, prepared: Prepared, judge: Judge) -> None:
        """Prepare the search.

        Args:
            prepared: What to try, on what.
            judge: Asks and scores.
        """
        self._prepared, self._judge = prepared, judge
        self.steps: list[Judged] = []
        """What was judged so far."""

    def run(self) -> list[Candidate]:
        """Give the candidates that do better than the default, the best first."""
        prepared = self._prepared
        left = list(prepared.candidates)
        ahead: list[Candidate] = []
        for rung in rungs_of(len(left), len(prepared.choosing)):
            joined = _together(ahead)
            if joined is not None and str(joined) not in map(str, left):
                document, pool = prepared.choosing[0].document, prepared.pools["choosing"]
                left += [joined] if prepared.tried.can_ask(joined, document, pool) else []
            default, *scores = [self._judged(one, rung.records) for one in (Candidate(), *left)]
            # The sort is stable: the table decides between two that do as well and cost the same.
            order = sorted(range(len(left)), key=lambda at: (-scores[at].f1, scores[at].tokens))
            ahead = [left[at] for at in order if scores[at].f1 > default.f1]
            left = [left[at] for at in sorted(order[: kept_of(len(left))])]
        return ahead[:FINALISTS]

    def _judged(self, candidate: Candidate, records: int) -> Judged:
        found = self._judge.judge(
            candidate, self._prepared.choosing[:records], self._prepared.pools["choosing"]
        )
        tokens = (found.figures["tokens"] or 0.0) / records
        judged = Judged(name=str(candidate), records=records, f1=found.f1, tokens=tokens)
        self.steps.append(judged)
        return judged


def _together(ahead: Sequence[Candidate]) -> Candidate | None:
    """The best changes put together, one for each argument; None if there are not two."""
    joined = Candidate()
    for candidate in ahead:
        if not candidate.arguments & joined.arguments:
            joined = joined.joined(candidate)
    return joined if len(joined.changes) > 1 else None


def confirmed(
    prepared: Prepared, judge: Judge, finalists: Sequence[Candidate], seed: int
) -> tuple[Candidate, list[Finalist]]:
    """Compare finalists with the default on the records that chose nothing.

    Args:
        prepared: The records.
        judge: Asks and scores.
        finalists: The candidates.
        seed: Of the resamples.

    Returns:
        The candidate that is chosen, which is the default unless a finalist beats it beyond noise;
        and what was found about each finalist.
    """
    if not finalists:
        return Candidate(), []
    looks = len(finalists)
    default = _confirm(Candidate(), prepared, judge)
    found = []
    for candidate in finalists:
        evaluation = _confirm(candidate, prepared, judge)
        level = 1 - SIGNIFICANCE / looks
        gain = compare(default, evaluation, seed=seed, level=level).overall
        is_better = gain.interval.low > 0 and gain.p < SIGNIFICANCE / looks
        found.append(Finalist(name=str(candidate), gain=gain, is_better=is_better))
    better = [at for at in range(looks) if found[at].is_better]
    if not better:
        return Candidate(), found
    return finalists[max(better, key=lambda at: (found[at].gain.after, -at))], found


def _confirm(candidate: Candidate, prepared: Prepared, judge: Judge) -> Evaluation:
    return judge.judge(candidate, prepared.confirming, prepared.pools["confirming"])
