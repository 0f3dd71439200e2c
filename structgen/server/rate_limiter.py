"""Rate limits as Groq has them: requests per day and tokens per minute, told in the headers of every answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from structgen.errors import RateLimitError
from structgen.wire.rate_limits import DAY, MINUTE, Bucket


class RateLimiter:
    """What may still be asked. `clock`: seconds, from any beginning."""

    def __init__(
        self,
        requests_per_day: int,
        tokens_per_minute: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._buckets = {
            "requests": Bucket(requests_per_day, DAY, clock()),
            "tokens": Bucket(tokens_per_minute, MINUTE, clock()),
        }

    def admit(self, model: str, tokens: int) -> None:
        """Count a request of about `tokens`. Raises RateLimitError, which says when to try again."""
        wanted = {"requests": 1, "tokens": tokens}
        for kind, bucket in self._buckets.items():
            bucket.fill(self._clock())
            if (wait := bucket.wait(wanted[kind])) > 0:
                per = "tokens per minute (TPM)" if kind == "tokens" else "requests per day (RPD)"
                used = math.ceil(bucket.limit - bucket.level)
                raise RateLimitError(
                    f"Rate limit reached for model `{model}` on {per}: "
                    f"Limit {bucket.limit}, Used {used}, Requested {wanted[kind]}. Please try again in {wait:.3f}s.",
                    status_code=429,
                    type=kind,
                    code="rate_limit_exceeded",
                    retry_after=math.ceil(wait),
                )
        for kind, bucket in self._buckets.items():
            bucket.level -= wanted[kind]

    def settle(self, tokens: int) -> None:
        """Count `tokens` more (or less, below 0) than a request was thought to need."""
        self._buckets["tokens"].level -= tokens

    def headers(self) -> dict[str, str]:
        """`x-ratelimit-*`: what there is, what is left, and when it will be whole again."""
        told: dict[str, str] = {}
        for kind, bucket in self._buckets.items():
            bucket.fill(self._clock())
            told[f"x-ratelimit-limit-{kind}"] = str(bucket.limit)
            told[f"x-ratelimit-remaining-{kind}"] = str(max(0, math.floor(bucket.level)))
            told[f"x-ratelimit-reset-{kind}"] = duration(bucket.wait(bucket.limit))
        return told


def duration(seconds: float) -> str:
    """Seconds as Go writes them: "2m59.56s", "7.66s"."""
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    return (
        f"{f'{hours}h' if hours else ''}{f'{minutes}m' if hours or minutes else ''}{rest:.3f}".rstrip(
            "0"
        ).rstrip(".")
        + "s"
    )
