"""One chat request and its answer over HTTP: paced, sent, tried again, and read whole or streamed.

The steps are performed by `flow`. Which errors are worth another try is decided in `retry`, and
when the next try may go in `rate_limits`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from structgen.errors import APIError, Attempt, StreamBrokenError, TransportError
from structgen.flow.ports import Stream
from structgen.flow.steps import Emit, Flow, Open, Read, Send, Sleep
from structgen.options import Options
from structgen.values import Answer, Usage
from structgen.wire.dialect import ChatRequest, Delta
from structgen.wire.link import Link
from structgen.wire.tries import Tries


def exchange(
    link: Link,
    chat_request: ChatRequest,
    options: Options,
    ends_at: float | None = None,
    attempts: list[Attempt] | None = None,
) -> Flow[Answer]:
    """Ask a server and return its whole answer, after as many tries as `retry` allows.

    Args:
        link: The way to the server.
        chat_request: The request to send.
        options: The timeouts and the number of tries.
        ends_at: When the total timeout is over, in seconds of `time.monotonic()`.
        attempts: Takes a record of every try that failed and was repeated.

    Raises:
        ConfigurationError: If the server does not take something that the request has.
        TransportError: If no answer came; the last try's error, with all attempts.
        APIError: If the server answered with an error; with all attempts.
    """
    tries = Tries(link, chat_request, options, ends_at, attempts)
    while True:
        try:
            if wait := tries.reserve():
                yield from _wait_for_place(tries, wait)
            tries.reply = yield Send(link.port, tries.http_request, tries.start())
            answer = link.caps.dialect.parse(tries.reply, link.caps, tries.http_request)
        except (TransportError, APIError) as error:
            wait = tries.record_failure(error)
        else:
            tries.record_answer(answer)
            return answer
        yield Sleep(wait)


def exchange_stream(
    link: Link,
    chat_request: ChatRequest,
    options: Options,
    take: Callable[[Delta], Iterable[Any]],
    ends_at: float | None = None,
    attempts: list[Attempt] | None = None,
) -> Flow[None]:
    """Ask a server and emit what `take` makes of each delta of its streamed answer.

    A failure before the first piece of the answer is tried again like any other. A later one is
    raised, since the pieces that came cannot be taken back.

    Args:
        link: The way to the server.
        chat_request: The request to send, with `stream=True`.
        options: The timeouts and the number of tries.
        take: Is called with every delta; each value that it gives is emitted.
        ends_at: When the total timeout is over, in seconds of `time.monotonic()`.
        attempts: Takes a record of every try that failed and was repeated.

    Raises:
        StreamBrokenError: If the answer ends without its end marker and a finish reason.
        ConfigurationError: If the server does not take something that the request has.
        TransportError: If no answer came, or it broke off; with all attempts.
        APIError: If the server answered with an error; with all attempts.
    """
    tries = Tries(link, chat_request, options, ends_at, attempts)
    while True:
        try:
            yield from _stream_once(link, tries, take)
            return
        except (TransportError, APIError) as error:
            wait = tries.record_failure(error, final=tries.first_piece_after is not None)
        yield Sleep(wait)


def _stream_once(link: Link, tries: Tries, take: Callable[[Delta], Iterable[Any]]) -> Flow[None]:
    """One try of a streamed answer."""
    stream = yield from _open_stream(link, tries)
    caps, http_request = link.caps, tries.http_request
    parse_event = caps.dialect.parse_event
    decoder, read = caps.dialect.decoder(), Read(stream)
    finish_reason, usage, finished = None, Usage(), False
    waiting: list[Delta] = []  # deltas before the first piece of text: a role, an id
    values: Iterable[Any]
    while not decoder.closed:
        tries.check_time()
        try:
            piece: bytes = yield read
        except TransportError:
            if not finished:
                raise
            piece = b""  # the answer is whole, so it does not matter how the connection ends
        tries.received += len(piece)
        for event in decoder.feed(piece) if piece else decoder.close():
            delta = parse_event(event, caps, http_request)
            if delta.finish_reason or delta.usage or delta.done:
                finished = finished or delta.done or delta.finish_reason is not None
                finish_reason = delta.finish_reason or finish_reason
                usage = usage.largest(delta.usage) if delta.usage else usage
            if tries.first_piece_after is None:
                waiting.append(delta)
                if not _has_content(delta):
                    continue
                tries.record_first_piece()
                values = chain.from_iterable(map(take, waiting))
            else:
                values = take(delta)
            for value in values:
                yield Emit(value)
    if not finished:
        raise StreamBrokenError(
            "The stream ended without an end marker and a finish reason: the answer is cut.",
            sent=True,
            hint="The server or a proxy gave up. Ask again.",
        )
    tries.record_answer(Answer(text=None, finish_reason=finish_reason, usage=usage))


def _wait_for_place(tries: Tries, seconds: float) -> Flow[None]:
    """Wait for a place under the rate limits; give it back if the call is abandoned meanwhile."""
    try:
        yield Sleep(seconds)
    except GeneratorExit:
        tries.give_back()
        raise


def _open_stream(link: Link, tries: Tries) -> Flow[Stream]:
    if wait := tries.reserve():
        yield from _wait_for_place(tries, wait)
    stream: Stream = yield Open(link.port, tries.http_request, tries.start())
    tries.reply = stream.reply
    if stream.reply.status != 200:
        raise link.caps.dialect.parse_error(stream.reply, link.caps, tries.http_request)
    return stream


def _has_content(delta: Delta) -> bool:
    return bool(
        delta.text
        or delta.reasoning
        or delta.refusal
        or delta.tool_calls
        or delta.finish_reason
        or delta.done
    )
