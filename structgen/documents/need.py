"""Tell whether a document is too long to be asked about as a whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from structgen.documents.chunk import estimate_tokens
from structgen.errors import StructgenError
from structgen.extraction.backend import Backend
from structgen.extraction.plan import plan
from structgen.extraction.question import Question
from structgen.options import UNSET

_PROBE: Final = "-"
"""The document of the plan that shows how long a prompt is without one."""
_SHARE_OF_ANSWER: Final = 4
"""An answer without a limit of its own gets this part of the context at least: a quarter."""


def room_for_document(backend: Backend, question: Question[Any]) -> int | None:
    """Give the tokens that a document may have, beside the prompt and the answer.

    Args:
        backend: Who is asked.
        question: The question; its document does not matter.

    Returns:
        At least 0; None if the context is not known, or nothing can be planned.
    """
    context = backend.context
    if context is None:
        return None
    fixed = question.examples if question.examples and not question.examples.vary else None
    try:
        prompt = plan(backend, replace(question, document=_PROBE, examples=fixed)).tokens
    except StructgenError:
        return None  # whoever asks meets the same error, and tells it
    most = question.options.max_tokens
    answer = context // _SHARE_OF_ANSWER if most is UNSET else most
    return max(0, context - prompt - answer)


def is_too_long(backend: Backend, question: Question[Any], room: int | None = None) -> bool:
    """Whether a document does not fit into the context with its prompt and its answer.

    Tokens are estimated, so a document that is near the limit may still turn out to be too long.

    Args:
        backend: Who is asked.
        question: The question about the whole document.
        room: What `room_for_document` gave, if that is known already.
    """
    document = question.document
    if not isinstance(document, str):
        return False
    if room is None:
        room = room_for_document(backend, question)
    return room is not None and estimate_tokens(document) > room
