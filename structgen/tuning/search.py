"""Let each half of the records choose a candidate, and the other half judge the choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from structgen.evaluation.comparison import SIGNIFICANCE, Difference, compare
from structgen.tuning.candidates import Candidate
from structgen.tuning.judging import Judge, Part
from structgen.tuning.prepare import Half, Prepared
from structgen.tuning.result import Judged, Winner
from structgen.tuning.schedule import kept_of, rungs_of


class Search:
    """Successive halving over one half of the records."""

    def __init__(self, prepared: Prepared, judge: Judge, half: Half) -> None:
        """Prepare the search.

        Args:
            prepared: What to try.
            judge: Asks and scores.
            half: The records to choose by.
        """
        self._prepared, self._judge, self._half = prepared, judge, half
        self.steps: list[Judged] = []
        """The judgements so far."""

    def run(self) -> Candidate:
        """Give the best candidate: the default if none is ahead of it."""
        half, left = self._half, list(self._prepared.candidates)
        ahead: list[Candidate] = []
        for rung in rungs_of(len(left), len(half.records)):
            joined = _together(ahead)
            if joined is not None and str(joined) not in map(str, left):
                can = self._prepared.tried.can_ask(joined, half.document, half.pool)
                left += [joined] if can else []
            default, *scores = [self._judged(one, rung.records) for one in (Candidate(), *left)]
            # The sort is stable: the table decides between two that do as well and cost the same.
            order = sorted(range(len(left)), key=lambda at: (-scores[at].f1, scores[at].tokens))
            ahead = [left[at] for at in order if scores[at].f1 > default.f1]
            left = [left[at] for at in sorted(order[: kept_of(len(left))])]
        return ahead[0] if ahead else Candidate()

    def _judged(self, candidate: Candidate, records: int) -> Judged:
        part = Part(candidate, self._half.records[:records], self._half.pool)
        found = self._judge.judge([part])
        tokens = (found.figures["tokens"] or 0.0) / records
        judged = Judged(
            name=str(candidate), half=self._half.name, records=records, f1=found.f1, tokens=tokens
        )
        self.steps.append(judged)
        return judged


def _together(ahead: Sequence[Candidate]) -> Candidate | None:
    """The best changes put together, one for each argument; None if there are not two."""
    joined = Candidate()
    for candidate in ahead:
        if not candidate.arguments & joined.arguments:
            joined = joined.joined(candidate)
    return joined if len(joined.changes) > 1 else None


class Choice(NamedTuple):
    """The choice, and the reasons for it."""

    candidate: Candidate
    """The candidate; the default unless choosing pays beyond noise."""
    gain: Difference | None
    """The gain of choosing on records that did not choose; None if the default won each half."""
    winners: Sequence[Winner]
    """The choice of each half, and how the other one judges it."""
    steps: Sequence[Judged]
    """The judgements on the way."""
    apart: Sequence[Half]
    """The halves that had no part in choosing it: both of them, if the other one chose it, too."""


def choose(prepared: Prepared, judge: Judge, seed: int) -> Choice:
    """Choose a candidate by the records.

    Each half chooses one, and is judged with what the other one chose. Together that is the gain of
    choosing, over all records, none of which had a part in the choice that it judges. If that is
    beyond noise, the better one of the two is taken: over all records, and only if the half that
    did not choose it is for it.

    Args:
        prepared: The records and the candidates.
        judge: Asks and scores.
        seed: The seed of the resamples.
    """
    steps: list[Judged] = []
    chosen = []
    for half in prepared.halves:
        search = Search(prepared, judge, half)
        chosen.append(search.run())
        steps += search.steps
    if not any(one.changes for one in chosen):
        return Choice(Candidate(), None, (), steps, prepared.halves)
    first, second = prepared.halves
    others = second, first
    default = [Part(Candidate(), half.records, half.pool) for half in others]
    parts = [Part(one, half.records, half.pool) for one, half in zip(chosen, others, strict=True)]
    gain = compare(judge.judge(default), judge.judge(parts), seed=seed).overall
    winners, worth = [], []
    for before, part in zip(default, parts, strict=True):
        winner = Winner(
            name=str(part.candidate),
            before=judge.judge([before]).f1,
            after=judge.judge([part]).f1,
        )
        winners.append(winner)
        if part.candidate.changes and winner.after > winner.before:
            everywhere = [Part(part.candidate, half.records, half.pool) for half in others]
            worth.append((judge.judge(everywhere).f1, part.candidate))
    is_better = gain.interval.low > 0 and gain.p < SIGNIFICANCE
    best = max(worth, key=lambda one: one[0])[1] if is_better and worth else Candidate()
    apart = [half for half, one in zip(others, chosen, strict=True) if one == best]
    return Choice(best, gain, winners, steps, apart if best.changes else prepared.halves)
