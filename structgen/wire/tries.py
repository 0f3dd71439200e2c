"""The tries of one chat request: their time, their number, their rate limits and their records.

Nothing here sends or waits; `exchange` does that.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from logging import DEBUG
from typing import Final
from urllib.parse import urlsplit

from structgen.errors import (
    APIError,
    Attempt,
    OutputRejectedError,
    RateLimitError,
    RequestTimeoutError,
    StructgenError,
    TotalTimeoutError,
    TransportError,
)
from structgen.options import UNSET, Options
from structgen.prompt.attachments import estimate_tokens_of_body
from structgen.values import Answer, Reply, Usage
from structgen.wire.attachments import check_attachments, counter_of
from structgen.wire.dialect import ChatRequest
from structgen.wire.link import Link
from structgen.wire.rate_limits import Pacer
from structgen.wire.raw import request_id_of
from structgen.wire.retry import Policy, decide, seconds_left
from structgen.wire.telemetry import LOG, CallRecord, call_hook, log_try, log_wait
from structgen.wire.tiers import check_tier

TIMEOUT: Final = 60.0
"""Seconds for one try, unless the call says otherwise; connecting has a shorter limit."""

_LONG_WAIT: Final = 1.0
"""Seconds from which on a wait for the rate limits is logged."""
_CLOCK_TICK: Final = 0.02
"""Seconds by which a timer may fire before its time."""


class Tries:
    """The tries of one chat request.

    Args:
        link: The way to the server.
        chat_request: The request to send; it is built into an HTTP request at once.
        options: The timeouts and the number of tries.
        ends_at: When the total timeout is over, in seconds of `time.monotonic()`.
        attempts: Takes a record of every try that failed and was repeated.

    Raises:
        ConfigurationError: If the server does not take something that the request has.
        InputError: If the model does not take the images or files that the messages hold.
    """

    __slots__ = (
        "_attempts",
        "_chat_request",
        "_ends_at",
        "_failed",
        "_link",
        "_options",
        "_reserved",
        "_started",
        "_waited",
        "first_piece_after",
        "http_request",
        "received",
        "reply",
    )

    def __init__(
        self,
        link: Link,
        chat_request: ChatRequest,
        options: Options,
        ends_at: float | None,
        attempts: list[Attempt] | None,
    ) -> None:
        self._link, self._chat_request, self._options = link, chat_request, options
        self._ends_at, self._attempts = ends_at, attempts
        self._failed: list[Attempt] = []
        self._reserved = 0
        self._started = self._waited = 0.0
        check_attachments(chat_request.messages, link.caps, chat_request.model)
        check_tier(chat_request, link.caps)
        self.http_request = link.caps.dialect.build(chat_request, link.caps)
        self.reply: Reply | None = None
        self.received = 0
        """Bytes of a streamed answer that have come."""
        self.first_piece_after: float | None = None
        """Seconds from the start of a try to the first piece of its streamed answer."""

    # ---- before a try

    def reserve(self) -> float:
        """Take a place under the rate limits, and return the seconds until it is due.

        Raises:
            TotalTimeoutError: If that is later than the total timeout.
        """
        pacer = self._link.pacer
        if pacer is None:
            return 0.0
        now = time.monotonic()
        messages = self._chat_request.messages
        caps, model = self._link.caps, self._chat_request.model
        prompt_tokens = estimate_tokens_of_body(
            self.http_request.body, messages, counter_of(caps, model)
        )
        self._reserved = prompt_tokens + self._max_answer_tokens()
        left = None if self._ends_at is None else self._ends_at - now
        wait = pacer.reserve(self._reserved, now, left)
        if left is not None and wait > left:
            raise TotalTimeoutError(
                f"The rate limits allow the next request in {wait:.3g} s, but only "
                f"{max(left, 0):.3g} s are left of the total timeout.",
                wait=wait,
                hint="Raise `total_timeout`, or send fewer requests at once.",
            )
        self._waited += wait
        if wait >= _LONG_WAIT:
            LOG.info("%s waits %.1f s for its rate limits", self._link.caps.provider, wait)
        return wait

    def give_back(self) -> None:
        """Give back the place that `reserve` took: nothing is sent."""
        if self._link.pacer is not None:
            self._link.pacer.give_back(self._reserved)

    def _max_answer_tokens(self) -> int:
        members = {**self._chat_request.members, **self._chat_request.extra_body}
        limit = (
            members.get("max_completion_tokens")
            or members.get("max_tokens")
            or self._options.max_tokens
        )
        return limit if isinstance(limit, int) else 0

    def start(self) -> float | None:
        """Start a try, and return the seconds that it may take; None for no limit.

        Raises:
            TotalTimeoutError: If the total timeout is over.
        """
        timeout = TIMEOUT if self._options.timeout is UNSET else self._options.timeout
        self._started = time.monotonic()
        left = seconds_left(self._ends_at, sent=bool(self._failed))
        if left is None or timeout is None:
            return timeout if left is None else left
        return min(left, timeout)

    # ---- during a try

    def check_time(self) -> None:
        """Raise TotalTimeoutError if the total timeout has passed in the middle of an answer."""
        seconds_left(self._ends_at, sent=True)

    def record_first_piece(self) -> None:
        """Note when the first piece of a streamed answer came."""
        self.first_piece_after = time.monotonic() - self._started

    # ---- after a try

    def record_answer(self, answer: Answer) -> None:
        """Correct the rate limits by the tokens that were used, and call the hooks.

        Args:
            answer: The answer of the last try.
        """
        if self._link.pacer is not None:
            self._settle(self._link.pacer, answer.usage.total_tokens)
            self._link.pacer.count(refused=False)
        self._tell(answer, None, final=True)

    def record_failure(self, error: TransportError | APIError, *, final: bool = False) -> float:
        """Note why a try failed, and return the seconds to wait before the next one.

        Args:
            error: Why it failed.
            final: Whether there is to be no further try, whatever the error.

        Raises:
            TransportError, APIError: The error, with all attempts, if there is no further try.
            TotalTimeoutError: If the total timeout ends before the next try could start.
        """
        now = time.monotonic()
        error = self._as_total_timeout(error, now)
        if (pacer := self._link.pacer) is not None:
            self._settle(pacer, 0)
            pacer.count(refused=isinstance(error, RateLimitError))
            if isinstance(error, RateLimitError) and error.retry_after and pacer.refuses_many:
                pacer.pause(error.retry_after, now)
        attempt = self._attempt(error, now - self._started)
        self._failed.append(attempt)
        try:
            if final or isinstance(error, TotalTimeoutError):
                raise error
            wait = decide(
                error,
                tries=len(self._failed),
                policy=self._policy(),
                remaining=None if self._ends_at is None else self._ends_at - now,
            )
        except StructgenError as last:
            last.attempts = tuple(self._failed)
            self._tell(None, error, final=True)
            raise
        log_wait(attempt.backend, len(self._failed), error, wait)
        if self._attempts is not None:
            self._attempts.append(attempt)
        self._tell(None, error, final=False)
        self.reply, self._waited = None, wait
        return wait

    def _as_total_timeout(
        self, error: TransportError | APIError, now: float
    ) -> TransportError | APIError:
        """Give a try's timeout the name of the total timeout, if that was what ended the try."""
        is_over = self._ends_at is not None and now >= self._ends_at - _CLOCK_TICK
        if not is_over or not isinstance(error, RequestTimeoutError):
            return error
        total = TotalTimeoutError(
            "The call's total_timeout is over.", sent=error.sent, hint="Raise `total_timeout`."
        )
        total.__cause__ = error
        return total

    def _attempt(self, error: TransportError | APIError, seconds: float) -> Attempt:
        return Attempt(
            backend=f"{self._link.caps.provider}:{self._chat_request.model}",
            mode=self._chat_request.mode,
            text=error.failed_generation if isinstance(error, OutputRejectedError) else None,
            seconds=seconds,
            error=error,
        )

    def _policy(self) -> Policy:
        policy = self._link.policy
        if self._options.max_retries is not UNSET:
            policy = replace(policy, max_retries=self._options.max_retries)
        return replace(policy, statuses=policy.statuses | self._link.caps.retried)

    def _settle(self, pacer: Pacer, used: int) -> None:
        pacer.settle(self._reserved, used or self._reserved)
        if self.reply is not None:
            pacer.learn(self.reply.headers, time.monotonic())

    def _tell(
        self, answer: Answer | None, error: TransportError | APIError | None, *, final: bool
    ) -> None:
        """Tell the log and the hooks of a try that ended."""
        if not self._link.hooks and not LOG.isEnabledFor(DEBUG):
            return
        reply = self.reply
        base_url = getattr(self._link.port, "base_url", "")
        record = CallRecord(
            provider=self._link.caps.provider,
            server=_server_of(base_url),
            model=self._chat_request.model,
            mode=self._chat_request.mode,
            stream=self._chat_request.stream,
            attempt=len(self._failed) + (error is None),
            waited=self._waited,
            seconds=time.monotonic() - self._started,
            ended=time.time(),
            sent=len(self.http_request.body),
            received=len(reply.body) + self.received if reply else 0,
            first=self.first_piece_after,
            status_code=reply.status if reply else None,
            error=error,
            final=final,
            usage=answer.usage if answer else Usage(),
            finish_reason=answer.finish_reason if answer else None,
            answered_by=answer.model if answer else None,
            id=answer.id if answer else None,
            request_id=request_id_of(reply.headers) if reply else None,
        )
        log_try(record)
        for hook in self._link.hooks:
            call_hook(hook, record)


@lru_cache(maxsize=64)
def _server_of(base_url: str) -> str:
    """The host and port of a URL."""
    return urlsplit(base_url).netloc.rpartition("@")[2]
