"""Whether to try again and how long to wait. Tenacity decides; nothing here waits.

Tenacity is imported when the first try has failed. The HTTP statuses are those of Groq's
documentation and of the vendors' SDKs: 408, 409, 429, 498 (Groq: flex capacity exceeded) and 5xx.
A provider's row may add more, such as 422 on Groq, which is about what the model wrote.
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

RETRIED_STATUSES: Final = frozenset({408, 409, 429, 498, *range(500, 600)})
"""HTTP statuses after which the same request may succeed."""

_FIRST_ERROR: Final = 300
"""The lowest HTTP status that is no success."""

RETRIED_ERRORS: Final = (ConnectionFailedError, RequestTimeoutError, StreamBrokenError)
"""Transport errors after which the same request may succeed. If `.sent` is true, the failed try may
have been billed; its Attempt is the record of that."""

_SHARE_OFF: Final = 0.25
"""The greatest share of a wait that is left out at random, so that clients that failed together do
not come back together."""
_SECONDS_ON: Final = 0.1
"""The greatest number of seconds that are added at random to a wait that the server asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How often to try again, after how long, and after which errors.

    The wait before the n-th further try is `initial * 2**(n-1)` seconds, up to `max_wait`, less up
    to a quarter at random. A wait that the server asked for goes before it.
    """

    max_retries: int = 2
    """The number of further tries."""
    initial: float = 0.5
    """Seconds of the first wait."""
    max_wait: float = 8.0
    """The longest wait of our own choice, in seconds."""
    max_asked_wait: float = 120.0
    """The longest wait that a server may ask for if there is no total timeout, in seconds."""
    statuses: frozenset[int] = frozenset()
    """HTTP statuses that are tried again, besides RETRIED_STATUSES."""
    rejected: bool = False
    """Whether to ask again after an output that the server itself rejected; False if the caller
    recovers from it."""


def retryable(error: BaseException, policy: Policy) -> bool:
    """Whether the same request may succeed if it is sent again.

    If the server said so itself (`x-should-retry`), it decides.

    Args:
        error: Why the last try failed.
        policy: The errors that are worth another try.
    """
    if isinstance(error, OutputRejectedError):
        return policy.rejected
    if isinstance(error, APIError):
        if error.should_retry is not None:
            return error.should_retry
        if error.status_code is None or error.status_code < _FIRST_ERROR:
            # The error came inside a stream, or a 200 had a body that is no answer.
            return isinstance(error, ServerError)
        return error.status_code in RETRIED_STATUSES or error.status_code in policy.statuses
    return isinstance(error, RETRIED_ERRORS)


def decide(
    error: StructgenError, *, tries: int, policy: Policy, remaining: float | None = None
) -> float:
    """Decide whether to try again, and return the seconds to wait before it.

    Args:
        error: How the last try ended.
        tries: The number of tries so far.
        policy: How often to try, and after what.
        remaining: Seconds that are left of the total timeout; None for no timeout.

    Raises:
        StructgenError: `error` itself, if another try is of no use, one too many, or too late.
        TotalTimeoutError: If the wait is longer than what is left of the total timeout.
    """
    from tenacity import RetryCallState

    engine = _engine(policy)
    state = RetryCallState(engine, fn=None, args=(), kwargs={})
    state.attempt_number = tries
    state.set_exception((type(error), error, error.__traceback__))
    engine.begin()  # reset the counters that `iter` keeps per thread
    wait = cast("float", engine.iter(state))
    if remaining is None and wait > policy.max_asked_wait:
        raise error
    if remaining is not None and wait >= remaining:
        raise TotalTimeoutError(
            f"The next try has to wait {wait:.3g} s, but only {max(remaining, 0):.3g} s are left "
            "of the total timeout.",
            wait=wait,
            sent=getattr(error, "sent", True),
            hint="Raise `total_timeout`, or ask again later.",
        ) from error
    return wait


@lru_cache(maxsize=64)
def _engine(policy: Policy) -> BaseRetrying:
    """Tenacity's engine for a policy. Its `iter` returns the seconds, or raises the last error."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    backoff = wait_exponential(multiplier=policy.initial, max=policy.max_wait)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "retry_after", None)
        if asked is not None:
            return float(asked) + random.random() * _SECONDS_ON  # noqa: S311 - not a secret
        return backoff(state) * (1 - _SHARE_OFF * random.random())  # noqa: S311

    return Retrying(
        stop=stop_after_attempt(policy.max_retries + 1),
        wait=wait,
        retry=retry_if_exception(lambda error: retryable(error, policy)),
        reraise=True,
    )


# ---- how long a server asks to wait --------------------------------------------------

_GO_DURATION: Final = re.compile(r"(?:(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns))")
_UNIT: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_TRY_AGAIN: Final = re.compile(r"try again in ((?:\d+(?:\.\d+)?(?:h|ms|m|s))+)")


def parse_duration(text: str) -> float | None:
    """Read a duration, in seconds.

    Args:
        text: A Go duration (`2m59.56s`, `7.66s`, `120ms`) or a bare number of seconds.

    Returns:
        The seconds; None if the text is anything else.
    """
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
    """Find the seconds that a server asked to wait.

    They are looked for in this order: `retry-after-ms`, `retry-after` (seconds or an HTTP date),
    "try again in 5.2s" in the message, and the reset time of the limit that is used up
    (`x-ratelimit-reset-requests` or `-tokens`).

    Args:
        headers: The reply's headers, with lower-case names.
        message: The error's message.
        kind: The error's type, which may name the limit that is used up.

    Returns:
        The seconds; None if the server did not ask for a wait.
    """
    if (text := headers.get("retry-after-ms")) and (wait := parse_duration(text)) is not None:
        return wait / 1000
    if text := headers.get("retry-after"):
        if (wait := parse_duration(text)) is not None:
            return wait
        if (wait := _seconds_until(text)) is not None:
            return wait
    if found := _TRY_AGAIN.search(message):
        return parse_duration(found[1])
    for limit in ("requests", "tokens"):
        if kind == limit or headers.get(f"x-ratelimit-remaining-{limit}") == "0":
            return parse_duration(headers.get(f"x-ratelimit-reset-{limit}", ""))
    return None


def _seconds_until(http_date: str) -> float | None:
    from email.utils import parsedate_to_datetime  # slow to import, and dates are rare

    try:
        return max(0.0, parsedate_to_datetime(http_date).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def seconds_left(ends_at: float | None, *, sent: bool) -> float | None:
    """Compute the seconds that are left of a total timeout; None if there is no timeout.

    Args:
        ends_at: When the timeout is over, in seconds of `time.monotonic()`.
        sent: Whether a request was sent, for the error.

    Raises:
        TotalTimeoutError: If no time is left.
    """
    if ends_at is None:
        return None
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TotalTimeoutError(
            "The call's total_timeout is over.", sent=sent, hint="Raise `total_timeout`."
        )
    return left
