"""Which thoughts a model has before its answer, by the options of a call and its backend."""

from __future__ import annotations

from dataclasses import replace

from structgen.extraction.backend import Backend
from structgen.options import MAX_REASONING_TOKENS, UNSET, Options
from structgen.schema.thoughts import Thoughts
from structgen.wire.link import Link


def thinking_tokens(options: Options) -> int:
    """Tokens that thoughts before the answer may have; 0 if none are asked for."""
    if options.reasoning in (UNSET, "off"):
        return 0
    most = options.max_reasoning_tokens
    return MAX_REASONING_TOKENS if most is UNSET else most


def thoughts_in_answer(options: Options, backend: Backend) -> Thoughts | None:
    """Tell which thoughts a backend writes into its answer, in a member that is dropped.

    Args:
        options: The options of the call.
        backend: Who is going to be asked.

    Returns:
        None if none are asked for, the model reasons by itself, or it runs in this process and
        writes them before its answer.
    """
    kind = options.reasoning
    if kind is UNSET or kind == "off" or not backend.is_server:
        return None
    return None if _reasons(options, backend) else kind


def thoughts_before_answer(options: Options, backend: Backend) -> str:
    """Tell which thoughts a model in this process writes before its answer: "off" for none.

    Args:
        options: The options of the call.
        backend: Who is going to be asked.
    """
    kind = options.reasoning
    return "off" if kind is UNSET or backend.is_server else kind


def with_effort(options: Options, backend: Backend) -> Options:
    """Let a model reason, if it does so by itself but not unless told to.

    Args:
        options: The options of the call.
        backend: Who is going to be asked.
    """
    is_set = options.reasoning_effort is not UNSET
    if not thinking_tokens(options) or is_set or not isinstance(backend.via, Link):
        return options
    if not _reasons(options, backend) or backend.via.caps.reasoning.default != "none":
        return options
    return replace(options, reasoning_effort="low")


def with_room_for_thoughts(options: Options, backend: Backend) -> Options:
    """Add to the limit of an answer what thoughts may take: servers count them together.

    Args:
        options: The options of the call.
        backend: Who is going to be asked.
    """
    more = thinking_tokens(options)
    if not more or options.max_tokens is UNSET:
        return options
    limit = backend.via.caps.max_output if isinstance(backend.via, Link) else None
    tokens = options.max_tokens + more
    # A limit that is too high by itself is still an error.
    allowed = tokens if limit is None else max(options.max_tokens, min(tokens, limit))
    return replace(options, max_tokens=allowed)


def _reasons(options: Options, backend: Backend) -> bool:
    """Whether a model reasons by itself; a tool that it has to call often rules that out."""
    strongest = backend.modes[0][0] if backend.modes else "prompt"
    mode = strongest if options.mode is UNSET else options.mode
    link = backend.via
    return isinstance(link, Link) and link.caps.reasoning.reasons and mode != "tool"
