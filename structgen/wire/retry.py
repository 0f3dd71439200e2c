"""When to try again and how long to wait: decided by tenacity, never slept here.

Nothing in this file runs, and tenacity is not imported, until a try has failed. The statuses are those of Groq's documentation and
of the vendors' SDKs: 408, 409, 429, 498 (Groq: flex capacity), 5xx; a row may add more (422 on Groq: what its model wrote).
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

from structgen.errors import (
    APIError,
    ConnectionFailedError,
    OutputRejectedError,
    RequestTimeoutError,
    ServerError,
    StreamBrokenError,
    StructgenError,
    TotalTimeoutError,
)

if TYPE_CHECKING:
    from tenacity import BaseRetrying, RetryCallState

RETRIED: Final = frozenset({408, 409, 429, 498, *range(500, 600)})
"""HTTP statuses after which the same request may succeed."""

TRANSPORT: Final = (ConnectionFailedError, RequestTimeoutError, StreamBrokenError)
"""Transport errors after which it may. Where `.sent` is true the try may have been billed: its Attempt is the record of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How often, how long, and after what.

    A wait is `initial * 2**n` seconds up to `cap`, less up to a quarter at random, so that clients that failed together do not
    come back together. What the server asked for goes before, up to `longest` seconds where no total timeout bounds it. `statuses`:
    retried besides RETRIED. `rejected`: whether an output that the server itself rejected is worth the same question again (False
    where the caller recovers from it).
    """

    max_retries: int = 2
    initial: float = 0.5
    cap: float = 8.0
    longest: float = 120.0
    statuses: frozenset[int] = frozenset()
    rejected: bool = False


def retryable(error: BaseException, policy: Policy) -> bool:
    """May the same request succeed if it is sent again? Where the server said so itself (`x-should-retry`), it decides."""
    if isinstance(error, OutputRejectedError):
        return policy.rejected
    if isinstance(error, APIError):
        if error.should_retry is not None:
            return error.should_retry
        if error.status_code is None:
            return isinstance(error, ServerError)  # it came inside a stream
        return error.status_code in RETRIED or error.status_code in policy.statuses
    return isinstance(error, TRANSPORT)


def decide(
    error: StructgenError, *, tries: int, policy: Policy, remaining: float | None = None
) -> float:
    """Seconds to wait before the next try, after `tries` tries of which the last ended in `error`.

    Raises `error` where another try is of no use, one too many, or too far away. `remaining`: seconds left of the total timeout; a wait
    beyond it raises TotalTimeoutError at once, with the wait in it.
    """
    from tenacity import RetryCallState

    engine = _engine(policy)
    state = RetryCallState(engine, fn=None, args=(), kwargs={})
    state.attempt_number = tries
    state.set_exception((type(error), error, error.__traceback__))
    engine.begin()  # resets the counters that `iter` keeps per thread
    wait = cast("float", engine.iter(state))
    if remaining is None and wait > policy.longest:
        raise error
    if remaining is not None and wait >= remaining:
        raise TotalTimeoutError(
            f"the next try would have to wait {wait:.3g} s, and {max(remaining, 0):.3g} s are left of the total timeout.",
            wait=wait,
            sent=getattr(error, "sent", True),
            hint="Raise `total_timeout`, or ask again later.",
        ) from error
    return wait


@lru_cache(maxsize=64)
def _engine(policy: Policy) -> BaseRetrying:
    """The decision engine of tenacity for a policy; its `iter` gives the seconds, or raises the last error."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    backoff = wait_exponential(multiplier=policy.initial, max=policy.cap)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "retry_after", None)
        if asked is not None:
            return float(asked) + random.random() * 0.1  # noqa: S311 - spread, not a secret
        return backoff(state) * (1 - 0.25 * random.random())  # noqa: S311

    return Retrying(
        stop=stop_after_attempt(policy.max_retries + 1),
        wait=wait,
        retry=retry_if_exception(lambda error: retryable(error, policy)),
        reraise=True,
    )


# ---- how long a server asks to wait ---------------------------------------------------------------------------------------

_GO_DURATION: Final = re.compile(r"(?:(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns))")
_UNIT: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_TRY_AGAIN: Final = re.compile(r"try again in ((?:\d+(?:\.\d+)?(?:h|ms|m|s))+)")


def duration(text: str) -> float | None:
    """Seconds of a Go duration (`2m59.56s`, `7.66s`, `120ms`), or of a bare number; None for anything else."""
    text = text.strip()
    try:
        seconds = float(text)
    except ValueError:
        parts = _GO_DURATION.findall(text)
        if not parts or _GO_DURATION.sub("", text):
            return None
        seconds = sum(float(number) * _UNIT[unit] for number, unit in parts)
    return seconds if 0 <= seconds < float("inf") else None


def retry_after(
    headers: Mapping[str, str], message: str = "", kind: str | None = None
) -> float | None:
    """Seconds a server asked to wait; None where it did not say.

    Read in this order: `retry-after-ms`, `retry-after` (seconds or an HTTP date), "try again in 5.2s" in the message, and the reset
    time of the limit that is used up (`x-ratelimit-reset-requests` or `-tokens`; `kind` is the error's type where that names it).
    """
    if (text := headers.get("retry-after-ms")) and (wait := duration(text)) is not None:
        return wait / 1000
    if text := headers.get("retry-after"):
        if (wait := duration(text)) is not None:
            return wait
        from email.utils import parsedate_to_datetime  # slow to import, and dates are rare

        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            pass
    if found := _TRY_AGAIN.search(message):
        return duration(found[1])
    for limit in ("requests", "tokens"):
        if kind == limit or headers.get(f"x-ratelimit-remaining-{limit}") == "0":
            return duration(headers.get(f"x-ratelimit-reset-{limit}", ""))
    return None


def seconds_left(ends_at: float | None, *, sent: bool) -> float | None:
    """What is left of a total timeout (`time.monotonic()` when it ends), None without one. Raises TotalTimeoutError when it is over."""
    if ends_at is None:
        return None
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TotalTimeoutError(
            "The total_timeout of the call is over.", sent=sent, hint="Raise `total_timeout`."
        )
    return left
