"""The extraction flow: ask, read, decode, prove; and on failure ask again, step down or fall back.

One generator serves every backend, sync and async. It ends in an `Extraction`, or in a typed error
that carries every attempt. What is tried after a failure, and after which:

    the same request again      after what may pass (`wire.retry`): connection, 429, 5xx
    the same question again     after an invalid answer, with its violations; never after a refusal
    the rest of the answer      after an answer that was cut, if `max_continuations` allows it
    the same without a keyword  if the server refuses a keyword of the schema; it is remembered
    the next weaker mode        if this mode cannot hold the schema, or the server rejects it or its
                                own output
    the next backend            after everything that another backend may do better
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from structgen.answer.continuation import Continuation
from structgen.answer.grounding import said_in
from structgen.answer.read import breaks_schema
from structgen.answer.unstated import Rules
from structgen.answer.wording import asks_for_more
from structgen.errors import (
    APIError,
    Attempt,
    BadRequestError,
    BudgetExceededError,
    ConfigurationError,
    InputError,
    OutputError,
    OutputRejectedError,
    SchemaError,
    StructgenError,
    TargetError,
    TotalTimeoutError,
    Truncated,
)
from structgen.extraction.ask import ask_backend, get_whole_answer
from structgen.extraction.attempts import CallState, GetAnswer
from structgen.extraction.backend import Backend
from structgen.extraction.learned import MOST_STEPS
from structgen.extraction.outcome import (
    Turn,
    ask_for_rest,
    faults_to_report,
    keep_valid_items,
    make_extraction,
    read_turn,
)
from structgen.extraction.question import Question
from structgen.extraction.supported import support_for
from structgen.flow.steps import Flow
from structgen.options import UNSET
from structgen.prompt.messages import reask
from structgen.results import Extraction
from structgen.schema.compiler import Compiled
from structgen.values import Answer, Message, Mode

T = TypeVar("T")

_LOG: Final = logging.getLogger("structgen.extraction")
"""Where steps down, fallbacks and repeated questions are logged."""
SAME_EVERYWHERE: Final = (
    ConfigurationError,
    InputError,
    TargetError,
    TotalTimeoutError,
    BudgetExceededError,
)
"""Errors that no other mode or backend can mend."""

_NO_ENDPOINT: Final = frozenset({200, 404, 405, 501})
"""What servers answer at a path that they do not have. A 200 that is no answer counts, too."""
_ABOUT_THE_SCHEMA: Final = ("response_format", "json_schema", "schema", "structured", "grammar")
"""Words of a 400 or 422 which tell that the server refuses the schema, not the request."""


def extract(
    backends: Sequence[Backend],
    question: Question[T],
    get_answer: GetAnswer = get_whole_answer,
    billed: list[Attempt] | None = None,
) -> Flow[Extraction[T]]:
    """The value that the document states, from the first backend that gives one.

    Args:
        backends: Who to ask, in order.
        question: What to ask.
        get_answer: How to get each answer.
        billed: Takes the attempts, if several samples of one call share its budgets.

    Returns:
        The result.

    Raises:
        StructgenError: If no backend gives a value. `attempts` has every try.
    """
    total_timeout = question.options.total_timeout
    ends_at = time.monotonic() + total_timeout if isinstance(total_timeout, (int, float)) else None
    state = CallState(
        question.options,
        get_answer,
        billed=[] if billed is None else billed,
        ends_at=ends_at,
        document=question.text_to_copy_from(),
        rules=rules_for(question),
        support=support_for(question),
    )
    for backend in backends:
        question.check_options(backend)
    for backend in backends:
        try:
            return (yield from one_backend(backend, question.asked_of(backend), state))
        except StructgenError as error:
            error.attempts = tuple(state.attempts)
            last = backend is backends[-1]
            if last or state.handed_out or isinstance(error, SAME_EVERYWHERE):
                raise
            _LOG.warning("%s failed (%s): the fallback is asked", backend.name, _kind(error))
    raise ConfigurationError("There is no backend to ask.", hint="Give the client a model.")


def rules_for(question: Question[Any]) -> Rules:
    """The rules for what the document does not state.

    Args:
        question: What is asked. Its context counts as a part of the document. If its instructions
            ask for labels, summaries and the like, no text is looked up.
    """
    said = said_in(question.document)
    keeps = question.options.on_ungrounded == "keep" or asks_for_more(question.instructions or "")
    texts = filter(None, (said, question.context))
    return Rules(question.target, None if keeps or said is None else "\n".join(texts))


def one_backend(backend: Backend, question: Question[T], state: CallState) -> Flow[Extraction[T]]:
    """Try one backend, strongest mode first."""
    *stronger, weakest = question.modes(backend)
    for mode, subset in stronger:
        if mode == "decisions" and backend.lacks_decisions.is_set():
            continue  # here, so that a plan and the fingerprint of a job stay as they are
        try:
            return (yield from _in_mode(backend, mode, subset, question, state))
        except (SchemaError, APIError) as error:
            if mode == "decisions" and _lacks_endpoint(error):
                backend.lacks_decisions.set()
            elif state.handed_out or not _blames_mode(error, mode):
                raise
            said = "%s has no answer in mode %s (%s): a weaker mode is tried"
            _LOG.warning(said, backend.name, mode, _kind(error))
    return (yield from _in_mode(backend, *weakest, question, state))


def _in_mode(
    backend: Backend, mode: Mode, subset: str, question: Question[T], state: CallState
) -> Flow[Extraction[T]]:
    """Ask in one mode, again without each keyword of the schema that the server refuses."""
    for _ in range(MOST_STEPS):
        try:
            return (yield from _compiled_for_mode(backend, mode, subset, question, state))
        except APIError as error:
            refused = question.refused_by(backend, mode, subset, error)
            if state.handed_out or not refused:
                raise
            said = "%s refuses %s in mode %s: asked again without"
            _LOG.warning(said, backend.name, ", ".join(sorted(refused)), mode)
    return (yield from _compiled_for_mode(backend, mode, subset, question, state))


def _compiled_for_mode(
    backend: Backend, mode: Mode, subset: str, question: Question[T], state: CallState
) -> Flow[Extraction[T]]:
    """Compile for one mode, then ask in it."""
    began = time.monotonic()
    try:
        prompt = question.compile_and_prompt(backend, mode, subset)
    except SchemaError as error:
        state.record(backend, mode, began, None, error)
        raise
    state.options = question.options  # a continuation in the mode before may have raised max_tokens
    state.sources = question.sources(prompt.shown)
    return (yield from one_mode(backend, mode, prompt.compiled, prompt.messages, state))


def _blames_mode(error: SchemaError | APIError, mode: Mode) -> bool:
    """Whether the mode is to blame, so that a weaker one may do."""
    if isinstance(error, SchemaError | OutputRejectedError):
        return True
    if not isinstance(error, BadRequestError) or error.status_code not in (400, 422):
        return False
    said = f"{error.param} {error.code} {error.message}".lower()
    return mode == "decisions" or any(word in said for word in _ABOUT_THE_SCHEMA)


def _lacks_endpoint(error: SchemaError | APIError) -> bool:
    """Whether a server has no such endpoint, or something else at its place."""
    return isinstance(error, APIError) and error.status_code in _NO_ENDPOINT


def one_mode(
    backend: Backend,
    mode: Mode,
    compiled: Compiled[T],
    messages: Sequence[Message],
    state: CallState,
) -> Flow[Extraction[T]]:
    """Ask one backend in one mode, again while its answers are invalid or cut."""
    conversation = tuple(messages)
    reasks = 0 if state.options.max_reasks is UNSET else state.options.max_reasks
    continuations = state.options.max_continuations
    continuation = Continuation(
        compiled, messages, left=0 if continuations is UNSET else continuations
    )
    while True:
        state.check_limits()
        turn = Turn[T](time.monotonic())
        try:
            turn.answer = yield from ask_backend(backend, mode, compiled, conversation, state)
            turn.answered = time.monotonic()
            read_turn(turn, continuation, compiled, state)
        except Truncated as error:
            more = ask_for_rest(continuation, turn, error, state)
            keeps = state.options.on_shortened == "keep" and turn.reading is not None and not more
            state.record(backend, mode, turn.began, turn.answer, None if keeps else error)
            if more:
                conversation, state.options = more
                continue
            if not keeps:
                raise
        except (OutputError, OutputRejectedError) as error:
            _note_ignored_schema(backend, mode, compiled, turn.answer, error)
            state.record(backend, mode, turn.began, turn.answer, error)
            faults = faults_to_report(error, compiled, state.document)
            if faults and reasks > 0 and not (state.handed_out or continuation.has_items):
                reasks -= 1
                _LOG.info("%s: the answer is invalid (%s): asked again", backend.name, _kind(error))
                conversation = (*messages, *reask(state.attempts[-1].text or "", faults))
                continue
            turn.reading = keep_valid_items(error, turn, compiled, state)
            if turn.reading is None:
                raise
        except StructgenError as error:
            state.record(backend, mode, turn.began, turn.answer, error)
            raise
        else:
            state.record(backend, mode, turn.began, turn.answer, None)
        return make_extraction(backend, mode, compiled, turn, state)


def _kind(error: StructgenError) -> str:
    """The kind of an error, for the log: its message may quote what a server said."""
    return type(error).__name__


def _note_ignored_schema(
    backend: Backend,
    mode: Mode,
    compiled: Compiled[Any],
    answer: Answer | None,
    error: OutputError | OutputRejectedError,
) -> None:
    """Remember a server that did not enforce a schema it was told to enforce."""
    if (
        mode in ("decoder", "strict")
        and answer is not None
        and breaks_schema(error, answer, compiled)
    ):
        backend.ignores_schema.set()
        error.hint = (
            f"{backend.name} did not hold its answer to the schema it was given. "
            "Check that it supports structured outputs."
        )
