"""One question to one backend in one mode, and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from structgen.answer.read import recover_rejected
from structgen.errors import EngineError, OutputRejectedError, StructgenError, Truncated
from structgen.extraction.attempts import CallState
from structgen.extraction.backend import Backend
from structgen.extraction.deciding import decided_answer, decision_request
from structgen.extraction.thinking import with_room_for_thoughts
from structgen.flow.steps import Flow, Generate
from structgen.options import Options
from structgen.schema.compiler import Compiled
from structgen.values import Answer, Message, Mode
from structgen.wire.dialect import ChatRequest
from structgen.wire.exchange import exchange
from structgen.wire.link import Link


def chat_request(
    backend: Backend,
    mode: Mode,
    compiled: Compiled[Any],
    messages: Sequence[Message],
    options: Options,
    *,
    stream: bool = False,
) -> ChatRequest:
    """The question as a dialect takes it."""
    return ChatRequest(
        model=backend.model,
        messages=messages,
        options=with_room_for_thoughts(options, backend),
        mode=mode,
        schema=compiled.dumps(),
        schema_name=compiled.name,
        stream=stream,
        include_usage=stream,
    )


def get_whole_answer(
    backend: Backend,
    mode: Mode,
    compiled: Compiled[Any],
    messages: Sequence[Message],
    state: CallState,
) -> Flow[Answer]:
    """Ask, and wait for the whole answer."""
    if mode == "decisions":
        link, asked = decision_request(backend, compiled, messages, state.options)
        told = yield from exchange(link, asked, state.options, state.ends_at, state.attempts)
        return decided_answer(told, compiled)
    if isinstance(backend.via, Link):
        request = chat_request(backend, mode, compiled, messages, state.options)
        return (
            yield from exchange(backend.via, request, state.options, state.ends_at, state.attempts)
        )
    port, options = state.engine(backend, compiled), state.engine_options()
    answer: Answer = yield Generate(port, messages, compiled.schema, options, state.document)
    return answer


def ask_backend(
    backend: Backend,
    mode: Mode,
    compiled: Compiled[Any],
    messages: Sequence[Message],
    state: CallState,
) -> Flow[Answer]:
    """Ask, unless the backend's breaker is open.

    An answer that the server rejected is returned all the same if it is valid.
    """
    backend.breaker.check(backend.name)
    try:
        answer = yield from state.get_answer(backend, mode, compiled, messages, state)
    except OutputRejectedError as error:
        backend.breaker.record(error)
        recovered = recover_rejected(error, compiled, state.document)
        if isinstance(recovered, Truncated):
            state.received = Answer(text=error.failed_generation)
            raise recovered from error
        if isinstance(recovered, Answer):
            return recovered
        raise
    except EngineError as error:
        backend.breaker.record(error)
        state.check_time(error)  # an engine is told one timeout, the shorter one
        raise
    except StructgenError as error:
        backend.breaker.record(error)
        raise
    backend.breaker.record(None)
    return answer
