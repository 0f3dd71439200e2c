"""The names under which clients ask for the one model of a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from structgen.errors import NotFoundError
from structgen.server.members import TYPE

GROQ_MODELS: Final = (
    "openai/gpt-oss-20b",
    "openai/gpt-oss-120b",
    "openai/gpt-oss-safeguard-20b",
    "qwen/qwen3.6-27b",
    "qwen/qwen3.8-27b",
)
"""Groq's chat models, console.groq.com/docs/models, autumn 2026: the names under which client
code asks.
"""

GROQ_RETIRED_MODELS: Final = (
    "llama-3.3-70b-versatile",
    "llama-3.1-8b-instant",
    "llama3-70b-8192",
    "llama3-8b-8192",
    "meta-llama/llama-4-maverick-17b-128e-instruct",
    "meta-llama/llama-4-scout-17b-16e-instruct",
    "moonshotai/kimi-k2-instruct",
    "moonshotai/kimi-k2-instruct-0905",
    "qwen/qwen3-32b",
    "deepseek-r1-distill-llama-70b",
    "gemma2-9b-it",
    "mixtral-8x7b-32768",
    "groq/compound",
    "groq/compound-mini",
)
"""Chat models that Groq has switched off, console.groq.com/docs/deprecations. Older code still asks
for them, so they are answered, but not listed.
"""

_SHOWN: Final = 100
"""Characters of an unknown name that an error repeats."""


class ModelNames:
    """The names that a server answers to.

    Args:
        own: The names of its model, listed first.
        listed: Further names to list; None for Groq's, and those that Groq has retired are answered
            then too.
        any_name: Whether it answers to every other name too.
    """

    listed: tuple[str, ...]
    """The names to list."""

    def __init__(self, own: Sequence[str], listed: Sequence[str] | None, *, any_name: bool) -> None:
        self.listed = tuple(dict.fromkeys((*own, *(GROQ_MODELS if listed is None else listed))))
        self._any_name = any_name
        self._answered = {*self.listed, *(GROQ_RETIRED_MODELS if listed is None else ())}

    def check(self, name: str) -> str:
        """Return a name that is answered.

        Args:
            name: The name that a client asks for.

        Raises:
            NotFoundError: If it is not answered (404).
        """
        if name in self._answered or (self._any_name and name):
            return name
        raise NotFoundError(
            f"The model `{name[:_SHOWN]}` does not exist or you do not have access to it.",
            status_code=404,
            type=TYPE,
            code="model_not_found",
        )


def describe_model(
    name: str, *, answered_by: str, context: int, max_tokens: int | None
) -> dict[str, Any]:
    """Describe a model as `GET /models` does.

    Args:
        name: The name that clients ask for.
        answered_by: The name of the model that answers.
        context: Tokens of prompt and answer together.
        max_tokens: Tokens of an answer; None for as many as the context holds.
    """
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "structgen",
        "active": True,
        "context_window": context,
        "max_completion_tokens": max_tokens or context,
        "answered_by": answered_by,
    }
