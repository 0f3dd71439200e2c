"""Perform a flow on replies that are there already: those of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from structgen.errors import ConfigurationError, StructgenError
from structgen.flow.steps import Flow, Gather, Send, Sleep
from structgen.values import Reply, Request

R = TypeVar("R")


def replay_flow(flow: Flow[R], replies: Sequence[Reply]) -> R | Request:
    """Answer a flow's requests with these replies, in order, and wait for nothing.

    Args:
        flow: A flow that asks a server.
        replies: The server's answers.

    Returns:
        The flow's result, or the next request if there are not enough replies.

    Raises:
        ConfigurationError: If the flow asks a model in this process.
        StructgenError: If the flow fails.
    """
    return _replayed(flow, list(replies))


def _replayed(flow: Flow[R], left: list[Reply]) -> R | Request:
    """As `replay_flow`, with the replies that are left taken out of a list."""
    value: Any = None
    try:
        while True:
            step, value = flow.send(value), None
            if isinstance(step, Send):
                if not left:
                    return step.request
                value = left.pop(0)
            elif isinstance(step, Gather):
                value = []
                for inner in step.flows:
                    outcome = _outcome_of(inner, left)
                    if isinstance(outcome, Request):
                        return outcome
                    value.append(outcome)
            elif not isinstance(step, Sleep):
                raise ConfigurationError(
                    "A model in this process has no Batch API.", hint="Leave out `batch`."
                )
    except StopIteration as stop:
        result: R = stop.value
        return result
    finally:
        flow.close()


def _outcome_of(flow: Flow[Any], left: list[Reply]) -> Any:
    """What a flow among several gives: its result, its error, or its next request."""
    try:
        return _replayed(flow, left)
    except StructgenError as error:
        return error
