"""Rate limits as Groq has them: requests per day and tokens per minute, in every answer's
headers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from structgen.errors import RateLimitError
from structgen.wire.rate_limits import DAY, MINUTE, Bucket


class RateLimiter:
    """Counts requests and tokens against their limits.

    Args:
        requests_per_day: Requests that are admitted in a day.
        tokens_per_minute: Tokens, of prompts and answers together.
        clock: Gives seconds, from any beginning.
    """

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
        """Count a request.

        Args:
            model: The model, for the error.
            tokens: About how many tokens the request needs.

        Raises:
            RateLimitError: If a limit is reached. It says when to try again.
        """
        wanted = {"requests": 1, "tokens": tokens}
        for kind, bucket in self._buckets.items():
            bucket.fill(self._clock())
            if (wait := bucket.wait(wanted[kind])) > 0:
                per = "tokens per minute (TPM)" if kind == "tokens" else "requests per day (RPD)"
                used = math.ceil(bucket.limit - bucket.level)
                raise RateLimitError(
                    f"Rate limit reached for model `{model}` on {per}: Limit {bucket.limit}, "
                    f"Used {used}, Requested {wanted[kind]}. Please try again in {wait:.3f}s.",
                    status_code=429,
                    type=kind,
                    code="rate_limit_exceeded",
                    retry_after=math.ceil(wait),
                )
        for kind, bucket in self._buckets.items():
            bucket.level -= wanted[kind]

    def settle(self, tokens: int) -> None:
        """Count the tokens that a request needed beyond the estimate.

        Args:
            tokens: How many more; negative for fewer.
        """
        self._buckets["tokens"].level -= tokens

    def headers(self) -> dict[str, str]:
        """Make the headers `x-ratelimit-*`: the limit, what is left, and when it is full again."""
        told: dict[str, str] = {}
        for kind, bucket in self._buckets.items():
            bucket.fill(self._clock())
            told[f"x-ratelimit-limit-{kind}"] = str(bucket.limit)
            told[f"x-ratelimit-remaining-{kind}"] = str(max(0, math.floor(bucket.level)))
            told[f"x-ratelimit-reset-{kind}"] = duration(bucket.wait(bucket.limit))
        return told


def duration(seconds: float) -> str:
    """Write seconds as Go does: "2m59.56s", "7.66s".

    Args:
        seconds: The duration.
    """
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    whole = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return whole + f"{rest:.3f}".rstrip("0").rstrip(".") + "s"
