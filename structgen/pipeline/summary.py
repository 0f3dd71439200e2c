"""How far a run of a job came."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from structgen.pipeline.counts import Counts
from structgen.values import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How far a run came."""

    ok: int
    """Inputs with a value."""
    failed: int
    """Inputs with an error."""
    cached: int
    """Inputs whose outcome the journal had, or an equal input got."""
    equal: int = 0
    """Those of them that are equal to another input of this run."""
    accepted: int = 0
    """Records that keep the promise of `accept`."""
    to_review: int = 0
    """Records that do not."""
    usage: Usage = Usage()
    """Tokens used in this run."""
    cost: float | None = None
    """US dollars spent in this run; None if no price is known."""
    seconds: float = 0.0
    """How long this run took."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """Inputs that failed, by the name of the error."""
    first_failures: Mapping[str, str] = field(default_factory=dict)
    """The first of them of each kind: its key and what the error says."""
    retries: Mapping[str, int] = field(default_factory=dict)
    """Tries over HTTP that failed and were repeated, by the name of the error."""
    held_by: Mapping[str, float] = field(default_factory=dict)
    """What held the run back, such as "requests per minute (500)", each with its share of the time,
    0 to 1; the largest share first."""
    stopped: str | None = None
    """Why the run ended early; None if it did not."""
    output: str | None = None
    """The name of the output; None if it has none, or was not written."""
    journal: str | None = None
    """The path of the journal."""
    under_way: int = 0
    """Batches that have not been collected yet. The output is written once there are none."""

    @property
    def done(self) -> int:
        """Inputs with an outcome."""
        return self.ok + self.failed


def summarize(
    counts: Counts,
    began: float,
    stopped: str | None,
    *,
    output: str | None = None,
    journal: str | None = None,
    under_way: int = 0,
) -> Summary:
    """Summarize a run that began at this time of the monotonic clock."""
    return Summary(
        ok=counts.ok,
        failed=counts.failed,
        cached=counts.cached,
        equal=counts.equal,
        accepted=counts.accepted,
        to_review=counts.to_review,
        usage=counts.usage,
        cost=counts.cost,
        seconds=time.monotonic() - began,
        failures=dict(counts.failures),
        first_failures=dict(counts.first_failures),
        retries=dict(counts.retries),
        held_by=_shares(counts.held),
        stopped=stopped,
        output=output,
        journal=journal,
        under_way=under_way,
    )


def _shares(counted: Counter[str]) -> dict[str, float]:
    """Give the share of each cause, the largest first."""
    total = counted.total()
    return {cause: round(times / total, 2) for cause, times in counted.most_common()}
