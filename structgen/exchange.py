"""One question put to a server over HTTP: paced, sent, tried again, read; whole or as it comes.

The steps are performed elsewhere (`flow`), what is worth another try is decided elsewhere (`retry`), and so is when (`pacing`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from structgen.dialects.base import Ask, Capabilities, Delta
from structgen.errors import APIError, DeadlineExceeded, OutputRejected, RateLimited, StreamBroken, StructgenError, TransportError
from structgen.flow import Flow, HttpPort, Open, Read, Send, Sleep, Stream
from structgen.pacing import Pacer
from structgen.retry import Policy, decide
from structgen.sse import Decoder, Event
from structgen.telemetry import CallRecord, Hook
from structgen.types import UNSET, Answer, Attempt, Options, Reply, Usage

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
    link: Link, question: Ask, options: Options, ends_at: float | None = None, attempts: list[Attempt] | None = None
) -> Flow[Answer]:
    """The answer to a question, tried again as `retry` decides. `ends_at`: the deadline, as `time.monotonic()` counts.

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


class Deltas:
    """The answer to a question as it comes, `next()` by `next()`.

    A failure before the first piece of the answer is tried again like any other; a later one is raised, since what came cannot be
    taken back. An answer that ends without its end marker and without a finish reason raises StreamBroken.
    """

    __slots__ = ("_decoder", "_error", "_finished", "_given", "_held", "_last", "_link", "_stream", "_tries")

    def __init__(
        self, link: Link, question: Ask, options: Options, ends_at: float | None = None, attempts: list[Attempt] | None = None
    ) -> None:
        self._link = link
        self._tries = _Tries(link, question, options, ends_at, attempts)
        self._given = False  # has anything of the answer been handed on?
        self._reset()

    def _reset(self) -> None:
        self._stream: Stream | None = None
        self._decoder = Decoder()
        self._held: list[Delta] = []  # deltas that say nothing yet: a role, an id
        self._error: TransportError | APIError | None = None  # stands behind deltas that were handed on first
        self._last = Answer(text=None)
        self._finished = False

    def next(self) -> Flow[list[Delta]]:
        """The deltas that came since; [] when the answer is complete. Raises TransportErrors and APIErrors."""
        while True:
            try:
                return (yield from self._next())
            except (TransportError, APIError) as error:
                wait = self._tries.failed(error, final=self._given)
            yield Sleep(wait)
            self._reset()

    def _next(self) -> Flow[list[Delta]]:
        if self._error:
            raise self._error
        stream = self._stream or (yield from self._open())
        while True:
            self._tries.check()
            try:
                piece: bytes = yield Read(stream)
            except TransportError:
                if not self._finished:
                    raise
                piece = b""  # the answer is whole; how the connection ends is of no interest
            self._tries.received += len(piece)
            deltas = self._read(self._decoder.feed(piece) if piece else self._decoder.close())
            if deltas:
                self._given = True
                return deltas
            if self._error:
                raise self._error
            if not piece:
                self._end()
                self._tries.succeeded(self._last)
                return []

    def _open(self) -> Flow[Stream]:
        link, tries = self._link, self._tries
        if link.pacer is not None and (wait := tries.turn(link.pacer)):
            yield Sleep(wait)
        stream: Stream = yield Open(link.port, tries.request, tries.timeout())
        self._stream, tries.reply = stream, stream.reply
        if stream.reply.status != 200:
            raise link.caps.dialect.fault(stream.reply, link.caps, tries.request)
        return stream

    def _read(self, events: list[Event]) -> list[Delta]:
        """The deltas to hand on. An error behind them waits for the next call."""
        for event in events:
            try:
                delta = self._link.caps.dialect.parse_event(event, self._link.caps, self._tries.request)
            except (TransportError, APIError) as error:
                self._error = error
                break
            self._held.append(delta)
            if delta.finish or delta.usage or delta.done:
                self._finished = self._finished or delta.done or delta.finish is not None
                self._last = replace(self._last, finish=delta.finish or self._last.finish, usage=delta.usage or self._last.usage)
        if not self._given and not any(_says_something(delta) for delta in self._held):
            return []
        if not self._given:
            self._tries.first_piece()
        deltas, self._held = self._held, []
        return deltas

    def _end(self) -> None:
        """Was that all of it? Raises the error that came without framing, or StreamBroken."""
        if self._finished:
            return
        stray = self._decoder.stray.strip().removeprefix(b"error:")
        if b'"error"' in stray or b'"message"' in stray:
            raise self._link.caps.dialect.fault(Reply(200, {}, stray), self._link.caps, self._tries.request)
        raise StreamBroken(
            "The stream ended without its end marker and without a finish reason: the answer is cut.",
            sent=True,
            hint="The server or a proxy gave up. Ask again.",
        )


def _says_something(delta: Delta) -> bool:
    return bool(delta.text or delta.reasoning or delta.refusal or delta.tool_calls or delta.finish or delta.done)


class _Tries:
    """The tries of one question: their request, time, count and record."""

    __slots__ = (
        "_attempts", "_began", "_count", "_ends_at", "_failed", "_first", "_link", "_options", "_question", "_reserved", "_waited",
        "received", "reply", "request",
    )  # fmt: skip

    def __init__(self, link: Link, question: Ask, options: Options, ends_at: float | None, attempts: list[Attempt] | None) -> None:
        self._link, self._question, self._options = link, question, options
        self._ends_at, self._attempts = ends_at, attempts
        self.request = link.caps.dialect.build(question, link.caps)
        self.reply: Reply | None = None
        self.received = 0
        self._failed: list[Attempt] = []
        self._count = self._reserved = 0
        self._began = self._waited = 0.0
        self._first: float | None = None

    def turn(self, pacer: Pacer) -> float:
        """Seconds until the rate limits have room for this request. Raises DeadlineExceeded where that is too late."""
        now = time.monotonic()
        self._reserved = len(self.request.body) // 4 + self._answer_tokens()
        left = None if self._ends_at is None else self._ends_at - now
        wait = pacer.reserve(self._reserved, now, left)
        if left is not None and wait > left:
            raise DeadlineExceeded(
                f"The rate limits have room in {wait:.3g} s, and {max(left, 0):.3g} s are left of the deadline.",
                wait=wait,
                hint="Raise `deadline`, or ask less at once.",
            )
        self._waited += wait
        return wait

    def _answer_tokens(self) -> int:
        """The answer's token limit, where there is one."""
        members = self._question.members
        limit = members.get("max_completion_tokens") or members.get("max_tokens") or self._options.max_tokens
        return limit if isinstance(limit, int) else 0

    def timeout(self) -> float | None:
        """Seconds the coming try may take. Raises DeadlineExceeded when there are none left."""
        limit = TIMEOUT if self._options.timeout is UNSET else self._options.timeout
        self._began = time.monotonic()
        if self._ends_at is None:
            return limit
        left = self._ends_at - self._began
        if left <= 0:
            raise DeadlineExceeded("The deadline of the call is over.", sent=self._count > 0, hint="Raise `deadline`.")
        return left if limit is None else min(left, limit)

    def check(self) -> None:
        """Raises DeadlineExceeded where the deadline has passed in the middle of an answer."""
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            raise DeadlineExceeded("The deadline of the call is over.", sent=True, hint="Raise `deadline`.")

    def first_piece(self) -> None:
        self._first = time.monotonic() - self._began

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
            if isinstance(error, RateLimited) and error.retry_after:
                self._link.pacer.pause(error.retry_after, now)
        failed = Attempt(
            backend=f"{self._link.caps.provider}:{self._question.model}",
            mode=self._question.mode,
            text=error.failed_generation if isinstance(error, OutputRejected) else None,
            seconds=now - self._began,
            error=error,
        )
        self._failed.append(failed)
        try:
            if final:
                raise error
            wait = decide(
                error, tries=self._count, policy=self._policy(), remaining=None if self._ends_at is None else self._ends_at - now
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

    def _tell(self, answer: Answer | None, error: TransportError | APIError | None, *, final: bool) -> None:
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
            first=self._first,
            status=reply.status if reply else None,
            error=error,
            final=final,
            usage=answer.usage if answer else Usage(),
            finish=answer.finish if answer else None,
            answered_by=answer.model if answer else None,
            id=answer.id if answer else None,
            request_id=reply.headers.get("x-request-id") if reply else None,
        )
        for hook in self._link.hooks:
            hook(record)
