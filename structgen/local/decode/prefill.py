"""Tell people that a long prompt is being computed, how far it is, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from structgen.local.models.packages import Log

_LONG: Final = 1_500
"""New tokens from which a prompt is long enough to tell of it."""
_SLOW: Final = 5.0
"""Seconds that it has to take in all."""
_PAUSE: Final = 10.0
"""Seconds between two lines."""


class PrefillLog:
    """Writes a line about a long prompt, and not more than one each ten seconds."""

    def __init__(self, log: Log | None, clock: Callable[[], float] = time.perf_counter) -> None:
        """Name where lines go.

        Args:
            log: Called with each line; None to say nothing.
            clock: Gives seconds from any time on.
        """
        self._log, self._clock = log, clock
        self._told_at = float("-inf")

    def tell(self, *, computed: int, left: int, seconds: float) -> None:
        """Hear how far a prompt is.

        Args:
            computed: Tokens of it that are computed, without those that were known.
            left: Tokens of it that are not computed yet.
            seconds: The time since it began.
        """
        now = self._clock()
        if self._log is None or not left or now - self._told_at < _PAUSE:
            return
        to_come = seconds * left / max(computed, 1)
        if computed + left <= _LONG or seconds + to_come <= _SLOW:
            return
        self._told_at = now
        self._log(
            f"The model is reading a prompt of {computed + left:,} new tokens: {computed:,} are "
            f"done, about {to_come:.0f} s are left. `extract_document` splits long texts."
        )
