"""One question put to a server over HTTP: paced, sent, tried again, read; whole or as it comes.

The steps are performed elsewhere (`flow`), what is worth another try is decided elsewhere (`retry`), and so is when (`pacing`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final
from urllib.parse import urlsplit

from structgen.errors import (
    APIError,
    Attempt,
    OutputRejectedError,
    RateLimitError,
    StreamBrokenError,
    StructgenError,
    TotalTimeoutError,
    TransportError,
)
from structgen.flow.ports import HttpPort, Stream
from structgen.flow.steps import Emit, Flow, Open, Read, Send, Sleep
from structgen.options import UNSET, Options
from structgen.values import Answer, Reply, Usage
from structgen.wire.dialect import Ask, Capabilities, Delta
from structgen.wire.rate_limits import Pacer
from structgen.wire.retry import Policy, decide, seconds_left
from structgen.wire.sse import Decoder
from structgen.wire.telemetry import CallRecord, Hook

TIMEOUT: Final = 60.0
"""Seconds for one try where the call says nothing; the connect phase has its own, shorter limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The way to one server: shared by all calls of a client.

    `rows`: the user's own capabilities, for other models of this provider. `pacer`: rate limits. `hooks`: told of every try.
    """

    port: HttpPort
    caps: Capabilities
    rows: tuple[Capabilities, ...] = ()
    policy: Policy = Policy()
    pacer: Pacer | None = None
    hooks: tuple[Hook, ...] = ()


def exchange(
    link: Link,
    question: Ask,
    options: Options,
    ends_at: float | None = None,
    attempts: list[Attempt] | None = None,
) -> Flow[Answer]:
    """The answer to a question, tried again as `retry` decides. `ends_at`: the total timeout, as `time.monotonic()` counts.

    `attempts` takes a record of every try that failed and was repeated. Raises TransportErrors, APIErrors and ConfigurationError.
    """
    tries = _Tries(link, question, options, ends_at, attempts)
    while True:
        try:
            if link.pacer is not None and (wait := tries.turn(link.pacer)):
                yield Sleep(wait)
            tries.reply = yield Send(link.port, tries.request, tries.timeout())
            answer = link.caps.dialect.parse(tries.reply, link.caps, tries.request)
        except (TransportError, APIError) as error:
            wait = tries.failed(error)
        else:
            tries.succeeded(answer)
            return answer
        yield Sleep(wait)


def hear(
    link: Link,
    question: Ask,
    options: Options,
    take: Callable[[Delta], Iterable[Any]],
    ends_at: float | None = None,
    attempts: list[Attempt] | None = None,
) -> Flow[None]:
    """The answer to a question as it comes: emits what `take` makes of each delta. Raises TransportErrors and APIErrors.

    A failure before the first piece of the answer is tried again like any other; a later one is raised, since what came cannot be
    taken back. An answer that ends without its end marker and without a finish reason raises StreamBrokenError.
    """
    tries = _Tries(link, question, options, ends_at, attempts)
    while True:
        try:
            yield from _heard(link, tries, take)
            return
        except (TransportError, APIError) as error:
            wait = tries.failed(error, final=tries.first is not None)
        yield Sleep(wait)


def _heard(link: Link, tries: _Tries, take: Callable[[Delta], Iterable[Any]]) -> Flow[None]:
    """One try of it."""
    stream = yield from _opened(link, tries)
    caps, request, parse_event = link.caps, tries.request, link.caps.dialect.parse_event
    decoder, read, last, finished = Decoder(), Read(stream), Answer(text=None), False
    held: list[Delta] = []  # what says nothing yet: a role, an id
    values: Iterable[Any]
    while not decoder.closed:
        tries.check()
        try:
            piece: bytes = yield read
        except TransportError:
            if not finished:
                raise
            piece = b""  # the answer is whole; how the connection ends is of no interest
        tries.received += len(piece)
        for event in decoder.feed(piece) if piece else decoder.close():
            delta = parse_event(event, caps, request)
            if delta.finish_reason or delta.usage or delta.done:
                finished = finished or delta.done or delta.finish_reason is not None
                last = replace(
                    last,
                    finish_reason=delta.finish_reason or last.finish_reason,
                    usage=delta.usage or last.usage,
                )
            if tries.first is None:
                held.append(delta)
                if not _says_something(delta):
                    continue
                tries.first_piece()
                values = chain.from_iterable(map(take, held))
            else:
                values = take(delta)
            for value in values:
                yield Emit(value)
    if not finished:
        raise StreamBrokenError(
            "The stream ended without its end marker and without a finish reason: the answer is cut.",
            sent=True,
            hint="The server or a proxy gave up. Ask again.",
        )
    tries.succeeded(last)


def _opened(link: Link, tries: _Tries) -> Flow[Stream]:
    if link.pacer is not None and (wait := tries.turn(link.pacer)):
        yield Sleep(wait)
    stream: Stream = yield Open(link.port, tries.request, tries.timeout())
    tries.reply = stream.reply
    if stream.reply.status != 200:
        raise link.caps.dialect.fault(stream.reply, link.caps, tries.request)
    return stream


def _says_something(delta: Delta) -> bool:
    return bool(
        delta.text
        or delta.reasoning
        or delta.refusal
        or delta.tool_calls
        or delta.finish_reason
        or delta.done
    )


class _Tries:
    """The tries of one question: their request, time, count and record."""

    __slots__ = (
        "_attempts", "_began", "_count", "_ends_at", "_failed", "_link", "_options", "_question", "_reserved", "_waited", "first",
        "received", "reply", "request",
    )  # fmt: skip

    def __init__(
        self,
        link: Link,
        question: Ask,
        options: Options,
        ends_at: float | None,
        attempts: list[Attempt] | None,
    ) -> None:
        self._link, self._question, self._options = link, question, options
        self._ends_at, self._attempts = ends_at, attempts
        self.request = link.caps.dialect.build(question, link.caps)
        self.reply: Reply | None = None
        self.received = 0
        self._failed: list[Attempt] = []
        self._count = self._reserved = 0
        self._began = self._waited = 0.0
        self.first: float | None = (
            None  # seconds to the first piece of the answer, where it is read as it comes
        )

    def turn(self, pacer: Pacer) -> float:
        """Seconds until the rate limits have room for this request. Raises TotalTimeoutError where that is too late."""
        now = time.monotonic()
        self._reserved = len(self.request.body) // 4 + self._answer_tokens()
        left = None if self._ends_at is None else self._ends_at - now
        wait = pacer.reserve(self._reserved, now, left)
        if left is not None and wait > left:
            raise TotalTimeoutError(
                f"The rate limits have room in {wait:.3g} s, and {max(left, 0):.3g} s are left of the total timeout.",
                wait=wait,
                hint="Raise `total_timeout`, or ask less at once.",
            )
        self._waited += wait
        return wait

    def _answer_tokens(self) -> int:
        """The answer's token limit, where there is one."""
        members = self._question.members
        limit = (
            members.get("max_completion_tokens")
            or members.get("max_tokens")
            or self._options.max_tokens
        )
        return limit if isinstance(limit, int) else 0

    def timeout(self) -> float | None:
        """Seconds the coming try may take. Raises TotalTimeoutError when there are none left."""
        limit = TIMEOUT if self._options.timeout is UNSET else self._options.timeout
        self._began = time.monotonic()
        left = seconds_left(self._ends_at, sent=self._count > 0)
        return limit if left is None else left if limit is None else min(left, limit)

    def check(self) -> None:
        """Raises TotalTimeoutError where the total timeout has passed in the middle of an answer."""
        seconds_left(self._ends_at, sent=True)

    def first_piece(self) -> None:
        self.first = time.monotonic() - self._began

    def succeeded(self, answer: Answer) -> None:
        if self._link.pacer is not None:
            self._learn(self._link.pacer, answer.usage.total_tokens)
        if self._link.hooks:
            self._tell(answer, None, final=True)

    def failed(self, error: TransportError | APIError, *, final: bool = False) -> float:
        """Seconds to wait before the next try. Raises the error, with all attempts, where there is to be none."""
        self._count += 1
        now = time.monotonic()
        if self._link.pacer is not None:
            self._learn(self._link.pacer, 0)
            if isinstance(error, RateLimitError) and error.retry_after:
                self._link.pacer.pause(error.retry_after, now)
        failed = Attempt(
            backend=f"{self._link.caps.provider}:{self._question.model}",
            mode=self._question.mode,
            text=error.failed_generation if isinstance(error, OutputRejectedError) else None,
            seconds=now - self._began,
            error=error,
        )
        self._failed.append(failed)
        try:
            if final:
                raise error
            wait = decide(
                error,
                tries=self._count,
                policy=self._policy(),
                remaining=None if self._ends_at is None else self._ends_at - now,
            )
        except StructgenError as last:
            last.attempts = tuple(self._failed)
            if self._link.hooks:
                self._tell(None, error, final=True)
            raise
        if self._attempts is not None:
            self._attempts.append(failed)
        if self._link.hooks:
            self._tell(None, error, final=False)
        self.reply, self._waited = None, wait
        return wait

    def _policy(self) -> Policy:
        policy = self._link.policy
        if self._options.max_retries is not UNSET:
            policy = replace(policy, max_retries=self._options.max_retries)
        return replace(policy, statuses=policy.statuses | self._link.caps.retried)

    def _learn(self, pacer: Pacer, used: int) -> None:
        pacer.settle(self._reserved, used or self._reserved)
        if self.reply is not None:
            pacer.learn(self.reply.headers, time.monotonic())

    def _tell(
        self, answer: Answer | None, error: TransportError | APIError | None, *, final: bool
    ) -> None:
        reply = self.reply
        record = CallRecord(
            provider=self._link.caps.provider,
            server=urlsplit(getattr(self._link.port, "base_url", "")).netloc.rpartition("@")[2],
            model=self._question.model,
            mode=self._question.mode,
            stream=self._question.stream,
            attempt=self._count + (error is None),
            waited=self._waited,
            seconds=time.monotonic() - self._began,
            ended=time.time(),
            sent=len(self.request.body),
            received=len(reply.body) + self.received if reply else 0,
            first=self.first,
            status_code=reply.status if reply else None,
            error=error,
            final=final,
            usage=answer.usage if answer else Usage(),
            finish_reason=answer.finish_reason if answer else None,
            answered_by=answer.model if answer else None,
            id=answer.id if answer else None,
            request_id=reply.headers.get("x-request-id") if reply else None,
        )
        for hook in self._link.hooks:
            hook(record)
